"""From a checked data segment to a message."""

from __future__ import annotations

from qingjian.hj212 import checksum, cipher, header
from qingjian.hj212.message import Message
from qingjian.hj212.model import Deviation, Refusal
from qingjian.hj212.policy import Policy
from qingjian.hj212.profiles import profile

_STANDARD_SEGMENT = 1024
_FLAGS = {str(flag): (flag, "2017" if flag < 8 else "2025") for flag in range(4, 12)}
_LONGEST_CANONICAL_HEADER = 140


def read_segment(
    segment: bytes, policy: Policy, deviations: tuple[Deviation, ...] = (), encrypted: str = ""
) -> Message | Refusal:
    """Message of a plain data segment whose length and check are settled; a Refusal when its grammar is broken."""
    text = segment[:_LONGEST_CANONICAL_HEADER].decode("latin-1")
    match = header.CANONICAL.match(text)
    if match is not None and not deviations and segment.endswith(b"&&", match.end()):
        groups = match.groups()
        flag, edition = _FLAGS[groups[5]]
        tables = profile(edition, policy.without)
        pnum = groups[6]
        if (
            (policy.edition == "auto" or policy.edition == edition)
            and len(segment) <= _STANDARD_SEGMENT
            and groups[1] in tables.systems
            and groups[2] in tables.command_numbers
            and (not flag & 2) is (pnum is None)
            and (pnum is None or int(groups[7]) <= int(pnum))
            and (groups[8] is None or edition == "2025")
        ):
            return Message(
                None, groups, edition, flag, segment[match.end() : -2], (), encrypted, policy.without
            )
    read = header.read(segment, policy)
    if isinstance(read, Refusal):
        return read
    if len(segment) > _STANDARD_SEGMENT:
        deviations = (*deviations, Deviation("segment_over_1024", f"{len(segment)}"))
    fields = read.fields
    return Message(
        fields,
        tuple(map(fields.get, header.KEYS)),
        read.edition,
        read.flag,
        segment[read.cp_start : read.cp_end],
        (*deviations, *read.deviations),
        encrypted,
        policy.without,
    )


def data_area(segment: bytes) -> tuple[int, int] | None:
    """(start, end) of the bytes between ``CP=&&`` and the last ``&&``, or None."""
    start = segment.find(b"CP=&&")
    end = segment.rfind(b"&&")
    if start < 0 or end < start + 5:
        return None
    return start + 5, end


def looks_plain(cp: bytes) -> bool:
    """Whether a data area is readable text rather than ciphertext."""
    if cp.isascii():
        text = cp.decode("ascii")
    else:
        try:
            text = cp.decode("utf-8")
        except UnicodeDecodeError:
            try:
                text = cp.decode("gb18030")
            except UnicodeDecodeError:
                return False
    return not text or (text.isprintable() and "=" in text)


def decrypted(segment: bytes, key: bytes) -> bytes | None:
    """The plain segment of a raw-encrypted one, or None when there is nothing to decrypt."""
    place = data_area(segment)
    if place is None or place[1] - place[0] < cipher.BLOCK:
        return None
    start, end = place
    return segment[:start] + cipher.decrypt(key, segment[start:end]) + segment[end:]


def from_text_form(segment: bytes) -> bytes | None:
    """The raw-encrypted segment of one whose data area is written ``{0x..,…}``, or None."""
    place = data_area(segment)
    if place is None:
        return None
    start, end = place
    ciphertext = cipher.from_text_form(segment[start:end])
    return None if ciphertext is None else segment[:start] + ciphertext + segment[end:]


def variant(segment: bytes, text: bytes) -> str | None:
    """Name of the known wrong algorithm that yields this check, or None."""
    received = int(text, 16)
    swapped = (received >> 8) | (received & 0xFF) << 8
    if checksum.check(segment) == swapped:
        return "check_swapped"
    computed = checksum.modbus(segment)
    if computed == received:
        return "check_modbus"
    if computed == swapped:
        return "check_modbus_swapped"
    return None
