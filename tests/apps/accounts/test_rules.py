from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from tests.apps.regions import place_region

from qingjian.apps.accounts import queries, rules, services
from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.accounts.roles import CAPABILITY_NAMES, Capability


def test_a_post_reaches_the_region_and_all_below_it(county) -> None:
    leader = county.person("leader", "leader", region=county.city)
    reach = rules.scope(leader, Capability.VIEW_DATA)
    assert reach.regions == {county.city.pk, county.county.pk, county.other.pk}
    staff = county.person("staff", "station_staff")
    assert rules.scope(staff, Capability.VIEW_DATA).regions == {county.county.pk}


def test_a_permit_holder_reaches_its_own_organisation_only(county) -> None:
    holder = county.person("holder", "permit_holder", organisation=county.holder)
    reach = rules.scope(holder, Capability.VIEW_DATA)
    assert reach.regions == frozenset()
    assert reach.organisations == {county.holder.pk}
    assert not rules.may(holder, Capability.VIEW_DATA, region=county.county)


def test_a_post_counts_on_its_days_only(county) -> None:
    user = county.person("u", "data_manager")
    services.place_post(user, "leader", county.bureau, county.other, date(2026, 1, 1), date(2026, 6, 1))
    assert county.other.pk in rules.scope(user, Capability.VIEW_DATA, date(2026, 5, 31)).regions
    assert county.other.pk not in rules.scope(user, Capability.VIEW_DATA, date(2026, 6, 1)).regions


def test_a_region_moved_below_another_city_moves_with_its_day(county) -> None:
    from qingjian.apps.accounts.models import Region

    new_city = Region.objects.create(code="990200", name="新市", level="city")
    place_region(county.county, new_city, date(2026, 7, 1))
    assert county.county.pk in rules.subtree({county.city.pk}, date(2026, 6, 30))
    assert county.county.pk not in rules.subtree({county.city.pk}, date(2026, 7, 1))
    assert county.county.pk in rules.subtree({new_city.pk}, date(2026, 7, 1))


@pytest.mark.parametrize("second", ["security_administrator", "audit_administrator", "data_manager"])
def test_the_three_administrators_stay_three_people(county, second: str) -> None:
    user = county.person("admin", "system_administrator")
    with pytest.raises(ValidationError):
        services.place_post(user, second, county.bureau, county.county, date(2026, 1, 1))


def test_nobody_gives_a_post_to_themselves_or_without_the_right(county) -> None:
    security = county.person("security", "security_administrator")
    staff = county.person("staff", "station_staff")
    with pytest.raises(ValidationError):
        services.give_post(security, security, "leader", county.bureau, county.county, date(2026, 1, 1))
    with pytest.raises(PermissionDenied):
        services.give_post(staff, security, "leader", county.bureau, county.county, date(2026, 1, 1))


def test_a_closed_account_holds_nothing(county) -> None:
    user = county.person("u", "leader")
    user.is_active = False
    assert rules.capabilities(user) == frozenset()


def test_the_access_trail_is_for_the_audit_administrator(county) -> None:
    auditor, system = (
        county.person("audit", "audit_administrator"),
        county.person("system", "system_administrator"),
    )
    assert queries.audit_trail(auditor).exists()
    assert not queries.audit_trail(system).exists()


def test_every_capability_has_a_name_for_the_page_of_roles(client, county) -> None:
    assert set(CAPABILITY_NAMES) == set(Capability)
    client.force_login(county.person("leader", "leader"))
    text = client.get("/roles/").content.decode()
    assert all(str(name) in text for name in CAPABILITY_NAMES.values())


def test_a_page_asks_for_posts_once_and_the_next_page_asks_anew(
    client, county, django_assert_num_queries
) -> None:
    leader = county.person("leader", "leader", region=county.city)
    with rules.reading_once(), django_assert_num_queries(2):
        first = rules.scope(leader, Capability.VIEW_DATA)
        assert rules.scope(leader, Capability.APPROVE_MATTERS).regions == first.regions
    (post,) = rules.posts_on(leader)
    client.force_login(leader)
    assert client.get("/clues/").status_code == 200
    security = county.person("security", "security_administrator", region=county.city)
    services.end_post(security, post, rules.today())
    assert rules.scope(leader, Capability.VIEW_DATA).empty
    assert client.get("/clues/").status_code == 403


def test_a_post_given_by_mistake_is_taken_back_on_its_first_day_and_can_be_given_again(county) -> None:
    security = county.person("security", "security_administrator")
    person = User.objects.create_user("p", "p", "a-long-password-1", organisation=county.bureau)
    for _mistake in range(2):
        for begins in (rules.today(), rules.today() + timedelta(days=30)):
            post = services.give_post(security, person, "leader", county.bureau, county.county, begins)
            services.end_post(security, post, rules.today())
            post.refresh_from_db()
            assert post.valid_to == begins
            assert not rules.posts_on(person, begins)
    services.give_post(
        security, person, "audit_administrator", county.bureau, county.county, date(2026, 1, 1)
    )


def test_the_end_of_a_post_is_never_moved_to_a_later_day(county) -> None:
    security = county.person("security", "security_administrator")
    user = county.person("u", "data_manager")
    ended = services.place_post(
        user, "leader", county.bureau, county.county, date(2024, 1, 1), date(2024, 6, 1)
    )
    with pytest.raises(ValidationError):
        services.end_post(security, ended, rules.today())
    ended.refresh_from_db()
    assert ended.valid_to == date(2024, 6, 1)
    coming = services.place_post(
        user, "leader", county.bureau, county.county, date(2026, 1, 1), date(2028, 1, 1)
    )
    services.end_post(security, coming, rules.today())
    coming.refresh_from_db()
    assert coming.valid_to == rules.today()


def test_an_administrator_of_a_county_gives_and_ends_posts_in_that_county_only(county) -> None:
    security = county.person("security", "security_administrator")
    person = county.person("p", "station_staff")
    for region in (county.other, county.city):
        with pytest.raises(PermissionDenied):
            services.give_post(security, person, "data_manager", county.bureau, region, date(2026, 1, 1))
    elsewhere = Organisation.objects.create(code="H2", name="乙县厂", kind="holder", region=county.other)
    with pytest.raises(PermissionDenied):
        services.give_post(security, person, "permit_holder", elsewhere, county.county, date(2026, 1, 1))
    theirs = county.person("q", "leader", region=county.other).posts.get()
    with pytest.raises(PermissionDenied):
        services.end_post(security, theirs, rules.today())
    above = county.person("city", "security_administrator", region=county.city)
    services.give_post(above, person, "data_manager", county.bureau, county.other, date(2026, 1, 1))
    services.end_post(above, theirs, rules.today())


def test_an_administrator_of_a_county_sets_no_password_of_somebody_with_a_post_elsewhere(county) -> None:
    system = county.person("system", "system_administrator")
    theirs = county.person("q", "leader", region=county.other)
    for attempt in (
        lambda: services.reset_password(system, theirs, "another-long-password-9"),
        lambda: services.reset_second_factor(system, theirs),
        lambda: services.set_active(system, theirs, False),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    services.reset_password(system, county.person("p", "leader"), "another-long-password-9")
