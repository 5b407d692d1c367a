import json
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hj212.building import CP, HEAD, MN, frame, framed, segment
from typer.testing import CliRunner

from qingjian.cli.hj212 import app
from qingjian.hj212 import records
from qingjian.hj212.encoder import EncodingError, Sender, factor_group
from qingjian.hj212.policy import Policy

KEYS = ["status", "edition", "fields", "items", "parameters", "deviations", "reason", "offset", "length"]


def test_record_of_a_frame() -> None:
    (record,) = records.decode_lines(frame())
    assert list(record) == KEYS
    assert record == {
        "status": "ok",
        "edition": "2017",
        "fields": {
            "QN": "20160801085857223",
            "ST": "32",
            "CN": "2011",
            "PW": "123456",
            "MN": MN,
            "Flag": "5",
        },
        "items": [
            {"time": "2016-08-01T08:58:57+08:00", "factor": "w01001", "suffix": "Rtd", "value": "7.1"},
            {"time": "2016-08-01T08:58:57+08:00", "factor": "w01001", "suffix": "Flag", "value": "N"},
        ],
        "parameters": {"DataTime": "20160801085857"},
        "deviations": [],
        "reason": None,
        "offset": 0,
        "length": len(frame()),
    }


def test_record_of_a_half_frame() -> None:
    first, second = records.decode_lines(frame() + frame()[:40])
    assert first["status"] == "ok"
    assert list(second) == KEYS
    assert (second["status"], second["reason"], second["edition"]) == ("refused", "incomplete", None)
    assert (second["offset"], second["length"]) == (len(frame()), 40)


GROUPINGS = st.lists(
    st.sampled_from(
        ["DataTime=20160801085857", "w01001-Rtd=7.1,w01001-Flag=N", "BeginTime=20160801085857,EndTime=20160801085857",
         "PolId=w01018", "CTime=1,CTime=2", "w21003-Rtd=1", "i11001-Info=//a;b=c,d//", "InfoId=i11001"]
    ),
    max_size=6,
)  # fmt: skip
HEADS = st.sampled_from(
    [HEAD, HEAD.replace("Flag=5", "Flag=9;RF=1"), HEAD.replace("Flag=5", "Flag=7;PNUM=12;PNO=3"), HEAD.replace("2011", "3020"),
     "ST=91;CN=9014;", "ST=32;CN=2051;QN=20040516010101001;PW=123456;MN=88888880000001;PNO=1;PNUM=1;"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(HEADS, GROUPINGS, st.sampled_from(["auto", "2005", "2017", "2025"]))
def test_what_is_ok_comes_back_byte_for_byte(head: str, groups: list[str], edition: str) -> None:
    raw = frame(head, ";".join(groups))
    (record,) = records.decode_lines(raw, Policy(edition=edition))
    if record["status"] == "ok":
        assert records.encode_record(json.loads(json.dumps(record))) == raw


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 50), st.integers(1, 4))
def test_mutated_frames_that_are_ok_come_back_byte_for_byte(noise: bytes, place: int, width: int) -> None:
    body = segment()
    start = len(HEAD) + 5 + place
    raw = framed(body[:start] + noise + body[start + width :])
    for record in records.decode_lines(raw):
        if record["status"] == "ok":
            assert records.encode_record(record) == raw


def test_encrypted_frames_come_back_with_their_key() -> None:
    key = b"0123456789abcdef"
    sender = Sender("2025", "31", "123456", MN, key)
    raw = sender.upload(
        "2011", "20260801080000", [factor_group("a21026", {"Rtd": "12.5", "Flag": "N"})], "20260801080000123"
    )
    (record,) = records.decode_lines(raw, Policy(sm4_key=key))
    assert record["status"] == "ok"
    assert record["encryption"] == "raw"
    assert records.encode_record(record, key) == raw
    with pytest.raises(EncodingError):
        records.encode_record(record)


@pytest.mark.parametrize(
    "record",
    [
        {"status": "refused"},
        {"status": "ok", "fields": {}},
        {"status": "ok", "fields": {"CN": 2011}},
        {"status": "ok", "fields": {"CN": "2011"}, "items": [{"factor": "a"}]},
        {"status": "ok", "fields": {"CN": "2011"}, "items": {}},
        {"status": "ok", "fields": {"CN": "2011"}, "parameters": {"a": "1"}, "layout": [["b"]]},
        {"status": "ok", "fields": {"CN": "2011"}, "parameters": {"a": "1"}, "layout": []},
        {"status": "ok", "fields": {"CN": "2011"}, "parameters": {"a": ";"}},
    ],
)
def test_records_that_cannot_be_encoded(record: dict[str, object]) -> None:
    with pytest.raises(EncodingError):
        records.encode_record(record)


