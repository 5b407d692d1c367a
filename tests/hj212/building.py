"""Frames for tests, built without the encoder under test."""

from __future__ import annotations

from qingjian.hj212 import checksum
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Stretch
from qingjian.hj212.policy import DEFAULT, Policy

MN = "010000A8900016F000169DC0"
HEAD = f"QN=20160801085857223;ST=32;CN=2011;PW=123456;MN={MN};Flag=5;"
CP = "DataTime=20160801085857;w01001-Rtd=7.1,w01001-Flag=N"


def segment(head: str = HEAD, cp: str = CP, tail: str = "") -> bytes:
    return f"{head}CP=&&{cp}&&{tail}".encode()


def framed(
    body: bytes, length: str | None = None, check: bytes | None = None, terminator: bytes = b"\r\n"
) -> bytes:
    digits = f"{len(body):04d}" if length is None else length
    text = b"%04X" % checksum.check_by_definition(body) if check is None else check
    return b"##" + digits.encode() + body + text + terminator


def frame(head: str = HEAD, cp: str = CP, tail: str = "") -> bytes:
    return framed(segment(head, cp, tail))


def stretches(
    data: bytes, policy: Policy = DEFAULT, *, cuts: list[int] | None = None, eager: bool = False
) -> list[Stretch]:
    framer = Framer(policy, eager=eager)
    result: list[Stretch] = []
    before = 0
    for cut in [*(cuts or []), len(data)]:
        result += framer.feed(data[before:cut])
        before = cut
    return result + framer.finish()


def only(data: bytes, policy: Policy = DEFAULT) -> Stretch:
    (stretch,) = stretches(data, policy)
    return stretch


def codes_of(stretch: Stretch) -> set[str]:
    assert stretch.message is not None, stretch.refusal
    return {deviation.code for deviation in stretch.message.deviations}


BODIES = [
    segment(),
    segment(HEAD.replace("2011", "9014").replace("Flag=5", "Flag=4").replace("ST=32", "ST=91"), ""),
    segment(HEAD.replace("Flag=5", "Flag=9;RF=1").replace("2011", "2061")),
    segment("ST=32;CN=2051;PW=123456;MN=88888880000001;", "DataTime=20040516021000;B01-Cou=200;101-Avg=1.1"),
    segment(
        HEAD.replace("2011", "3020"), "DataTime=20160801062035;PolId=w01018;i11001-Info=//清洗;管路=1,2//"
    ),
    segment("ST=91;CN=9014;", "QN=20040516010101001;CN=9012"),
]
