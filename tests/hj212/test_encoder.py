from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingjian.hj212 import encoder, times
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.encoder import EncodingError, RequestNumbers, Sender, factor_group
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy
from qingjian.hj212.reassembly import Reassembler

MN = "010000A8900016F000169DC0"
QN = "20160801085857223"
KEY = b"0123456789abcdef"
SENDERS = {
    "2005": Sender("2005", "32", "123456", "88888880000001"),
    "2017": Sender("2017", "32", "123456", MN),
    "2025": Sender("2025", "32", "123456", MN),
}
CODES = {
    "2005": ["011", "060", "101"],
    "2017": ["w01018", "w21003", "w21011"],
    "2025": ["w01018", "w21003", "w21011"],
}


def decoded(raw: bytes, edition: str, key: bytes | None = None) -> Message:
    result = decode_frame(raw, Policy(edition=edition, sm4_key=key))
    assert isinstance(result, Message), result
    assert result.deviations == ()
    return result


def body(raw: bytes) -> str:
    return raw[6:-6].decode()


@pytest.mark.parametrize("edition", SENDERS)
@pytest.mark.parametrize("cn", ["2011", "2051", "2061", "2031"])
def test_uploads_decode_without_deviation(edition: str, cn: str) -> None:
    suffix = "Rtd" if cn == "2011" else "Avg"
    groups = [factor_group(code, {suffix: "1.5", "Flag": "N"}) for code in CODES[edition]]
    message = decoded(SENDERS[edition].upload(cn, "20160801084000", groups, QN), edition)
    assert message.cn == cn
    assert message.data.factors() == {code: {suffix: "1.5", "Flag": "N"} for code in CODES[edition]}
    assert message.need_answer


def test_the_standards_own_frames() -> None:
    assert Sender("2017", "32", "100000", MN).request("1062", QN, [[("RtdInterval", "30")]]) == (
        b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&1C80\r\n"
    )
    assert SENDERS["2025"].request("1011", "20240601085857223").endswith(b"Flag=9;CP=&&&&2200\r\n")


@pytest.mark.parametrize(
    ("edition", "answer", "segment"),
    [
        ("2017", "request", f"QN={QN};ST=91;CN=9011;PW=123456;MN={MN};Flag=4;CP=&&QnRtn=1&&"),
        ("2017", "result", f"QN={QN};ST=91;CN=9012;PW=123456;MN={MN};Flag=4;CP=&&ExeRtn=1&&"),
        ("2017", "notify", f"QN={QN};ST=91;CN=9013;PW=123456;MN={MN};Flag=4;CP=&&&&"),
        ("2017", "data", f"QN={QN};ST=91;CN=9014;PW=123456;MN={MN};Flag=4;CP=&&&&"),
        ("2025", "data", f"QN={QN};ST=91;CN=9014;PW=123456;MN={MN};Flag=8;CP=&&&&"),
        ("2005", "request", f"ST=91;CN=9011;PW=123456;MN=88888880000001;Flag=0;CP=&&QN={QN};QnRtn=1&&"),
        ("2005", "result", f"ST=91;CN=9012;PW=123456;MN=88888880000001;Flag=0;CP=&&QN={QN};ExeRtn=1&&"),
        ("2005", "notify", f"ST=91;CN=9013;PW=123456;MN=88888880000001;Flag=0;CP=&&QN={QN}&&"),
        ("2005", "data", f"ST=91;CN=9014;CP=&&QN={QN};CN=2051;PNO=1;PNUM=2&&"),
    ],
)
def test_answers_in_the_shape_of_each_edition(edition: str, answer: str, segment: str) -> None:
    sender = SENDERS[edition]
    raw = {
        "request": lambda: sender.request_answer(QN, 1),
        "result": lambda: sender.result(QN, 1),
        "notify": lambda: sender.notify_answer(QN),
        "data": lambda: sender.data_answer(QN, "2051", ("2", "1") if edition == "2005" else None),
    }[answer]()
    assert body(raw) == segment
    message = decoded(raw, edition)
    assert message.answered_qn == QN


