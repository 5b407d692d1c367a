"""What the frames of a device deviated in over a day or a week, each with a frame that opens."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pyarrow as pa
import pytest
from django.conf import settings
from tests.apps.conftest import NOW

from qingjian.apps.observing import provenance
from qingjian.journal import Code
from qingjian.journal.frame import codes_to_text
from qingjian.lake import CANDIDATES, FRAMES, Lake

DAY = timedelta(days=1)


def keep(*rows: tuple[str, datetime, str, list[str]], detail: str = "detail") -> None:
    """Keep frames: (MN, received, kind, codes)."""
    columns = {
        "journal": ["gateway-1"] * len(rows),
        "sequence": list(range(1, len(rows) + 1)),
        "received_at": [at for _, at, _, _ in rows],
        "peer": ["127.0.0.1:5"] * len(rows),
        "connection": [1] * len(rows),
        "mn": [mn for mn, _, _, _ in rows],
        "kind": [kind for _, _, kind, _ in rows],
        "content": [b"##0000"] * len(rows),
        # The detail differs from frame to frame; frames are counted by code all the same.
        "codes": [
            codes_to_text([Code(code, f"{detail} {number}") for code in codes])
            for number, (_, _, _, codes) in enumerate(rows)
        ],
        "policy": [""] * len(rows),
        "frame_directory": [1] * len(rows),
        "nonce": [bytes(16)] * len(rows),
        "batch": [1] * len(rows),
    }
    table = pa.table({name: pa.array(columns[name], FRAMES.field(name).type) for name in FRAMES.names})
    with Lake(settings.DATA_FOLDER.lake) as lake:
        lake.append(lake.next_batch(), frames=table, observations=CANDIDATES.empty_table())


@pytest.fixture
def page(registry, client):
    staff = registry.person("staff", "station_staff")

    def get(query: str = "", language: str = "zh-hans") -> str:
        staff.language = language
        staff.save()
        client.force_login(staff)
        return client.get(f"/devices/A1-D1/{query}").content.decode()

    return get


@pytest.mark.parametrize("detail", ["", '["other_code","x"]', '"],["other_code","y', "\\", "]] 偏差 \n"])
def test_the_lake_answers_with_the_codes_however_many_details_there_are(db, detail: str) -> None:
    at = NOW - timedelta(hours=1)
    keep(
        *(
            ("MN-A1", at, "accepted", ["check_lower_case", "terminator_late", "terminator_late"])
            for _ in range(40)
        ),
        detail=detail,
    )
    with Lake(settings.DATA_FOLDER.lake) as lake:
        rows = lake.frame_codes("MN-A1", NOW - DAY, NOW)
    assert sorted((row["code"], row["count"]) for row in rows) == [
        ("check_lower_case", 40), ("terminator_late", 40),
    ]  # fmt: skip
    assert {row["sequence"] for row in rows} == {40}


def test_deviations_are_counted_over_the_period_asked_for(page, client) -> None:
    keep(
        ("MN-A1", NOW - 5 * DAY, "accepted", ["terminator_late"]),
        ("MN-A1", NOW - timedelta(hours=9), "accepted", ["check_lower_case"]),
        ("MN-A1", NOW - timedelta(hours=3), "accepted", ["check_lower_case", "terminator_missing"]),
        ("MN-A1", NOW - timedelta(hours=2), "refused", ["check_modbus"]),
        ("MN-A1", NOW - timedelta(hours=1), "accepted", []),
        ("OTHER", NOW - timedelta(hours=1), "accepted", ["check_swapped"]),
    )
    found = provenance.noted("MN-A1", NOW - DAY, NOW)
    assert [(one.code, one.refused, one.count, one.sequence) for one in found] == [
        ("check_lower_case", False, 2, 3), ("check_modbus", True, 1, 4), ("terminator_missing", False, 1, 3),
    ]  # fmt: skip
    assert (found[0].first, found[0].last) == (NOW - timedelta(hours=9), NOW - timedelta(hours=3))
    text = page()
    part = text[text.index('id="noted"') : text.index('id="quarantine"')]
    assert [word in part for word in ("check_lower_case", "check_modbus", "terminator_late", "check_swapped")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert "terminator_late" in page("?noted=7")
    (first, *_) = re.findall(r'hx-get="([^"]*frames[^"]*)"', part)
    assert client.get(first).status_code == 200


def test_a_device_that_deviates_in_nothing_says_so(page) -> None:
    assert "此期间没有偏差，也没有拒收" in page()
    assert "No deviation and no refusal in this period." in page(language="en")
