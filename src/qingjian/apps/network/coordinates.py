"""Coordinates as people give them, brought to CGCS2000.

Web maps of this country show places in GCJ-02, shifted by up to about 700 m. The shift is a published function of the
true place, so the true place is found by going back until both agree. CGCS2000 and WGS 84 differ by centimetres.
"""

from __future__ import annotations

from math import cos, pi, radians, sin, sqrt
from typing import Any

GCJ02 = "GCJ-02"
SYSTEMS = ("", GCJ02)
"""Systems in which coordinates may be given; the empty one is CGCS2000."""
DECIMALS = 6
"""A tenth of a metre."""
_AXIS = 6378245.0
_ECCENTRICITY = 0.00669342162296594323
"""Of the ellipsoid (Krassovsky) on which the shift is defined, squared."""
_CLOSE = 1e-9
_MOST_ROUNDS = 30


def to_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    """Return where a web map shows a true place, in degrees."""
    x, y = longitude - 105.0, latitude - 35.0
    ripple = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (ripple + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y / 30.0 * pi)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (ripple + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    angle = radians(latitude)
    flattened = 1.0 - _ECCENTRICITY * sin(angle) ** 2
    per_degree_north = _AXIS * (1.0 - _ECCENTRICITY) / flattened**1.5 * pi / 180.0
    per_degree_east = _AXIS / sqrt(flattened) * cos(angle) * pi / 180.0
    return longitude + east / per_degree_east, latitude + north / per_degree_north


def from_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    """Return the true place of what a web map shows at some degrees."""
    true = longitude, latitude
    for _round in range(_MOST_ROUNDS):
        shown = to_gcj02(*true)
        off = longitude - shown[0], latitude - shown[1]
        true = true[0] + off[0], true[1] + off[1]
        if max(abs(off[0]), abs(off[1])) < _CLOSE:
            break
    return true


def settle(values: dict[str, Any], existing: Any) -> None:
    """Convert the coordinates of a row where they were given in another system; `existing` is the registered row or None.

    What is registered already was converted when it was given, so a row that comes back unchanged stays as it is.
    """
    if values.get("converted_from") != GCJ02 or values["longitude"] is None or values["latitude"] is None:
        return
    given = tuple(values[name] for name in ("longitude", "latitude", "converted_from"))
    if existing is not None and given == (existing.longitude, existing.latitude, existing.converted_from):
        return
    longitude, latitude = from_gcj02(values["longitude"], values["latitude"])
    values["longitude"], values["latitude"] = round(longitude, DECIMALS), round(latitude, DECIMALS)
