"""The check (CRC16) of HJ 212: by definition, and fast.

Definition (HJ/T 212-2005 prose; HJ 212-2017 appendix A; HJ 212-2025 appendix A.1): start with 0xFFFF; for each
byte ``crc = (crc >> 8) ^ byte``, then eight times ``lsb = crc & 1; crc >>= 1; if lsb: crc ^= 0xA001``. The input
is the data segment only; the result is written as four hexadecimal digits, high byte first, upper case.

Why eight table look-ups are enough for a segment of any length
---------------------------------------------------------------
1. ``crc >> 8`` throws the low byte away, so only the high byte ``s`` travels from one byte to the next. Write
   ``x = s ^ byte`` for the value that enters the eight steps and ``T[x]`` for their 16-bit result (the table of the
   Modbus CRC). The next ``s`` is ``L(x) = T[x] >> 8``. The result of the whole message is ``T[x_last]``: it has 256
   possible values and no more.
2. The eight steps are shifts and conditional XORs with a constant, hence linear over GF(2): ``L(a ^ b) = L(a) ^ L(b)``.
   With bytes ``b_1 … b_n`` and the start state ``s_0 = 0xFF``,
   ``x_n = b_n ^ L(b_{n-1}) ^ L²(b_{n-2}) ^ … ^ L^{n-1}(b_1) ^ L^{n-1}(s_0)``.
3. ``L`` has period 8: ``L⁸`` is the identity (a linear map, so it is enough that it holds on the eight basis bytes;
   the module checks all 256 while it builds its tables). So the byte at distance ``d`` from the end only matters
   through ``d mod 8``: XOR all bytes of equal ``d mod 8`` together. That is one XOR fold of the segment into a word of
   eight bytes, aligned to the segment's END.
4. ``x_n`` is then the XOR of ``L^d`` applied to byte ``d`` of that word, plus the constant ``L^{(n-1) mod 8}(0xFF)`` of
   the start value, and the check is ``T[x_n]``: one table look-up.

The fold is done on Python's big integers, halving the width, so the work per byte is a few machine instructions.
"""

from __future__ import annotations

_WORD_BITS = 64


def _shift_table() -> list[int]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return table


_TABLE = _shift_table()
"""T of the module docstring."""


def _powers_of_step() -> list[bytes]:
    """``result[d][x]`` = L applied ``d`` times to ``x``, d = 0..7; L⁸ = identity is asserted."""
    powers = [bytes(range(256))]
    for _ in range(8):
        powers.append(bytes(_TABLE[value] >> 8 for value in powers[-1]))
    if powers.pop() != powers[0]:  # pragma: no cover - a wrong table, impossible after import tests
        raise AssertionError("the step of the check must have period 8")
    return powers


_POWERS = _powers_of_step()
# Contribution of the start state for a segment of n bytes, by n mod 8.
_START = bytes(_POWERS[(length - 1) % 8][0xFF] for length in range(8))


def _pair_table(low: bytes, high: bytes) -> bytes:
    """For two neighbouring bytes (high << 8 | low): low[…] ^ high[…], 65,536 entries."""
    base = int.from_bytes(low, "big")
    ones = int.from_bytes(b"\x01" * 256, "big")
    return b"".join((base ^ (value * ones)).to_bytes(256, "big") for value in high)


_PAIR_0, _PAIR_1, _PAIR_2, _PAIR_3 = (
    _pair_table(_POWERS[2 * pair], _POWERS[2 * pair + 1]) for pair in range(4)
)

_MASK_4096 = (1 << 4096) - 1
_MASK_2048 = (1 << 2048) - 1
_MASK_1024 = (1 << 1024) - 1
_MASK_512 = (1 << 512) - 1

TEXTS: tuple[bytes, ...] = tuple(b"%04X" % value for value in _TABLE)
"""The 256 texts a check can have, by state; any other text proves a wrong algorithm at the sender."""
POSSIBLE_TEXTS: frozenset[bytes] = frozenset(TEXTS) | {b"FFFF"}


def state(segment: bytes) -> int:
    """Final state (0..255) of a non-empty segment; ``TEXTS[state(segment)]`` is its check as written."""
    length = len(segment)
    value = int.from_bytes(segment, "big")
    if length > 1024:
        width = 1 << (length * 8 - 1).bit_length()
        while width > 8192:
            width >>= 1
            value = (value >> width) ^ (value & ((1 << width) - 1))
    if length > 512:
        value = (value >> 4096) ^ (value & _MASK_4096)
    if length > 256:
        value = (value >> 2048) ^ (value & _MASK_2048)
    if length > 128:
        value = (value >> 1024) ^ (value & _MASK_1024)
    value = (value >> 512) ^ (value & _MASK_512)
    value ^= value >> 256
    value ^= value >> 128
    value ^= value >> _WORD_BITS
    return (
        _PAIR_0[value & 0xFFFF]
        ^ _PAIR_1[value >> 16 & 0xFFFF]
        ^ _PAIR_2[value >> 32 & 0xFFFF]
        ^ _PAIR_3[value >> 48 & 0xFFFF]
        ^ _START[length & 7]
    )


def check(segment: bytes) -> int:
    """Check of a data segment as a number (0xFFFF for an empty one)."""
    return _TABLE[state(segment)] if segment else 0xFFFF


def check_text(segment: bytes) -> bytes:
    """Check of a data segment as the four characters on the wire."""
    return TEXTS[state(segment)] if segment else b"FFFF"


def check_by_definition(segment: bytes) -> int:
    """The check computed word for word as the standard prints it; slow, for tests and for doubt."""
    crc = 0xFFFF
    for byte in segment:
        crc = (crc >> 8) ^ byte
        for _ in range(8):
            lsb = crc & 1
            crc >>= 1
            if lsb:
                crc ^= 0xA001
    return crc


def modbus(segment: bytes) -> int:
    """CRC16 of Modbus, which some senders use by mistake; needed only to name the mistake."""
    crc = 0xFFFF
    for byte in segment:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc
