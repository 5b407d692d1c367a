"""What changes outside the registry and must reach the services: rules of the office, passwords and keys of devices."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from qingjian.apps.network import services
from qingjian.apps.network.comparison import differences
from qingjian.apps.network.models import Device, Version
from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import queries as rules
from qingjian.apps.rulekeeping import services as rulekeeping
from qingjian.contracts.commands import Command, CommandState
from qingjian.contracts.rulebooks import RulebookStore
from qingjian.gateway.commands import SqliteCommandQueue


def succeeded(clock, code: str, parameters: dict[str, str], number: int = 1) -> None:
    """A command of an office that the device has carried out."""
    queue = SqliteCommandQueue(settings.DATA_FOLDER.commands)
    now = clock.now()
    queue.put(
        Command(
            f"c{number}",
            "MN-A1",
            code,
            parameters,
            "shuju",
            "device.command:1",
            now,
            now + timedelta(hours=1),
        )
    )
    queue.update(f"c{number}", now, state=CommandState.SUCCEEDED)
    queue.close()


def published() -> tuple[str, str]:
    directory = services.directory_store().current()
    device = next(one for one in directory.devices if one.code == "A1-D1")
    return device.password, device.sm4_key_hex


def test_a_new_password_reaches_registry_and_directory(registry, clock) -> None:
    before = services.directory_store().current().version
    assert services.publish_changed_secrets() is None
    clock.advance(10)
    succeeded(clock, "1072", {"NewPW": "654321"})
    clock.advance(10)
    assert services.publish_changed_secrets().version == before + 1
    assert published() == ("654321", "")
    assert Device.objects.get(code="A1-D1").password == "654321"
    assert Version.objects.filter(kind="device", key="A1-D1").first().fields["password"] == "654321"
    assert services.publish_changed_secrets() is None, "it is there"
    assert [said for said in differences() if "A1-D1" in said] == []
    assert LedgerEvent.objects.filter(kind="registry.installed").last().identifier == str(
        Version.objects.filter(kind="device", key="A1-D1").first().pk
    )


def test_a_new_key_reaches_registry_and_directory(registry, clock) -> None:
    clock.advance(10)
    succeeded(clock, "1014", {"SKCreateTime": "20260801000000000", "NewSK": "0123456789abcdef"})
    clock.advance(10)
    services.publish_changed_secrets()
    assert published() == ("123456", b"0123456789abcdef".hex())


def test_a_publication_for_another_reason_does_not_bring_the_old_password_back(registry, clock) -> None:
    clock.advance(10)
    succeeded(clock, "1072", {"PW": "654321"})
    clock.advance(10)
    services.publish_directory()
    assert published()[0] == "654321"


def test_what_the_registry_says_later_stands(registry, clock) -> None:
    clock.advance(10)
    succeeded(clock, "1072", {"NewPW": "654321"})
    clock.advance(10)
    row = Device.objects.get(code="A1-D1")
    row.password = "777777"
    row.save()
    Version.objects.create(kind="device", key="A1-D1", recorded_at=clock.now(), fields={})
    assert services.publish_changed_secrets() is None
    services.publish_directory()
    assert published()[0] == "777777"


def test_a_confirmation_and_an_own_rule_reach_the_directory(
    registry, django_capture_on_commit_callbacks
) -> None:
    manager = registry.person("m", "data_manager", region=registry.city)
    first = services.directory_store().current()
    assert first.rulebook_version == rules.rulebook().version
    assert services.publish_changed_rulebook() is None
    row = next(one for one in rules.rulebook().rows_to_confirm() if one.confidence.value == "U")
    with django_capture_on_commit_callbacks(execute=True):
        rulekeeping.confirm(manager, row.id, row.digest, "HJ 75-2017 第12页")
    second = services.directory_store().current()
    assert second.version == first.version + 1
    book = RulebookStore(settings.DATA_FOLDER.rulebook).read(second.rulebook_version)
    assert book.row(row.id).confirmed
    assert not RulebookStore(settings.DATA_FOLDER.rulebook).read(first.rulebook_version).row(row.id).confirmed


def test_the_worker_publishes_what_was_not_announced(registry) -> None:
    manager = registry.person("m", "data_manager", region=registry.city)
    row = next(one for one in rules.rulebook().rows_to_confirm() if one.confidence.value == "U")
    rulekeeping.confirm(manager, row.id, row.digest, "HJ 75-2017 第12页")
    assert services.publish_changed_rulebook().rulebook_version == rules.rulebook().version


@pytest.mark.parametrize("version", ["", "0123456789abcdef"])
def test_an_unknown_rulebook_is_said_to_be_missing(tmp_path, version: str) -> None:
    store = RulebookStore(tmp_path)
    if version:
        with pytest.raises(FileNotFoundError):
            store.read(version)
    else:
        assert store.read(version).version == rules.packaged().version
