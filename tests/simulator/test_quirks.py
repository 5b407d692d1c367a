"""Every quirk gives the bytes it names: held against the protocol library's decoder."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingjian.hj212.decoder import Framer
from qingjian.hj212.encoder import Sender, factor_group
from qingjian.hj212.message import Message, Stretch
from qingjian.hj212.policy import Policy
from qingjian.simulator.quirks import IN_SESSION, QUIRKS, frame_of, misbehave, segment_of

MN = "A90121003100000000000003"
SENDER = Sender("2017", "31", "123456", MN)
VALUES = {"Min": "1.20", "Avg": "1.50", "Max": "1.70", "Flag": "N"}
GROUPS = [factor_group("a21026", VALUES), factor_group("a21002", VALUES)]
MINUTE = SENDER.upload("2051", "20261121195000", GROUPS, "20261121200000123")
ANSWER = SENDER.request_answer("20261121200000123", 1)


def decode(data: bytes, policy: Policy | None = None) -> list[Stretch]:
    framer = Framer(policy or Policy(), eager=False)
    return framer.feed(data) + framer.finish()


def codes(stretches: list[Stretch]) -> list[set[str]]:
    return [
        {one.refusal.code} if one.refusal else {deviation.code for deviation in message_of(one).deviations}
        for one in stretches
    ]


def message_of(stretch: Stretch) -> Message:
    assert stretch.message is not None
    return stretch.message


# What the decoder must say of a minute upload with the quirk: one set of codes per stretch.
SEEN: dict[str, list[set[str]]] = {
    "sticky": [set(), set()],
    "halves": [set()],
    "length_plus_6": [{"length_wrong"}],
    "length_characters": [{"length_wrong"}],
    "length_stale": [{"length_wrong"}],
    "crc_lower": [{"check_lower_case"}],
    "crc_3_digits": [{"check_three_digits"}],
    "crc_modbus": [{"check_modbus"}],
    "crc_modbus_swapped": [{"check_modbus_swapped"}],
    "no_terminator": [{"terminator_missing"}],
    "lf_only": [{"terminator_form"}],
    "double_terminator": [{"terminator_form"}],
    "no_qn": [{"qn_missing"}],
    "no_flag": [{"flag_missing", "mn_form", "factor_other_edition"}],
    "qn_epoch": [{"qn_form"}],
    "qn_1970": [{"qn_form"}],
    "mn_short": [{"mn_form"}],
    "mn_lower": [{"mn_form"}],
    "mn_symbols": [{"mn_form"}],
    "pw_long": [{"pw_form"}],
    "st_3_digits": [{"st_form"}],
    "packet_numbers": [{"header_order", "packet_bit_missing", "packet_number_form"}],
    "flag_after_cp": [{"header_after_cp"}],
    "trailing_separator": [{"separator_trailing"}],
    "spaces": [{"spaces"}],
    "mixed_separators": [{"separator_mixed"}],
    "mark_first": [{"mark_before_value"}],
    "datatime_milliseconds": [{"datatime_milliseconds"}],
    "flag_2025": [set()],
    "segment_long": [{"segment_over_1024", "factor_unknown"}],
    "factor_vendor": [{"factor_unknown"}],
    "suffix_vendor": [{"suffix_unknown"}],
    "many_decimals": [{"value_precision"}],
    "value_empty": [{"value_empty"}],
    "value_nan": [{"value_not_numeric"}],
    "text_gbk": [{"text_gb18030"}],
    "qn_comma": [{"header_separator"}],
    "flag_glued": [{"header_separator"}],
    "factor_cut": [{"factor_unknown", "separator_mixed"}],
    "factor_twice": [{"item_duplicate", "separator_mixed"}],
    "resend_storm": [set()] * 5,
    "second_connection": [set()],
    "answer_own_qn": [set()],
    "answer_missing": [set()],
    "answer_out_of_order": [set()],
    "wants_answer_unasked": [set()],
    "ignores_answer": [set()],
    "minute_as_realtime": [{"realtime_with_statistics"}],
    "datatime_end": [set()],
    "clock_drift": [set()],
    "vendor_command": [{"cn_unknown"}, set()],
    "noise": [{"noise"}, set()],
    "http_probe": [{"noise"}, set()],
}


def test_every_row_of_the_list_of_quirks_is_here() -> None:
    assert {quirk.number for quirk in QUIRKS.values()} == set(range(1, 29))
    assert set(SEEN) == set(QUIRKS)
    assert set(QUIRKS) >= IN_SESSION


@pytest.mark.parametrize("code", sorted(QUIRKS))
def test_the_decoder_sees_what_the_quirk_names(code: str) -> None:
    writes = misbehave(MINUTE, [code])
    assert codes(decode(b"".join(writes))) == SEEN[code]
    unchanged = IN_SESSION | {"halves", "answer_own_qn", "answer_missing", "answer_out_of_order"}
    assert (b"".join(writes) != MINUTE) or code in unchanged


@pytest.mark.parametrize(
    ("code", "accepted"),
    [
        ("length_plus_6", "length_wrong"),
        ("length_characters", "length_wrong"),
        ("length_stale", "length_wrong"),
        ("crc_3_digits", "check_three_digits"),
        ("crc_modbus", "check_modbus"),
        ("crc_modbus_swapped", "check_modbus_swapped"),
        ("st_3_digits", "st_form"),
    ],
)
def test_a_device_policy_can_let_a_variant_in(code: str, accepted: str) -> None:
    (stretch,) = decode(b"".join(misbehave(MINUTE, [code])), Policy(accept=frozenset({accepted})))
    assert {deviation.code for deviation in message_of(stretch).deviations} >= {accepted}


def test_halves_are_several_writes_of_the_same_bytes() -> None:
    writes = misbehave(MINUTE, ["halves"])
    assert len(writes) == 4
    assert b"".join(writes) == MINUTE


def test_answers_misbehave_by_command() -> None:
    assert misbehave(ANSWER, ["answer_missing"]) == []
    own = message_of(decode(b"".join(misbehave(ANSWER, ["answer_own_qn"])))[0])
    assert own.qn == "20261121200000260"
    order = [message_of(one).cn for one in decode(b"".join(misbehave(ANSWER, ["answer_out_of_order"])))]
    assert order == ["9012", "9011"]


def test_flag_bits_of_uploads_only() -> None:
    assert message_of(decode(misbehave(MINUTE, ["wants_answer_unasked"])[0])[0]).flag == 4
    assert message_of(decode(misbehave(MINUTE, ["flag_2025"])[0])[0]).flag == 9
    assert misbehave(ANSWER, ["flag_2025", "wants_answer_unasked", "ignores_answer"]) == [ANSWER]


def test_times_move_by_the_period_or_the_drift() -> None:
    assert (
        message_of(decode(misbehave(MINUTE, ["datatime_end"])[0])[0]).items[0].time
        == "2026-11-21T20:00:00+08:00"
    )
    drifted = message_of(decode(misbehave(MINUTE, ["clock_drift"])[0])[0])
    assert drifted.qn == "20261121201700123"
    assert drifted.items[0].time == "2026-11-21T20:07:00+08:00"


def test_quirks_add_up_and_unknown_ones_are_refused() -> None:
    (stretch,) = decode(b"".join(misbehave(MINUTE, ["spaces", "trailing_separator", "lf_only"])))
    assert {one.code for one in message_of(stretch).deviations} == {
        "spaces",
        "separator_trailing",
        "terminator_form",
    }
    with pytest.raises(KeyError):
        misbehave(MINUTE, ["unheard_of"])


@given(
    st.lists(st.sampled_from(sorted(QUIRKS)), max_size=4),
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - Hypothesis wants naive bounds
    st.integers(0, 99999),
)
def test_any_mixture_ends_in_bytes_the_decoder_survives(mixture: list[str], at: datetime, value: int) -> None:
    when = at.replace(tzinfo=UTC)
    groups = [factor_group("a21026", {"Avg": f"{value / 100:.2f}", "Flag": "N"})]
    frame = SENDER.upload(
        "2061", when.strftime("%Y%m%d%H%M%S"), groups, when.strftime("%Y%m%d%H%M%S") + "000"
    )
    data = b"".join(misbehave(frame, mixture))
    stretches = decode(data)
    assert b"".join(one.raw for one in stretches) == data


@given(st.binary(min_size=1, max_size=300))
def test_framing_agrees_with_the_decoder(noise: bytes) -> None:
    segment = (
        b"QN=20261121200000123;ST=31;CN=2011;PW=123456;MN=" + MN.encode() + b";Flag=4;CP=&&" + noise + b"&&"
    )
    frame = frame_of(segment)
    assert segment_of(frame) == segment
    (stretch,) = decode(frame)
    assert stretch.raw == frame
