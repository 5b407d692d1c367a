"""What lies below the points: an archive of pictures, one of shapes, or GeoJSON where the archive is damaged."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests import pmtiles
from tests.e2e.conftest import PATIENCE_SECONDS

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parents[2] / "src/qingjian/ui/static/ui"
SITE = "http://map.test"
PAGE = """<!doctype html><html lang="zh-Hans"><div id="map" style="width:400px;height:300px"></div>
<script src="/vendor/ol.js"></script><script src="/vendor/pmtiles.js"></script><script src="/map-base.js"></script>"""
START = """archive => {
  const box = document.getElementById("map");
  Object.assign(box.dataset, { base: "/base.json", tiles: "", archive });
  const view = new ol.View({ center: ol.proj.fromLonLat([115.2, 35.4]), zoom: 5 });
  window.drawn = new ol.Map({ target: box, layers: [window.qingjianGround(box)], view, controls: [] });
}"""
COLOUR = """() => {
  const canvas = document.querySelector("#map canvas");
  return canvas ? [...canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].slice(0, 3) : [];
}"""
COUNTY = {
    "type": "Feature",
    "properties": {"kind": "county", "name": "甲县"},
    "geometry": {"type": "Polygon", "coordinates": [[[100, 20], [130, 20], [130, 50], [100, 50], [100, 20]]]},
}


@pytest.fixture
def colour(browser: Any) -> Iterator[Callable[[bytes, tuple[int, int, int]], list[str]]]:
    """Return colour(archive, wanted): waits until the middle of the map has it; returns what the console said."""
    context = browser.new_context()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    served: dict[str, bytes] = {
        "/base.json": json.dumps({"type": "FeatureCollection", "features": [COUNTY]}).encode()
    }

    def serve(route: Any, request: Any) -> None:
        path = request.url.removeprefix(SITE)
        if path == "/":
            route.fulfill(body=PAGE, content_type="text/html")
        elif path in served:
            content = served[path]
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
            if asked is None:
                route.fulfill(body=content)
                return
            first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
            route.fulfill(
                status=206,
                body=content[first : last + 1],
                headers={"Content-Range": f"bytes {first}-{last}/{len(content)}"},
            )
        else:
            route.fulfill(path=STATIC / path[1:])

    page.route(f"{SITE}/**", serve)

    def look(archive: bytes, wanted: tuple[int, int, int]) -> list[str]:
        served["/base.pmtiles"] = archive
        page.goto(f"{SITE}/")
        page.evaluate(START, "/base.pmtiles")
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if page.evaluate(COLOUR) == list(wanted):
                return said
            page.wait_for_timeout(50)
        raise AssertionError((page.evaluate(COLOUR), said))

    yield look
    context.close()


def test_pictures_of_an_archive_are_shown(colour) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (10, 120, 230)).save(picture, "PNG")
    assert colour(pmtiles.archive(picture.getvalue(), pmtiles.RASTER), (10, 120, 230)) == []


def test_shapes_of_an_archive_are_drawn_by_what_their_layer_is_called(colour) -> None:
    assert colour(pmtiles.archive(pmtiles.everywhere("water"), pmtiles.VECTOR), (0xBC, 0xDC, 0xEC)) == []
    assert colour(pmtiles.archive(pmtiles.everywhere("earth"), pmtiles.VECTOR), (0xF4, 0xF7, 0xF2)) == []


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PMTiles\x09" + bytes(120)])
def test_a_damaged_archive_leaves_the_geojson_and_says_so(colour, content: bytes) -> None:
    said = colour(content, (0xF4, 0xF7, 0xF2))
    assert any("base map" in one for one in said)
