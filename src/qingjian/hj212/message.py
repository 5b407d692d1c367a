"""A decoded frame, and the stretches of input that frames and refusals are."""

from __future__ import annotations

from typing import NamedTuple

from qingjian.hj212.content import Data, parse_data
from qingjian.hj212.model import Deviation, Item, Refusal
from qingjian.hj212.profiles import NOTHING


class Message:
    """One frame: header fields at once, the data area parsed when first asked for.

    ``fields`` header in wire order, texts as on the wire (without CP). ``edition`` 2005, 2017 or 2025. ``cp`` the
    plain bytes between the ``&&``. ``flag`` the number or None. ``encrypted`` is ``""``, ``"raw"`` or ``"text"``.
    ``frame_deviations`` those of frame and header (no look into CP); ``deviations`` all. ``without`` what the policy
    switches off of the edition's tables.
    """

    __slots__ = (
        "_data",
        "_fields",
        "_groups",
        "cn",
        "cp",
        "edition",
        "encrypted",
        "flag",
        "frame_deviations",
        "mn",
        "qn",
        "st",
        "without",
    )

    def __init__(
        self,
        fields: dict[str, str] | None,
        groups: tuple[str | None, ...],
        edition: str,
        flag: int | None,
        cp: bytes,
        frame_deviations: tuple[Deviation, ...],
        encrypted: str,
        without: frozenset[str] = NOTHING,
    ) -> None:
        # groups: QN, ST, CN, PW, MN, Flag, PNUM, PNO, RF; fields: the same in wire order, or None when canonical.
        self._fields = fields
        self._groups = groups
        self.qn = groups[0]
        self.st = groups[1] or ""
        self.cn = groups[2] or ""
        self.mn = groups[4] or ""
        self.edition = edition
        self.flag = flag
        self.cp = cp
        self.frame_deviations = frame_deviations
        self.encrypted = encrypted
        self.without = without
        self._data: Data | None = None

    @property
    def fields(self) -> dict[str, str]:
        if self._fields is None:
            keys = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF")
            self._fields = {
                key: value for key, value in zip(keys, self._groups, strict=True) if value is not None
            }
        return self._fields

    @property
    def pw(self) -> str:
        return self._groups[3] or ""

    @property
    def need_answer(self) -> bool:
        """Bit 0 of Flag: the sender wants an answer (False without Flag)."""
        return self.flag is not None and bool(self.flag & 1)

    @property
    def pnum(self) -> int | None:
        """Number of sub-packets, or None when absent or no number."""
        return _number(self._groups[6])

    @property
    def pno(self) -> int | None:
        """Number of this sub-packet from 1, or None when absent or no number."""
        return _number(self._groups[7])

    @property
    def in_packets(self) -> bool:
        """Whether the frame says it is one of several sub-packets."""
        return self._groups[6] is not None

    @property
    def rf(self) -> bool:
        """True for a backfill packet (``RF=1``, 2025)."""
        return self._groups[8] == "1"

    @property
    def data(self) -> Data:
        """The parsed data area: the bulk form with ``datatime``, ``factors()``, ``shape`` and ``values``."""
        if self._data is None:
            self._data = parse_data(self.cp, self.edition, self.cn, self.without)
        return self._data

    @property
    def items(self) -> list[Item]:
        """Items in wire order."""
        return self.data.items()

    @property
    def rows(self) -> list[tuple[str | None, str, str, str]]:
        """(time, factor, suffix, value) of the items in wire order, as plain tuples: the quick form for many frames."""
        return self.data.rows()

    @property
    def parameters(self) -> dict[str, str | list[str]]:
        """Fields of the data area that belong to no factor; a repeated one has the list of its values."""
        return self.data.parameters()

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """All deviations, those of the data area included."""
        return self.frame_deviations + self.data.deviations

    def with_data_area(self, cp: bytes) -> Message:
        """The same message with another data area, e.g. the joined texts of its sub-packets."""
        return Message(
            self._fields,
            self._groups,
            self.edition,
            self.flag,
            cp,
            self.frame_deviations,
            self.encrypted,
            self.without,
        )

    @property
    def answered_qn(self) -> str | None:
        """QN a reply refers to: in 2005 it stands inside CP, later in the header."""
        if self.cn.startswith("901") and self.cp.startswith(b"QN="):
            inside = self.parameters.get("QN")
            if isinstance(inside, str):
                return inside
        return self.qn

    def __repr__(self) -> str:
        return f"Message(edition={self.edition!r}, fields={self.fields!r}, cp={self.cp!r})"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) <= 9 else None


class Stretch(NamedTuple):
    """A piece of the input stream. Stretches follow each other without gap or overlap.

    Exactly one of ``message`` and ``refusal`` is set. ``offset`` counts bytes since the framer was made.
    """

    offset: int
    raw: bytes
    message: Message | None
    refusal: Refusal | None

    @property
    def length(self) -> int:
        return len(self.raw)
