"""The header of a data segment: fields before (and, in a known sloppy dialect, behind) the data area."""

from __future__ import annotations

import re
from typing import NamedTuple

from qingjian.hj212.model import Deviation, Refusal
from qingjian.hj212.policy import Policy
from qingjian.hj212.profiles import profile

KEYS = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF")
_KEY_OF = {key.lower(): key for key in (*KEYS, "CP")}
_ORDER = {key: place for place, key in enumerate(KEYS)}

_QN_FORM = (
    r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])[0-5]\d[0-5]\d\d{3}"  # a plausible time
)
CANONICAL = re.compile(
    rf"QN=({_QN_FORM});ST=(\d\d);CN=(\d{{4}});PW=([0-9A-Za-z]{{6}});MN=([0-9A-F]{{24}});Flag=([4-9]|1[01]);"
    r"(?:PNUM=([1-9]\d{0,3});PNO=([1-9]\d{0,3});)?(?:RF=(1);)?CP=&&",
    re.ASCII,
)
"""Header of 2017 and 2025 in canonical form; anything else goes the careful way of ``read``."""

START = re.compile(rb"(?i:QN|ST|CN|PW|MN|Flag|PNUM|PNO|RF|CP) {0,4}=")
"""How a data segment can begin; text after ``##`` and the length that does not match is no frame."""

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,19}", re.ASCII)
_VALUE = re.compile(r"[!-:<-~]{0,64}", re.ASCII)
_EDITIONS = ("2005", "2017", "2025")
_MN_2005 = re.compile(r"[0-9A-Za-z]{14}", re.ASCII)
_MN = re.compile(r"[0-9A-F]{24}", re.ASCII)
_QN = re.compile(_QN_FORM, re.ASCII)
_DIGITS = re.compile(r"\d{1,4}", re.ASCII)
_CN = re.compile(r"\d{4}", re.ASCII)
_ST = re.compile(r"\d\d", re.ASCII)
_ST_VARIANT = re.compile(r"\d{3}|[A-Z][0-9A-Z]|[0-9][A-Z]", re.ASCII)
_COMMANDS_OF_EMPTY_MN = frozenset({"1001", "9013"})


class Header(NamedTuple):
    """``fields`` in wire order, the place of the data area in the segment, and what deviates."""

    fields: dict[str, str]
    edition: str
    flag: int | None
    cp_start: int
    cp_end: int
    deviations: list[Deviation]


def read(segment: bytes, policy: Policy) -> Header | Refusal:
    """Read a header of any edition with all tolerated departures; a Refusal when it is no header."""
    deviations: list[Deviation] = []
    cp_at = segment.find(b"CP=")
    if cp_at < 0:
        match = re.search(rb"(?i)(?<![A-Za-z0-9])CP ?=", segment)
        if match is None:
            return Refusal("cp_missing", "", readable(segment))
        cp_at, cp_open = match.start(), match.end()
        deviations.append(Deviation("header_key_case", match[0].decode("ascii")))
    else:
        cp_open = cp_at + 3
    cp_start = cp_open
    while segment[cp_start : cp_start + 1] == b" ":
        cp_start += 1
    closing = segment.rfind(b"&&")
    if segment[cp_start : cp_start + 2] != b"&&" or closing < cp_start + 2:
        which = "CP=&&" if segment[cp_start : cp_start + 2] != b"&&" else "&& …"
        return Refusal("cp_delimiter", which, readable(segment[:cp_at]))
    if cp_start != cp_open:
        deviations.append(Deviation("spaces", "CP="))
    fields: dict[str, str] = {}
    head = segment[:cp_at]
    if head and not head.endswith(b";"):
        deviations.append(Deviation("header_separator", head[-8:].decode("ascii", "backslashreplace")))
        head += b";"
    problem = _read_fields(head, fields, deviations)
    if problem:
        return Refusal("header_grammar", problem, fields)
    tail = segment[closing + 2 :]
    if tail:
        deviations.append(Deviation("header_after_cp", tail[:40].decode("ascii", "backslashreplace")))
        problem = _read_fields(tail.lstrip(b"; ") + b";", fields, deviations) if tail.strip(b"; ") else ""
        if problem:
            return Refusal("header_grammar", problem, fields)
    refusal = _check(fields, policy, deviations)
    if isinstance(refusal, Refusal):
        return refusal
    edition, flag = refusal
    return Header(fields, edition, flag, cp_start + 2, closing, deviations)


def readable(head: bytes) -> dict[str, str]:
    """What can be read of a broken header, for a diagnosis or an answer."""
    fields: dict[str, str] = {}
    for part in head[:512].decode("ascii", "replace").split(";"):
        key, equals, value = part.partition("=")
        if equals and key in _ORDER and _VALUE.fullmatch(value):
            fields.setdefault(key, value)
    return fields


def _read_fields(head: bytes, fields: dict[str, str], deviations: list[Deviation]) -> str:
    """Read ``KEY=value;…`` into ``fields``; returns the offending text, empty when all is well."""
    if not head.isascii():
        return "ASCII"
    text = head.decode("ascii")
    if "," in text:
        deviations.append(Deviation("header_separator", ","))
        text = text.replace(",", ";")
    parts = text.split(";")
    parts.pop()  # every header field is followed by ';'
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals and not key.strip():
            deviations.append(Deviation("header_separator", ";;"))
            continue
        bare_key, bare_value = key.strip(), value.strip()
        if bare_key != key or bare_value != value:
            deviations.append(Deviation("spaces", bare_key[:20]))
        if not equals or _KEY.fullmatch(bare_key) is None or _VALUE.fullmatch(bare_value) is None:
            return part[:40]
        if bare_key not in _ORDER:
            known = _KEY_OF.get(bare_key.lower())
            if known is None:
                deviations.append(Deviation("header_key_unknown", bare_key))
            else:
                deviations.append(Deviation("header_key_case", bare_key))
                bare_key = known
        if bare_key in fields:
            deviations.append(Deviation("header_duplicate", f"{bare_key}={bare_value}"))
        else:
            fields[bare_key] = bare_value
    return ""


