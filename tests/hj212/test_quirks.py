"""Every row of the list of quirks: tolerated with a typed deviation, or refused until the policy names it.

Rows 22, 23, 24 and 26 are of the dialogue and of times: what the library makes of them stands here; sockets, the lake and
the pages are tried with them in tests/gateway, tests/pipeline and tests/simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from tests.hj212.building import CP, HEAD, MN, codes_of, frame, framed, only, segment, stretches

from qingjian.hj212 import checksum, codes, times
from qingjian.hj212.decoder import Framer
from qingjian.hj212.encoder import Sender
from qingjian.hj212.policy import Policy
from qingjian.hj212.sessions import host
from qingjian.hj212.sessions.actions import Acknowledge, Action, Command


class Tolerated(NamedTuple):
    row: int
    name: str
    raw: bytes
    code: str
    policy: Policy = Policy()


class Switched(NamedTuple):
    row: int
    name: str
    raw: bytes
    code: str


BODY = segment()
CHECK = checksum.check_by_definition(BODY)
MODBUS = checksum.modbus(BODY)


def body_whose_check(matches: Callable[[bytes], bool]) -> bytes:
    """A segment whose check has the wanted look."""
    for number in range(10_000):
        body = segment(cp=f"DataTime=20160801085857;w01001-Rtd={number / 7:.3f},w01001-Flag=N")
        if matches(checksum.check_text(body)):
            return body
    raise AssertionError("no such segment")


LEADING_ZERO = body_whose_check(lambda text: text.startswith(b"0"))
LETTERED = body_whose_check(lambda text: text.lower() != text)
UTF8 = segment(
    cp="DataTime=20160801085857;PolId=w01018;i11001-Info=//清洗管路//", head=HEAD.replace("2011", "3020")
)
LONG = segment(cp="DataTime=20160801085857;" + ";".join(f"w{number:05d}-Rtd=1" for number in range(80)))

TOLERATED = [
    Tolerated(3, "lower-case check", framed(LETTERED, check=checksum.check_text(LETTERED).lower()), "check_lower_case"),
    Tolerated(6, "no terminator", framed(BODY, terminator=b""), "terminator_missing"),
    Tolerated(6, "LF only", framed(BODY, terminator=b"\n"), "terminator_form"),
    Tolerated(6, "doubled terminator", framed(BODY, terminator=b"\r\n\r\n"), "terminator_form"),
    Tolerated(7, "no Flag", frame(HEAD.replace("Flag=5;", "")), "flag_missing"),
    Tolerated(7, "no QN", frame(HEAD.replace("QN=20160801085857223;", "")), "qn_missing"),
    Tolerated(8, "QN of 13 digits", frame(HEAD.replace("20160801085857223", "1617936069734")), "qn_form"),
    Tolerated(8, "QN of 1970", frame(HEAD.replace("20160801085857223", "19700121184129787")), "qn_form"),
    Tolerated(9, "MN of 7", frame(HEAD.replace(MN, "ABCDEFG")), "mn_form"),
    Tolerated(9, "MN in lower case", frame(HEAD.replace(MN, MN.lower())), "mn_form"),
    Tolerated(9, "MN with - and _", frame(HEAD.replace(MN, "aqms-1100_2020110011")), "mn_form"),
    Tolerated(10, "PW of 24", frame(HEAD.replace("PW=123456", f"PW={MN}")), "pw_form"),
    Tolerated(12, "padded packet numbers", frame(HEAD.replace("Flag=5;", "Flag=7;PNUM=0002;PNO=0001;")), "packet_number_form"),
    Tolerated(12, "PNO first", frame(HEAD.replace("Flag=5;", "Flag=7;PNO=1;PNUM=2;")), "header_order"),
    Tolerated(12, "no packet bit", frame(HEAD.replace("Flag=5;", "Flag=5;PNUM=2;PNO=1;")), "packet_bit_missing"),
    Tolerated(13, "Flag after CP", frame(HEAD.replace("Flag=5;", ""), tail=";Flag=5"), "header_after_cp"),
    Tolerated(14, "trailing ;", frame(cp=CP + ";"), "separator_trailing"),
    Tolerated(14, "spaces", frame(cp=CP.replace("Rtd=7.1", "Rtd = 7.1 ")), "spaces"),
    Tolerated(14, "comma between factors", frame(cp=CP + ",w01018-Rtd=3"), "separator_mixed"),
    Tolerated(14, "semicolon inside a factor", frame(cp=CP.replace(",", ";")), "separator_mixed"),
    Tolerated(14, "mark before value", frame(cp="DataTime=20160801085857;w01001-Flag=N,w01001-Rtd=7.1"), "mark_before_value"),
    Tolerated(15, "DataTime of 17 digits", frame(cp=CP.replace("20160801085857", "20160801085857000")), "datatime_milliseconds"),
    Tolerated(16, "version bits of 2025 from a 2017 device", frame(HEAD.replace("Flag=5", "Flag=9")), "edition_mismatch", Policy(edition="2017")),
    Tolerated(17, "segment over 1024", framed(LONG), "segment_over_1024"),
    Tolerated(18, "vendor factor", frame(cp="DataTime=20160801085857;pms_rules-Rtd=7"), "factor_unknown"),
    Tolerated(18, "factor of 2005", frame(cp="DataTime=20160801085857;011-Rtd=7"), "factor_other_edition"),
    Tolerated(18, "vendor suffix", frame(cp="DataTime=20160801085857;a01006-ValidNum=7"), "suffix_unknown"),
    Tolerated(19, "many decimals", frame(cp=CP.replace("7.1", "7.12345678901234")), "value_precision"),
    Tolerated(19, "empty value", frame(cp=CP.replace("7.1", "")), "value_empty"),
    Tolerated(19, "NaN", frame(cp=CP.replace("7.1", "NaN")), "value_not_numeric"),
    Tolerated(20, "GBK log", framed(UTF8.decode().encode("gbk")), "text_gb18030"),
    Tolerated(21, "QN=…,ST", frame(HEAD.replace("223;ST", "223,ST")), "header_separator"),
    Tolerated(21, "Flag=5CP=", frame(HEAD.replace("Flag=5;", "Flag=5")), "header_separator"),
    Tolerated(21, "01018-Rtd", frame(cp="DataTime=20160801085857;01018-Rtd=7"), "factor_unknown"),
    Tolerated(21, "duplicate factor", frame(cp=CP + ";w01001-Rtd=8"), "item_duplicate"),
    Tolerated(25, "minute data sent as 2011", frame(cp="DataTime=20160801085857;w01001-Avg=7.1"), "realtime_with_statistics"),
    Tolerated(27, "vendor command", frame(HEAD.replace("2011", "9021"), ""), "cn_unknown"),
]  # fmt: skip

SWITCHED = [
    Switched(2, "length + 6", framed(BODY, length=f"{len(BODY) + 6:04d}"), "length_wrong"),
    Switched(2, "length stale", framed(BODY, length=f"{len(BODY) - 9:04d}"), "length_wrong"),
    Switched(2, "length in characters", framed(UTF8, length=f"{len(UTF8.decode()):04d}"), "length_wrong"),
    Switched(2, "length of 3 digits", framed(BODY, length=f"{len(BODY)}"), "length_three_digits"),
    Switched(4, "check of 3 digits", framed(LEADING_ZERO, check=checksum.check_text(LEADING_ZERO)[1:]), "check_three_digits"),
    Switched(5, "Modbus", framed(BODY, check=b"%04X" % MODBUS), "check_modbus"),
    Switched(5, "Modbus swapped", framed(BODY, check=b"%04X" % (MODBUS >> 8 | (MODBUS & 255) << 8)), "check_modbus_swapped"),
    Switched(5, "check swapped", framed(BODY, check=b"%04X" % (CHECK >> 8 | (CHECK & 255) << 8)), "check_swapped"),
    Switched(11, "ST of 3 digits", frame(HEAD.replace("ST=32", "ST=132")), "st_form"),
    Switched(11, "ST with a letter", frame(HEAD.replace("ST=32", "ST=A1")), "st_form"),
    Switched(16, "unknown version bits", frame(HEAD.replace("Flag=5", "Flag=13")), "flag_version"),
]  # fmt: skip


def name_of(case: Tolerated | Switched) -> str:
    return f"{case.row} {case.name}"


@pytest.mark.parametrize("case", TOLERATED, ids=name_of)
def test_tolerated_with_a_typed_deviation(case: Tolerated) -> None:
    assert codes.CODES[case.code].kind == "deviation"
    policy = Policy(edition="2017") if case.code == "qn_missing" else case.policy
    assert case.code in codes_of(only(case.raw, policy))


@pytest.mark.parametrize("case", TOLERATED, ids=name_of)
def test_told_with_the_first_byte_that_is_not_its_own(case: Tolerated) -> None:
    framer = Framer(case.policy, eager=False)
    assert framer.feed(case.raw) == []
    assert [stretch.raw for stretch in framer.feed(b"#")] == [case.raw]


@pytest.mark.parametrize(
    "raw",
    [
        *(case.raw for case in SWITCHED),
        framed(BODY, check=b"1234"),
        framed(BODY, check=b"12xy"),
        frame()[:90],
    ],
)
def test_refused_with_the_header_of_the_next_frame(raw: bytes) -> None:
    framer = Framer(eager=False)
    assert framer.feed(raw) == []
    # The declared end of half a frame lies in the frame after it.
    assert [stretch.raw for stretch in framer.feed(frame()[:100])] == [raw]


@pytest.mark.parametrize("case", SWITCHED, ids=name_of)
def test_refused_until_the_policy_names_it(case: Switched) -> None:
    assert codes.CODES[case.code].kind == "switchable"
    refused = only(case.raw)
    assert refused.message is None
    assert refused.refusal is not None
    assert refused.refusal.code == case.code
    assert refused.refusal.fields["MN"] == MN
    others = codes.SWITCHABLE - {case.code}
    assert only(case.raw, Policy(accept=others)).message is None
    accepted = only(case.raw, Policy(accept=frozenset({case.code})))
    assert case.code in codes_of(accepted)
    assert accepted.message is not None
    assert accepted.message.data.datatime == "20160801085857"


@pytest.mark.parametrize("case", SWITCHED, ids=name_of)
def test_a_refused_variant_does_not_harm_its_neighbours(case: Switched) -> None:
    good = frame()
    found = stretches(good + case.raw + good)
    assert [stretch.message is not None for stretch in found] == [True, False, True]
    assert found[1].raw == case.raw


def test_row_1_several_frames_in_one_read_and_half_frames() -> None:
    data = frame() * 3
    for cut in range(len(data)):
        found = stretches(data, cuts=[cut])
        assert [stretch.message is not None for stretch in found] == [True] * 3
    whole = frame()
    for cut in range(1, len(whole) - 2):  # behind the check the frame is whole, its terminator optional
        first, half = stretches(whole + whole[:cut])
        assert first.message is not None
        assert half.refusal is not None
        assert (half.refusal.code, half.raw) == ("incomplete", whole[:cut])


def test_row_19_other_values_of_the_frame_stay() -> None:
    message = only(frame(cp="DataTime=20160801085857;w01001-Rtd=NaN,w01001-Flag=D;w01018-Rtd=12.5")).message
    assert message is not None
    assert message.data.factors() == {"w01001": {"Rtd": "NaN", "Flag": "D"}, "w01018": {"Rtd": "12.5"}}


def test_row_20_gbk_text_is_read() -> None:
    message = only(framed(UTF8.decode().encode("gbk"))).message
    assert message is not None
    assert message.items[0].value == "//清洗管路//"


def test_row_28_noise_and_http_probes() -> None:
    probe = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n##12 ##abcd"
    found = stretches(probe + frame() + b"\x00\xff##9999" + frame())
    assert [stretch.refusal.code if stretch.refusal else "" for stretch in found] == [
        "noise",
        "",
        "noise",
        "",
    ]


START = datetime(2026, 8, 1, 4, 0, tzinfo=UTC)
DEVICE = Sender("2017", "32", "123456", MN)


def heard(state: host.HostState, raw: bytes) -> tuple[host.HostState, list[Action]]:
    message = only(raw).message
    assert message is not None
    return host.on_message(state, message, START)


def resent() -> list[str]:
    """Each of three equal uploads is answered with the same 9014."""
    state = host.new(MN)
    answers = []
    for _ in range(3):
        state, actions = heard(state, frame())
        answers += [one.data for one in actions if isinstance(one, Acknowledge)]
    return ["answered"] * answers.count(answers[0])


def commanded(*answers: Callable[[str], bytes]) -> list[str]:
    state, _ = host.on_command(host.new(MN), Command("one", "3012", ((("PolId", "w01018"),),)), START)
    said = []
    for answer in answers:
        state, actions = heard(state, answer(state.last_qn))
        said += [type(one).__name__ for one in actions]
    return said


def acknowledged(rule: str, flag: int) -> list[str]:
    raw = frame(HEAD.replace("Flag=5", f"Flag={flag}"))
    _, actions = heard(host.new(MN, policy=Policy(acknowledge=rule)), raw)
    return [type(one).__name__ for one in actions if isinstance(one, Acknowledge)]


def begins(convention: str) -> list[str]:
    found = times.period("2061", "20160801090000", convention)
    assert found is not None
    return [found[0].isoformat()]


BEHAVIOUR: list[tuple[int, str, Callable[[], list[str]], list[str]]] = [
    (22, "resend storm", resent, ["answered"] * 3),
    (23, "own QN", lambda: commanded(lambda _: DEVICE.request_answer("20260801120500999", 1), lambda _: DEVICE.result("20260801120501999", 1)), ["CommandAccepted", "CommandFinished"]),
    (23, "no 9011", lambda: commanded(lambda qn: DEVICE.result(qn, 1)), ["CommandFinished"]),
    (23, "9012 before 9011", lambda: commanded(lambda qn: DEVICE.result(qn, 1), lambda qn: DEVICE.request_answer(qn, 1)), ["CommandFinished", "Unmatched"]),
    (24, "wants an answer unasked", lambda: acknowledged("always", 4), ["Acknowledge"]),
    (24, "wants none although asked", lambda: acknowledged("never", 5), []),
    (24, "by the standard", lambda: acknowledged("flag", 4), []),
    (26, "DataTime is the end", lambda: begins("end"), ["2016-08-01T00:00:00+00:00"]),
    (26, "DataTime is the start", lambda: begins("start"), ["2016-08-01T01:00:00+00:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("play", "outcome"), [one[2:] for one in BEHAVIOUR], ids=[f"{one[0]} {one[1]}" for one in BEHAVIOUR]
)
def test_behaviour(play: Callable[[], list[str]], outcome: list[str]) -> None:
    assert play() == outcome


def test_every_row_is_covered() -> None:
    covered = {case.row for case in (*TOLERATED, *SWITCHED)} | {row for row, *_ in BEHAVIOUR} | {1, 20, 28}
    assert covered == set(range(1, 29))
