"""The words of sipp's XML that our scenarios are made of."""

from __future__ import annotations

from collections.abc import Sequence


def scenario(*parts: str) -> str:
    body = "\n".join(parts)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="talktime">\n{body}\n</scenario>\n'


def label(name: str) -> str:
    return f'<label id="{name}"/>'


def go(name: str, test: str = "") -> str:
    return f'<nop next="{name}"' + (f' test="{test}"' if test else "") + "/>"


def pause(seconds: float) -> str:
    return f'<pause milliseconds="{milliseconds(seconds)}"/>'


def send(lines: Sequence[str], *, again: bool = False) -> str:
    """`again`: sent again until it is answered, as UDP wants it."""
    text = "\n".join([*lines, "Content-Length: 0"])
    retrans = ' retrans="500"' if again else ""
    return f"<send{retrans}><![CDATA[\n{text}\n\n]]></send>"


class Hears:
    """A point where one of several things may come, or nothing for some time."""

    def __init__(self, seconds: float | None = None, then: str = "") -> None:
        self._time = "" if seconds is None else f' timeout="{milliseconds(seconds)}" ontimeout="{then}"'
        self._parts: list[str] = []

    def answers(self, *codes: int, then: str = "") -> Hears:
        return self._add("response", codes, then)

    def requests(self, *methods: str, then: str = "") -> Hears:
        return self._add("request", methods, then)

    def _add(self, kind: str, what: Sequence[object], then: str) -> Hears:
        following = f' next="{then}"' if then else ""
        self._parts += [f'<recv {kind}="{one}" optional="true"{following}{self._time}/>' for one in what]
        return self

    def only(self, last: str = "") -> str:
        """What ends the waiting without a jump; nothing does when it is not said."""
        # sipp wants something at the end that must come. Nobody sends a 999.
        return "\n".join([*self._parts, last or f'<recv response="999"{self._time}/>'])


def milliseconds(seconds: float) -> int:
    return max(round(seconds * 1000), 1)