def _check(
    fields: dict[str, str], policy: Policy, deviations: list[Deviation]
) -> Refusal | tuple[str, int | None]:
    cn = fields.get("CN", "")
    if _CN.fullmatch(cn) is None:
        return Refusal("cn_form", cn[:20], fields)
    st = fields.get("ST", "")
    if _ST.fullmatch(st) is None:
        if _ST_VARIANT.fullmatch(st) is None:
            return Refusal("header_grammar", f"ST={st[:20]}", fields)
        if "st_form" not in policy.accept:
            return Refusal("st_form", st, fields)
        deviations.append(Deviation("st_form", st))
    flag: int | None = None
    edition = policy.edition
    text = fields.get("Flag")
    if text is None:
        if edition == "auto":
            edition = "2005"
            deviations.append(Deviation("flag_missing", ""))
        elif edition != "2005":
            deviations.append(Deviation("flag_missing", ""))
    else:
        if not text.isdecimal() or len(text) > 4 or int(text) > 255:
            return Refusal("flag_form", text[:20], fields)
        flag = int(text)
        if text != str(flag):
            deviations.append(Deviation("flag_padded", text))
        version = flag >> 2
        if version > 2:
            if "flag_version" not in policy.accept:
                return Refusal("flag_version", text, fields)
            deviations.append(Deviation("flag_version", text))
            version = 2
        if edition == "auto":
            edition = _EDITIONS[version]
        elif edition != _EDITIONS[version]:
            deviations.append(Deviation("edition_mismatch", f"Flag={text}"))
    _check_forms(fields, edition, flag, deviations)
    _check_codes(fields["ST"], fields["CN"], edition, policy, deviations)
    return edition, flag


def _check_forms(fields: dict[str, str], edition: str, flag: int | None, deviations: list[Deviation]) -> None:
    modern = edition != "2005"
    qn = fields.get("QN")
    if qn is None:
        if modern:
            deviations.append(Deviation("qn_missing", ""))
    elif _QN.fullmatch(qn) is None:
        deviations.append(Deviation("qn_form", qn))
    pw = fields.get("PW")
    if pw is None:
        if modern:
            deviations.append(Deviation("pw_missing", ""))
    elif len(pw) != 6:
        deviations.append(Deviation("pw_form", f"{len(pw)}"))
    mn = fields.get("MN")
    if not mn:
        unassigned = mn == "" and edition == "2025" and fields["CN"] in _COMMANDS_OF_EMPTY_MN
        if not unassigned and (modern or mn == ""):
            deviations.append(Deviation("mn_missing", ""))
    elif (_MN if modern else _MN_2005).fullmatch(mn) is None:
        deviations.append(Deviation("mn_form", mn))
    if modern:
        places = [_ORDER[key] for key in fields if key in _ORDER]
        if places != sorted(places):
            deviations.append(Deviation("header_order", ";".join(fields)))
    _check_packets(fields, modern, flag, deviations)
    rf = fields.get("RF")
    if rf is not None and (rf != "1" or edition != "2025"):
        deviations.append(Deviation("rf_form", f"RF={rf}"))


def _check_packets(
    fields: dict[str, str], modern: bool, flag: int | None, deviations: list[Deviation]
) -> None:
    pnum, pno = fields.get("PNUM"), fields.get("PNO")
    announced = flag is not None and bool(flag & 2)
    if pnum is None and pno is None:
        # The standard's own examples of 2005 set the bit in requests without packet numbers.
        if announced and modern:
            deviations.append(Deviation("packet_number_missing", f"Flag={flag}"))
        return
    if pnum is None or pno is None:
        deviations.append(Deviation("packet_number_missing", "PNUM" if pnum is None else "PNO"))
    if flag is not None and not announced:
        deviations.append(Deviation("packet_bit_missing", f"Flag={flag}"))
    for key, value in (("PNUM", pnum), ("PNO", pno)):
        if value is not None and (_DIGITS.fullmatch(value) is None or (modern and value != str(int(value)))):
            deviations.append(Deviation("packet_number_form", f"{key}={value}"))
    numbered = pnum is not None and pno is not None and pnum.isdecimal() and pno.isdecimal()
    if numbered and not 1 <= int(pno or 0) <= int(pnum or 0):
        deviations.append(Deviation("packet_number_range", f"{pno}/{pnum}"))


def _check_codes(st: str, cn: str, edition: str, policy: Policy, deviations: list[Deviation]) -> None:
    """Report ST and CN that stand in no table of the edition."""
    tables = profile(edition, policy.without)
    if st not in tables.systems and _ST.fullmatch(st) is not None:
        deviations.append(Deviation("st_unknown", st))
    known = cn in tables.command_numbers or any(
        tables.command(cn, direction, policy.unconfirmed) is not None for direction in ("up", "down")
    )
    if not known:
        deviations.append(Deviation("cn_unknown", cn))
