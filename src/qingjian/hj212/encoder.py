"""Frames to send: strict and byte-exact, in the shape of each edition, for both roles.

What is encoded here decodes without a deviation (for factors and codes that stand in the tables).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qingjian.hj212 import checksum, cipher, times

MAXIMUM_SEGMENT = 1024
_MAXIMUM_LENGTH = 9999
_VERSIONS = {"2005": 0, "2017": 1, "2025": 2}
_FORBIDDEN_IN_HEADER = re.compile(r"[^!-:<-~]")
_FORBIDDEN_IN_NAME = re.compile(r"[\x00-\x20;,=&\x7f]")
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x1f;,=\x7f]|&&")
_LOG_TEXT = re.compile(r"//[^\x00-\x1f\x7f]*//")

Group = Sequence[tuple[str, str]]
"""(name, value) pairs joined by commas; groups are joined by semicolons."""


class EncodingError(ValueError):
    """The message cannot be written in a form every receiver reads back."""


def frame(segment: bytes) -> bytes:
    """``##``, length, segment, check, CR LF around a plain data segment (at most 9999 bytes)."""
    if not 0 < len(segment) <= _MAXIMUM_LENGTH:
        raise EncodingError(f"数据段长度 data segment of {len(segment)} bytes")
    return b"##%04d%s%s\r\n" % (len(segment), segment, checksum.check_text(segment))


def encrypted_frame(segment: bytes, key: bytes, form: str = "raw") -> bytes:
    """The same with the data area encrypted (2025): the check stays that of the plain segment.

    ``form`` is ``raw`` (bytes; our reading of the standard, its printed lengths agree) or ``text`` (``{0xE4,…}``).
    """
    start = segment.find(b"CP=&&") + 5
    end = segment.rfind(b"&&")
    if start < 5 or end < start:
        raise EncodingError("没有数据区 no data area")
    body = cipher.encrypt(key, segment[start:end])
    if form == "text":
        body = cipher.text_form(body)
    elif form != "raw":
        raise EncodingError(f"form: raw | text, not {form!r}")
    wire = segment[:start] + body + segment[end:]
    return b"##%04d%s%s\r\n" % (len(segment), wire, checksum.check_text(segment))


def data_area(groups: Iterable[Group]) -> bytes:
    """The bytes between the ``&&``. Raises EncodingError for names and values that would break the grammar."""
    written = []
    for group in groups:
        pairs = []
        for name, value in group:
            if not name or _FORBIDDEN_IN_NAME.search(name):
                raise EncodingError(f"名称 name {name!r}")
            if (_FORBIDDEN_IN_VALUE.search(value) or value.strip(" ") != value) and not _LOG_TEXT.fullmatch(
                value
            ):
                raise EncodingError(f"值 value {value!r} of {name}")
            pairs.append(f"{name}={value}")
        if pairs:
            written.append(",".join(pairs))
    return ";".join(written).encode("utf-8")


def segment_of(fields: Iterable[tuple[str, str]], cp: bytes) -> bytes:
    """Data segment from header fields in the order given and the bytes of the data area."""
    head = []
    for key, value in fields:
        if _FORBIDDEN_IN_HEADER.search(value) or _FORBIDDEN_IN_HEADER.search(key) or "=" in key:
            raise EncodingError(f"报文头 header {key}={value!r}")
        head.append(f"{key}={value};")
    return "".join(head).encode("ascii") + b"CP=&&" + cp + b"&&"


