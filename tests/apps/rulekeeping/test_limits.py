from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from hypothesis import given
from hypothesis import strategies as st

from qingjian.apps.records.models import LedgerEvent
from qingjian.apps.rulekeeping import queries, services
from qingjian.apps.rulekeeping.models import LocalRow, RuleProposal

TABLE = "ambient_air_limits"


@pytest.fixture
def maker(county):
    return county.person("maker", "data_manager", region=county.city)


@pytest.fixture
def checker(county):
    return county.person("checker", "data_manager", region=county.city)


def limit(**changes: str) -> dict[str, str]:
    return {
        "standard": "DB99/T 1",
        "edition": "2026",
        "clause": "表1",
        "effective_from": "2026-01-01",
        "pollutant_cn": "细颗粒物",
        "symbol": "PM2.5",
        "class": "二级",
        "averaging_period": "日平均",
        "unit": "μg/m³",
        "op": "<=",
        "limit": "50",
        "source": "地方标准原文第3页",
        "confidence": "V",
        **changes,
    }


def propose(author, *rows: dict[str, str], reason: str = "地方标准") -> RuleProposal:
    return services.propose(author, TABLE, services.as_csv(TABLE, rows), reason)


def local() -> list[str]:
    return [row["limit"] for row in queries.rulebook().local_rows()]


def test_a_proposal_holds_only_after_a_second_person_compared_it(maker, checker) -> None:
    before = queries.rulebook().version
    change = propose(maker, limit())
    assert (queries.rulebook().version, local()) == (before, [])
    with pytest.raises(PermissionDenied):
        services.approve(maker, change, 0, "DB99/T 1-2026 第3页")
    with pytest.raises(ValidationError):
        services.approve(checker, change, 0, "x")
    services.approve(checker, change, 0, "DB99/T 1-2026 第3页")
    (row,) = queries.rulebook().local_rows()
    assert (row["limit"], row.override, row.confirmation.who) == ("50", True, "checker")
    assert row.in_force(date(2026, 1, 1))
    assert not row.in_force(date(2025, 12, 31))
    event = LedgerEvent.objects.get(kind="rule.changed")
    assert event.identifier == str(change.pk)


def test_only_data_managers_and_only_once(maker, checker, county) -> None:
    for role in ("station_staff", "permit_holder", "leader"):
        with pytest.raises(PermissionDenied):
            propose(county.person(role, role), limit())
    change = propose(maker, limit())
    services.approve(checker, change, 0, "DB99/T 1-2026")
    third = county.person("third", "data_manager", region=county.city)
    with pytest.raises(ValidationError):
        services.approve(third, change, 0, "DB99/T 1-2026")
    with pytest.raises(ValidationError, match=r"change|变化"):
        propose(maker, limit())


def test_a_replaced_row_stays_readable_and_a_row_taken_back_brings_the_packaged_one_again(
    maker, checker
) -> None:
    packaged = next(
        row
        for row in queries.limits(TABLE, on=date(2026, 3, 1))
        if (row["symbol"], row["class"], row["averaging_period"]) == ("PM2.5", "二级", "日平均")
    )
    stricter = {**packaged.values, "limit": "45", "source": "本机关核对"}
    services.approve(checker, propose(maker, stricter), 0, "原文第2页")
    assert queries.rulebook().row(packaged.id)["limit"] == "45"
    again = {**stricter, "limit": "44"}
    services.approve(checker, propose(maker, again), 0, "原文第2页")
    assert queries.rulebook().row(packaged.id)["limit"] == "44"
    local = LocalRow.objects.filter(row_id=packaged.id).order_by("-id")
    assert [one.values["limit"] for one in local] == ["44", "45"]
    back = services.propose(maker, TABLE, "", "误改", taken_back=[packaged.id])
    services.approve(checker, back, 0, "原文第2页")
    assert queries.rulebook().row(packaged.id)["limit"] == packaged["limit"]
    assert LocalRow.objects.filter(withdrawn_at=None).count() == 0


