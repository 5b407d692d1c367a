"""Ways in which real devices leave the standard, each by a code: what the device would have sent → what it sends.

Every quirk is a function of one canonical frame (`##` … CR LF) that gives the bytes of zero or more socket writes.
The numbers are those of the list of quirks kept with the protocol's facts (see docs/simulator.md). Nothing here
needs a connection, so the protocol library's decoder can be held against each quirk in a test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from qingjian.hj212 import checksum

Writes = list[bytes]
_FRAME = re.compile(rb"##\d{4}(.*)[0-9A-F]{4}\r\n", re.DOTALL)
_UPLOADS = (b"2011", b"2031", b"2041", b"2051", b"2061")
_LENGTHS = {b"2061": timedelta(hours=1), b"2031": timedelta(days=1), b"2041": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Quirk:
    """A deviation. `number` is its row in the list of quirks."""

    code: str
    number: int
    name_zh: str
    name_en: str
    writes: Callable[[bytes], Writes]


def frame_of(segment: bytes, *, length: int | None = None, check: bytes | None = None) -> bytes:
    """Return a frame around a data segment, right unless told otherwise."""
    check = checksum.check_text(segment) if check is None else check
    return b"##%04d%b%b\r\n" % (len(segment) if length is None else length, segment, check)


def segment_of(frame: bytes) -> bytes:
    """Return the data segment of a canonical frame; ValueError when it is none."""
    match = _FRAME.fullmatch(frame)
    if match is None:
        raise ValueError("quirks start from a canonical frame")
    return match[1]


def command_of(segment: bytes) -> bytes:
    match = re.search(rb"(?:^|;)CN=(\d{4})", segment)
    return match[1] if match else b""


def _changed(
    pattern: bytes, replacement: bytes | Callable[[re.Match[bytes]], bytes]
) -> Callable[[bytes], Writes]:
    """Return a quirk that replaces the first match in the segment and computes length and check anew."""
    compiled = re.compile(pattern)

    def apply(frame: bytes) -> Writes:
        return [frame_of(compiled.sub(replacement, segment_of(frame), count=1))]

    return apply


def _checked(check: Callable[[bytes], bytes]) -> Callable[[bytes], Writes]:
    def apply(frame: bytes) -> Writes:
        segment = segment_of(frame)
        return [frame_of(segment, check=check(segment))]

    return apply


def _later(segment: bytes, milliseconds: int) -> bytes:
    """Return the segment with another QN, `milliseconds` later."""

    def moved(match: re.Match[bytes]) -> bytes:
        try:
            moment = datetime.strptime(match[1].decode(), "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - wire time
        except ValueError:
            return match[0]
        later = moment + timedelta(milliseconds=milliseconds)
        return b"QN=" + later.strftime("%Y%m%d%H%M%S").encode() + b"%03d" % (later.microsecond // 1000)

    return re.sub(rb"QN=(\d{17})", moved, segment, count=1)


def _moved_times(segment: bytes, by: timedelta) -> bytes:
    def moved(match: re.Match[bytes]) -> bytes:
        try:
            moment = datetime.strptime(match[2].decode(), "%Y%m%d%H%M%S")  # noqa: DTZ007 - wire time
        except ValueError:
            return match[0]
        return match[1] + (moment + by).strftime("%Y%m%d%H%M%S").encode()

    return re.sub(rb"(DataTime=)(\d{14})", moved, segment)


def _sticky(frame: bytes) -> Writes:
    return [frame + frame_of(_later(segment_of(frame), 1))]


def _halves(frame: bytes) -> Writes:
    cuts = [0, 4, len(frame) // 2, len(frame) - 3, len(frame)]
    return [frame[a:b] for a, b in pairwise(cuts)]


def _length_plus_six(frame: bytes) -> Writes:
    segment = segment_of(frame)
    return [frame_of(segment, length=len(segment) + 6)]


def _log(frame: bytes, encoding: str) -> bytes:
    """Return a log upload (3020) with Chinese text in place of the frame's data area."""
    segment = segment_of(frame)
    header = re.sub(rb"CN=\d{4}", b"CN=3020", segment[: segment.index(b"CP=&&")])
    moment = re.search(rb"DataTime=(\d{14})", segment)
    time = moment[1] if moment else b"20260101000000"
    text = "i11001-Info=//清洗完成，恢复测量//".encode(encoding)
    return header + b"CP=&&DataTime=" + time + b";PolId=w01018;" + text + b"&&"


def _length_in_characters(frame: bytes) -> Writes:
    segment = _log(frame, "utf-8")
    return [frame_of(segment, length=len(segment.decode("utf-8")))]


