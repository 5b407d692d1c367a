"""What can go wrong when a proof, note, tile or entry is read."""

from __future__ import annotations


class LedgerError(ValueError):
    """Base of all errors of this room."""


class MalformedError(LedgerError):
    """Bytes that do not follow the format they claim to be in."""


class ProofError(LedgerError):
    """A well-formed proof that does not prove what it should."""


class SignatureError(LedgerError):
    """No signature of a trusted key, or one of a trusted key that does not verify."""
