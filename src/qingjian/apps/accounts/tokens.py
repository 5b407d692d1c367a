"""Access tokens as text: how they are made, recognised and kept.

A token is 256 random bits, so its SHA-256 is enough to keep: nobody finds the text of a digest by trying.
"""

from __future__ import annotations

import hashlib
import re
import secrets

BEGINNING = "qjt_"
"""Lets people and scanners of leaked secrets see what they have before them."""
SHAPE = re.compile(rf"{BEGINNING}[A-Za-z0-9_-]{{43}}")
HINT_LENGTH = len(BEGINNING) + 6


def new_token() -> str:
    return BEGINNING + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def hint(token: str) -> str:
    """Return the part of a token that lists show."""
    return token[:HINT_LENGTH]


def is_token(text: str) -> bool:
    """Say whether a text has the shape of a token; anything else need not be looked for."""
    return SHAPE.fullmatch(text) is not None
