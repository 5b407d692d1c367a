from __future__ import annotations

import json
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from tests.apps.conftest import NOW

from qingjian.apps.accounts import rules, services
from qingjian.apps.accounts.models import User
from qingjian.apps.network.models import Series
from qingjian.apps.observing import stores, views
from qingjian.contracts.latest import LatestValue


def value(series: int, known_at, number: float) -> LatestValue:
    return LatestValue(series, "hour", NOW, number, "N", known_at, f"gateway-{series}", 1)


@pytest.fixture
def latest(monkeypatch, tmp_path):
    from qingjian.pipeline.latest import SqliteLatestStore

    store = SqliteLatestStore(tmp_path / "latest.sqlite3")
    monkeypatch.setattr(stores, "latest", lambda: store)
    return store


def test_a_value_received_earlier_and_written_later_is_shown(latest) -> None:
    shown = views.LiveValues(NOW)
    latest.write([value(1, NOW + timedelta(seconds=5), 1.0)])
    assert [one[0] for one in shown.changed(frozenset({1, 2}))] == [1]
    latest.write([value(2, NOW + timedelta(seconds=4), 2.0)])
    assert [one[0] for one in shown.changed(frozenset({1, 2}))] == [2]
    assert shown.changed(frozenset({1, 2})) is None


def told_again(client, registry, latest, **asked) -> list:
    client.force_login(registry.person("staff", "station_staff"))
    series = Series.objects.get(code="A1.a34004").pk
    latest.write([value(series, NOW - timedelta(minutes=5), 40.0)])

    async def first() -> list:
        found = []
        stream = views._events(client.session.session_key, frozenset({series}), views._told_until(**asked))
        event = await anext(stream)
        found.append(event)
        await stream.aclose()
        return found

    (event,) = async_to_sync(first)()
    return event


def test_a_stream_opened_again_tells_what_was_written_in_between(client, registry, latest) -> None:
    before = str(int((NOW - timedelta(minutes=6)).timestamp() * 1000))
    event = told_again(client, registry, latest, text=before)
    assert event.startswith(f"id: {int(NOW.timestamp() * 1000)}\n"), "where the next one goes on"
    assert [row[3] for row in json.loads(event.partition("data: ")[2])] == [40.0]


@pytest.mark.parametrize("text", ["", "x", "-1e99", "9" * 40, str(int(NOW.timestamp() * 1000))])
def test_a_stream_begins_with_the_present_where_nothing_was_missed(client, registry, latest, text) -> None:
    event = told_again(client, registry, latest, text=text)
    assert json.loads(event.partition("data: ")[2]) == []


@pytest.mark.parametrize("header", [True, False])
def test_the_view_goes_on_where_the_browser_was_told_last(client, registry, latest, header) -> None:
    client.force_login(registry.person("staff", "station_staff"))
    series = Series.objects.get(code="A1.a34004").pk
    latest.write([value(series, NOW - timedelta(minutes=5), 40.0)])
    before = str(int((NOW - timedelta(minutes=6)).timestamp() * 1000))
    more = {"headers": {"Last-Event-ID": before}} if header else {}
    query = {"once": 1} | ({} if header else {"since": before})
    assert [row[:4] for row in client.get("/live/", query, **more).json()] == [
        [series, "hour", int(NOW.timestamp() * 1000), 40.0]
    ]
    assert client.get("/live/", {"once": 1}).json() == []


def sign_out(client, _registry, _user) -> None:
    client.post("/logout/")


def close_the_account(_client, registry, user) -> None:
    services.set_active(registry.person("system", "system_administrator"), user, False)


def set_another_password(_client, registry, user) -> None:
    services.reset_password(
        registry.person("system", "system_administrator"), user, "another-long-password-9"
    )


def read(client, clock, latest, series: Series, happen) -> list[list]:
    """Return the series of the events before and after something happens; None at the end of the stream."""

    async def told() -> list:
        found = []
        stream = views._events(client.session.session_key, frozenset({series.pk}))
        for number in range(2):
            await sync_to_async(latest.write)([value(series.pk, NOW + timedelta(seconds=number), number)])
            event = await anext(stream, None)
            found.append(event and [one[0] for one in json.loads(event.partition("data: ")[2])])
            if number == 0:
                await sync_to_async(happen)()
                clock.advance(views.LIVE_ASKED_SECONDS)
        return found

    return async_to_sync(told)()


@pytest.mark.parametrize("happens", [sign_out, close_the_account, set_another_password])
def test_a_live_stream_ends_with_the_session(client, registry, clock, latest, happens) -> None:
    user = registry.person("staff", "station_staff")
    client.force_login(user)
    series = Series.objects.get(code="A1.a34004")
    told = read(
        client, clock, latest, series, lambda: happens(client, registry, User.objects.get(pk=user.pk))
    )
    assert told == [[series.pk], None]


def test_a_live_stream_shows_nothing_more_of_a_post_that_ended(client, registry, clock, latest) -> None:
    user = registry.person("staff", "station_staff")
    client.force_login(user)
    series = Series.objects.get(code="A1.a34004")
    security = registry.person("security", "security_administrator")
    (post,) = rules.posts_on(user)
    told = read(client, clock, latest, series, lambda: services.end_post(security, post, rules.today()))
    assert told == [[series.pk], []]
