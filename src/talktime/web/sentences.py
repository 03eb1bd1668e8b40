"""The English sentences for codes. Other languages come from the catalogues."""

from __future__ import annotations

SENTENCES = {
    "not_found": "There is nothing here for this key.",
    "unauthorized": "A valid key is needed: send it as 'Authorization: Bearer ...'.",
    "forbidden": "This key may not do that.",
    "scope_missing": "This key may not do that: it lacks the scope '{scope}'.",
    "address_not_allowed": "This key may not be used from this address.",
    "organization_required": "Say for which organization: in the header 'Talktime-Organization' or in 'organization'.",
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
    "user_blocked": "The user is blocked and may not call out.",
    "policy_restricted": "The user's calling policy does not allow this destination.",
    "no_licence": "The user is not known, or lacks the licence for this call.",
    "number_not_supported": "Numbers of this kind cannot be called.",
    "fraud_limit": "The fraud guard does not allow this call.",
    "international": "The fraud guard has switched off international calls.",
    "premium": "The fraud guard has switched off premium numbers.",
    "high_risk": "The fraud guard has switched off destinations that are known for fraud.",
    "concurrent_calls": "The user has as many calls at once as the fraud guard allows, and is now blocked.",
    "spend_per_hour": "The user has spent what the fraud guard allows in an hour, and is now blocked.",
    "spend_per_day": "The user has spent what the fraud guard allows in a day, and is now blocked.",
    "new_destinations_per_day": "The user has called more new countries today than allowed, and is now blocked.",
    "no_rate": "There is no published price for this destination.",
    "nobody_pays": "Nobody pays for a call like this, so it has no rate.",
    "not_callable": "No call of this type may go to a number of this kind, so it has no rate.",
    "credits_not_set_up": "The organization has not set up communication credits.",
    "no_credits_licence": "The user lacks the Communications Credits licence.",
    "no_balance": "The available balance does not cover the fee and the first increment.",
    "already_ended": "The end of this call was reported before it was authorized.",
    "not_a_test_organization": "Only a test organization has this.",
    "second_person_needed": "Another person must confirm this.",
    "no_licence_left": "No licence of this kind is left: buy more first.",
    "end_not_reported": "The end of this call was not reported yet; a settle corrects what it was charged.",
    "invalid": "Something in what was sent is not right.",
    "in_the_past": "It must be in the future.",
    "invalid_address": "'{address}' is no IP address or network.",
    "unknown_country": "This is no country code of ISO 3166-1 alpha-2.",
    "unknown_time_zone": "This is no time zone of the IANA database, like Europe/Riga.",
    "unknown_price_list": "There is no such price list.",
    "other_currency": "The price list is in {currency}, the organization is not.",
    "illustrative_in_dollars": "The illustrative prices are in USD.",
    "currency_fixed": "The currency can no longer be changed.",
    "above_maximum": "The least is above the most.",
    "clock_goes_forward": "A clock only goes forward.",
    "balance_too_large": "The balance would be larger than can be kept.",
    "more_than_charged": "This is more than the call was charged, less what was given back before.",
    "already_booked": "This adjustment is booked.",
    "already_used": "Somebody or something else has this already.",
    "unknown_licence": "There is no licence '{licence}'.",
    "always_unlimited": "This licence is there in any number and is not bought.",
    "too_far_back": "It lies more than {days} days back.",
    "ends_before_it_begins": "It must be later than the begin.",
    "export_not_done": "The file is not there yet.",
    "licence_in_use": "Somebody bought or holds the licence '{licence}', and nothing takes its place.",
    "licence_is_named": "Another licence of your own names '{licence}': change that one first.",
    "added_and_removed": "The same licence cannot be added and removed.",
    "unknown_user": "Nobody is known by this name.",
    "no_draft": "There is no draft to publish.",
    "not_published": "This list has no prices in force, and another is the default: publish it first.",
    "invalid_webhook_url": "A webhook is an https:// address out in the world, without a user, a password or a #.",
    "too_many_webhooks": "There are {most} webhooks already; more are not kept.",
    "malformed": "This cannot be read.",
}


def sentence(code: str, **values: object) -> str:
    """Falls back to the code, so that a forgotten sentence is no second error."""
    words = SENTENCES.get(code)
    return words.format_map(values) if words else code.replace("_", " ")


ENTRIES = {
    "top_up": "Funds added",
    "recharge": "Recharged automatically",
    "grant": "Credit granted",
    "charge": "Call {note}",
    "expiry": "Credit expired",
    "refund": "Refunded",
    "dispute": "Disputed payment",
    "adjustment": "Adjusted: {note}",
    "reversal": "Given back: {note}",
}


def entry_sentence(kind: str, note: str) -> str:
    """What a line of the statement is about."""
    return ENTRIES[kind].format(note=note)
