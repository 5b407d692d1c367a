"""The base map is the office's: tiles, an archive read in pieces, or GeoJSON; the same below every map."""

from __future__ import annotations

import dataclasses
import re

import pytest
from django.conf import settings
from django.urls import reverse
from tests import pmtiles

from qingjian.contracts.folders import DataFolder

CONTENT = pmtiles.archive(b"tile", pmtiles.RASTER)


@pytest.fixture
def staff(registry, client):
    client.force_login(registry.person("staff", "station_staff"))
    return client


@pytest.fixture
def folder() -> DataFolder:
    return settings.DATA_FOLDER


def ground(client) -> tuple[str, str, str]:
    text = client.get(reverse("map")).content.decode()
    (found,) = re.findall(r'data-base="([^"]*)" data-tiles="([^"]*)" data-archive="([^"]*)"', text)
    return found


def test_without_anything_the_map_has_geojson(staff, folder) -> None:
    assert ground(staff) == ("/map/base.json", "", "")
    folder.base_map.write_text('{"type": "FeatureCollection", "features": [1]}')
    assert staff.get("/map/base.json").json()["features"] == [1]
    assert staff.get("/map/base.pmtiles").status_code == 404


def test_an_archive_goes_before_geojson_and_tiles_before_both(staff, folder, monkeypatch) -> None:
    folder.base_map_archive.write_bytes(CONTENT)
    assert ground(staff) == ("/map/base.json", "", "/map/base.pmtiles")
    tiles = "https://tiles.example.cn/{z}/{x}/{y}.png"
    monkeypatch.setattr(
        settings, "CONFIGURATION", dataclasses.replace(settings.CONFIGURATION, map_tiles=tiles)
    )
    assert ground(staff) == ("/map/base.json", tiles, "")


def test_an_archive_is_read_in_pieces(staff, folder) -> None:
    folder.base_map_archive.write_bytes(CONTENT)
    whole = staff.get("/map/base.pmtiles")
    assert (whole.status_code, b"".join(whole)) == (200, CONTENT)
    part = staff.get("/map/base.pmtiles", headers={"range": "bytes=0-126"})
    assert (part.status_code, b"".join(part)) == (206, CONTENT[:127])
    assert part.headers["Content-Range"] == f"bytes 0-126/{len(CONTENT)}"
    assert part.headers["ETag"] == whole.headers["ETag"]
    end = staff.get("/map/base.pmtiles", headers={"range": f"bytes={len(CONTENT) - 4}-"})
    assert b"".join(end) == b"tile"
    assert staff.get("/map/base.pmtiles", headers={"range": "bytes=9999-10000"}).status_code == 416
    assert staff.post("/map/base.pmtiles").status_code == 405


@pytest.mark.parametrize("asked", ["", "bytes=", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6"])
def test_a_range_that_says_nothing_is_ignored(staff, folder, asked: str) -> None:
    folder.base_map_archive.write_bytes(CONTENT)
    answer = staff.get("/map/base.pmtiles", headers={"range": asked})
    assert (answer.status_code, b"".join(answer)) == (200, CONTENT)


def test_the_base_map_is_for_people_who_signed_in(client, folder, db) -> None:
    folder.base_map_archive.write_bytes(CONTENT)
    assert client.get("/map/base.pmtiles").status_code == 302
