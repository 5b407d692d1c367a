"""Rows that are never deleted: what a matter leaves behind stays, whoever asks."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import ProtectedError
from django.utils.translation import gettext as _


def _refuse(rows: Any) -> None:
    raise ProtectedError(_("Rows of matters are kept: withdraw or declare void instead of deleting."), rows)


class KeptRows(models.QuerySet):
    """A query whose rows can be read, added and changed, but not deleted."""

    def delete(self) -> Any:
        _refuse(set(self[:1]))

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class Kept(models.Model):
    """Base of rows that are never deleted."""

    objects = KeptRows.as_manager()

    class Meta:
        abstract = True

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        _refuse({self})
