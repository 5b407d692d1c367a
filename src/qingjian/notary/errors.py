"""What can go wrong in the notary."""

from __future__ import annotations


class NotaryError(Exception):
    """Base of the errors of this room."""


class FrozenError(NotaryError):
    """The notary will not sign: its own record and the world may disagree. The message says what to do."""


class DamagedError(NotaryError):
    """Files of the log do not match the recorded head."""
