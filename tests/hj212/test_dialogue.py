"""Every row of the command list, played between a host and a field device; and what goes wrong on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.hj212.building import frame, only
from tests.hj212.dialogue import START, Dialogue, lost

from qingjian.hj212 import profiles
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.encoder import Group, Sender, factor_group
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy
from qingjian.hj212.sessions import field as device
from qingjian.hj212.sessions import host
from qingjian.hj212.sessions.actions import (
    Acknowledge,
    Command,
    CommandAccepted,
    CommandFailed,
    CommandFinished,
    Execute,
    KeyWanted,
    LinkUnusable,
    Received,
    RegistrationWanted,
    SampleDue,
    Send,
    SettingChanged,
    Timeouts,
    Unmatched,
    UploadAcknowledged,
    UploadFailed,
)

MN = {"2005": "88888880000001", "2017": "010000A8900016F000169DC0", "2025": "010000A8900016F000169DC0"}
_HISTORY = (
    "2061",
    [[("BeginTime", "20260801000000")], [("EndTime", "20260801010000")]],
    "20260801000000000",
)
FACTOR = {"2005": "011", "2017": "w01018", "2025": "w01018"}
VALUES = {
    "OverTime": "7", "ReCount": "2", "WarnTime": "5", "SystemTime": "20260801120000", "SKCreateTime": "20260801120000000",
    "NewSK": "fedcba9876543210", "NewPW": "654321", "PW": "654321", "RtdInterval": "60", "MinInterval": "5",
    "PolId": "w01018", "PolID": "011", "ReportTarget": "3882566", "ReportTime": "0101", "CalibrationType": "0",
    "BeginTime": "20260801000000", "EndTime": "20260801010000", "CstartTime": "000000", "Ctime": "2", "CTime": "04",
    "InfoId": "i13004", "VaseNo": "1", "Stime": "40", "AlarmTime": "20260801000000", "AlarmType": "1",
}  # fmt: skip


def groups_of(parameters: str, edition: str) -> tuple[Group, ...]:
    """Data area of a command from the table's notation."""
    groups: list[Group] = []
    for group in parameters.split(";") if parameters else []:
        pairs = []
        for name in group.split(","):
            if name.startswith("[") or name == "*":
                continue
            if name.startswith("*-"):
                suffix = name[2:]
                factor = "i13004" if suffix == "Info" else FACTOR[edition]
                pairs.append((f"{factor}-{suffix}", "1.1"))
            elif name.endswith("-Info"):
                pairs.append((name, "6970000000001ABCDEFG1234"))
            else:
                pairs.append((name, "20260801000000" if name == "DataTime" else VALUES[name]))
        if pairs:
            groups.append(tuple(pairs))
    return tuple(groups)


def answers(dialogue: Dialogue, request: Execute) -> device.Step:
    """A device that has one record of everything."""
    edition = dialogue.device_state.sender.edition
    known = profiles.profile(edition).command(request.cn, "down")
    assert known is not None
    factors = [factor_group(FACTOR[edition], {"Avg": "1.5", "Flag": "N"})]
    if known.flow in ("history", "start"):
        return device.complete(
            dialogue.device_state,
            request.qn,
            dialogue.now,
            uploads=[("20260801000000", factors), ("20260801001000", factors)],
        )
    if known.flow == "read":
        upward = profiles.profile(edition).command(request.cn, "up")
        assert upward is not None
        return device.complete(
            dialogue.device_state, request.qn, dialogue.now, answer=groups_of(upward.parameters, edition)
        )
    return device.complete(dialogue.device_state, request.qn, dialogue.now)


def dialogue_of(edition: str, policy: Policy | None = None, **more: Any) -> Dialogue:
    known = policy or Policy(edition=edition)
    return Dialogue(
        host.new(MN[edition], policy=known),
        device.new(edition, "32", "123456", MN[edition], known),
        execute=answers,
        **more,
    )


DOWN = [
    (edition, cn)
    for edition in ("2005", "2017", "2025")
    for (cn, direction), command in profiles.profile(edition).commands.items()
    if direction == "down"
]
UP = [
    (edition, cn)
    for edition in ("2005", "2017", "2025")
    for (cn, direction), command in profiles.profile(edition).commands.items()
    if direction == "up" and command.flow in ("notify", "upload")
]


