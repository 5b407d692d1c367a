"""Canonical JSON (RFC 8785) and salted commitments.

The ledger is public, so it carries commitments only: SHA-256 over a label, a 32-byte salt and the
canonical bytes. Without the salt nobody can test a guess; with salt and bytes anybody can check.
"""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import rfc8785

from qingjian.ledger.errors import MalformedError

SALT_SIZE = 32
_LABEL = b"qingjian/commitment/v1\n"


def canonical_json(value: Any) -> bytes:
    """Canonical bytes of a JSON value; MalformedError for what RFC 8785 cannot express (NaN, 2**53 and more)."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, ValueError, TypeError, RecursionError) as error:
        raise MalformedError(f"no canonical JSON: {error}") from error


def _number(digits: str) -> int | float:
    # JSON has one kind of number: 9007199254740992 is how a double of that size is spelt.
    number = int(digits)
    return number if abs(number) < 1 << 53 else float(number)


def parse_canonical_json(data: bytes) -> Any:
    """Value of canonical bytes; MalformedError when they are not the one canonical spelling."""
    try:
        value = json.loads(data, parse_int=_number)
    except (ValueError, OverflowError, RecursionError) as error:
        raise MalformedError("not JSON") from error
    if canonical_json(value) != data:
        raise MalformedError("not canonical JSON")
    return value


def commitment(canonical: bytes, salt: bytes) -> bytes:
    """32-byte commitment to canonical bytes under a 32-byte salt."""
    if len(salt) != SALT_SIZE:
        raise MalformedError(f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
    return sha256(_LABEL + salt + canonical).digest()


def derive_salt(secret: bytes, *labels: str) -> bytes:
    """Salt of one thing among many that share one secret (HMAC-SHA-256 over its length-prefixed labels).

    Telling one salt tells nothing about the others, so a bundle for one outlet opens only its own.
    """
    if len(secret) < SALT_SIZE:
        raise MalformedError(f"a secret for salts has at least {SALT_SIZE} bytes")
    parts = [label.encode() for label in labels]
    return hmac.digest(secret, b"".join(len(p).to_bytes(4, "big") + p for p in parts), "sha256")