def test_backfill_belongs_to_2025() -> None:
    groups = [factor_group("w01018", {"Avg": "1", "Flag": "N"})]
    assert decoded(SENDERS["2025"].upload("2061", "20240601080000", groups, QN, backfill=True), "2025").rf
    with pytest.raises(EncodingError):
        SENDERS["2017"].upload("2061", "20240601080000", groups, QN, backfill=True)


def test_encryption() -> None:
    sender = SENDERS["2025"].with_key(KEY)
    groups = [factor_group("w01018", {"Rtd": "12.345", "Flag": "N"})]
    raw = sender.upload("2011", "20240601080000", groups, QN)
    assert b"w01018" not in raw[:120]
    message = decoded(raw, "2025", KEY)
    assert message.encrypted == "raw"
    assert message.data.factors() == {"w01018": {"Rtd": "12.345", "Flag": "N"}}
    assert sender.data_answer(QN, "2011").count(b"CP=&&&&") == 1


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(SENDERS)),
    st.integers(1, 120),
    st.sampled_from(["factors", "text"]),
    st.booleans(),
    st.integers(250, 1024),
)
def test_sub_packets_come_together_again(
    edition: str, count: int, merging: str, key: bool, maximum: int
) -> None:
    sender = SENDERS[edition].with_key(KEY if key and edition == "2025" else None)
    codes = [f"e{100 + number // 100}{number % 100:02d}" for number in range(count)]
    groups = [factor_group(code, {"Rtd": f"{number}.25", "Flag": "N"}) for number, code in enumerate(codes)]
    now = datetime(2026, 8, 1, tzinfo=UTC)
    numbers = RequestNumbers()
    frames = sender.split(
        "2011",
        "20260801080000",
        groups,
        iter(lambda: numbers.next(now), None),
        merging=merging,
        maximum_segment=maximum,
    )
    assert all(len(raw) <= 1024 + 12 for raw in frames)
    together = Reassembler()
    found: dict[str, dict[str, str]] = {}
    for raw in frames:
        message = decode_frame(raw, Policy(edition=edition, sm4_key=sender.sm4_key))
        assert isinstance(message, Message)
        outcome = together.add(message, now)
        assert outcome.dropped == []
        for whole in outcome.wholes:
            assert whole.complete
            assert whole.data.datatime == "20260801080000"
            found.update(whole.data.factors())
    assert found == {code: {"Rtd": f"{number}.25", "Flag": "N"} for number, code in enumerate(codes)}
    assert together.open == 0


@pytest.mark.parametrize("value", ["1;2", "1,2", "1=2", "a&&b", "a\r\n", " 1"])
def test_values_that_break_the_grammar_are_refused(value: str) -> None:
    with pytest.raises(EncodingError):
        encoder.data_area([[("w01018-Rtd", value)]])


@pytest.mark.parametrize("name", ["", "a=b", "a;b", "a b", "a&b"])
def test_names_that_break_the_grammar_are_refused(name: str) -> None:
    with pytest.raises(EncodingError):
        encoder.data_area([[(name, "1")]])


def test_what_does_not_fit_is_refused() -> None:
    sender = SENDERS["2017"]
    with pytest.raises(EncodingError):
        sender.upload("2011", "20160801084000", [[("i11001-Info", "x" * 1000)]], QN)
    with pytest.raises(EncodingError):
        sender.split("2011", "20160801084000", [[("i11001-Info", "x" * 1000)]], iter([QN]))
    with pytest.raises(EncodingError):
        sender.message("2011", [], None)
    with pytest.raises(EncodingError):
        sender.message("2011", [], "a;b")
    with pytest.raises(EncodingError):
        encoder.frame(b"")


def test_request_numbers_increase_strictly() -> None:
    numbers = RequestNumbers()
    now = datetime(2026, 8, 1, 15, 59, 59, 999_000, tzinfo=UTC)
    made = [
        numbers.next(moment)
        for moment in [now] * 5 + [now - timedelta(hours=1)] * 3 + [now + timedelta(seconds=9)]
    ]
    assert made == sorted(set(made))
    assert made[0] == "20260801235959999"
    assert made[1] == "20260802000000000"
    assert all(times.parse(number) is not None for number in made)