@pytest.mark.parametrize(("edition", "cn"), DOWN)
def test_every_command_of_the_host(edition: str, cn: str) -> None:
    known = profiles.profile(edition).command(cn, "down")
    assert known is not None
    dialogue = dialogue_of(edition)
    command = Command(
        "one", cn, groups_of(known.parameters, edition), mn=MN[edition] if cn == "1002" else None
    )
    dialogue.by_host(host.on_command(dialogue.host_state, command, dialogue.now))
    assert dialogue.of_host(CommandFailed) == []
    (finished,) = dialogue.of_host(CommandFinished)
    assert isinstance(finished, CommandFinished)
    assert finished.id == "one"
    if known.flow == "notify":
        assert finished.value is None
    else:
        assert finished.value == 1
        assert dialogue.of_host(CommandAccepted) == [CommandAccepted("one")]
    received = [action for action in dialogue.host_actions if isinstance(action, Received)]
    expected = {"read": 1, "history": 2}.get(known.flow, 0)
    assert len(received) == expected == finished.uploads
    assert all(action.command_id == "one" and action.message.cn == cn for action in received)
    if known.flow == "history":
        # each packet waits for the acknowledgement of the one before
        assert len(dialogue.of_host(Acknowledge)) == 2
    for raw in dialogue.sent_down + dialogue.sent_up:
        result = decode_frame(raw, Policy(edition=edition))
        assert isinstance(result, Message)
        tolerated = {"datatime_missing", "suffix_unknown"}
        assert {deviation.code for deviation in result.deviations} <= tolerated, raw
    assert host.wake_at(dialogue.host_state) is None


@pytest.mark.parametrize(("edition", "cn"), UP)
def test_every_message_of_the_device(edition: str, cn: str) -> None:
    policy = Policy(edition=edition, unconfirmed=frozenset({"sample_information_3023"}))
    known = profiles.profile(edition).command(cn, "up", policy.unconfirmed)
    assert known is not None
    dialogue = dialogue_of(edition, policy)
    if known.flow == "notify":
        groups = groups_of(known.parameters, edition)
        dialogue.by_device(device.notify(dialogue.device_state, cn, groups, dialogue.now))
    else:
        factors = [factor_group(FACTOR[edition], {"Rtd": "1.5", "Flag": "N"})]
        dialogue.by_device(device.upload(dialogue.device_state, cn, "20260801000000", factors, dialogue.now))
    (acknowledge,) = dialogue.of_host(Acknowledge)
    assert isinstance(acknowledge, Acknowledge)
    answer = decode_frame(acknowledge.data, Policy(edition=edition))
    assert isinstance(answer, Message)
    assert answer.cn == ("9013" if known.flow == "notify" else "9014")
    assert answer.st == "91"
    assert [
        action.cn
        for action in dialogue.of_device(UploadAcknowledged)
        if isinstance(action, UploadAcknowledged)
    ] == [cn]
    assert all(
        action.cn not in (cn,)
        for action in dialogue.of_device(UploadFailed)
        if isinstance(action, UploadFailed)
    )
    received = [action.message.cn for action in dialogue.of_host(Received) if isinstance(action, Received)]
    assert received == [cn]


def test_the_unconfirmed_command_is_off_until_switched_on() -> None:
    raw = Sender("2025", "32", "123456", MN["2025"]).upload("3023", "20260801000000", [], "20260801000000001")
    for features, expected in ((frozenset(), ["cn_unknown"]), (frozenset({"sample_information_3023"}), [])):
        result = decode_frame(raw, Policy(unconfirmed=features))
        assert isinstance(result, Message)
        assert [deviation.code for deviation in result.deviations] == expected
    tables = profiles.profile("2025")
    assert tables.command("3023", "up") is None
    assert tables.command("3023", "up", frozenset({"sample_information_3023"})) is not None


def test_time_calibration_asked_by_the_device() -> None:
    dialogue = dialogue_of("2017")
    dialogue.device_state = device.FieldState(
        dialogue.device_state.sender, dialogue.device_state.policy, clock_offset=timedelta(minutes=9)
    )
    dialogue.by_device(device.notify(dialogue.device_state, "1013", (), dialogue.now))
    assert [action.cn for action in dialogue.of_host(Send) if isinstance(action, Send)] == ["1012"]
    assert dialogue.device_state.clock_offset == timedelta(0)