@dataclass(frozen=True, slots=True)
class Sender:
    """What is the same in all frames of one end of a connection. ``edition`` 2005, 2017 or 2025."""

    edition: str
    st: str
    pw: str
    mn: str
    sm4_key: bytes | None = None

    def flag(self, need_answer: bool, packets: bool = False) -> int:
        return _VERSIONS[self.edition] << 2 | packets << 1 | need_answer

    def message(
        self,
        cn: str,
        groups: Iterable[Group],
        qn: str | None,
        *,
        need_answer: bool = False,
        packets: tuple[int, int] | None = None,
        backfill: bool = False,
        st: str | None = None,
        with_flag: bool = True,
    ) -> bytes:
        """One frame. ``packets`` is (PNUM, PNO). 2005 may leave out QN (None) and Flag."""
        fields: list[tuple[str, str]] = []
        if qn is not None:
            fields.append(("QN", qn))
        elif self.edition != "2005":
            raise EncodingError("QN 缺失 QN is required since 2017")
        fields += [("ST", st or self.st), ("CN", cn), ("PW", self.pw), ("MN", self.mn)]
        if with_flag or self.edition != "2005":
            fields.append(("Flag", str(self.flag(need_answer, packets is not None))))
        if packets is not None:
            pnum, pno = packets
            if not 1 <= pno <= pnum <= 9999:
                raise EncodingError(f"包号 PNO {pno} of PNUM {pnum}")
            fields += [("PNUM", str(pnum)), ("PNO", str(pno))]
        if backfill:
            if self.edition != "2025":
                raise EncodingError("RF 仅见于 2025 版 RF belongs to edition 2025")
            fields.append(("RF", "1"))
        return self._seal(cn, segment_of(fields, data_area(groups)))

    def _seal(self, cn: str, segment: bytes) -> bytes:
        if len(segment) > MAXIMUM_SEGMENT:
            raise EncodingError(f"数据段 {len(segment)} 字节，应分包 segment too long, split it")
        if self.sm4_key is not None and is_encrypted(cn):
            return encrypted_frame(segment, self.sm4_key)
        return frame(segment)

    def upload(
        self,
        cn: str,
        datatime: str,
        factors: Iterable[Group],
        qn: str | None,
        *,
        need_answer: bool = True,
        backfill: bool = False,
    ) -> bytes:
        """A data upload (2011, 2051, 2061, 2031, …): ``DataTime`` and one group per factor.

        A 2005 device sends no Flag unless it wants an answer.
        """
        return self.message(
            cn,
            [[("DataTime", datatime)], *factors],
            qn,
            need_answer=need_answer,
            backfill=backfill,
            with_flag=need_answer or self.edition != "2005",
        )

    def request(self, cn: str, qn: str, groups: Iterable[Group] = (), *, need_answer: bool = True) -> bytes:
        """A request of the host."""
        return self.message(cn, groups, qn, need_answer=need_answer)

    def request_answer(self, qn: str, value: int) -> bytes:
        """9011 with QnRtn, by the field device; in 2005 the QN stands inside CP."""
        return self._answer("9011", qn, ("QnRtn", str(value)))

    def result(self, qn: str, value: int) -> bytes:
        """9012 with ExeRtn, by the field device."""
        return self._answer("9012", qn, ("ExeRtn", str(value)))

    def notify_answer(self, qn: str) -> bytes:
        """9013, by either side."""
        return self._answer("9013", qn)

    def data_answer(self, qn: str | None, cn: str, packets: tuple[str, str] | None = None) -> bytes:
        """9014, by either side. ``packets`` (PNUM, PNO) as received; 2005 echoes QN, CN, PNO, PNUM in CP."""
        if self.edition != "2005":
            if qn is None:
                raise EncodingError("QN 缺失 QN is required since 2017")
            return self._answer("9014", qn)
        groups: list[Group] = [] if qn is None else [[("QN", qn)]]
        groups.append([("CN", cn)])
        if packets is not None:
            groups += [[("PNO", packets[1])], [("PNUM", packets[0])]]
        # The standard's own 9014 carries neither PW nor MN nor Flag.
        return frame(segment_of([("ST", "91"), ("CN", "9014")], data_area(groups)))

    def _answer(self, cn: str, qn: str, pair: tuple[str, str] | None = None) -> bytes:
        groups: list[Group] = [] if pair is None else [[pair]]
        if self.edition == "2005":
            return self.message(cn, [[("QN", qn)], *groups], None, st="91")
        return self.message(cn, groups, qn, st="91")

    def split(
        self,
        cn: str,
        datatime: str,
        factors: Sequence[Group],
        qns: Iterable[str],
        *,
        need_answer: bool = True,
        backfill: bool = False,
        merging: str = "factors",
        maximum_segment: int = MAXIMUM_SEGMENT,
    ) -> list[bytes]:
        """An upload in as many frames as it needs; one frame (without packet numbers) when it fits.

        ``merging="factors"`` (2017 tables C.49, C.50): every sub-packet has its own QN from ``qns`` and a complete CP
        that starts with DataTime. ``merging="text"`` (seen in the field): the text of one CP is cut, all sub-packets
        carry the first QN; the receiver joins the texts.
        """
        numbers = iter(qns)
        whole = data_area([[("DataTime", datatime)], *factors])
        head = len(self._head(cn, "0" * 17, need_answer, backfill)) + len("PNUM=9999;PNO=9999;")
        room = min(maximum_segment, MAXIMUM_SEGMENT) - head - len("CP=&&&&")
        if len(whole) <= room + len("PNUM=9999;PNO=9999;"):
            return [
                self.upload(cn, datatime, factors, next(numbers), need_answer=need_answer, backfill=backfill)
            ]
        if room < 64:
            raise EncodingError("数据段上限太小 maximum_segment is too small")
        if merging == "text":
            parts = _cut(whole, room)
            qn = next(numbers)
            return [
                self._part(cn, qn, part, (len(parts), number), need_answer, backfill)
                for number, part in enumerate(parts, 1)
            ]
        if merging != "factors":
            raise EncodingError(f"merging: factors | text, not {merging!r}")
        parts = _share(datatime, factors, room)
        return [
            self._part(cn, next(numbers), part, (len(parts), number), need_answer, backfill)
            for number, part in enumerate(parts, 1)
        ]

    def _head(self, cn: str, qn: str, need_answer: bool, backfill: bool) -> str:
        flag = self.flag(need_answer, True)
        return f"QN={qn};ST={self.st};CN={cn};PW={self.pw};MN={self.mn};Flag={flag};" + "RF=1;" * backfill

    def _part(
        self, cn: str, qn: str, cp: bytes, packets: tuple[int, int], need_answer: bool, backfill: bool
    ) -> bytes:
        fields = [
            ("QN", qn),
            ("ST", self.st),
            ("CN", cn),
            ("PW", self.pw),
            ("MN", self.mn),
            ("Flag", str(self.flag(need_answer, True))),
            ("PNUM", str(packets[0])),
            ("PNO", str(packets[1])),
        ]
        if backfill:
            fields.append(("RF", "1"))
        return self._seal(cn, segment_of(fields, cp))

    def with_key(self, key: bytes | None) -> Sender:
        """The same sender with another SM4 key (command 1014)."""
        return replace(self, sm4_key=key)


