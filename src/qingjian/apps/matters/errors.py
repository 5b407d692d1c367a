"""Why an action was refused, with a code a caller can tell apart and a sentence a person understands."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied, ValidationError


class RefusedError(ValidationError):
    """Nothing was changed. Codes: stale, state, field, evidence, signature, key, deadline, file, closed, person."""

    def __init__(self, code: str, message: object) -> None:
        self.reason = code
        super().__init__(message, code=code)


class NotAllowed(PermissionDenied):
    """The person may not do this; the message says why."""