def test_a_proposal_whose_ground_has_moved_is_refused(maker, checker) -> None:
    first, second = propose(maker, limit(limit="40")), propose(maker, limit(limit="41"))
    services.approve(checker, first, 0, "DB99/T 1-2026")
    with pytest.raises(ValidationError):
        services.approve(checker, second, 0, "DB99/T 1-2026")
    assert local() == ["40"]
    second.refresh_from_db()
    assert second.state == RuleProposal.State.PROPOSED
    with pytest.raises(ValidationError):
        services.reject(checker, second, 0, " ")
    services.reject(checker, second, 0, "重复")
    assert propose(maker, limit(limit="39")).before != {}


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"limit": "abc"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"op": "about"}, "op"),
        ({"unit": ""}, "unit"),
        ({"source": ""}, "source"),
        ({"effective_from": ""}, "effective_from"),
        ({"effective_from": "2026-13-01"}, "effective_from"),
        ({"effective_to": "2025-01-01"}, "effective_to"),
        ({"confidence": "X"}, "confidence"),
    ],
)
def test_wrong_rows_are_named_and_nothing_is_stored(maker, changes: dict[str, str], column: str) -> None:
    with pytest.raises(services.RowsRefusedError) as caught:
        propose(maker, limit(symbol="PM10", pollutant_cn="可吸入颗粒物"), limit(**changes))
    assert (3, column) in {(one.line, one.column) for one in caught.value.problems}
    assert not RuleProposal.objects.exists()


@given(text=st.text(max_size=300))
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        rows = services.checked(TABLE, text)
    except ValidationError as error:
        assert error.messages
    else:
        assert all(row.values["source"] for row in rows)


def test_pages_propose_by_form_by_file_and_decide(client, maker, checker) -> None:
    client.force_login(maker)
    assert client.get(f"/limits/?table={TABLE}&q=PM2.5&on=2026-03-01").status_code == 200
    assert client.get("/limits/?table=nonsense").status_code == 404
    assert client.get("/limits/?on=2026-02-30").status_code == 400
    answer = client.post(f"/limits/propose/?table={TABLE}", {**limit(limit=""), "reason": "试"})
    assert answer.status_code == 200
    assert not RuleProposal.objects.exists()
    answer = client.post(f"/limits/propose/?table={TABLE}", {**limit(), "reason": "地方标准"})
    change = RuleProposal.objects.get()
    assert answer.url == f"/limits/changes/{change.pk}/"
    assert client.get(answer.url).status_code == 200
    assert client.get(f"/limits/changes/{change.pk}/ahead/").status_code == 200
    client.force_login(checker)
    decision = {"decision": "approve", "version": "0", "document": "DB99/T 1-2026 第3页"}
    client.post(f"/limits/changes/{change.pk}/decide/", decision)
    assert local() == ["50"]
    assert client.get(f"/limits/changes/{change.pk}/").status_code == 200
    assert client.get(f"/limits/changes/{change.pk}/ahead/").status_code == 404
    assert "DB99/T 1" in client.get(f"/limits/?table={TABLE}&origin=local").content.decode()
    book = openpyxl.load_workbook(io.BytesIO(client.get("/limits/changes/?export=xlsx").content))
    assert book.active.max_row == 2


def test_a_workbook_and_a_gb18030_file_are_read(client, maker) -> None:
    client.force_login(maker)
    template = openpyxl.load_workbook(io.BytesIO(client.get(f"/limits/template/?table={TABLE}").content))
    sheet = template.active
    heads = [cell.value for cell in sheet[1]]
    sheet.delete_rows(2)
    sheet.append([limit().get(head) for head in heads])
    buffer = io.BytesIO()
    template.save(buffer)
    buffer.name, _ = "limits.xlsx", buffer.seek(0)
    client.post(f"/limits/propose/?table={TABLE}", {"file_form": "1", "reason": "文件", "file": buffer})
    change = RuleProposal.objects.get()
    assert (change.file_name, [row["limit"] for row in change.rows]) == ("limits.xlsx", ["50"])
    text = io.BytesIO(services.as_csv(TABLE, [limit(limit="51")]).encode("gb18030"))
    text.name = "limits.csv"
    client.post(f"/limits/propose/?table={TABLE}", {"file_form": "1", "reason": "文件", "file": text})
    assert [row["pollutant_cn"] for row in RuleProposal.objects.first().rows] == ["细颗粒物"]
    template.active.append(["=1+1"])
    unsaved = io.BytesIO()
    template.save(unsaved)
    for content, said in ((b"PK\x03\x04 not a workbook", "Excel"), (unsaved.getvalue(), "第 3 行 A: 公式")):
        broken = io.BytesIO(content)
        broken.name = "limits.xlsx"
        answer = client.post(
            f"/limits/propose/?table={TABLE}", {"file_form": "1", "reason": "坏", "file": broken}
        )
        assert answer.status_code == 200
        assert said in answer.content.decode()
    assert RuleProposal.objects.count() == 2