def _length_stale(frame: bytes) -> Writes:
    segment = segment_of(frame)
    return [frame_of(segment, length=len(segment) - 17)]


def _with_check(frame: bytes, wanted: Callable[[bytes], bool]) -> tuple[bytes, bytes]:
    """Return (segment, check) with a QN at most ten minutes later whose check is as wanted.

    Only a check with a letter can be in lower case, only one with a leading 0 can lose it.
    """
    segment = segment_of(frame)
    for n in range(2000):
        tried = _later(segment, n * 613 % 600_000)
        check = checksum.check_text(tried)
        if wanted(check):
            return tried, check
    return segment, checksum.check_text(segment)


def _lower(frame: bytes) -> Writes:
    segment, check = _with_check(frame, lambda check: not check.isdigit())
    return [frame_of(segment, check=check.lower())]


def _three_digits(frame: bytes) -> Writes:
    segment, check = _with_check(frame, lambda check: check.startswith(b"0"))
    return [frame_of(segment, check=check[1:] if check.startswith(b"0") else check)]


def _swapped(value: int) -> bytes:
    return b"%04X" % ((value >> 8) | (value & 0xFF) << 8)


def _packet_numbers(frame: bytes) -> Writes:
    return _changed(rb"(Flag=\d+;)", rb"PNO=0001;PNUM=0001;\1")(frame)


def _flag_after(frame: bytes) -> Writes:
    segment = segment_of(frame)
    flag = re.search(rb"(Flag=\d+);", segment)
    if flag is None:
        return [frame]
    return [frame_of(segment.replace(flag[0], b"", 1) + b";" + flag[1])]


def _mark_first(frame: bytes) -> Writes:
    return _changed(rb"([;&])((?:\w+-\w+=[^,;&]*,)*\w+-\w+=[^,;&]*),(\w+-Flag=\w+)", rb"\1\3,\2")(frame)


def _long(frame: bytes) -> Writes:
    segment = segment_of(frame)
    more = b"".join(b";w%05d-Rtd=%d.%02d,w%05d-Flag=N" % (80000 + n, n, n, 80000 + n) for n in range(40))
    return [frame_of(segment.removesuffix(b"&&") + more + b"&&")]


def _many_decimals(frame: bytes) -> Writes:
    """Show the first value as a single-precision number printed in full; the value itself stays what it is."""

    def longer(match: re.Match[bytes]) -> bytes:
        whole, _, part = match[2].partition(b".")
        return match[1] + whole + b"." + part + b"0000019073486"

    return _changed(rb"((?:Rtd|Avg)=)(-?\d+(?:\.\d+)?)", longer)(frame)


def _without_letter(frame: bytes) -> Writes:
    return _changed(rb"([;&])[a-z](\d{5}-)", rb"\1\2")(frame)


def _twice(frame: bytes) -> Writes:
    def doubled(match: re.Match[bytes]) -> bytes:
        return match[0] + b";" + match[1]

    return _changed(rb";(\w+-(?:Rtd|Avg|Min|Cou)=[^;&]*)", doubled)(frame)


def _own_answer_number(frame: bytes) -> Writes:
    segment = segment_of(frame)
    if command_of(segment) in (b"9011", b"9012"):
        return [frame_of(_later(segment, 137))]
    return [frame]


def _no_request_answer(frame: bytes) -> Writes:
    return [] if command_of(segment_of(frame)) == b"9011" else [frame]


def _result_before_answer(frame: bytes) -> Writes:
    segment = segment_of(frame)
    if command_of(segment) != b"9011":
        return [frame]
    result = segment.replace(b"CN=9011", b"CN=9012", 1).replace(b"QnRtn=1", b"ExeRtn=1", 1)
    return [frame_of(result), frame]


def _flag(add: int, remove: int) -> Callable[[bytes], Writes]:
    """Return a quirk that sets and clears bits of Flag in uploads of data."""

    def changed(match: re.Match[bytes]) -> bytes:
        return b"Flag=%d" % ((int(match[1]) | add) & ~remove)

    apply = _changed(rb"(?<![\w-])Flag=(\d+)", changed)
    return lambda frame: apply(frame) if command_of(segment_of(frame)) in _UPLOADS else [frame]


def _minute_as_realtime(frame: bytes) -> Writes:
    return _changed(rb"CN=2051", b"CN=2011")(frame)


def _named_by_end(frame: bytes) -> Writes:
    segment = segment_of(frame)
    command = command_of(segment)
    length = _LENGTHS.get(command, timedelta(minutes=10) if command == b"2051" else None)
    return [frame if length is None else frame_of(_moved_times(segment, length))]


