"""What decoding yields: items, typed deviations, refusals."""

from __future__ import annotations

from typing import NamedTuple


class Item(tuple[str | None, str, str, str]):
    """One value of the data area, texts as on the wire: ``Item((time, factor, suffix, value))``.

    ``time`` is the ISO 8601 form (+08:00) of the ``DataTime`` the item stands under, or None. A plain subclass of tuple,
    not a NamedTuple, because uploads make millions of them and this one is made in half the time.
    """

    __slots__ = ()

    @property
    def time(self) -> str | None:
        return self[0]

    @property
    def factor(self) -> str:
        return self[1]

    @property
    def suffix(self) -> str:
        return self[2]

    @property
    def value(self) -> str:
        return self[3]


class Deviation(NamedTuple):
    """A departure from the canonical form of the edition that was tolerated; ``code`` is listed in ``codes``."""

    code: str
    detail: str


class Refusal(NamedTuple):
    """Why a stretch of input is no accepted frame.

    ``fields`` holds the header as far as it could be read (a field device answers a refused request from it);
    nothing in it may be trusted when the check failed.
    """

    code: str
    detail: str
    fields: dict[str, str]