def test_registration_of_a_device_without_mn() -> None:
    policy = Policy(edition="2025")
    dialogue = Dialogue(host.new(policy=policy), device.new("2025", "31", "123456", "", policy))
    hardware = groups_of("i23005-Info;i23006-Info;i23007-Info;i23008-Info", "2025")
    dialogue.by_device(device.notify(dialogue.device_state, "1001", hardware, dialogue.now))
    (wanted,) = dialogue.of_host(RegistrationWanted)
    assert isinstance(wanted, RegistrationWanted)
    assert wanted.hardware["i23005"] == "6970000000001ABCDEFG1234"
    command = Command("mn", "1002", ((("i23005-Info", wanted.hardware["i23005"]),),), mn=MN["2025"])
    dialogue.by_host(host.on_command(dialogue.host_state, command, dialogue.now))
    assert SettingChanged("mn", MN["2025"]) in dialogue.host_actions
    assert dialogue.host_state.mn == dialogue.device_state.sender.mn == MN["2025"]


def test_change_of_key() -> None:
    old = b"0123456789abcdef"
    policy = Policy(edition="2025", sm4_key=old)
    dialogue = dialogue_of("2025", policy)
    dialogue.by_device(
        device.notify(dialogue.device_state, "1014", [[("SKCreateTime", "20260501000000000")]], dialogue.now)
    )
    assert len(dialogue.of_host(KeyWanted)) == 1
    assert b"SKCreateTime" not in dialogue.sent_up[0]
    groups = ((("SKCreateTime", "20260801000000000"), ("NewSK", "fedcba9876543210")),)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("key", "1014", groups), dialogue.now))
    assert dialogue.host_state.policy.sm4_key == dialogue.device_state.sender.sm4_key == b"fedcba9876543210"
    assert b"NewSK" not in dialogue.sent_down[-1]


def test_change_of_password() -> None:
    dialogue = dialogue_of("2017")
    for identifier in ("first", "second"):
        command = Command(
            identifier, "1072", ((("NewPW", "abcdef" if identifier == "first" else "654321"),),)
        )
        dialogue.by_host(host.on_command(dialogue.host_state, command, dialogue.now))
    assert dialogue.host_state.pw == dialogue.device_state.sender.pw == "654321"
    assert dialogue.of_host(CommandFailed) == []


def test_first_connection() -> None:
    dialogue = dialogue_of("2017")
    timeouts = Timeouts(timedelta(seconds=5), 2)
    for command in host.first_commands(START, "2017", timeouts, 60, 5, True, False):
        dialogue.by_host(host.on_command(dialogue.host_state, command, dialogue.now))
    assert [decode_frame(raw).cn for raw in dialogue.sent_down] == [
        "1012",
        "1000",
        "1062",
        "1064",
        "2011",
        "2022",
    ]  # type: ignore[union-attr]
    state = dialogue.device_state
    assert (state.rtd_interval, state.min_interval, state.timeouts.resends) == (60, 5, 2)
    assert [stream for stream, _ in state.streams] == ["2011"]
    assert len(dialogue.of_host(CommandFinished)) == 6


def test_real_time_stream() -> None:
    dialogue = dialogue_of("2017")
    dialogue.by_host(host.on_command(dialogue.host_state, Command("on", "2011"), dialogue.now))
    dialogue.advance(0)
    dialogue.advance(10)
    dialogue.advance(25)
    assert [action.at for action in dialogue.of_device(SampleDue) if isinstance(action, SampleDue)] == [
        START, START + timedelta(seconds=30)
    ]  # fmt: skip
    dialogue.by_host(host.on_command(dialogue.host_state, Command("off", "2012"), dialogue.now))
    assert dialogue.device_state.streams == ()


def test_real_time_data_asked_for_a_past_period_come_as_history() -> None:
    """2011 of HJ 212-2025 with a period: electricity (ST=44) of the past; no stream begins."""
    policy = Policy(edition="2025")
    dialogue = Dialogue(
        host.new(MN["2025"], policy=policy),
        device.new("2025", "44", "123456", MN["2025"], policy),
        execute=answers,
    )
    period = host.history("power", "2011", START, START + timedelta(minutes=10), "2025")
    dialogue.by_host(host.on_command(dialogue.host_state, period, dialogue.now))
    assert dialogue.of_host(CommandFinished) == [CommandFinished("power", 1, 2)]
    received = [action for action in dialogue.host_actions if isinstance(action, Received)]
    assert [(one.message.cn, one.message.st, one.command_id) for one in received] == [
        ("2011", "44", "power")
    ] * 2
    assert dialogue.device_state.streams == ()


