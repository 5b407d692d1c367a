"""Access tokens: made by the person, kept as a digest, shown once, ended by time, revocation and whatever closes the account."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from tests.apps.conftest import County

from qingjian.apps.accounts import rules, services, tokens
from qingjian.apps.accounts.models import AccessToken, AuditEvent, User
from qingjian.apps.records.models import LedgerEvent

PASSWORD = "a-long-password-1"
SHOWN = re.compile(r'id="token" value="([^"]+)"')


def made(user: User, days: int = 30) -> tuple[AccessToken, str]:
    return services.make_token(user, "script", rules.today() + timedelta(days=days))


def why_refused(text: str) -> str:
    with pytest.raises(services.TokenRefusedError) as refused:
        services.use_token(text, "10.0.0.1")
    return refused.value.why


def form(**changed: str) -> dict[str, str]:
    day = (rules.today() + timedelta(days=30)).isoformat()
    return {"name": "report script", "last_day": day, "password": PASSWORD, **changed}


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_token_or_stops_the_program(text: str) -> None:
    assert tokens.is_token(text) == (tokens.SHAPE.fullmatch(text) is not None)
    assert len(tokens.digest(text)) == 64


def test_a_new_token_is_shown_once_and_kept_as_a_digest_only(client, county: County) -> None:
    client.force_login(county.person("staff", "station_staff"))
    answer = client.post("/access-tokens/", form())
    [text] = SHOWN.findall(answer.content.decode())
    assert tokens.is_token(text)
    assert "no-store" in answer["Cache-Control"]
    [row] = AccessToken.objects.values()
    assert text not in map(str, row.values())
    assert row["digest"] == tokens.digest(text)
    page = client.get("/access-tokens/").content.decode()
    assert text not in page
    assert tokens.hint(text) in page
    assert all(text not in str(event.detail) for event in AuditEvent.objects.all())
    assert services.use_token(text, "10.0.0.1").user.username == "staff"


def test_the_list_is_taken_along_without_the_text_of_a_token(client, county: County) -> None:
    person = county.person("staff", "station_staff")
    client.force_login(person)
    assert "export=xlsx" not in client.get("/access-tokens/").content.decode()
    row, text = made(person)
    assert "?export=xlsx" in client.get("/access-tokens/").content.decode()
    [sheet] = load_workbook(BytesIO(client.get("/access-tokens/?export=xlsx").content)).worksheets
    cells = [one.value for one in list(sheet.rows)[-1]]
    assert cells[:2] == [row.name, row.hint]
    assert text not in map(str, cells)


def test_a_page_left_open_makes_no_token_and_trying_locks_the_account(client, county: County) -> None:
    client.force_login(county.person("staff", "station_staff"))
    for _attempt in range(services.FAILURES_BEFORE_LOCK):
        assert client.post("/access-tokens/", form(password="guess")).status_code == 400
    assert client.post("/access-tokens/", form()).status_code == 400
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("days", [-1, 366, 3000])
def test_a_token_holds_for_a_year_at_most(client, county: County, days: int) -> None:
    person = county.person("staff", "station_staff")
    with pytest.raises(ValidationError):
        made(person, days)
    client.force_login(person)
    late = (rules.today() + timedelta(days=days)).isoformat()
    assert client.post("/access-tokens/", form(last_day=late)).status_code == 400
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("days", [0, 365])
def test_a_token_holds_through_its_last_day(county: County, clock, days: int) -> None:
    row, text = made(county.person("staff", "station_staff"), days)
    clock.set_wall(row.expires_at - timedelta(seconds=1))
    assert services.use_token(text, "").pk == row.pk
    clock.set_wall(row.expires_at)
    assert why_refused(text) == "expired"


def test_nobody_keeps_any_number_of_tokens(county: County) -> None:
    person = county.person("staff", "station_staff")
    first, _text = made(person)
    for _more in range(services.MOST_TOKENS - 1):
        made(person)
    with pytest.raises(ValidationError):
        made(person)
    services.revoke_token(person, first)
    made(person)


def test_use_is_noted_once_a_minute_and_another_address_is_in_the_trail(county: County, clock) -> None:
    row, text = made(county.person("staff", "station_staff"))
    first = services.use_token(text, "10.0.0.1")
    assert first.last_used_at is None  # as it was before this use
    clock.advance(30)
    services.use_token(text, "10.0.0.2")
    row.refresh_from_db()
    assert row.last_used_from == "10.0.0.1"
    clock.advance(31)
    services.use_token(text, "10.0.0.2")
    clock.advance(61)
    services.use_token(text, "10.0.0.2")
    row.refresh_from_db()
    assert (row.last_used_from, row.last_used_at) == ("10.0.0.2", clock.now())
    used = AuditEvent.objects.filter(action="session:token:used").order_by("id")
    assert [one.address for one in used] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("system_administrator", True),
        ("security_administrator", True),
        ("audit_administrator", False),
        ("data_manager", False),
        ("leader", False),
    ],
)
def test_administrators_of_the_account_see_and_revoke(client, county: County, role: str, may: bool) -> None:
    person = county.person("staff", "station_staff")
    row, text = made(person)
    client.force_login(county.person("other", role))
    assert (row.hint in client.get(f"/people/{person.pk}/").content.decode()) == may
    assert client.post(f"/access-tokens/{row.pk}/revoke/").status_code == (302 if may else 403)
    if may:
        assert why_refused(text) == "revoked"
    else:
        assert services.use_token(text, "").pk == row.pk


def test_an_administrator_of_another_region_revokes_nothing(county: County) -> None:
    row, _text = made(county.person("staff", "station_staff"))
    elsewhere = county.person("far", "system_administrator", region=county.other)
    with pytest.raises(PermissionDenied):
        services.revoke_token(elsewhere, row)


def test_making_and_revoking_stand_in_the_trail_and_the_ledger(client, county: County) -> None:
    person = county.person("staff", "station_staff")
    row, _text = made(person)
    client.force_login(person)
    assert client.post(f"/access-tokens/{row.pk}/revoke/")["Location"] == "/access-tokens/"
    client.post(f"/access-tokens/{row.pk}/revoke/")
    actions = [one.action for one in AuditEvent.objects.filter(action__contains=":token:").order_by("id")]
    assert actions == ["account:token:made", "account:token:revoked"]
    assert LedgerEvent.objects.filter(kind="setting.changed").count() == len(actions)


def test_a_closed_account_has_no_token_also_when_it_is_opened_again(county: County) -> None:
    person = county.person("staff", "station_staff")
    administrator = county.person("system", "system_administrator")
    _row, text = made(person)
    services.set_active(administrator, person, False)
    assert why_refused(text) == "revoked"
    services.set_active(administrator, person, True)
    assert why_refused(text) == "revoked"


def test_a_password_set_by_somebody_else_ends_the_tokens(county: County) -> None:
    person = county.person("staff", "station_staff")
    _row, text = made(person)
    services.reset_password(county.person("system", "system_administrator"), person, "another-long-one-2")
    assert why_refused(text) == "revoked"


def test_what_a_person_has_to_settle_first_stops_programs_too(county: County, settings) -> None:
    person = county.person("system", "system_administrator")
    _row, text = made(person)
    settings.SECOND_FACTOR = "administrators"
    assert why_refused(text) == "unsettled"
    settings.SECOND_FACTOR = "optional"
    User.objects.filter(pk=person.pk).update(must_change_password=True)
    assert why_refused(text) == "unsettled"
    User.objects.filter(pk=person.pk).update(must_change_password=False, is_active=False)
    assert why_refused(text) == "closed"


def test_a_locked_password_does_not_stop_programs(county: County) -> None:
    """Whoever types wrong passwords for somebody would stop what runs in their name."""
    person = county.person("staff", "station_staff")
    row, text = made(person)
    for _attempt in range(services.FAILURES_BEFORE_LOCK):
        services.sign_in_failed("staff", "10.0.0.66")
    assert services.use_token(text, "").pk == row.pk
