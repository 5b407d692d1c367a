"""The directory is published whatever happens: several processes at once, one that fails, a day that moves a region."""

from __future__ import annotations

import errno
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from qingjian.apps.network import registered, services, snapshots
from qingjian.apps.network.models import Device
from qingjian.apps.network.services import Proposal
from qingjian.contracts.current import now
from qingjian.contracts.directory import Directory, FileDirectoryStore


@pytest.mark.django_db(transaction=True)
def test_publishers_at_once_each_get_a_version_of_their_own(registry) -> None:
    def publish(_: int) -> int:
        try:
            return services.publish_directory().version
        finally:
            connection.close()

    first = services.directory_store().current().version
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(publish, range(16)))
    assert sorted(versions) == list(range(first + 1, first + 17))
    assert services.directory_store().current().version == first + 16


def test_an_approved_change_whose_publication_failed_is_published_later(registry, monkeypatch) -> None:
    maker, checker = (registry.person(name, "data_manager") for name in ("maker", "checker"))
    before = registered.plain(registered.KINDS["device"], Device.objects.get(code="A1-D1"))
    change = services.propose(maker, "改", [Proposal("device", {**before, "silence_seconds": 777})])
    publish = FileDirectoryStore.publish

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FileDirectoryStore, "publish", full)
    with pytest.raises(OSError, match="No space"):
        services.approve(checker, change, 0)
    monkeypatch.setattr(FileDirectoryStore, "publish", publish)
    used = services.directory_store().current()
    assert used.device("MN-A1", now()).silence_seconds != 777
    published = services.publish_unpublished()
    assert published is not None
    assert published.version == used.version + 1
    assert services.directory_store().current().device("MN-A1", now()).silence_seconds == 777
    assert services.publish_unpublished() is None


def test_forwarding_follows_a_dated_move_on_its_day(registry, clock) -> None:
    for code, parent, day in (("990111", "990101", "2024-01-01"), ("990111", "990102", "2026-12-01")):
        services.register(
            [
                Proposal("region", {"code": code, "name": "镇", "level": "township"}),
                Proposal("placement", {"region": code, "parent": parent, "valid_from": day}),
            ]
        )
    point = registered.KINDS["point"].model.objects.get(code="A1")
    services.register(
        [Proposal("point", {**registered.plain(registered.KINDS["point"], point), "region": "990111"})]
    )
    target = {
        "code": "U1",
        "name": "甲县平台",
        "host": "10.0.0.1",
        "port": 9000,
        "devices": ["region:990101"],
    }
    services.register([Proposal("target", target)])
    services.publish_directory()
    (before,) = services.directory_store().current().targets
    assert "MN-A1" in before.devices
    assert services.publish_unpublished() is None
    clock.set_wall(datetime(2026, 12, 5, tzinfo=UTC))
    assert services.publish_unpublished() is not None
    (after,) = services.directory_store().current().targets
    assert set(after.devices) == set(before.devices) - {"MN-A1"}
    assert services.publish_unpublished() is None


def test_the_whole_register_is_compared_when_something_was_written_since_and_once_an_hour(
    registry, clock, monkeypatch
) -> None:
    read = snapshots.taken
    reads: list[int] = []

    def counted(version: int, rulebook_version: str) -> Directory:
        reads.append(version)
        return read(version, rulebook_version)

    monkeypatch.setattr(snapshots, "taken", counted)
    assert [services.publish_unpublished() for _ in range(5)] == [None] * 5
    assert not reads, "it was published within the hour, and names the newest row"
    fields = registered.plain(registered.KINDS["device"], Device.objects.get(code="A1-D1"))
    services.install([Proposal("device", {**fields, "silence_seconds": 778})])
    assert services.publish_unpublished() is not None
    assert services.directory_store().current().device("MN-A1", now()).silence_seconds == 778
    reads.clear()
    clock.advance(60)
    assert [services.publish_unpublished() for _ in range(3)] == [None] * 3
    assert not reads
    clock.advance(3600)
    assert [services.publish_unpublished() for _ in range(3)] == [None] * 3
    assert len(reads) == 1


def test_a_row_that_no_version_tells_of_is_published_within_the_hour(registry, clock) -> None:
    Device.objects.filter(code="A1-D1").update(silence_seconds=779)
    assert services.publish_unpublished() is None
    clock.advance(3600)
    assert services.publish_unpublished() is not None
    assert services.directory_store().current().device("MN-A1", now()).silence_seconds == 779


def test_a_snapshot_is_read_from_its_file_once(registry, monkeypatch) -> None:
    asked: list[bytes] = []
    read = Directory.from_json.__func__
    monkeypatch.setattr(
        Directory, "from_json", classmethod(lambda cls, text: (asked.append(text), read(cls, text))[1])
    )
    services._store_of.cache_clear()
    services.publish_directory()
    for _ in range(5):
        assert services.publish_changed_rulebook() is None
    assert len(asked) <= 2, "the one before, and the one published"
