"""Who sees what, absence, transfers, merged regions, certificates."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests.apps.conftest import FIRST_DAY
from tests.apps.matters.conftest import key
from tests.apps.regions import place_region

from qingjian.apps.accounts import rules as account_rules
from qingjian.apps.accounts import second_factor
from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Post, RegionPlacement
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import queries, rules, services, tables
from qingjian.apps.matters.declarations import Who
from qingjian.apps.matters.errors import NotAllowed, RefusedError
from qingjian.apps.matters.models import Certificate, Matter

TODAY = date(2026, 11, 21)
WEEK = TODAY + timedelta(days=7)


def test_visibility_follows_region_confidentiality_and_sharing(office, numbers_of) -> None:
    plain, secret = office.open(), office.open(confidentiality="confidential")
    order = office.open(CORRECTIVE_ACTION)
    everything = {plain.number, secret.number, order.number}
    assert numbers_of(office.handler) == numbers_of(office.leader) == numbers_of(office.upper) == everything
    assert numbers_of(office.second) == everything - {secret.number}
    assert numbers_of(office.outsider) == numbers_of(office.holder) == set()
    office.act(secret, "assign_verifier", office.leader, verifier=office.second.pk)
    assert secret.number in numbers_of(office.second)
    for name in ("system_administrator", "security_administrator", "audit_administrator"):
        assert numbers_of(office.county.person(name[:8], name)) == set()


def test_the_condition_and_the_object_rule_agree(office) -> None:
    matters = [
        office.open(),
        office.open(confidentiality="confidential"),
        office.open(CORRECTIVE_ACTION),
        office.open(confidentiality="normal"),
    ]
    for person in (
        office.leader,
        office.handler,
        office.second,
        office.upper,
        office.holder,
        office.outsider,
    ):
        reached = rules.reaches(person)
        visible = set(queries.visible_to(person).values_list("pk", flat=True))
        assert visible == {one.pk for one in matters if rules.sees(reached, one)}


def test_a_deputy_finds_the_work_and_the_trail_names_both(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    attached = office.attach(matter, office.handler)
    assert list(queries.inbox(office.second)) == []
    row = services.delegate(office.handler, office.handler, office.second, TODAY, WEEK, "年假")
    assert list(queries.inbox(office.second)) == [attached]
    matter = office.act(
        attached,
        "report",
        office.second,
        visited_on="2026-11-20",
        findings="f",
        cause="other",
        conclusion="dismissed",
    )
    last = matter.trail.last()
    assert (last.actor, last.on_behalf_of) == (office.second, office.handler)
    with pytest.raises(NotAllowed):
        office.sign(matter, office.second)
    services.end_delegation(office.leader, row)
    assert list(queries.inbox(office.second)) == []


def test_standing_in_does_not_undo_the_separation_of_duties(office) -> None:
    matter = office.sign(office.reported(), office.handler)
    services.delegate(office.leader, office.leader, office.handler, TODAY, WEEK, "出差")
    with pytest.raises(NotAllowed):
        office.sign(matter, office.handler)


@pytest.mark.parametrize("case", ["self", "order", "stranger", "holder", "reason", "twice"])
def test_impossible_delegations_are_refused(office, case: str) -> None:
    person, deputy, start, end, reason, author = (
        office.handler,
        office.second,
        TODAY,
        WEEK,
        "年假",
        office.handler,
    )
    match case:
        case "self":
            deputy = office.handler
        case "order":
            end = start
        case "stranger":
            author = office.second
        case "holder":
            deputy = office.holder
        case "reason":
            reason = " "
        case "twice":
            services.delegate(author, person, deputy, start, end, reason)
    with pytest.raises((RefusedError, NotAllowed)):
        services.delegate(author, person, deputy, start, end, reason)


def test_a_transferred_officer_loses_the_matters_and_a_leader_hands_them_over(
    office, clock, numbers_of
) -> None:
    matter = office.act(office.open(), "take", office.handler)
    due, number = matter.due, matter.number
    accounts.end_post(
        office.county.person("security", "security_administrator"),
        Post.objects.get(user=office.handler),
        TODAY,
    )
    accounts.place_post(
        office.handler, "station_staff", office.outsider.organisation, office.county.other, TODAY
    )
    assert number not in numbers_of(office.handler)
    with pytest.raises(NotAllowed):
        office.act(matter, "comment", office.handler, note="x")
    assert list(queries.orphans(office.leader)) == [matter]
    assert services.report_orphans() == 1
    assert services.report_orphans() == 0
    gone, left = services.hand_over(office.leader, office.handler, office.second, "调离")
    assert (gone, left) == ([matter], [])
    matter = Matter.objects.get(pk=matter.pk)
    assert (matter.assignee, matter.number, matter.due, matter.state) == (
        office.second,
        number,
        due,
        "verifying",
    )
    assert not queries.orphans(office.leader).exists()


def test_handing_over_says_what_could_not_go(office) -> None:
    matter = office.act(office.open(), "take", office.handler)
    gone, left = services.hand_over(office.leader, office.handler, office.outsider, "调离")
    assert (gone, [one for one, _reason in left]) == ([], [matter])
    assert left[0][1]


def test_merged_regions_keep_numbers_rights_and_deadlines(office, clock, numbers_of) -> None:
    other = office.county.person(
        "other-handler",
        "station_staff",
        organisation=office.outsider.organisation,
        region=office.county.other,
    )
    matter = office.open(actor=other, region=office.county.other)
    number, due = matter.number, matter.due
    assert number == "核实〔2026〕990102-0001"
    assert number not in numbers_of(office.leader)
    RegionPlacement.objects.filter(region=office.county.other).update(valid_to=TODAY)
    place_region(office.county.other, office.county.county, TODAY)
    assert number in numbers_of(office.leader)
    matter = office.act(matter, "assign_verifier", office.leader, verifier=office.second.pk)
    assert (matter.number, matter.assignee) == (number, office.second)
    assert matter.deadlines.get(code="assign").due == due
    assert office.open(region=office.county.other).number == "核实〔2026〕990102-0002"
    assert numbers_of(office.upper) == {number, "核实〔2026〕990102-0002"}


def test_a_certificate_is_checked_at_the_moment_of_acting(office, clock) -> None:
    matter = office.open()
    who = Who(VERIFICATION.who_opens.capability, certificate="sampling")
    assert not rules.may(office.second, who, matter).allowed
    row = services.register_certificate(
        office.leader,
        kind="sampling",
        number="16-1",
        person=office.second,
        issuer="省政府",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 11, 30),
    )
    assert rules.may(office.second, who, matter).certificate == "16-1"
    clock.advance(10 * 86400)
    verdict = rules.may(office.second, who, matter)
    assert not verdict.allowed
    assert "16-1" in verdict.reason
    clock.set_wall(clock.now() - timedelta(days=10))
    services.revoke_certificate(office.leader, row, "调离")
    assert "16-1" in rules.may(office.second, who, matter).reason


def test_role_and_certificate_are_checked_and_kept_at_the_moment_of_signing(office, clock) -> None:
    matter = office.act(
        office.open(CORRECTIVE_ACTION), "draft", office.handler, demand="d", basis="b", days=5
    )
    held = Certificate.objects.get(person=office.handler)
    services.revoke_certificate(office.leader, held, "注销")
    with pytest.raises(NotAllowed, match=held.number):
        office.sign(matter, office.handler)
    assert not matter.sheets.get().signatures.exists()
    services.register_certificate(
        office.leader,
        kind="enforcement",
        number="ZF-NEW",
        person=office.handler,
        issuer="省人民政府",
        valid_from=TODAY,
        valid_to=TODAY + timedelta(days=1),
    )
    clock.advance(3 * 86400)
    with pytest.raises(NotAllowed, match="ZF-"):
        office.sign(matter, office.handler)
    clock.set_wall(clock.now() - timedelta(days=3))
    matter = office.sign(office.sign(matter, office.handler), office.leader)
    signed = list(matter.sheets.get().signatures.values_list("order", "role", "certificate"))
    assert signed == [(1, "station_staff", "ZF-NEW"), (2, "leader", "")]


def test_a_certificate_holds_only_for_what_its_scope_lists(office) -> None:
    matter = office.open()
    who = Who(VERIFICATION.who_opens.capability, certificate="analysis", scope_field="item")
    services.register_certificate(
        office.leader,
        kind="analysis",
        number="FX-1",
        person=office.second,
        issuer="i",
        scope="水和废水：化学需氧量、氨氮",
        valid_from=date(2026, 1, 1),
        valid_to=date(2027, 1, 1),
    )
    for item, allowed in (("氨氮", True), ("化学需氧量", True), ("氮", False), ("总磷", False), ("", True)):
        matter.data["item"] = item
        verdict = rules.may(office.second, who, matter)
        assert verdict.allowed is allowed, item
        assert allowed or item in verdict.reason
    # An officer's certificate is personal: colleagues of the same bureau do not act under it.
    assert not rules.may(office.handler, who, matter).allowed


def test_nobody_enters_their_own_certificate(office) -> None:
    fields = {"kind": "enforcement", "number": "1", "issuer": "i", "valid_from": TODAY, "valid_to": WEEK}
    for author, person in (
        (office.leader, office.leader),
        (office.second, office.handler),
        (office.outsider, office.handler),
    ):
        with pytest.raises(NotAllowed):
            services.register_certificate(author, person=person, **fields)
    services.register_certificate(office.leader, person=office.handler, **fields)
    with pytest.raises(RefusedError):
        services.register_certificate(office.leader, person=office.second, **fields)
    with pytest.raises(RefusedError):
        services.register_certificate(
            office.leader, person=office.second, organisation=office.county.holder, **fields
        )


def test_a_locked_or_mistaken_person_signs_nothing(office, clock) -> None:
    matter = office.reported()
    sheet = matter.sheets.get()
    for _attempt in range(5):
        with pytest.raises(RefusedError):
            services.act(
                matter,
                "sign",
                office.handler,
                {"digest": sheet.digest, "password": "wrong"},
                matter.version,
                key(),
            )
    with pytest.raises(NotAllowed):
        services.act(
            matter,
            "sign",
            office.handler,
            {"digest": sheet.digest, "password": "a-long-password-1"},
            matter.version,
            key(),
        )
    clock.advance(16 * 60)
    office.handler.refresh_from_db()
    with pytest.raises(RefusedError):
        services.act(
            matter,
            "sign",
            office.handler,
            {"digest": "0" * 64, "password": "a-long-password-1"},
            matter.version,
            key(),
        )
    assert not sheet.signatures.exists()


def test_who_has_a_second_factor_signs_with_a_code_that_holds_once(office, clock) -> None:
    secret = accounts.begin_second_factor(office.handler)
    accounts.confirm_second_factor(
        office.handler, second_factor.code_of(secret, second_factor.step_of(clock.now()))
    )
    matter = office.reported()
    clock.advance(60)
    code = second_factor.code_of(secret, second_factor.step_of(clock.now()))
    for wrong in ("", "000000" if code != "000000" else "000001"):
        with pytest.raises(RefusedError):
            office.sign(matter, office.handler, second_factor_code=wrong)
    matter = office.sign(matter, office.handler, second_factor_code=code)
    assert matter.sheets.get().signatures.get().signer == office.handler
    assert code not in str(list(matter.trail.values_list("data", flat=True)))


def test_a_person_present_signs_on_the_screen(office) -> None:
    import base64
    import io

    from PIL import Image, ImageDraw

    matter = office.reported()
    sheet = matter.sheets.get()

    def drawn(line: bool) -> str:
        picture = Image.new("RGBA", (200, 80), (0, 0, 0, 0))
        if line:
            ImageDraw.Draw(picture).line((10, 10, 180, 70), fill=(0, 0, 0, 255), width=3)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    common = {"digest": sheet.digest, "outsider_name": "张三", "outsider_capacity": "企业负责人"}
    for wrong in ("", "data:image/png;base64,AAAA", "data:text/html;base64,AAAA", drawn(False)):
        with pytest.raises(RefusedError):
            office.act(matter, "sign-outsider", office.handler, drawing=wrong, **common)
    matter = office.act(matter, "sign-outsider", office.handler, drawing=drawn(True), **common)
    signature = sheet.signatures.get()
    assert (signature.outsider_name, signature.signer, signature.digest) == (
        "张三",
        office.handler,
        sheet.digest,
    )
    assert matter.state == "signing"
    office.sign(matter, office.handler)
    assert Matter.objects.get(pk=matter.pk).waiting == "matters.approve"


def test_posts_without_days_reach_nothing(office) -> None:
    accounts.place_post(
        office.second, "leader", office.county.bureau, office.county.other, TODAY + timedelta(days=1)
    )
    assert not rules.reach(office.second).deciding
    assert Post.objects.filter(user=office.second, valid_from__gt=FIRST_DAY).exists()


def test_a_renewed_certificate_keeps_its_number_and_a_revoked_mistake_does_not_block_it(
    office, clock
) -> None:
    fields = {"kind": "sampling", "number": "16-1", "issuer": "i", "person": office.second}
    wrong = services.register_certificate(
        office.leader, **fields, valid_from=date(2025, 1, 1), valid_to=date(2036, 11, 30)
    )
    services.revoke_certificate(office.leader, wrong, "年份录错")
    services.register_certificate(
        office.leader, **fields, valid_from=date(2025, 1, 1), valid_to=date(2026, 11, 30)
    )
    # Overlapping periods, or the number of somebody else, are mistakes.
    with pytest.raises(RefusedError, match="2026-11-30"):
        services.register_certificate(
            office.leader, **fields, valid_from=date(2026, 11, 30), valid_to=date(2028, 1, 1)
        )
    with pytest.raises(RefusedError):
        services.register_certificate(
            office.leader,
            **fields | {"person": office.handler},
            valid_from=date(2030, 1, 1),
            valid_to=date(2031, 1, 1),
        )
    services.register_certificate(
        office.leader, **fields, valid_from=date(2026, 12, 1), valid_to=date(2028, 1, 1)
    )
    # Nobody is warned of an end that is renewed already.
    assert services.warn_of_certificates() == 0
    for days in (0, 10):
        clock.advance(days * 86400)
        assert rules.valid_certificate(office.second, "sampling") is not None


@pytest.mark.parametrize("who", ["deputy", "person"])
@pytest.mark.parametrize("change", ["left", "moved"])
def test_standing_in_ends_with_the_post_it_was_given_for(office, who: str, change: str) -> None:
    matter = office.open(confidentiality="confidential")
    services.delegate(office.leader, office.leader, office.second, TODAY, WEEK, "出差")
    assert matter in queries.visible_to(office.second)
    moved = office.second if who == "deputy" else office.leader
    security = office.county.person("security", "security_administrator")
    (post,) = account_rules.posts_on(moved)
    accounts.end_post(security, post, TODAY)
    if change == "moved":
        accounts.place_post(moved, post.role, office.outsider.organisation, office.county.other, TODAY)
    assert [one.person for one in rules.reaches(office.second)] == [office.second]
    assert matter not in queries.visible_to(office.second)
    with pytest.raises(NotAllowed):
        office.act(matter, "void", office.second, reason="x")
    told = office.second.notifications.count()
    services.announce([office.leader], "certificate_ends", {"certificate": "1", "holder": "h", "day": "d"})
    assert office.second.notifications.count() == told
    (row,) = queries.delegations_visible_to(office.second)
    assert tables.delegation_state(row)[0] == "orange"


def test_a_new_post_in_the_same_bureau_does_not_end_standing_in(office) -> None:
    services.delegate(office.leader, office.leader, office.second, TODAY, WEEK, "出差")
    security = office.county.person("security", "security_administrator")
    accounts.end_post(security, account_rules.posts_on(office.second)[0], TODAY)
    accounts.place_post(office.second, "station_staff", office.county.bureau, office.county.county, TODAY)
    assert [one.person for one in rules.reaches(office.second)] == [office.second, office.leader]
