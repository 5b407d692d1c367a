import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.hj212 import content, times
from qingjian.hj212.content import iterate_items, parse_data
from qingjian.hj212.encoder import data_area
from qingjian.hj212.model import Item
from qingjian.hj212.shape import SHAPES

NAMES = st.sampled_from(
    ["w01018-Rtd", "w01018-Flag", "w21003-Avg", "a21026-Cou", "DataTime", "PolId", "xx-Yy", "SB1-RS"]
)
VALUES = st.text(alphabet=string.digits + ".-" + string.ascii_letters + "清洗", max_size=12)
GROUPS = st.lists(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=4), max_size=6)


@settings(max_examples=300, deadline=None)
@given(GROUPS)
def test_names_values_and_grouping_come_back(groups: list[list[tuple[str, str]]]) -> None:
    data = parse_data(data_area(groups))
    assert data.layout() == [[name for name, _ in group] for group in groups]
    assert data.values == [value for group in groups for _, value in group]
    assert data_area(_regrouped(data.layout(), data.values)) == data_area(groups)


def _regrouped(layout: list[list[str]], values: list[str]) -> list[list[tuple[str, str]]]:
    left = iter(values)
    return [[(name, next(left)) for name in names] for names in layout]


@settings(max_examples=300, deadline=None)
@given(GROUPS)
def test_the_quick_way_and_the_careful_way_agree(groups: list[list[tuple[str, str]]]) -> None:
    cp = data_area(groups)
    quick, careful = parse_data(cp), content._parse_irregular(cp, "2017", "2011")
    assert quick.items() == careful.items()
    assert quick.parameters() == careful.parameters()
    assert set(quick.deviations) == set(careful.deviations)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "7.1",
                "-3",
                "12.",
                ".5",
                "1e5",
                "NaN",
                "",
                "1_0",
                "9" * 15,
                "1.1234567",
                "清",
                "N",
                "Td",
                " 1",
                "a/b",
                "//x//",
            ]
        ),
        min_size=6,
        max_size=6,
    ),
    st.sampled_from(["20160801084000", "20161301084000", "20160801084000123"]),
    st.sampled_from(["2011", "2051"]),
)
def test_the_pattern_of_a_frequent_shape_changes_nothing(values: list[str], datatime: str, cn: str) -> None:
    def area(*texts: str) -> bytes:
        return "DataTime={};w01018-Avg={},w01018-Flag={};i12001-Info={},i12001-SampleTime={};w21003-Rtd={},w21003-Flag={}".format(
            *texts
        ).encode()

    usual = area("20160801084000", "1", "N", "0", "20160801084000", "2", "N")
    while parse_data(usual).shape.pattern is None:
        pass
    cp = area(datatime, *values)
    quick, careful = parse_data(cp, cn=cn), content._parse_irregular(cp, "2017", cn)
    assert quick.values == careful.values
    assert quick.shape.names == careful.shape.names
    assert set(quick.deviations) == set(careful.deviations)


def test_bulk_form() -> None:
    data = parse_data(
        b"DataTime=20160801084000;w00000-Cou=10.5,w00000-Flag=N;w01018-Avg=40.1,w01018-Flag=D", cn="2051"
    )
    assert data.datatime == "20160801084000"
    assert data.factors() == {"w00000": {"Cou": "10.5", "Flag": "N"}, "w01018": {"Avg": "40.1", "Flag": "D"}}
    assert data.deviations == ()
    assert list(data.shape.columns) == [
        None,
        ("w00000", "Cou"),
        ("w00000", "Flag"),
        ("w01018", "Avg"),
        ("w01018", "Flag"),
    ]
    again = parse_data(
        b"DataTime=20160801085000;w00000-Cou=1,w00000-Flag=N;w01018-Avg=2,w01018-Flag=N", cn="2051"
    )
    assert again.shape is data.shape


def test_items() -> None:
    items = list(iterate_items(b"PolId=w01018;DataTime=20160801084000;w01018-Rtd=40.1,w01018-Flag=N"))
    assert items == [
        Item(("2016-08-01T08:40:00+08:00", "w01018", "Rtd", "40.1")),
        Item(("2016-08-01T08:40:00+08:00", "w01018", "Flag", "N")),
    ]


