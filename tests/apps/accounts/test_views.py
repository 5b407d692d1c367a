from __future__ import annotations

from datetime import date

import pytest
from tests.apps.addresses import addresses

from qingjian.apps.accounts import services
from qingjian.apps.accounts.models import AuditEvent, User

OPEN = {
    "/login/",
    "/login/code/",
    "/i18n/setlang/",
    "/health/",
    "/public/demo-data/",
    "/public/disclosures/",
    "/public/ledger/",
    "/public/ledger/verify.py",
    "/ledger/<path:name>",
    "/witness/<path:name>",
}
"""Meant for everybody; whoever adds a page that is must add it here."""


def test_every_page_needs_a_signed_in_person(client, db) -> None:
    asked = 0
    for path in addresses():
        plain = path.replace("<int:pk>", "1").replace("<int:sequence>", "1").replace("<path:key>", "k")
        for name in ("code", "kind", "journal"):
            plain = plain.replace(f"<str:{name}>", "x")
        if plain in OPEN or plain.startswith("/api/v1/"):
            continue  # of the latter tests/api says that they ask themselves
        response = client.get(plain)
        assert response.status_code == 302, plain
        assert response["Location"].startswith("/login/"), plain
        asked += 1
    assert asked > 20


def test_signing_in_and_out_is_in_the_trail(client, county) -> None:
    county.person("staff", "station_staff")
    response = client.post(
        "/login/", {"username": "staff", "password": "a-long-password-1", "next": "/points/"}
    )
    assert response["Location"] == "/points/"
    client.post("/logout/")
    assert [event.action for event in AuditEvent.objects.order_by("-id")[:2]] == [
        "session:user:signed-out",
        "session:user:signed-in",
    ]


def test_an_account_locks_after_five_failures_and_opens_after_a_quarter_of_an_hour(
    client, county, clock
) -> None:
    county.person("staff", "station_staff")
    for _attempt in range(services.FAILURES_BEFORE_LOCK):
        client.post("/login/", {"username": "staff", "password": "wrong"})
    assert client.post("/login/", {"username": "staff", "password": "a-long-password-1"}).status_code == 400
    clock.advance(15 * 60 + 1)
    assert client.post("/login/", {"username": "staff", "password": "a-long-password-1"}).status_code == 302


def test_a_sign_in_never_leads_to_another_site(client, county) -> None:
    county.person("staff", "station_staff")
    response = client.post(
        "/login/",
        {"username": "staff", "password": "a-long-password-1", "next": "https://evil.example/"},
    )
    assert response["Location"] == "/"


def test_a_first_password_must_be_changed(client, county) -> None:
    user = county.person("staff", "station_staff")
    User.objects.filter(pk=user.pk).update(must_change_password=True)
    client.force_login(user)
    assert "data-live-state" not in client.get("/password/").content.decode()
    assert client.get("/points/")["Location"] == "/password/"
    response = client.post(
        "/password/", {"old": "a-long-password-1", "new": "another-long-one-2", "again": "another-long-one-2"}
    )
    assert response["Location"] == "/"
    assert client.get("/points/").status_code == 200


@pytest.mark.parametrize("path", ["/people/", "/organisations/", "/regions/", "/roles/"])
def test_lists_open_and_export(client, county, path: str) -> None:
    client.force_login(county.person("system", "system_administrator"))
    assert client.get(path).status_code == 200
    if path != "/roles/":
        assert client.get(path + "?export=xlsx").content[:2] == b"PK"


def test_content_security_forbids_inline_scripts(client, db) -> None:
    policy = client.get("/login/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_a_post_with_an_end_to_come_has_its_button_and_an_ended_one_has_none(client, county) -> None:
    security = county.person("security", "security_administrator")
    person = county.person("p", "station_staff")
    give = lambda begins, ends: services.give_post(  # noqa: E731 - read once below
        security, person, "data_manager", county.bureau, county.county, begins, ends
    )
    coming = give(date(2026, 1, 1), date(2028, 1, 1))
    ended = give(date(2024, 1, 1), date(2024, 6, 1))
    today = give(date(2026, 11, 21), None)
    elsewhere = services.place_post(person, "leader", county.bureau, county.other, date(2026, 1, 1))
    client.force_login(security)
    page = client.get(f"/people/{person.pk}/").content.decode()
    shown = [f"/posts/{post.pk}/end/" in page for post in (coming, ended, today, elsewhere)]
    assert shown == [True, False, True, False]
    client.post(f"/posts/{today.pk}/end/")
    today.refresh_from_db()
    assert today.valid_to == today.valid_from
    assert f"/posts/{today.pk}/end/" not in client.get(f"/people/{person.pk}/").content.decode()
