"""An error in the evaluation of one point, day or element stops no other; people see it and it is tried again."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import OperationalError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.apps.evaluation.conftest import Data, enter, put_all

from qingjian.apps.evaluation import air, elements, inputs, queries, services
from qingjian.apps.evaluation.models import Evaluation, Failure, RuleChange
from qingjian.apps.evaluation.services import changes
from qingjian.apps.network.models import Point
from qingjian.contracts.clock import CHINA
from qingjian.site import health

START = datetime(2026, 11, 20, tzinfo=CHINA)
DAY = START.date()


def days_of(code: str, kind: str = "air_day") -> list[date]:
    rows = Evaluation.objects.filter(kind=kind, point__code=code, superseded_at=None).order_by("start")
    return [row.start.astimezone(CHINA).date() for row in rows]


def broken_on(monkeypatch, code: str, day: date | None = None) -> None:
    """Make the hours of a station break the evaluation, on every day or on one."""
    real = air.Block._hours_of

    def hours_of(self, line, point, pollutant):
        if point.code == code and (day is None or day in self.days):
            raise ZeroDivisionError("a value nobody thought of")
        return real(self, line, point, pollutant)

    monkeypatch.setattr(air.Block, "_hours_of", hours_of)


def test_a_station_that_breaks_the_evaluation_of_a_day_stops_no_other_station_and_no_other_day(
    data: Data, monkeypatch
) -> None:
    entries = []
    for back in range(4):
        for point in ("A1", "A2", "A3"):
            entries += [(f"{point}.a34004", START - timedelta(days=back), [20.0] * 24)]
    put_all(entries)
    with monkeypatch.context() as broken:
        broken_on(broken, "A2", DAY - timedelta(days=1))
        services.evaluate("air", DAY - timedelta(days=3), DAY)
    assert len(days_of("A1")) == len(days_of("A3")) == 4
    assert days_of("A2") == [DAY - timedelta(days=one) for one in (3, 2, 0)]
    (failure,) = Failure.objects.all()
    assert (failure.element, failure.point.code) == ("air", "A2")
    assert failure.first == failure.last == DAY - timedelta(days=1)
    assert "a value nobody thought of" in failure.error
    assert Evaluation.objects.filter(revision__gt=0).count() == 0, "nothing is stored twice on the way"
    services.run()
    assert not Failure.objects.exists(), [(str(one), one.step, one.error) for one in Failure.objects.all()]
    assert len(days_of("A2")) == 4
    assert not Failure.objects.exists()


def test_an_element_that_cannot_be_evaluated_stops_no_other_and_is_seen(
    elements: Data, place, client, monkeypatch
) -> None:
    enter({"G1.gx018": "0.62"}, "2026-11-20")
    enter({"F1.sx000": "6.0", "F1.sx002": "0.7"}, "2026-11-20")

    def none(*_given):
        raise OperationalError("the lake is away")

    with monkeypatch.context() as broken:
        broken.setattr(inputs, "read", none)
        told = services.renew()
    assert Evaluation.objects.filter(kind="groundwater").exists()
    assert Evaluation.objects.filter(kind="soil").exists()
    failed = {one.element for one in Failure.objects.all()}
    assert {"air", "radiation"} <= failed
    assert not {"groundwater", "soil"} & failed
    assert "出错 5 处" in told
    (line,) = health._evaluation()
    assert (line.level, "the lake is away" in line.text) == (2, True)
    client.force_login(place.person("zhiban", "station_staff"))
    page = client.get("/evaluations/failures/").content.decode()
    assert "the lake is away" in page
    assert client.get("/evaluations/failures/?export=xlsx").status_code == 200
    assert "/evaluations/failures/" in client.get("/elements/radiation/").content.decode()
    services.renew()
    assert not Failure.objects.exists()
    assert health._evaluation()[0].level == 0


def test_a_failure_counts_its_attempts_and_is_seen_by_those_who_see_the_point(
    data: Data, place, monkeypatch
) -> None:
    put_all([("A1.a34004", START, [20.0] * 24)])
    broken_on(monkeypatch, "A1")
    services.evaluate("air", DAY, DAY)
    services.run()
    one = Failure.objects.get(step="evaluate", first__lte=DAY, last__gte=DAY)
    assert one.attempts >= 2
    (line,) = health._evaluation()
    assert line.level == 1
    assert list(queries.failures_visible_to(place.person("zhiban", "station_staff"))) == [one]
    assert not queries.failures_visible_to(
        place.person("holder", "permit_holder", organisation=place.holder)
    ).exists()


def test_a_point_that_breaks_what_follows_from_results_stops_no_other_point(data: Data, monkeypatch) -> None:
    called = []

    def after(points, _book):
        if points is None or len(points) > 1 or "A2" in codes(points):
            raise KeyError("no such series")
        called.append(codes(points))

    def codes(points) -> set[str]:
        return set(Point.objects.filter(pk__in=points).values_list("code", flat=True))

    rules = elements_of("air")
    monkeypatch.setitem(elements.ELEMENT_RULES, "air", rules.__class__(**{**vars(rules), "after": after}))
    services.re_evaluate("air", DAY, DAY)
    assert {"A1"} in called
    assert {"A3"} in called
    (failure,) = Failure.objects.all()
    assert (failure.step, failure.point.code) == ("after", "A2")


def elements_of(name: str) -> elements.Element:
    return elements.ELEMENT_RULES[name]


def test_a_change_that_cannot_be_followed_lets_the_next_one_pass(data: Data, monkeypatch) -> None:
    put_all([("A1.a34004", START, [20.0] * 24)])
    day = DAY.isoformat()
    for element in ("outlets", "air"):
        RuleChange.objects.create(
            version="1",
            at=START,
            snapshot=b"",
            rows=[{}],
            todo=[{"element": element, "first": day, "last": day}],
        )

    def none(*_given):
        raise RuntimeError("no outlets")

    monkeypatch.setattr(elements.outlets, "outlets", none)
    monkeypatch.setattr(changes, "notice_rules", lambda: None)
    assert changes.follow_changes(60) > 0
    assert days_of("A1") == [DAY]
    assert Failure.objects.get(step="changes").element == "outlets"
    assert RuleChange.objects.exclude(todo=[]).count() == 1, "it is tried again"


GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=3),
)
ATTRIBUTES = [
    "target_class",
    "background",
    "land_class",
    "use",
    "noise_zone",
    "length_m",
    "day_starts",
    "night_starts",
    "black_odorous",
    "source_kind",
    "river",
    "basin",
    "water_body",
    "assessed",
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    code=st.sampled_from(
        ("G1", "F1", "C1", "D1", "L1", "M1", "B1", "N1", "NA", "NR", "RD", "A2", "R1", "W1")
    ),
    attributes=st.dictionaries(st.sampled_from(ATTRIBUTES), GARBAGE, min_size=1, max_size=4),
    value=st.floats(allow_nan=False, allow_infinity=False),
)
def test_whatever_is_registered_or_stored_for_one_point_the_others_are_evaluated(
    elements: Data, code: str, attributes: dict, value: float
) -> None:
    with transaction.atomic():
        Point.objects.filter(code=code).update(attributes=attributes)
        number = {"A2": "A2.a34004", "R1": "R1.w01009", "N1": "N1.Leq", "RD": "RD.r00x01"}.get(code)
        if number is not None:
            put_all([(number, START, [value] * 24)])
        put_all([("A1.a34004", START, [20.0] * 24), ("A3.a34004", START, [20.0] * 24)])
        for point, items in (
            ("G1", {"gx018": "0.62"}),
            ("F1", {"sx000": "6.0", "sx002": "0.7"}),
            ("NB", {"Ld": "52"}),
            ("NR", {"Ld": "66"}),
            ("M1", {"w01009": "8.0"}),
            ("L1", {"w21011": "0.03"}),
        ):
            enter({f"{point}.{item}": text for item, text in items.items()}, "2026-11-20")
        services.renew()
        assert not Failure.objects.filter(point=None).exclude(step="renew").exists()
        assert [one for one in Failure.objects.all() if one.point is None or one.point.code != code] == []
        wanted = {
            "A1": "air_day",
            "G1": "groundwater",
            "F1": "soil",
            "NB": "noise_survey",
            "M1": "water_month",
        }
        for other, kind in wanted.items():
            if other != code:
                assert days_of(other, kind), (other, kind)
        transaction.set_rollback(True)
