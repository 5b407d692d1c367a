"""The demo's people have begun their work before a visitor comes: what each of them finds in the morning."""

from __future__ import annotations

import pytest
from django.conf import settings

from qingjian.apps.accounts.models import User
from qingjian.apps.matters import queries, services
from qingjian.apps.matters.models import Deadline, Matter
from qingjian.apps.network.models import Point
from qingjian.contracts.folders import DataFolder
from qingjian.site import demo


def titles(username: str) -> set[str]:
    return {one.title for one in queries.inbox(User.objects.get(username=username))}


@pytest.mark.django_db
@pytest.mark.xdist_group("demo")
def test_everybody_finds_work_in_the_stage_that_is_theirs(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(settings, "PASSWORD_HASHERS", ["django.contrib.auth.hashers.MD5PasswordHasher"])
    folder = DataFolder(tmp_path / "data")
    folder.make()
    monkeypatch.setattr(settings, "DATA_FOLDER", folder)
    demo.install()

    assert {one.state for one in Matter.objects.all()} == {"verifying", "signing", "correcting", "corrected"}
    assert all(one.title.startswith("（演示）") for one in Matter.objects.all())
    for username in ("zhifa1", "juzhang", "huagong", "wushui"):
        assert titles(username), username
    states = sorted(Deadline.objects.filter(code="rectify").values_list("state", flat=True))
    assert states == ["met", "running", "running", "running"]
    assert services.escalate() >= 1, "the late one climbs"

    for point in Point.objects.exclude(notice=""):
        for line, stroke in zip(point.notice.split("\n"), (" ｜ ", " | "), strict=True):
            parts = line.split(stroke)
            assert len(parts) == len(set(parts)), f"{point.code} says a thing twice"