def test_heartbeat() -> None:
    policy = Policy(edition="2025")
    dialogue = Dialogue(
        host.new(MN["2025"], policy=policy),
        device.new("2025", "31", "123456", MN["2025"], policy, heartbeat=timedelta(seconds=60)),
    )
    dialogue.by_device(device.on_connect(dialogue.device_state, dialogue.now, START))
    dialogue.advance(60)
    dialogue.advance(60)
    assert [decode_frame(raw).cn for raw in dialogue.sent_up] == ["2081", "9015", "9015"]  # type: ignore[union-attr]
    assert [decode_frame(raw).cn for raw in dialogue.sent_down] == ["9014", "9013", "9013"]  # type: ignore[union-attr]
    assert device.new("2017", "31", "123456", MN["2017"], heartbeat=timedelta(seconds=60)).heartbeat is None


def test_an_upload_without_answer_is_resent_and_given_up() -> None:
    dialogue = dialogue_of("2017", up=lost)
    factors = [factor_group("w01018", {"Rtd": "1", "Flag": "N"})]
    dialogue.by_device(device.upload(dialogue.device_state, "2011", "20260801000000", factors, dialogue.now))
    for _ in range(4):
        dialogue.advance(10)
    assert len(set(dialogue.sent_up)) == 1
    assert len(dialogue.sent_up) == 4
    assert len(dialogue.of_device(UploadFailed)) == len(dialogue.of_device(LinkUnusable)) == 1
    assert device.wake_at(dialogue.device_state) is None


def test_every_upload_that_stays_without_an_answer_is_reported_however_many_there_are() -> None:
    state = device.new("2017", "32", "123456", MN["2017"])
    sent: list[str] = []
    failed: list[str] = []
    for number in range(device.WAITING + 44):
        now = START + timedelta(milliseconds=number)
        state, actions = device.upload(state, "2051", "20260301080000", [[("w01018-Avg", "1")]], now)
        sent += [one.qn for one in actions if isinstance(one, Send)]
        failed += [one.qn for one in actions if isinstance(one, UploadFailed)]
        assert len(state.waiting) <= device.WAITING
    assert failed == sent[:44]
    for step in range(1, 10):
        state, actions = device.on_time(state, now + timedelta(seconds=11 * step))
        failed += [one.qn for one in actions if isinstance(one, UploadFailed)]
    assert failed == sent


def test_a_read_that_more_uploads_push_out_is_reported_as_timed_out() -> None:
    state = device.new("2017", "32", "123456", MN["2017"])
    request = only(Sender("2017", "32", "123456", MN["2017"]).message(*_HISTORY)).message
    assert request is not None
    state, _ = device.on_message(state, request, START)
    packets = [("20260801000000", [[("w01018-Avg", "1")]]), ("20260801010000", [[("w01018-Avg", "2")]])]
    state, _ = device.complete(state, str(request.qn), START, uploads=packets)
    said: list[bytes] = []
    for number in range(device.WAITING):
        now = START + timedelta(milliseconds=number + 1)
        state, actions = device.upload(state, "2051", "20260301080000", [[("w01018-Avg", "1")]], now)
        said += [one.data for one in actions if isinstance(one, Send) and one.cn == "9012"]
    assert [b"ExeRtn=4" in one for one in said] == [True]
    assert state.replies == ()


def test_a_device_asked_for_too_much_at_once_refuses_and_forgets_nothing() -> None:
    state = device.new("2017", "32", "123456", MN["2017"])
    asked = []
    for number in range(device.WAITING + 1):
        qn = f"20260801000000{number:03d}"
        raw = Sender("2017", "32", "123456", MN["2017"]).request("3012", qn, [(("PolId", "w01018"),)])
        request = only(raw).message
        assert request is not None
        state, actions = device.on_message(state, request, START)
        asked += [one.qn for one in actions if isinstance(one, Execute)]
    assert [b"QnRtn=2" in one.data for one in actions if isinstance(one, Send)] == [True]
    for qn in asked:
        state, _ = device.complete(state, qn, START)
    assert len(asked) == device.WAITING


