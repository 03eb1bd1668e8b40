"""Why nobody signs in through the other server: `code` is what people are told, the rest is for the log."""

from __future__ import annotations


class Failed(Exception):
    code = "sso_not_believed"


class NotReached(Failed):
    """It does not answer, or must not be asked."""

    code = "sso_not_reached"


class NotUsable(Failed):
    """It answers, but is no server that people can sign in with."""

    code = "sso_not_usable"


class NotBelieved(Failed):
    """What it says is not so, or not said to us."""

    code = "sso_not_believed"
