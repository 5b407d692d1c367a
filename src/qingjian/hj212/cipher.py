"""SM4 of the data area (HJ 212-2025 6.4 and appendix A.2, confidence S).

16-byte key, ECB, no padding; every full block between ``CP=&&`` and ``&&`` is encrypted, a remainder of fewer than 16
bytes stays plain text. The check is computed on the plain segment. ECB gives neither integrity nor protection against
replay; that is the standard's choice, not ours.
"""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
_TEXT_FORM = re.compile(rb"\{(0x[0-9A-Fa-f]{2}(?:,0x[0-9A-Fa-f]{2}){15,})\}")
_TEXT_FORM_END = re.compile(rb"\}[^}]{0,15}&&")


def _whole_blocks(data: bytes) -> int:
    return len(data) // BLOCK * BLOCK


def encrypt(key: bytes, data: bytes) -> bytes:
    """Plain data area → raw ciphertext of the same length. ``key``: 16 bytes, else ValueError."""
    cut = _whole_blocks(data)
    # ECB is prescribed by HJ 212-2025 6.4.
    encryptor = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(data[:cut]) + data[cut:]


def decrypt(key: bytes, data: bytes) -> bytes:
    """Raw ciphertext → plain data area, inverse of ``encrypt``."""
    cut = _whole_blocks(data)
    decryptor = Cipher(algorithms.SM4(key), modes.ECB()).decryptor()  # noqa: S305
    return decryptor.update(data[:cut]) + data[cut:]


def text_form(ciphertext: bytes) -> bytes:
    """Raw ciphertext → ``{0xE4,0x3E,…}`` and the plain remainder, as appendix A.2 prints it."""
    cut = _whole_blocks(ciphertext)
    if not cut:
        return ciphertext
    return b"{" + b",".join(b"0x%02X" % byte for byte in ciphertext[:cut]) + b"}" + ciphertext[cut:]


def from_text_form(data: bytes) -> bytes | None:
    """Inverse of ``text_form``; None when ``data`` does not have that form."""
    match = _TEXT_FORM.match(data)
    if match is None:
        return None
    blocks = bytes(int(byte[2:], 16) for byte in match[1].split(b","))
    rest = data[match.end() :]
    if len(blocks) % BLOCK or len(rest) >= BLOCK:
        return None
    return blocks + rest


def text_form_end(data: bytes, start: int) -> int:
    """Position after the ``&&`` that closes a data area in text form beginning at ``start``, or -1."""
    match = _TEXT_FORM_END.search(data, start)
    return -1 if match is None else match.end()