def test_one_frame_without_flag_does_not_turn_a_dialogue_to_2005() -> None:
    def upload(mn: str, flag: str) -> Message:
        head = f"QN=20260301080000001;ST=32;CN=2011;PW=123456;MN={mn};{flag}"
        message = only(frame(head, "DataTime=20260301080000;w01018-Rtd=1,w01018-Flag=N")).message
        assert message is not None
        return message

    state = host.new(MN["2017"])
    for flag in ("Flag=5;", ""):
        state, _ = host.on_message(state, upload(MN["2017"], flag), START)
    _, actions = host.on_command(state, Command("x", "1063"), START)
    assert [type(one) for one in actions] == [Send]
    older, _ = host.on_message(host.new(MN["2005"]), upload(MN["2005"], ""), START)
    assert older.edition == "2005", "a device that never sends one"
    newer, _ = host.on_message(older, upload(MN["2017"], "Flag=9;"), START)
    assert newer.edition == "2025"


def test_a_request_without_answer_is_resent_and_given_up() -> None:
    dialogue = dialogue_of("2017", down=lost)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    dialogue.by_host(host.on_command(dialogue.host_state, Command("two", "1061"), dialogue.now))
    for _ in range(8):
        dialogue.advance(10)
    assert [action.id for action in dialogue.of_host(CommandFailed) if isinstance(action, CommandFailed)] == [
        "one",
        "two",
    ]
    assert len(dialogue.sent_down) == 8
    assert len(set(dialogue.sent_down)) == 2
    assert len(dialogue.of_host(LinkUnusable)) == 2


@pytest.mark.parametrize(
    ("cn", "policy", "seconds"),
    [
        ("3017", Policy(), 60),
        ("3012", Policy(), 1800),
        ("3017", Policy(execution_seconds=300), 300),
        ("3011", Policy(operation_seconds=3600), 3600),
    ],
)
def test_execution_timeout(cn: str, policy: Policy, seconds: int) -> None:
    dialogue = dialogue_of("2017", policy)
    dialogue.execute = None
    dialogue.by_host(
        host.on_command(dialogue.host_state, Command("one", cn, ((("PolId", "w01018"),),)), dialogue.now)
    )
    assert dialogue.of_host(CommandAccepted) == [CommandAccepted("one")]
    dialogue.advance(seconds - 1)
    assert dialogue.of_host(CommandFailed) == []
    dialogue.advance(1)
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "execution_timeout")]
    assert len(dialogue.sent_down) == 1


def test_the_timers_of_a_device_stand_in_its_policy() -> None:
    narrow = Policy.from_json({"reply_seconds": 30, "resends": 5})
    dialogue = dialogue_of("2017", narrow, down=lost)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    for _ in range(5):
        dialogue.advance(29)
        dialogue.advance(1)
    assert len(dialogue.sent_down) == 6
    assert not dialogue.of_host(CommandFailed)
    dialogue.advance(30)
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "no_answer")]
    assert Policy.from_json(narrow.to_json()) == narrow
    for wrong in (
        {"resends": -1},
        {"reply_seconds": 0},
        {"operation_seconds": "60"},
        {"execution_seconds": 1e9},
    ):
        with pytest.raises(ValueError, match=r"seconds|resends"):
            Policy.from_json(wrong)


@pytest.mark.parametrize("edition", ["2005", "2017", "2025"])
@pytest.mark.parametrize("cn", ["1072", "3012", "2061", "1061"])
def test_a_request_that_comes_again_after_it_was_done_gets_its_answers_again(edition: str, cn: str) -> None:
    """The answers were lost: the sample is not taken twice, and the old password is no reason to refuse."""
    known = profiles.profile(edition).command(cn, "down")
    assert known is not None
    dialogue = dialogue_of(edition)
    sender = Sender(edition, "32", "123456", MN[edition])
    request = decode_frame(
        sender.message(cn, groups_of(known.parameters, edition), "20260801080000001", need_answer=True)
    )
    assert isinstance(request, Message)

    def answered() -> list[bytes]:
        before = len(dialogue.sent_up)
        dialogue.by_device(device.on_message(dialogue.device_state, request, dialogue.now))
        return [raw for raw in dialogue.sent_up[before:] if decode_frame(raw).answered_qn == request.qn]  # type: ignore[union-attr]

    first = answered()
    assert {decode_frame(raw).cn for raw in first} >= {"9011", "9012"}  # type: ignore[union-attr]
    executed = len(dialogue.of_device(Execute))
    dialogue.advance(10)
    assert answered() == first
    assert len(dialogue.of_device(Execute)) == executed


