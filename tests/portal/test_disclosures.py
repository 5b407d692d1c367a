"""What became public is there for everybody, and nothing else of a matter is."""

from __future__ import annotations

import pytest
from tests.apps.conftest import (  # noqa: F401 - fixtures
    _data_folder,
    _quick_passwords,
    clock,
    county,
    lay_out,
    registry,
)
from tests.apps.matters.conftest import key, office  # noqa: F401 - fixtures

from qingjian.apps.matters import services
from qingjian.apps.matters.models import Matter

PATH = "/public/disclosures/"


@pytest.fixture
def matter(office) -> Matter:  # noqa: F811
    matter = office.attach(office.ordered(), office.holder)
    matter = office.act(matter, "report", office.holder, measures="内部措施", finished_on="2026-11-21")
    return office.act(
        matter, "pass_recheck", office.second, rechecked_on="2026-11-21", recheck_findings="现场情况"
    )


def test_everybody_reads_what_was_published_and_nothing_else(client, matter) -> None:
    page = client.get(PATH).content.decode()
    for text in (matter.number, "甲县化工厂", "整改情况", "2026-11-21"):
        assert text in page, text
    for text in ("内部措施", "现场情况", ">second<", ">handler<"):
        assert text not in page, text
    assert client.get(PATH + "?export=xlsx").content.startswith(b"PK")
    assert client.post(PATH).status_code == 405


def test_the_search_finds_by_organisation_number_and_title(client, matter) -> None:
    for text, found in (("化工", 1), (matter.number[-4:], 1), (matter.title[:4], 1), ("乙县", 0), ("%", 0)):
        assert len(client.get(PATH, {"q": text}).context["entries"]) == found, text
    client.cookies["django_language"] = "en"
    assert "Result of corrective action" in client.get(PATH).content.decode()


def test_what_was_taken_back_is_gone(client, matter, office) -> None:  # noqa: F811
    row = matter.disclosures.get()
    services.act(
        matter,
        "withdraw-disclosure",
        office.leader,
        {"disclosure": row.pk, "reason": "复议"},
        matter.version,
        key(),
    )
    assert matter.number not in client.get(PATH).content.decode()