def _drifting(frame: bytes) -> Writes:
    segment = segment_of(frame)
    if command_of(segment) not in _UPLOADS:
        return [frame]
    return [frame_of(_moved_times(_later(segment, 17 * 60 * 1000), timedelta(minutes=17)))]


def _vendor_command(frame: bytes) -> Writes:
    segment = segment_of(frame)
    header = re.sub(rb"CN=\d{4}", b"CN=9021", _later(segment, 1)[: segment.index(b"CP=&&")])
    header = re.sub(rb"Flag=(\d+)", lambda match: b"Flag=%d" % (int(match[1]) & ~1), header)
    return [frame_of(header + b"CP=&&&&"), frame]


_NUMBER = rb"((?:Rtd|Avg)=)[^,;&]*"
_FIRST_MARK = rb"(CP=&&DataTime=\d{14});(\w+-)"

_ALL: Sequence[Quirk] = (
    Quirk("sticky", 1, "两帧粘在一次发送里", "two frames in one write", _sticky),
    Quirk("halves", 1, "一帧分几次发送", "a frame cut into several writes", _halves),
    Quirk("length_plus_6", 2, "长度多算 6", "the length counts ## and itself", _length_plus_six),
    Quirk("length_characters", 2, "长度按字符数计", "the length counts characters", _length_in_characters),
    Quirk("length_stale", 2, "长度是旧值", "the length is stale", _length_stale),
    Quirk("crc_lower", 3, "校验码小写", "lower-case check", _lower),
    Quirk("crc_3_digits", 4, "校验码丢前导 0", "the check lost its leading 0", _three_digits),
    Quirk(
        "crc_modbus", 5, "Modbus 校验", "CRC16 of Modbus", _checked(lambda s: b"%04X" % checksum.modbus(s))
    ),
    Quirk(
        "crc_modbus_swapped",
        5,
        "Modbus 校验低字节在前",
        "CRC16 of Modbus, low byte first",
        _checked(lambda s: _swapped(checksum.modbus(s))),
    ),
    Quirk("no_terminator", 6, "没有 CR LF", "no CR LF", lambda frame: [frame[:-2]]),
    Quirk("lf_only", 6, "只有 LF", "LF only", lambda frame: [frame[:-2] + b"\n"]),
    Quirk("double_terminator", 6, "两个 CR LF", "CR LF twice", lambda frame: [frame + b"\r\n"]),
    Quirk("no_qn", 7, "没有 QN", "no QN", _changed(rb"QN=\d{17};", b"")),
    Quirk("no_flag", 7, "没有 Flag", "no Flag", _changed(rb"Flag=\d+;", b"")),
    Quirk(
        "qn_epoch",
        8,
        "QN 为毫秒时间戳",
        "QN is epoch milliseconds",
        _changed(rb"QN=\d{17}", b"QN=1795266000123"),
    ),
    Quirk("qn_1970", 8, "QN 为 1970 年", "QN of 1970", _changed(rb"QN=\d{17}", b"QN=19700101080012000")),
    Quirk("mn_short", 9, "MN 只有 14 位", "MN of 14 characters", _changed(rb"MN=(\w{14})\w*;", rb"MN=\1;")),
    Quirk(
        "mn_lower",
        9,
        "MN 小写",
        "MN in lower case",
        _changed(rb"MN=\w+;", lambda m: b"MN=" + m[0][3:].lower()),
    ),
    Quirk("mn_symbols", 9, "MN 带符号", "MN with symbols", _changed(rb"MN=(\w{4})(\w+);", rb"MN=\1_\2-1;")),
    Quirk(
        "pw_long",
        10,
        "PW 为 24 位令牌",
        "PW is a 24-character token",
        _changed(rb"PW=\w*;", b"PW=A1B2C3D4E5F6A1B2C3D4E5F6;"),
    ),
    Quirk("st_3_digits", 11, "ST 三位", "ST of three digits", _changed(rb"ST=(\w\w);", rb"ST=0\1;")),
    Quirk(
        "packet_numbers",
        12,
        "PNO、PNUM 补零且无标志位",
        "PNO and PNUM padded, without the Flag bit",
        _packet_numbers,
    ),
    Quirk("flag_after_cp", 13, "Flag 在 CP 之后", "Flag after CP", _flag_after),
    Quirk(
        "trailing_separator", 14, "&& 前多一个分号", "`;` before the closing &&", _changed(rb"&&$", b";&&")
    ),
    Quirk("spaces", 14, "多余空格", "spaces", _changed(rb"(CP=&&DataTime=\d{14});", rb"\1; ")),
    Quirk(
        "mixed_separators",
        14,
        "因子之间用逗号",
        "`,` between factors",
        _changed(rb"(-Flag=\w+);(\w+-)", rb"\1,\2"),
    ),
    Quirk("mark_first", 14, "标记在值之前", "the mark before the value", _mark_first),
    Quirk(
        "datatime_milliseconds",
        15,
        "DataTime 带毫秒",
        "DataTime with milliseconds",
        _changed(rb"(DataTime=\d{14})", rb"\g<1>000"),
    ),
    Quirk("flag_2025", 16, "2017 设备的 Flag 写成 8/9", "version bits of 2025", _flag(8, 4)),
    Quirk("segment_long", 17, "数据段超过 1024", "data segment over 1024 bytes", _long),
    Quirk(
        "factor_vendor",
        18,
        "厂家自定因子名",
        "vendor factor name",
        _changed(_FIRST_MARK, rb"\1;CONC-Rtd=1.5;\2"),
    ),
    Quirk(
        "suffix_vendor",
        18,
        "厂家自定后缀",
        "vendor suffix",
        _changed(rb"(\w+)-Flag=N", rb"\1-Flag=N,\1-ValidNum=12"),
    ),
    Quirk("many_decimals", 19, "小数位过多", "many decimals", _many_decimals),
    Quirk("value_empty", 19, "空值", "empty value", _changed(_NUMBER, rb"\1")),
    Quirk("value_nan", 19, "NaN", "NaN", _changed(_NUMBER, rb"\1NaN")),
    Quirk("text_gbk", 20, "GBK 日志", "GBK log text", lambda frame: [frame_of(_log(frame, "gb18030"))]),
    Quirk("qn_comma", 21, "QN 后用逗号", "`QN=…,ST`", _changed(rb"(QN=\d{17});", rb"\1,")),
    Quirk("flag_glued", 21, "Flag 与 CP 相连", "`Flag=5CP=`", _changed(rb"(Flag=\d+);CP=", rb"\1CP=")),
    Quirk("factor_cut", 21, "因子编码丢字母", "factor without its letter", _without_letter),
    Quirk("factor_twice", 21, "因子重复", "a factor twice", _twice),
    Quirk("resend_storm", 22, "反复重发", "resend storm", lambda frame: [frame] * 5),
    Quirk("second_connection", 22, "不关旧连接又连", "a second connection for one MN", lambda frame: [frame]),
    Quirk("answer_own_qn", 23, "应答自编 QN", "answers with their own QN", _own_answer_number),
    Quirk("answer_missing", 23, "不发 9011", "no 9011", _no_request_answer),
    Quirk("answer_out_of_order", 23, "9012 先于 9011", "9012 before 9011", _result_before_answer),
    Quirk("wants_answer_unasked", 24, "Flag=4 却等应答", "waits for an answer although Flag=4", _flag(0, 1)),
    Quirk("ignores_answer", 24, "Flag=5 却不理应答", "asks for an answer and ignores it", _flag(1, 0)),
    Quirk("minute_as_realtime", 25, "分钟数据用 2011 发", "minute data sent as 2011", _minute_as_realtime),
    Quirk("datatime_end", 26, "DataTime 为时段末", "DataTime is the end of the period", _named_by_end),
    Quirk("clock_drift", 26, "时钟快 17 分钟", "the clock is 17 minutes ahead", _drifting),
    Quirk("vendor_command", 27, "厂家命令 9021", "vendor command 9021", _vendor_command),
    Quirk(
        "noise",
        28,
        "二进制杂波",
        "binary noise",
        lambda frame: [b"\x00\xff\x13#\x7f##00" + bytes(range(128, 160)) + frame],
    ),
    Quirk(
        "http_probe",
        28,
        "HTTP 探测",
        "an HTTP probe",
        lambda frame: [b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", frame],
    ),
)

QUIRKS = {quirk.code: quirk for quirk in _ALL}
IN_SESSION = frozenset({"second_connection", "wants_answer_unasked", "ignores_answer"})
"""Quirks that also, or only, show in how a device behaves; the fleet knows them."""

MOVES_TIME = frozenset({"datatime_end", "clock_drift"})
"""Quirks that give values another time; devices that replay real measurements do not take them."""


def misbehave(frame: bytes, codes: Iterable[str]) -> Writes:
    """Apply quirks one after the other to a canonical frame.

    A quirk that needs a canonical frame leaves what an earlier one has already broken. KeyError for an unknown code.
    """
    writes = [frame]
    for code in codes:
        quirk = QUIRKS[code]
        following: Writes = []
        for write in writes:
            try:
                following.extend(quirk.writes(write))
            except ValueError:
                following.append(write)
        writes = following
    return writes