class Asked:
    """A host that has given up a calibration and now asks for something else."""

    def __init__(self, cn: str, *groups: Group) -> None:
        self.device = Sender("2017", "31", "123456", MN["2017"])
        self.now = START
        self.state = host.new(MN["2017"])
        self.calibration = self.ask("calibration", "3011", (("PolId", "a21026"),))
        self.now += timedelta(minutes=31)
        self.state, actions = host.on_time(self.state, self.now)
        assert actions == [CommandFailed("calibration", "execution_timeout")]
        self.second = self.ask("second", cn, *groups)

    def ask(self, identifier: str, cn: str, *groups: Group) -> str:
        self.state, (sent,) = host.on_command(self.state, Command(identifier, cn, groups), self.now)
        assert isinstance(sent, Send)
        assert self.hear(self.device.request_answer(sent.qn, 1)) == [CommandAccepted(identifier)]
        return sent.qn

    def hear(self, raw: bytes) -> list[Any]:
        message = decode_frame(raw)
        assert isinstance(message, Message)
        self.state, actions = host.on_message(self.state, message, self.now)
        return actions


@pytest.mark.parametrize("value", [1, 3])
def test_a_late_result_of_one_command_ends_no_other(value: int) -> None:
    host_side = Asked("1072", (("NewPW", "654321"),))
    late = host_side.hear(host_side.device.result(host_side.calibration, value))
    assert [one.id for one in late] == ["calibration"], "it is the result of the calibration"
    assert late[0].late
    assert isinstance(late[0], CommandFinished if value == 1 else CommandFailed)
    assert host_side.state.pw == "123456"
    (failed,) = host_side.hear(host_side.device.result(host_side.second, 2))
    assert failed == CommandFailed("second", "failed", 2)
    assert host_side.state.pw == "123456", "the device did not take the new password"
    (again,) = host_side.hear(host_side.device.result(host_side.calibration, 1))
    assert isinstance(again, Unmatched), "the first result stands"


def test_a_late_refusal_ends_no_other_command() -> None:
    dialogue = dialogue_of("2017", down=lost)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    for _ in range(4):
        dialogue.advance(10)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("two", "1063"), dialogue.now))
    (first,) = {decode_frame(raw).qn for raw in dialogue.sent_down[:4]}  # type: ignore[union-attr]
    refusal = decode_frame(dialogue.device_state.sender.request_answer(first, 2))
    assert isinstance(refusal, Message)
    dialogue.by_host(host.on_message(dialogue.host_state, refusal, dialogue.now))
    assert dialogue.of_host(CommandFailed)[-1] == CommandFailed("one", "refused", 2, late=True)
    assert dialogue.host_state.under_way is not None


def test_a_password_taken_late_holds_unless_a_later_one_does() -> None:
    host_side = Asked("1072", (("NewPW", "first1"),))
    host_side.now += timedelta(minutes=2)
    host_side.state, _ = host.on_time(host_side.state, host_side.now)
    third = host_side.ask("third", "1072", (("NewPW", "second"),))
    host_side.hear(host_side.device.result(third, 1))
    late = host_side.hear(host_side.device.result(host_side.second, 1))
    assert late == [CommandFinished("second", 1, late=True)]
    assert host_side.state.pw == "second"


def test_a_password_taken_late_holds() -> None:
    host_side = Asked("1072", (("NewPW", "654321"),))
    host_side.now += timedelta(minutes=2)
    host_side.state, _ = host.on_time(host_side.state, host_side.now)
    late = host_side.hear(host_side.device.result(host_side.second, 1))
    assert late == [SettingChanged("pw", "654321"), CommandFinished("second", 1, late=True)]


def test_a_result_under_a_number_never_issued_is_still_taken_by_its_kind() -> None:
    host_side = Asked("1072", (("NewPW", "654321"),))
    assert host_side.hear(host_side.device.result("20250101000000000", 1))[-1] == CommandFinished("second", 1)