def test_items_stand_under_the_datatime_before_them() -> None:
    data = parse_data(b"DataTime=20160801084000;w01018-Rtd=1;DataTime=20160801085000;w01018-Rtd=2")
    assert [item.time for item in data.items()] == ["2016-08-01T08:40:00+08:00", "2016-08-01T08:50:00+08:00"]
    assert "datatime_repeated" in {deviation.code for deviation in data.deviations}
    assert data.parameters() == {"DataTime": ["20160801084000", "20160801085000"]}


def test_without_datatime_there_is_no_time() -> None:
    data = parse_data(b"w01018-Rtd=1")
    assert data.items()[0].time is None
    assert [deviation.code for deviation in data.deviations] == ["datatime_missing"]


def test_log_text_may_hold_separators() -> None:
    data = parse_data(b"DataTime=20160801084000;i11001-Info=//a=1;b,c//;i12001-Info=0", cn="3020")
    assert [item.value for item in data.items()] == ["//a=1;b,c//", "0"]
    assert data.deviations == ()


@pytest.mark.parametrize(
    ("cp", "code"),
    [
        (b"DataTime=20160801084000;w01018", "item_malformed"),
        (b"DataTime=20160801084000;=5", "item_malformed"),
        (b"DataTime=20160801084000;w01018-Rtd=1=2", "item_malformed"),
        (b"DataTime=20160801084000;;w01018-Rtd=1", "separator_trailing"),
        (b"DataTime=20160801084000;w01018-Rtd=1\x07", "text_control"),
        (b"DataTime=20160801084000;i11001-Info=\xff\xfe\xff", "text_undecodable"),
        (b"DataTime=20160801084000;i11001-Info=a&&b", "delimiter_inside"),
        (b"DataTime=20160801084000;w01018-Rtd=1,w01018-Flag=Q", "mark_unknown"),
        (b"DataTime=20160801084000;w01018-SampleTime=20161301000000", "datatime_invalid"),
        (b"DataTime=2016;w01018-Rtd=1", "datatime_invalid"),
        (b"DataTime=20160801084000;Weather=fine", "parameter_unknown"),
    ],
)
def test_departures_have_a_type(cp: bytes, code: str) -> None:
    assert code in {deviation.code for deviation in parse_data(cp).deviations}


def test_marks_of_two_characters() -> None:
    cp = b"DataTime=20260801084000;a21026-Rtd=1,a21026-Flag=Td"
    assert parse_data(cp, "2025").deviations == ()
    assert [deviation.code for deviation in parse_data(cp, "2017").deviations] == ["mark_unknown"]


def test_states_of_production_are_no_numbers() -> None:
    assert parse_data(b"DataTime=20260801084000;p99101-Rtd=St,p99101-Flag=N", "2025").deviations == ()


def test_the_table_of_shapes_is_bounded() -> None:
    for number in range(5000):
        parse_data(f"DataTime=20160801084000;x{number}-Rtd=1".encode())
    assert len(SHAPES.known) <= 2048
    for number in range(100):
        parse_data((f"x{number}-Rtd=1;" * 900)[:-1].encode())
    assert sum(len(key[2]) for key in SHAPES.known) <= 131_072 + 9999


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("20160801085857", "2016-08-01T08:58:57+08:00"),
        ("20160801085857123", "2016-08-01T08:58:57+08:00"),
        ("20161301085857", None),
        ("20160801240000", None),
        ("2016080108585", None),
        ("２0160801085857", None),
        ("", None),
    ],
)
def test_iso(text: str, iso: str | None) -> None:
    assert times.iso(text) == iso


@pytest.mark.parametrize(
    ("cn", "convention", "start", "minutes"),
    [
        ("2051", "start", "2016-08-01T00:40:00+00:00", 10),
        ("2051", "end", "2016-08-01T00:30:00+00:00", 10),
        ("2061", "end", "2016-07-31T23:40:00+00:00", 60),
        ("2031", "start", "2016-08-01T00:40:00+00:00", 1440),
        ("2111", "start", "2016-08-01T00:40:00+00:00", 5),
        ("2011", "end", "2016-08-01T00:40:00+00:00", 0),
    ],
)
def test_periods(cn: str, convention: str, start: str, minutes: int) -> None:
    found = times.period(cn, "20160801084000", convention)
    assert found is not None
    assert found[0].isoformat() == start
    assert found[1].total_seconds() == minutes * 60
    assert times.period(cn, "nonsense") is None
