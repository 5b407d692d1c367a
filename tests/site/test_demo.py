"""The demo county can be installed on an empty node: its registry, the work already begun, the pages that live on both.

One installation serves all of it, since it takes seconds; `tests/e2e` opens every page.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.urls import reverse

from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.integrity import funnel, panels, witnesses
from qingjian.apps.matters import queries as matters
from qingjian.apps.matters.models import Deadline, Matter
from qingjian.apps.matters.services import escalate
from qingjian.apps.network import services as network
from qingjian.apps.network.models import Device, PermitLimit, Point, Series, Setting
from qingjian.apps.observing.log_books import BOOKS, RemoteSession, SoftwareReading
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import SystemClock
from qingjian.contracts.converting import Converter
from qingjian.contracts.current import now, use_clock
from qingjian.contracts.folders import DataFolder
from qingjian.pipeline.neighbours import NeighbourChecks
from qingjian.rulebook import packaged
from qingjian.simulator.demo import county
from qingjian.site import demo, demo_work

pytestmark = [pytest.mark.xdist_group("demo"), pytest.mark.django_db]


PAGES = (
    "workbench",
    "map",
    "points",
    "sources",
    "devices",
    "series-list",
    "settings",
    "limits",
    "duties",
    "roles",
)


def test_the_demo_county_is_installed(tmp_path, monkeypatch, client) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    monkeypatch.setattr(settings, "DATA_FOLDER", folder)
    # Argon2 is slow on purpose, and a dozen people are created here.
    monkeypatch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
    document = county()
    with use_clock(SystemClock()):
        passwords: dict[str, str] = {}

        def keep(given: dict[str, str]) -> None:
            assert connection.savepoint_ids, "before the transaction of the installation ends"
            passwords.update(given)

        demo.install(keep)
        demo.begin(passwords)
        begun = Matter.objects.count()
        demo.begin(passwords)
        assert Matter.objects.count() == begun > 0
        assert set(passwords) == {row["username"] for row in document["users"]}
        assert set(User.objects.values_list("username", flat=True)) == set(passwords)
        assert Organisation.objects.count() == len(document["organisations"])
        assert set(Device.objects.values_list("mn", flat=True)) == {row["mn"] for row in document["devices"]}
        codes = {row["code"] for row in document["series"]}
        assert codes <= set(Series.objects.values_list("code", flat=True))
        assert Setting.objects.filter(name="measured_state", value="actual").exists()
        assert PermitLimit.objects.exists()
        published = network.directory_store().current()
        assert published is not None
        assert {one.mn for one in published.devices} == {row["mn"] for row in document["devices"]}
        converter = Converter(published, packaged())
        dust = published.series_by_code("FG03.a34013.simulated")
        assert dust is not None
        assert len(converter.needed_by(dust.id, published.published_at)) == 4
        assert NeighbourChecks(published, packaged(), converter).wanted([dust.id]) == [], (
            "off until confirmed"
        )
        assert client.login(username="zhiban", password=passwords["zhiban"])
        for page in PAGES:
            assert client.get(reverse(page)).status_code == 200, page
        one_of_each = {point.kind: point.code for point in Point.objects.all()}
        for code in one_of_each.values():
            assert client.get(reverse("point", args=[code])).status_code == 200, code
        assert client.get(reverse("device", args=["FG03-D1"])).status_code == 200
        everybody_finds_work()
        log_books_are_filled_and_marked(client)
        a_confirmed_clue_becomes_a_case(passwords)
    for point in Point.objects.exclude(notice=""):
        for line, stroke in zip(point.notice.split("\n"), (" ｜ ", " | "), strict=True):
            parts = line.split(stroke)
            assert len(parts) == len(set(parts)), f"{point.code} says a thing twice"


def log_books_are_filled_and_marked(client) -> None:
    """A year of entries, all of them simulated; one session nobody announced at each end of the lowered slope."""
    for book in BOOKS.values():
        rows = book.model._default_manager.all()
        assert rows.exists()
        assert not rows.filter(simulated=False).exists()
        assert "模拟" in client.get(reverse("log-book", args=[book.name])).content.decode()
    assert RemoteSession.objects.filter(notice="").count() == 2
    against = [one.against for one in SoftwareReading.objects.all()]
    assert (against.count("differs"), against.count("equal")) == (1, 16)
    group = next(one for one in panels.groups() if one.code.startswith("gas"))
    facts = witnesses._facts(group, panels.midnight(panels.yesterday()))
    said = [one.kind for one in facts["FG03", "flue_gas.a21002"]]
    assert said.count("setting_off_register") == 1
    assert said.count("change_in_remote_session") == 2


def a_confirmed_clue_becomes_a_case(passwords) -> None:
    """From clue over verification, with its two signatures, to a matter that follows it."""
    point = Point.objects.get(code="FG03")
    clue = Clue.objects.create(
        point=point,
        kind="scale",
        rule="screening-day",
        start=now() - timedelta(days=60),
        score=0.999,
        statement="…",
        opened_at=now(),
        simulated=True,
    )
    assert not demo_work.has_case()
    case = demo_work.make_case(passwords, clue, "2026-09-15..2026-09-30 为模拟的斜率调低")
    clue.refresh_from_db()
    assert clue.state == "confirmed"
    assert demo_work.has_case()
    whole = funnel.funnel(User.objects.get(username="juzhang"), funnel.Selection()).whole
    assert (whole.clues, whole.simulated, whole.confirmed, whole.cases) == (1, 1, 1, 1)
    assert (case.title[:4], case.title_en[:6]) == ("（演示）", "(demo)")


def everybody_finds_work() -> None:
    """Each person finds matters in the stage that is theirs; the late one climbs."""
    assert {one.state for one in Matter.objects.all()} == {"verifying", "signing", "correcting", "corrected"}
    assert all(one.title.startswith("（演示）") for one in Matter.objects.all())
    assert all(one.title_en.startswith("(demo) ") for one in Matter.objects.all())
    for username in ("zhifa1", "juzhang", "huagong", "wushui"):
        assert matters.inbox(User.objects.get(username=username)).exists(), username
    states = sorted(Deadline.objects.filter(code="rectify").values_list("state", flat=True))
    assert states == ["met", "running", "running", "running"]
    assert escalate() >= 1
