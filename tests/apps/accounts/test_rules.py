from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from qingjian.apps.accounts import queries, rules, services
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
    services.place_region(county.county, new_city, date(2026, 7, 1))
    assert county.county.pk in rules.subtree({county.city.pk}, date(2026, 6, 30))
    assert county.county.pk not in rules.subtree({county.city.pk}, date(2026, 7, 1))
    assert county.county.pk in rules.subtree({new_city.pk}, date(2026, 7, 1))
    with pytest.raises(ValidationError):
        services.place_region(new_city, county.county, date(2026, 7, 2))


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
    services.end_post(county.person("security", "security_administrator"), post, rules.today())
    assert rules.scope(leader, Capability.VIEW_DATA).empty
    assert client.get("/clues/").status_code == 403
