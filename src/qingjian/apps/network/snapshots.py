"""What the register says, as the directory the services go by.

Rows are read as plain values: of a large county there are a hundred thousand, of which nothing else is asked.
"""

from __future__ import annotations

from django.db.models import Max, Value
from django.db.models.functions import Coalesce

from qingjian.apps.network import models, queries
from qingjian.apps.rulekeeping import queries as rulekeeping
from qingjian.contracts.current import now
from qingjian.contracts.directory import Device, Directory, Route, Series, Setting, Target, owed


def newest_row() -> int:
    """Return the number of the newest row written to the register, 0 before the first: every one leaves a version."""
    return models.Version.objects.aggregate(newest=Max("pk"))["newest"] or 0


def taken(version: int, rulebook_version: str) -> Directory:
    """Return the register as it is now. The newest row is read first: what is written meanwhile counts as newer."""
    register = newest_row()
    return Directory(
        version=version,
        published_at=now(),
        rulebook_version=rulebook_version,
        register=register,
        without=rulekeeping.facts_switched_off(),
        devices=_devices(),
        series=_series(),
        routes=_routes(),
        settings=_settings(),
        targets=_targets(),
    )


def _devices() -> list[Device]:
    rows = models.Device.objects.order_by("code").values_list(
        "code", "mn", "password", "name", "point__code", "system_code", "edition", "policy", "sm4_key_hex", "addresses",
        "silence_seconds", "clock_tolerance_seconds", "synthetic", "valid_from", "valid_to",
    )  # fmt: skip
    return [Device(*row[:9], tuple(row[9]), *row[10:]) for row in rows]


def _series() -> list[Series]:
    rows = models.Series.objects.order_by("code").values_list(
        "pk", "code", "point__code", "factor__wire_code", "factor__name_zh", "factor__name_en", "unit", "decimals",
        "medium", "origin", "position", Coalesce("device__mn", Value("")), "averaging", "flow_series", "expected",
        "notice", "valid_from", "valid_to",
    )  # fmt: skip
    return [Series(*row[:14], owed(row[14] or {}), *row[15:]) for row in rows]


def _routes() -> list[Route]:
    rows = models.Route.objects.order_by("device__code", "wire_factor", "valid_from", "pk").values_list(
        "device__mn", "wire_factor", "series", "scale", "valid_from", "valid_to"
    )
    return [Route(*row) for row in rows]


def _settings() -> list[Setting]:
    rows = models.Setting.objects.order_by("name", "valid_from", "pk").values_list(
        Coalesce("series__code", "device__code"), "name", "value", "unit", "origin", "valid_from", "valid_to"
    )
    return [Setting(*row) for row in rows]


def _targets() -> list[Target]:
    return [
        Target(
            one.code,
            one.name,
            one.host,
            one.port,
            queries.forwarded_mns(one),
            one.mn,
            one.password,
            one.enabled,
        )
        for one in models.ForwardTarget.objects.order_by("code")
    ]