def is_encrypted(cn: str) -> bool:
    """Whether 2025 encrypts the command: 2000-2999, 1014 and 3020 (S)."""
    return cn.startswith("2") or cn in ("1014", "3020")


def _cut(whole: bytes, room: int) -> list[bytes]:
    """Pieces of at most ``room`` bytes, never inside a character."""
    parts = []
    start = 0
    while start < len(whole):
        end = min(start + room, len(whole))
        while end < len(whole) and whole[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(whole[start:end])
        start = end
    return parts


def _share(datatime: str, factors: Sequence[Group], room: int) -> list[bytes]:
    """Complete data areas, each starting with DataTime, factors kept whole."""
    first: list[Group] = [[("DataTime", datatime)]]
    parts: list[list[Group]] = [list(first)]
    for group in factors:
        if len(data_area([*parts[-1], group])) > room:
            if len(parts[-1]) == 1:
                raise EncodingError(f"因子过长 a factor longer than a packet: {group[0][0]}")
            parts.append(list(first))
        parts[-1].append(group)
    areas = [data_area(part) for part in parts]
    if any(len(area) > room for area in areas):
        raise EncodingError("因子过长 a factor longer than a packet")
    return areas


def factor_group(factor: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """``("w01018", {"Rtd": "12.3", "Flag": "N"})`` → the group of that factor, values in the mapping's order."""
    return [(f"{factor}-{suffix}", value) for suffix, value in values.items()]


class RequestNumbers:
    """Strictly increasing QN texts (17 digits), whatever the times given: two commands never share one."""

    __slots__ = ("_last",)

    def __init__(self, last: str = "") -> None:
        self._last = last

    def next(self, now: datetime) -> str:
        """The QN for a moment (aware); one millisecond after the last when that is not past."""
        self._last = times.next_number(now, self._last)
        return self._last
