"""What a first start gives a node: administrators, and a synthetic device that proves its alerting."""

# ruff: noqa: F811 - fixtures are imported under the names tests ask for

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from tests.apps.conftest import NOW, _data_folder, _quick_passwords, clock, county, lay_out, registry  # noqa: F401

from qingjian.apps.accounts.models import User
from qingjian.apps.network import models, self_test
from qingjian.apps.network import queries as network_queries
from qingjian.apps.network import services as network
from qingjian.apps.observing import queries as observing
from qingjian.apps.observing import services as alerting
from qingjian.apps.observing.models import Alert
from qingjian.contracts.folders import DataFolder
from qingjian.pipeline.findings import SqliteFindingLog
from qingjian.pipeline.stating import make_finding
from qingjian.site import demo, health, setup
from qingjian.site.configuration import Configuration

EMPTY = Configuration(demo=False)


@pytest.fixture
def folder(_data_folder: DataFolder) -> DataFolder:
    return _data_folder


def told() -> str:
    return health._heartbeat().text


@pytest.mark.django_db
def test_an_empty_node_has_its_synthetic_device_and_proves_its_alerting(
    folder: DataFolder, clock, client
) -> None:
    setup.prepare(folder, EMPTY, lambda _line: None)
    (device,) = network.directory_store().current().devices
    assert (device.synthetic, device.mn) == (True, self_test.MN)
    assert set(device.addresses) == set(self_test.LOOPBACK)
    assert network.directory_store().current().route(device.mn, "x00001", NOW).series
    assert (observing.self_test(NOW).state, observing.self_test(NOW).overdue) == ("waiting", False)
    alerting.heartbeat_sent(NOW)
    assert "self-test running" in told()
    clock.advance(self_test.SILENCE_SECONDS + 60)
    log = SqliteFindingLog(folder.findings)
    silent = make_finding("device-silent", device.code, NOW, None, {"silent_seconds": 660}, clock.now())
    log.append([silent])
    alerting.consume_findings(log)
    assert Alert.objects.get().synthetic
    assert alerting.prove_heartbeat(timedelta(hours=1)).proved_at is not None
    assert "self-test passed" in told()
    system = User.objects.get(username="system")
    User.objects.update(must_change_password=False)
    client.force_login(system)
    page = client.get("/").content.decode()
    assert "最近发信" in page
    assert "报警无法自检" not in page
    assert "报警自检未通过" not in page
    clock.advance(37 * 3600)
    assert observing.self_test(clock.now()).state == "overdue"
    assert health._heartbeat().level == 2


@pytest.mark.django_db
def test_a_node_that_never_proved_its_alerting_says_so_after_a_day_and_a_half(
    folder: DataFolder, clock
) -> None:
    assert observing.self_test(NOW).state == "missing"
    assert health._heartbeat().level == 2
    setup.prepare(folder, EMPTY, lambda _line: None)
    clock.advance(35 * 3600)
    assert not observing.self_test(clock.now()).overdue
    clock.advance(2 * 3600)
    assert observing.self_test(clock.now()).overdue


def test_a_node_in_use_gets_the_device_at_its_next_start_and_only_one(
    registry, folder: DataFolder, client
) -> None:
    maker, checker = (
        registry.person(name, "data_manager", region=registry.city) for name in ("maker", "checker")
    )
    change = network.propose(
        maker, "新镇", [network.Proposal("region", {"code": "990103", "name": "丙", "level": "county"})]
    )
    network.approve(checker, change, 0)
    before = network_queries.coverage(maker)
    for host in ("127.0.0.1", "0.0.0.0", "192.168.3.4", "192.168.3.4"):
        setup.prepare(folder, Configuration(demo=False, gateway_host=host), lambda _line: None)
    device = models.Device.objects.get(synthetic=True)
    assert device.addresses == [*self_test.LOOPBACK, "192.168.3.4/32"]
    assert network_queries.history("device", device.code).count() == 2
    assert network_queries.coverage(maker) == before
    assert network_queries.duty_report(maker)["rows"] == [
        row for row in network_queries.duty_report(maker)["rows"] if row[0].kind != "synthetic"
    ]
    client.force_login(maker)
    for path in ("/points/", "/series/", "/map/points.json", "/public/disclosures/"):
        page = client.get(path)
        if page.status_code != 404:
            assert self_test.POINT not in page.content.decode(), path
    assert self_test.POINT in client.get("/points/?kind=synthetic").content.decode()


class KilledError(Exception):
    """Stands for the end of the process at that moment."""


def killed(*_args: object, **_options: object) -> None:
    raise KilledError


def first_logins(folder: DataFolder) -> dict[str, str]:
    return dict(line.split() for line in (folder.people / "first-logins.txt").read_text().splitlines())


@pytest.mark.django_db
def test_a_first_start_that_is_killed_leaves_nobody_without_a_password(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed: list[str] = []
    place_post = setup.accounts.place_post

    def second_fails(user: User, *rest: object) -> None:
        placed.append(user.username)
        if len(placed) == 2:
            raise KilledError
        place_post(user, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(setup.accounts, "place_post", second_fails)
        with pytest.raises(KilledError):
            setup.prepare(folder, EMPTY, lambda _line: None)
    assert not User.objects.exists()
    lines = setup.prepare(folder, EMPTY, lambda _line: None)
    logins = first_logins(folder)
    assert len(lines) == len(logins) == User.objects.count() == 3
    assert all(User.objects.get(username=name).check_password(text) for name, text in logins.items())


@pytest.mark.django_db
def test_a_demo_that_is_killed_while_it_is_set_up_is_finished_by_the_next_start(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def install(keep: Callable[[dict[str, str]], None]) -> None:
        done.append("install")
        keep(setup._empty())

    # What they do themselves is tested in test_demo, where one installation serves all.
    monkeypatch.setattr(demo, "install", install)
    monkeypatch.setattr(demo, "begin", lambda passwords: done.append(f"begin {len(passwords)}"))
    monkeypatch.setattr(demo, "import_history", lambda *_: done.append("history"))
    start = partial(setup.prepare, folder, Configuration(demo=True), lambda _line: None)
    for stage in ("install", "begin", "import_history"):
        with monkeypatch.context() as patch:
            patch.setattr(demo, stage, killed)
            with pytest.raises(KilledError):
                start()
    start()
    assert done == ["install", "begin 3", "begin 3", "history"]
    assert User.objects.count() == len(first_logins(folder)) == 3
    start()
    assert done[4:] == []
