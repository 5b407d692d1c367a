"""The second factor: time-based one-time passwords (RFC 6238) and recovery codes, as plain functions.

Six digits, 30 seconds, SHA-1 and a 160-bit secret: what every authenticator app understands. A code holds for its own
step and one step before and after, because telephones and servers differ; a step is never accepted twice
(RFC 6238 section 5.2).
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.safestring import SafeString, mark_safe

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1
SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
"""Without letters and digits that are mistaken for each other on paper."""
RECOVERY_LENGTH = 12
"""12 letters of 31 are 59 bits: a code cannot be guessed, so that a keyed digest is enough to store it."""


def new_secret() -> bytes:
    """Return a fresh secret for an authenticator app."""
    return secrets.token_bytes(SECRET_BYTES)


def _generator(secret: bytes) -> TOTP:
    # SHA-1 is what RFC 6238 and the apps use; its known weakness (collisions) does not touch HMAC.
    return TOTP(secret, DIGITS, hashes.SHA1(), STEP_SECONDS)  # noqa: S303


def step_of(moment: datetime) -> int:
    """Return the number of the 30-second step a moment lies in."""
    return int(moment.timestamp()) // STEP_SECONDS


def code_of(secret: bytes, step: int) -> str:
    """Return the six digits of a step."""
    return _generator(secret).generate(step * STEP_SECONDS).decode("ascii")


def matching_step(secret: bytes, code: str, moment: datetime, last_step: int) -> int | None:
    """Return the step whose code was given, None when it is wrong or its step was used before."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not digits.isascii() or not digits.isdigit():
        return None
    present = step_of(moment)
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if step > last_step and step >= 0 and constant_time_compare(code_of(secret, step), digits):
            return step
    return None


def address(secret: bytes, username: str, issuer: str) -> str:
    """Return the `otpauth://` address an authenticator app on the same telephone opens."""
    return _generator(secret).get_provisioning_uri(username, issuer)


def picture(address: str) -> SafeString:
    """Return the address as a QR code, an SVG to put into a page; colours are attributes, no style and no script."""
    # Only the page of the set-up draws one; other processes need not load the library.
    import segno

    drawn = segno.make(address, micro=False, error="m")
    text = drawn.svg_inline(svgclass="qj-qr", lineclass=None, omitsize=True, dark="#000", light="#fff")
    return mark_safe(text)  # noqa: S308 - made of numbers by the library, nothing of the address stands in it


def written(secret: bytes) -> str:
    """Return the key as a person types it into an app: Base32 in groups of four."""
    text = base64.b32encode(secret).decode("ascii")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def new_recovery_codes() -> list[str]:
    """Return fresh recovery codes in groups of four, for paper."""
    codes = []
    for _number in range(RECOVERY_CODES):
        letters = "".join(secrets.choice(RECOVERY_LETTERS) for _letter in range(RECOVERY_LENGTH))
        codes.append("-".join(letters[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4)))
    return codes


def recovery_digest(code: str) -> str:
    """Return what is stored of a recovery code; case, blanks and dashes do not matter."""
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return salted_hmac("qingjian recovery code", plain, algorithm="sha256").hexdigest()


def _cipher() -> Fernet:
    key = HKDF(hashes.SHA256(), 32, None, b"qingjian second factor").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def sealed(secret: bytes) -> str:
    """Encrypt a secret with a key derived from the node's own, so that the database alone does not give it away."""
    return _cipher().encrypt(secret).decode("ascii")


def opened(text: str) -> bytes | None:
    """Decrypt a stored secret; None when this node's key is another one than it was."""
    try:
        return _cipher().decrypt(text.encode("ascii"))
    except InvalidToken:
        return None