def test_a_resent_request_is_executed_once() -> None:
    dialogue = dialogue_of("2017", up=lost)
    dialogue.execute = None
    dialogue.by_host(
        host.on_command(dialogue.host_state, Command("one", "3012", ((("PolId", "w01018"),),)), dialogue.now)
    )
    dialogue.advance(10)
    dialogue.advance(10)
    assert len(dialogue.of_device(Execute)) == 1
    assert len(dialogue.sent_up) == 3


def test_history_ends_when_a_packet_is_never_acknowledged() -> None:
    dialogue = dialogue_of("2017")
    command = host.history("gap", "2061", START, START)
    plain = dialogue.by_host

    def without_acknowledgements(step: host.Step) -> None:
        plain((step[0], [action for action in step[1] if not isinstance(action, Acknowledge)]))

    dialogue.by_host = without_acknowledgements  # type: ignore[method-assign]
    dialogue.by_host(host.on_command(dialogue.host_state, command, dialogue.now))
    for _ in range(4):
        dialogue.advance(10)
    assert dialogue.of_host(CommandFailed) == [CommandFailed("gap", "failed", device.TIMED_OUT)]


def test_history_without_records() -> None:
    dialogue = dialogue_of("2017")
    dialogue.execute = lambda talk, request: device.complete(talk.device_state, request.qn, talk.now)
    dialogue.by_host(
        host.on_command(dialogue.host_state, host.history("gap", "2061", START, START), dialogue.now)
    )
    assert dialogue.of_host(CommandFinished) == [CommandFinished("gap", device.NO_DATA, 0)]


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"pw": "000000"}, device.WRONG_PW),
        ({"mn": "0" * 24}, device.WRONG_MN),
    ],
)
def test_wrong_requests_are_refused(change: dict[str, str], value: int) -> None:
    dialogue = dialogue_of("2017")
    dialogue.host_state = host.HostState(**{"mn": MN["2017"], "policy": Policy(edition="2017"), **change})  # type: ignore[arg-type]
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "refused", value)]


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        (b"Flag=5", b"Flag=13", device.WRONG_FLAG),
        (b"ST=32", b"ST=132", device.WRONG_ST),
        (b"CN=1061", b"CN=10x1", device.WRONG_CN),
        (b"CN=1061", b"CN=9999", device.WRONG_CN),
    ],
)
def test_broken_requests_are_answered_with_the_reason(old: bytes, new: bytes, value: int) -> None:
    from qingjian.hj212.encoder import frame

    def broken(data: bytes) -> bytes:
        return frame(data[6:-6].replace(old, new))

    dialogue = dialogue_of("2017", down=broken)
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "refused", value)]


def test_a_request_with_a_wrong_check_is_answered_with_the_reason() -> None:
    dialogue = dialogue_of("2017", down=lambda data: data[:-6] + b"0000\r\n")
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "refused", device.WRONG_CHECK)]


def test_2005_knows_three_answers_only() -> None:
    dialogue = dialogue_of("2005")
    dialogue.host_state = host.HostState(mn="1" * 14, edition="2005", policy=Policy(edition="2005"))
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", "1061"), dialogue.now))
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "refused", device.REFUSED)]


@pytest.mark.parametrize(
    ("cn", "groups"),
    [
        ("1062", ((("RtdInterval", "5"),),)),
        ("1064", ((("MinInterval", "7"),),)),
        ("1000", ((("OverTime", "x"),),)),
        ("1012", ((("SystemTime", "20261301000000"),),)),
        ("1072", ((("NewPW", "1"),),)),
    ],
)
def test_impossible_settings_fail(cn: str, groups: tuple[Group, ...]) -> None:
    dialogue = dialogue_of("2017")
    dialogue.by_host(host.on_command(dialogue.host_state, Command("one", cn, groups), dialogue.now))
    assert dialogue.of_host(CommandFailed) == [CommandFailed("one", "failed", device.CONDITIONS)]


