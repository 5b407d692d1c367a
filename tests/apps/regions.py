"""Placing regions in tests, as an approved change of the register does."""

from __future__ import annotations

from datetime import date

from qingjian.apps.accounts.models import Region, RegionPlacement


def place_region(region: Region, parent: Region, valid_from: date) -> None:
    """Put a region below another from a day on; the place before it ends there."""
    RegionPlacement.objects.create(region=region, parent=parent, valid_from=valid_from)
    RegionPlacement.objects.filter(region=region, valid_to=None, valid_from__lt=valid_from).update(
        valid_to=valid_from
    )
