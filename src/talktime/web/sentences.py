"""The English sentences for codes. Other languages come from the catalogues."""

from __future__ import annotations

SENTENCES = {
    "not_found": "There is nothing here for this key.",
    "unauthorized": "A valid key is needed: send it as 'Authorization: Bearer ...'.",
    "forbidden": "This key may not do that.",
    "scope_missing": "This key may not do that: it lacks the scope '{scope}'.",
    "address_not_allowed": "This key may not be used from this address.",
    "organization_required": "Say for which organization: with the header 'Talktime-Organization' or in 'organization'.",
    "method_not_allowed": "This address knows other methods: {methods}.",
    "too_large": "The body is larger than {bytes_max} bytes.",
    "rate_limited": "Too many requests with this key; try again in {seconds} s.",
    "not_available": "The store does not answer, so nothing was decided. Ask again with the same id.",
    "overloaded": "Too much is waiting, so this was not begun. Ask again with the same id.",
    "internal_error": "Something is wrong on our side. The request id leads to it in the log.",
    "idempotency_conflict": "This Idempotency-Key was used with another body.",
    "call_conflict": "This call_id is known with another {field}.",
    "wrong_total": "This total was never granted.",
    "not_accepted": "This could not be carried out, and has changed nothing.",
    "organization_closed": "The organization is closed.",
    "invalid_number": "The number is no usable E.164 number.",
    "no_licence": "The user is not known, or lacks the licence for this call.",
    "no_rate": "There is no published price for this destination.",
    "credits_not_set_up": "The organization has not set up communication credits.",
    "no_balance": "The available balance does not cover the fee and the first increment.",
    "already_ended": "The end of this call was reported before it was authorized.",
    "not_a_test_organization": "Only a test organization has this.",
    "second_person_needed": "Another person must confirm this.",
    "no_licence_left": "No licence of this kind is left: buy more first.",
    "invalid": "Something in what was sent is not right.",
}


def sentence(code: str, **values: object) -> str:
    """Falls back to the code, so that a forgotten sentence is no second error."""
    words = SENTENCES.get(code)
    return words.format_map(values) if words else code.replace("_", " ")
