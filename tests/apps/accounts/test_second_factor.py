from __future__ import annotations

import base64
import html
import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from qingjian.apps.accounts import rules, second_factor, services
from qingjian.apps.accounts.models import AdministratorReset, AuditEvent, RecoveryCode, SecondFactor, User

PASSWORD = "a-long-password-1"
RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("seconds", "digits"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_the_vectors_of_rfc_6238_hold(seconds: int, digits: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert second_factor.code_of(RFC_SECRET, second_factor.step_of(moment)) == digits[-6:]


@given(st.integers(0, 2**33), st.integers(-3, 3))
def test_a_code_holds_for_its_step_and_one_beside_and_never_twice(seconds: int, away: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    step = second_factor.step_of(moment) + away
    if step < 0:
        return
    code = second_factor.code_of(RFC_SECRET, step)
    found = second_factor.matching_step(RFC_SECRET, code, moment, -1)
    if abs(away) <= second_factor.DRIFT_STEPS:
        assert found is not None
        assert second_factor.code_of(RFC_SECRET, found) == code
        assert second_factor.matching_step(RFC_SECRET, code, moment, step + 3) is None


@given(st.text(max_size=20))
def test_any_text_is_answered_without_an_error(text: str) -> None:
    second_factor.matching_step(RFC_SECRET, text, datetime(2026, 11, 21, tzinfo=UTC), 0)
    assert len(second_factor.recovery_digest(text)) == 64


def test_recovery_codes_are_understood_however_they_are_typed() -> None:
    [first, *others] = second_factor.new_recovery_codes()
    assert len(others) == second_factor.RECOVERY_CODES - 1
    assert len({first, *others}) == second_factor.RECOVERY_CODES
    typed = first.lower().replace("-", " ")
    assert second_factor.recovery_digest(typed) == second_factor.recovery_digest(first)


def present_code(user: User) -> str:
    secret = second_factor.opened(SecondFactor.objects.get(user=user).sealed_secret)
    from qingjian.contracts.current import now

    return second_factor.code_of(secret, second_factor.step_of(now()))


def set_up(user: User) -> list[str]:
    services.begin_second_factor(user)
    return services.confirm_second_factor(user, present_code(user))


def sign_in(client, user: User):
    return client.post("/login/", {"username": user.username, "password": PASSWORD, "next": "/points/"})


def test_the_secret_is_not_readable_in_the_database(county) -> None:
    user = county.person("staff", "station_staff")
    secret = services.begin_second_factor(user)
    stored = SecondFactor.objects.get(user=user).sealed_secret
    assert base64.b32encode(secret).decode() not in stored
    assert second_factor.opened(stored) == secret
    assert second_factor.opened(stored[:-4] + "AAA=") is None


def test_setting_up_shows_the_key_takes_a_code_and_shows_recovery_codes_once(client, county) -> None:
    user = county.person("staff", "station_staff")
    client.force_login(user)
    page = client.get("/second-factor/").content.decode()
    key = re.search(r'qj-key"[^>]*>([A-Z2-7 ]+)<', page).group(1)
    assert base64.b32decode(key.replace(" ", "")) == services.begin_second_factor(user)
    assert "otpauth://totp/" in page
    wrong = client.post("/second-factor/", {"code": "000000"}).content.decode()
    assert key in wrong
    assert not RecoveryCode.objects.exists()
    shown = client.post("/second-factor/", {"code": present_code(user)}).content.decode()
    assert len(re.findall(r"<li>[A-Z0-9]{4}(?:-[A-Z0-9]{4}){2}</li>", shown)) == 10
    state = client.get("/second-factor/").content.decode()
    assert "otpauth" not in state
    assert "-" not in {code.digest for code in RecoveryCode.objects.all()}


def test_the_key_is_shown_as_a_picture_that_the_content_security_policy_allows(client, county) -> None:
    client.force_login(county.person("staff", "station_staff"))
    answer = client.get("/second-factor/")
    page = answer.content.decode()
    address = html.unescape(re.search(r'href="(otpauth://[^"]+)"', page).group(1))
    picture = re.search(r"<svg .*?</svg>", page, re.DOTALL).group(0)
    assert picture == second_factor.picture(address)
    assert {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(picture).iter()} == {"svg", "path"}
    assert not re.search(r"style|script|\son\w+=|href", picture)
    assert "unsafe-inline" not in answer["Content-Security-Policy"]
    # Drawn rows begin at the border of four modules; the three finder patterns are where every reader looks for them.
    size = int(re.search(r'viewBox="0 0 (\d+)', picture).group(1))
    first_row = re.search(r'stroke="#000" d="M(\d+) 4.5h7.*?h7m-', picture)
    assert (first_row.group(1), size >= 21 + 8) == ("4", True)


def test_signing_in_needs_the_code_and_no_code_holds_twice(client, county, clock) -> None:
    user = county.person("staff", "station_staff")
    set_up(user)
    clock.advance(60)
    assert sign_in(client, user)["Location"] == "/login/code/"
    assert client.get("/points/")["Location"].startswith("/login/?")
    assert client.post("/login/code/", {"code": "123456"}).status_code == 400
    code = present_code(user)
    assert client.post("/login/code/", {"code": code})["Location"] == "/points/"
    assert client.get("/points/").status_code == 200
    client.post("/logout/")
    sign_in(client, user)
    assert client.post("/login/code/", {"code": code}).status_code == 400


def test_a_recovery_code_opens_the_account_once(client, county, clock) -> None:
    user = county.person("staff", "station_staff")
    first = set_up(user)[0]
    sign_in(client, user)
    assert client.post("/login/code/", {"code": first.lower()}).status_code == 302
    assert AuditEvent.objects.filter(action="account:recovery-code:used").count() == 1
    client.post("/logout/")
    sign_in(client, user)
    assert client.post("/login/code/", {"code": first}).status_code == 400


def test_guessing_codes_locks_the_account(client, county) -> None:
    user = county.person("staff", "station_staff")
    set_up(user)
    sign_in(client, user)
    for _attempt in range(services.FAILURES_BEFORE_LOCK):
        client.post("/login/code/", {"code": "000000"})
    recovery = services._fresh_recovery_codes(user)[0]
    assert client.post("/login/code/", {"code": recovery}).status_code == 400
    assert User.objects.get(pk=user.pk).locked_until is not None


def test_the_second_step_is_open_for_five_minutes(client, county, clock) -> None:
    user = county.person("staff", "station_staff")
    codes = set_up(user)
    sign_in(client, user)
    clock.advance(301)
    assert client.post("/login/code/", {"code": codes[0]})["Location"] == "/login/"
    assert client.get("/login/code/")["Location"] == "/login/"


@pytest.mark.parametrize(
    ("policy", "role", "asked"),
    [
        ("administrators", "system_administrator", True),
        ("administrators", "station_staff", False),
        ("everyone", "station_staff", True),
        ("optional", "system_administrator", False),
    ],
)
def test_who_must_set_one_up_follows_from_the_policy(
    client, county, settings, policy: str, role: str, asked: bool
) -> None:
    settings.SECOND_FACTOR = policy
    user = county.person("somebody", role)
    client.force_login(user)
    answer = client.get("/people/")
    assert (answer.status_code == 302) is asked
    if asked:
        assert answer["Location"] == "/second-factor/"
        client.get("/second-factor/")
        client.post("/second-factor/", {"code": present_code(user)})
        assert client.get("/people/").status_code == 200


def test_a_changed_password_keeps_the_session_and_its_second_factor(client, county, settings) -> None:
    settings.SECOND_FACTOR = "everyone"
    user = county.person("staff", "station_staff")
    client.force_login(user)
    client.get("/second-factor/")
    client.post("/second-factor/", {"code": present_code(user)})
    new = "another-long-password-2"
    client.post("/password/", {"old": PASSWORD, "new": new, "again": new})
    assert client.get("/points/").status_code == 200


def test_a_browser_signed_in_before_it_was_set_up_must_sign_in_again(client, county, settings) -> None:
    settings.SECOND_FACTOR = "everyone"
    user = county.person("staff", "station_staff")
    client.force_login(user)
    set_up(user)
    assert client.get("/points/")["Location"] == "/second-factor/"
    assert client.get("/second-factor/")["Location"] == "/login/"


def test_giving_it_up_needs_a_code_and_the_policys_leave(client, county, clock, settings) -> None:
    user = county.person("staff", "station_staff")
    codes = set_up(user)
    with pytest.raises(ValidationError):
        services.remove_second_factor(user, "000000")
    settings.SECOND_FACTOR = "everyone"
    with pytest.raises(ValidationError):
        services.remove_second_factor(user, codes[0])
    settings.SECOND_FACTOR = "optional"
    services.remove_second_factor(user, codes[1])
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_new_recovery_codes_replace_the_old(county, clock) -> None:
    user = county.person("staff", "station_staff")
    old = set_up(user)
    clock.advance(60)
    new = services.renew_recovery_codes(user, present_code(user))
    assert not services.second_factor_holds(user, old[3])
    assert services.second_factor_holds(user, new[3])


def test_the_system_administrator_resets_it_for_others_only(client, county) -> None:
    user = county.person("staff", "station_staff")
    set_up(user)
    system = county.person("xitong", "system_administrator")
    with pytest.raises(PermissionDenied):
        services.reset_second_factor(county.person("anquan", "security_administrator"), user)
    set_up(system)
    with pytest.raises(ValidationError):
        services.reset_second_factor(system, system)
    client.force_login(system)
    client.post(f"/people/{user.pk}/second-factor/reset/")
    assert not SecondFactor.objects.filter(user=user).exists()
    assert AuditEvent.objects.filter(action="account:second-factor:reset", subject="staff").exists()


def test_a_forgotten_password_is_replaced_by_a_first_one(client, county) -> None:
    user = county.person("staff", "station_staff")
    system = county.person("xitong", "system_administrator")
    client.force_login(system)
    assert client.post(f"/people/{user.pk}/password/", {"password": "short"}).status_code == 200
    client.post(f"/people/{user.pk}/password/", {"password": "brand-new-password-9"})
    user.refresh_from_db()
    assert user.must_change_password
    assert user.check_password("brand-new-password-9")
    with pytest.raises(ValidationError):
        services.reset_password(system, system, "brand-new-password-9")
    client.force_login(county.person("boss", "leader"))
    assert client.get(f"/people/{user.pk}/password/").status_code == 403


def test_policies_that_ask_nobody_cost_no_query(county, settings, django_assert_num_queries) -> None:
    settings.SECOND_FACTOR = "optional"
    with django_assert_num_queries(0):
        assert not rules.must_have_second_factor(county.bureau)


def test_an_administrator_s_account_is_reset_by_two_administrators(client, county) -> None:
    system, security, audit = (
        county.person(name, f"{name}_administrator") for name in ("system", "security", "audit")
    )
    county.person("boss", "leader")
    set_up(security)
    before = User.objects.get(pk=security.pk).password
    client.force_login(system)
    client.post(f"/people/{security.pk}/password/", {"password": "brand-new-password-9"})
    client.post(f"/people/{security.pk}/second-factor/reset/")
    assert User.objects.get(pk=security.pk).password == before
    assert SecondFactor.objects.filter(user=security).exists()
    asked = list(AdministratorReset.objects.order_by("pk"))
    assert [one.what for one in asked] == ["password", "second-factor"]
    for person in (system, security, User.objects.get(username="boss")):
        with pytest.raises(PermissionDenied):
            services.approve_reset(person, asked[0], 0)
    waits = f'href="/people/{security.pk}/"'
    assert waits not in client.get("/").content.decode()
    client.force_login(audit)
    assert waits in client.get("/").content.decode()
    assert f"/people/resets/{asked[0].pk}/" in client.get(f"/people/{security.pk}/").content.decode()
    for one in asked:
        client.post(f"/people/resets/{one.pk}/", {"version": "0", "decision": "approve"})
    security.refresh_from_db()
    assert security.check_password("brand-new-password-9")
    assert security.must_change_password
    assert not SecondFactor.objects.filter(user=security).exists()
    assert set(AdministratorReset.objects.values_list("state", "password")) == {("approved", "")}
    with pytest.raises(ValidationError):
        services.approve_reset(audit, asked[0], 0)


def test_a_refused_reset_changes_nothing_and_a_newer_request_replaces_an_older(county) -> None:
    system, security, audit = (
        county.person(name, f"{name}_administrator") for name in ("system", "security", "audit")
    )
    first, second = (
        services.reset_password(system, security, f"brand-new-password-{number}") for number in (1, 2)
    )
    with pytest.raises(ValidationError):
        services.approve_reset(audit, first, 0)
    services.refuse_reset(audit, second, 0)
    with pytest.raises(ValidationError):
        services.approve_reset(audit, second, 1)
    security.refresh_from_db()
    assert security.check_password(PASSWORD)
    elsewhere = county.person("far", "audit_administrator", region=county.other)
    with pytest.raises(PermissionDenied):
        services.approve_reset(elsewhere, services.reset_second_factor(system, security), 0)