class TestCommand:
    runner = CliRunner()

    def test_decode_and_encode(self) -> None:
        stream = frame() + frame(cp=CP + ";w01018-Rtd=5")
        decoded = self.runner.invoke(app, ["decode", "-"], input=stream)
        assert decoded.exit_code == 0
        lines = decoded.stdout.splitlines()
        assert [json.loads(line)["status"] for line in lines] == ["ok", "ok"]
        encoded = self.runner.invoke(app, ["encode"], input=decoded.stdout)
        assert encoded.exit_code == 0
        assert encoded.stdout_bytes == stream

    def test_bad_bytes_end_with_status_0(self, tmp_path) -> None:  # type: ignore[no-untyped-def]
        path = tmp_path / "input.bin"
        path.write_bytes(b"\x00\xff##" + frame()[:30])
        result = self.runner.invoke(app, ["decode", str(path)])
        assert result.exit_code == 0
        found = [json.loads(line) for line in result.stdout.splitlines()]
        assert sum(record["length"] for record in found) == path.stat().st_size
        assert {record["status"] for record in found} == {"refused"}

    def test_unconfirmed_facts_are_listed_and_switched_off(self) -> None:
        stream = frame(cp=CP.replace("Flag=N", "Flag=Td")).replace(b"Flag=5;", b"Flag=9;")
        stream = framed(stream[6:-6])
        decoded = self.runner.invoke(app, ["decode"], input=stream)
        assert json.loads(decoded.stdout)["status"] == "ok"
        without = self.runner.invoke(
            app, ["decode", "--without", "hj212:2025:mark:Td,hj212:2025:return"], input=stream
        )
        assert [one["code"] for one in json.loads(without.stdout)["deviations"]] == ["mark_unknown"]
        unknown = self.runner.invoke(app, ["decode", "--without", "hj212:2025:mark:Tx"], input=stream)
        assert unknown.exit_code == 2
        listed = self.runner.invoke(app, ["facts", "--without", "hj212:2025:mark"])
        on = {one["id"]: one["on"] for one in map(json.loads, listed.stdout.splitlines())}
        assert on["hj212:2025:mark:Td"] is False
        assert on["hj212:2025:mark:N"] is True, "of a secondary source: switched off one by one"
        assert on["hj212:2025:command:3023:up"] is False, "off until a policy names its feature"
        assert on["hj212:2025:factor:a01001"] is True

    def test_accept_edition_and_key(self) -> None:
        wrong = framed(segment(), length="0200")
        refused = self.runner.invoke(app, ["decode"], input=wrong)
        assert json.loads(refused.stdout)["reason"] == "length_wrong"
        accepted = self.runner.invoke(
            app, ["decode", "--accept", "length_wrong", "--edition", "2017"], input=wrong
        )
        assert json.loads(accepted.stdout)["status"] == "deviating"
        several = self.runner.invoke(
            app, ["decode", "--accept", "check_modbus", "length_wrong", "-"], input=wrong
        )
        assert json.loads(several.stdout)["status"] == "deviating"

    @pytest.mark.parametrize(
        "arguments",
        [["--accept", "noise"], ["--edition", "2020"], ["--sm4-key", "xx"], ["/nowhere/at/all"], ["-", "-"]],
    )
    def test_wrong_arguments_are_named(self, arguments: list[str]) -> None:
        assert self.runner.invoke(app, ["decode", *arguments], input=b"").exit_code == 2

    @pytest.mark.parametrize(("option", "seen"), [([], [True, False]), (["--live"], [True, True])])
    def test_who_watches_a_pipe_sees_lines_before_its_end(self, option: list[str], seen: list[bool]) -> None:
        """The last line waits for the first byte after its terminator unless it is read as from a connection."""
        first = framed(segment(cp=CP + ";"))
        command = [sys.executable, "-c", "from qingjian.cli.hj212 import app; app()", "decode", *option]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            limit = threading.Timer(
                60, process.kill
            )  # a line that never comes is red, not a test that never ends
            limit.start()
            process.stdin.write(first + frame())
            process.stdin.flush()
            lines = [process.stdout.readline() for _ in range(sum(seen))]
            limit.cancel()
            process.stdin.close()
            rest = process.stdout.readlines()
        found = [json.loads(line) for line in lines + rest]
        assert [record["status"] for record in found] == ["deviating", "ok"]
        assert len(rest) == seen.count(False)

    def test_lines_that_cannot_be_encoded_are_named(self) -> None:
        (record,) = records.decode_lines(frame())
        result = self.runner.invoke(app, ["encode"], input="nonsense\n\n[]\n" + json.dumps(record) + "\n")
        assert result.exit_code == 1
        assert result.stdout_bytes == frame()
        assert "line 1" in result.stderr
        assert "line 3" in result.stderr