class TestHost:
    """Devices that do it their own way (rows 22-27 of the list of quirks)."""

    device = Sender("2017", "32", "123456", MN["2017"])

    def message(self, raw: bytes) -> Message:
        result = decode_frame(raw)
        assert isinstance(result, Message)
        return result

    def started(self, cn: str = "3012") -> tuple[host.HostState, str]:
        state = host.new(MN["2017"])
        state, actions = host.on_command(state, Command("one", cn, ((("PolId", "w01018"),),)), START)
        (send,) = actions
        assert isinstance(send, Send)
        return state, send.qn

    def test_9012_without_9011(self) -> None:
        state, qn = self.started()
        _, actions = host.on_message(state, self.message(self.device.result(qn, 1)), START)
        assert CommandFinished("one", 1) in actions

    def test_answers_with_a_qn_of_their_own(self) -> None:
        state, _ = self.started()
        state, actions = host.on_message(
            state, self.message(self.device.request_answer("20260801000000999", 1)), START
        )
        assert actions == [CommandAccepted("one")]
        _, actions = host.on_message(state, self.message(self.device.result("20260801000001999", 1)), START)
        assert CommandFinished("one", 1) in actions

    def test_answers_nobody_waits_for(self) -> None:
        message = self.message(self.device.result("20260801000000999", 1))
        state, actions = host.on_message(host.new(MN["2017"]), message, START)
        assert actions == [Unmatched(message)]
        assert state.under_way is None

    @pytest.mark.parametrize(
        ("rule", "wanted", "answered"),
        [("flag", True, 1), ("flag", False, 0), ("always", False, 1), ("never", True, 0)],
    )
    def test_acknowledging_is_an_option(self, rule: str, wanted: bool, answered: int) -> None:
        factors = [factor_group("w01018", {"Rtd": "1", "Flag": "N"})]
        raw = self.device.upload("2011", "20260801000000", factors, "20260801000000001", need_answer=wanted)
        _, actions = host.on_message(host.new(policy=Policy(acknowledge=rule)), self.message(raw), START)
        assert sum(isinstance(action, Acknowledge) for action in actions) == answered

    def test_acknowledgement_echoes_an_odd_qn(self) -> None:
        raw = self.device.message("2011", [], "1617936069734", need_answer=True)
        _, actions = host.on_message(host.new(), self.message(raw), START)
        (acknowledge,) = [action for action in actions if isinstance(action, Acknowledge)]
        assert b"QN=1617936069734;ST=91;CN=9014" in acknowledge.data

    def test_data_that_flow_finish_a_start_command(self) -> None:
        state = host.new(MN["2017"])
        state, _ = host.on_command(state, Command("one", "2011"), START)
        state, _ = host.on_message(state, self.message(self.device.request_answer(state.last_qn, 1)), START)
        factors = [factor_group("w01018", {"Rtd": "1", "Flag": "N"})]
        raw = self.device.upload("2011", "20260801000000", factors, "20260801000000001")
        _, actions = host.on_message(state, self.message(raw), START)
        assert CommandFinished("one", 1, 1) in actions

    def test_unknown_commands_and_text_that_cannot_be_sent(self) -> None:
        state, actions = host.on_command(host.new(), Command("one", "1021"), START)
        assert actions == [CommandFailed("one", "unknown_command", detail="1021 2017")]
        _, actions = host.on_command(state, Command("two", "1062", ((("RtdInterval", "3;0"),),)), START)
        (failed,) = actions
        assert isinstance(failed, CommandFailed)
        assert failed.reason == "encoding"

    def test_the_queue_is_bounded(self) -> None:
        state = host.new(MN["2017"])
        for number in range(host.QUEUE + 1):
            state, _ = host.on_command(state, Command(str(number), "1061"), START)
        _, actions = host.on_command(state, Command("more", "1061"), START)
        assert actions == [CommandFailed("more", "queue_full")]
        state, actions = host.on_disconnect(state)
        assert len(actions) == host.QUEUE + 1
        assert state.queue == ()

    def test_states_are_never_changed_in_place(self) -> None:
        before = host.new(MN["2017"])
        copy = host.new(MN["2017"])
        host.on_command(before, Command("one", "1061"), START)
        assert before == copy

    def test_a_frame_that_tells_nothing_new_of_its_device_leaves_the_state_as_it_is(self) -> None:
        """Thousands of devices send such frames each second; the first one tells edition and number."""
        message = only(frame()).message
        assert message is not None
        first, _ = host.on_message(host.new(), message, START)
        assert (first.mn, first.edition, first.flagged) == (message.mn, message.edition, True)
        again, actions = host.on_message(first, message, START + timedelta(minutes=1))
        assert again is first
        assert any(isinstance(one, Acknowledge) for one in actions)