def test_limits_cannot_be_entered_by_one_person(maker, client) -> None:
    text = services.as_csv(TABLE, [limit()])
    with pytest.raises(ValidationError, match=r"second person|第二人"):
        services.enter_local(maker, TABLE, text, "DB99/T 1-2026")
    with pytest.raises(ValidationError):
        services.withdraw_local(maker, queries.limits(TABLE)[0].id)
    client.force_login(maker)
    page = client.get("/rules/").content.decode()
    assert f'<option value="{TABLE}"' in page.split("own-table")[0]
    assert f'<option value="{TABLE}"' not in page.split("own-table")[1]


OUTLETS = "outlet_standards"
TARGETS = "regional_targets"


def applies(outlet: str) -> str:
    row = {"standard": "GB 18918", "outlet": outlet, "effective_from": "2026-01-01", "source": "环评批复"}
    return services.as_csv(OUTLETS, [row])


def target(region: str) -> str:
    row = {"standard": "考核目标", "region": region, "year": "2026", "item": "PM2.5", "value": "35"}
    return services.as_csv(TARGETS, [{**row, "effective_from": "2026-01-01", "source": "考核文件"}])


def test_two_people_of_one_county_change_no_rule_of_the_whole_node(county, maker, checker, client) -> None:
    inside = county.person("inside", "data_manager")
    with pytest.raises(PermissionDenied, match=r"whole node|整个节点"):
        propose(inside, limit())
    change = propose(maker, limit())
    for decide in (services.approve, services.reject):
        with pytest.raises(PermissionDenied):
            decide(inside, change, 0, "DB99/T 1-2026 第3页")
    client.force_login(inside)
    page = client.get(f"/limits/changes/{change.pk}/").content.decode()
    assert 'value="approve"' not in page
    assert "limits/propose" not in client.get(f"/limits/?table={TABLE}").content.decode()
    answer = client.post(f"/limits/propose/?table={TABLE}", {**limit(limit="41"), "reason": "地方标准"})
    assert "整个节点" in answer.content.decode()
    assert RuleProposal.objects.count() == 1
    services.approve(checker, change, 0, "DB99/T 1-2026 第3页")
    (row,) = queries.rulebook().local_rows()
    with pytest.raises(PermissionDenied):
        services.propose(inside, TABLE, "", "误", taken_back=[row.id])


def test_what_names_an_outlet_or_a_region_is_kept_by_the_people_of_that_place(registry) -> None:
    inside, second = (registry.person(name, "data_manager") for name in ("inside", "second"))
    outside = registry.person("outside", "data_manager", region=registry.other)
    for table, text in ((OUTLETS, applies("S1-W1")), (TARGETS, target("990101"))):
        with pytest.raises(PermissionDenied, match=r"outside|以外"):
            services.propose(outside, table, text, "试")
        change = services.propose(inside, table, text, "试")
        with pytest.raises(PermissionDenied):
            services.approve(outside, change, 0, "环评批复第3页")
        services.approve(second, change, 0, "环评批复第3页")
    assert len(queries.rulebook().local_rows()) == 2


@pytest.mark.parametrize(("table", "text"), [(OUTLETS, applies("S9-W9")), (TARGETS, target("999999"))])
def test_a_row_for_an_unknown_outlet_or_region_is_refused(maker, table: str, text: str) -> None:
    with pytest.raises(services.RowsRefusedError) as caught:
        services.propose(maker, table, text, "试")
    assert [(one.line, one.column) for one in caught.value.problems] == [
        (2, {OUTLETS: "outlet", TARGETS: "region"}[table])
    ]


def test_two_proposals_each_right_alone_do_not_break_a_ladder_together(maker, checker) -> None:
    """Approval looks at the ladder again as it stands then."""
    table = "surface_water_limits"
    book = queries.rulebook()

    def ammonia(cls: str, value: str) -> RuleProposal:
        (row,) = book.rows(table, date(2026, 1, 1), standard="GB 3838", symbol="NH3-N", class_=cls)
        text = services.as_csv(table, [{**row.values, "limit": value}])
        return services.propose(maker, table, text, "地方标准")

    laxer, stricter = ammonia("Ⅱ", "0.9"), ammonia("Ⅲ", "0.7")
    services.approve(checker, laxer, 0, "DB99/T 12-2026 第3页")
    with pytest.raises(ValidationError, match=r"宽松|laxer"):
        services.approve(checker, stricter, 0, "DB99/T 12-2026 第3页")
    assert len(queries.rulebook().local_rows()) == 1
