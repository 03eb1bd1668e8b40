"""What an action refuses: a code and the values that a sentence about it needs. The words are the doors' business."""

from __future__ import annotations


class ActionError(Exception):
    """`field` names what was wrong in what was sent; None when it is not about a field."""

    code = "refused"
    status = 422

    def __init__(self, code: str | None = None, field: str | None = None, **values: object) -> None:
        super().__init__(code or self.code)
        self.code = code or self.code
        self.field = field
        self.values = values


class NotFound(ActionError):
    """Of another organization, or of nobody: one answer for both."""

    code = "not_found"
    status = 404


class Forbidden(ActionError):
    code = "forbidden"
    status = 403


class StateConflict(ActionError):
    """It is well formed, but things are not such that it could be done."""

    code = "conflict"
    status = 409


class Invalid(ActionError):
    """One field, or one line of a file, is wrong."""

    code = "invalid"
    status = 422


class InvalidMany(ActionError):
    """Several lines of a file are wrong; each is told."""

    code = "invalid"
    status = 422

    def __init__(self, errors: list[tuple[str, str, str]]) -> None:
        super().__init__(self.code)
        self.errors = errors
        """Field (with the line), code, detail."""
