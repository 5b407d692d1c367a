"""Tables of stations that write hour 8 for the hour that ends at 8 are converted when they are entered."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from qingjian.apps.network import services as network
from qingjian.apps.network.models import Series
from qingjian.contracts.current import clock as present_clock
from qingjian.intake import KeptFiles, Spool, import_file
from qingjian.intake.non_detects import named_limits, without_limit
from qingjian.lake import Lake


@pytest.mark.parametrize(
    ("fields", "begins"),
    [
        ({}, datetime(2026, 11, 20, 0, tzinfo=UTC)),
        ({"time_names": "start"}, datetime(2026, 11, 20, 0, tzinfo=UTC)),
        ({"time_names": "end"}, datetime(2026, 11, 19, 23, tzinfo=UTC)),
    ],
)
def test_the_person_says_which_end_of_the_hour_the_table_names(registry, client, fields, begins) -> None:
    client.force_login(registry.person("staff", "station_staff"))
    assert 'name="time_names"' in client.get("/measurements/import/").content.decode()
    file = SimpleUploadedFile("站.csv", "时间,点位,细颗粒物\n2026-11-20 08:00,A1,35\n".encode())
    answer = client.post("/measurements/import/", {"file": file, "statistic": "hour", **fields})
    assert answer.status_code == 302, answer.content.decode()
    kept = KeptFiles(settings.DATA_FOLDER.intake)
    ((_order, source),) = Spool(settings.DATA_FOLDER.intake / "spool").orders()
    directory = network.directory_store().current()
    with Lake(settings.DATA_FOLDER.lake, present_clock()) as lake:
        import_file(kept.path(source.digest), lake=lake, directory=directory, kept=kept, source=source)
        number = Series.objects.get(code="A1.a34004").pk
        rows = lake.series(
            [number], "hour", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
        )
    assert rows["start"].to_pylist() == [begins]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_names_every_way_to_write_a_non_detect(registry, client, language) -> None:
    client.force_login(registry.person("staff", "station_staff"))
    client.cookies["django_language"] = language
    page = client.get("/measurements/import/").content.decode()
    (said,) = re.findall(r'<p class="text-secondary small">([^<]*0\.002L[^<]*)</p>', page)
    separator = "、" if language == "zh-hans" else ","
    for text in ("0.002L", "<0.002", "ND 0.002", "未检出 0.002", f"ND{separator}", "<DL"):
        assert text in html.unescape(said), "and no sign of less ends the text"
    named = pa.array(["0.002L", "<0.002", "ND 0.002", "未检出 0.002"])
    assert named_limits(named).valid.all(), "what the page says is what is read"
    assert without_limit(pa.array(["ND", "未检出", "<DL"])).all()
