"""What a simulated data logger does when a host asks: everything the dialogue itself does not settle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from qingjian.hj212 import times
from qingjian.hj212.encoder import Group
from qingjian.hj212.message import Message
from qingjian.hj212.sessions.field import CONDITIONS, DONE, NO_DATA
from qingjian.simulator.schedule import STATISTICS, Due, periods

_CALIBRATION = timedelta(seconds=60)
_ACTIONS = ("3011", "3012", "3013", "3014", "3022", "3024")


@dataclass(slots=True)
class Instrument:
    """State of the simulated instrument that commands can change."""

    code: str
    factors: Sequence[str]
    calibrating_until: datetime | None = None
    sampling_start: str = "000000"
    sampling_hours: str = "2"
    parameters: dict[str, str] = field(default_factory=lambda: {"i13004": "1.0", "i13007": "0.0"})
    """Information codes → values (slope, intercept …), read by 3020 and set by 3021."""
    limits: dict[str, tuple[str, str]] = field(default_factory=dict)
    report_target: str = ""
    report_time: str = "0000"
    warn_time: str = "5"
    bottle: int = 0

    def mark(self, now: datetime) -> str:
        """Return the data mark of this moment: C while calibrating, else N."""
        return "C" if self.calibrating_until is not None and now < self.calibrating_until else "N"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a request comes to: a value for ExeRtn, an answer under its QN, or records to upload before the result."""

    value: int = DONE
    answer: tuple[Group, ...] | None = None
    records: tuple[Due, ...] = ()


def perform(message: Message, instrument: Instrument, expected: dict[str, int], now: datetime) -> Outcome:
    """Do what a request says. `expected`: statistic → seconds of what the device reports."""
    given = {name: value for name, value in message.parameters.items() if isinstance(value, str)}
    polluted = (
        given.get("PolId") or given.get("PolID") or (instrument.factors[0] if instrument.factors else "")
    )
    cn = message.cn
    if cn in STATISTICS or cn == "2041":
        return _history(cn, given, expected, now)
    if cn in _ACTIONS:
        if cn == "3011":
            instrument.calibrating_until = now + _CALIBRATION
        if cn in ("3012", "3022"):
            instrument.bottle = instrument.bottle % 24 + 1
        return Outcome()
    if cn == "1011":
        return Outcome(answer=((("PolId", polluted),), (("SystemTime", times.text14(now)),)))
    if cn in ("1012", "1001"):
        return Outcome()
    answered = _reading(cn, given, polluted, instrument, now)
    return answered if answered is not None else _setting(cn, given, message, instrument)


def _history(cn: str, given: dict[str, str], expected: dict[str, int], now: datetime) -> Outcome:
    begin, end = times.parse(given.get("BeginTime", "")), times.parse(given.get("EndTime", ""))
    if begin is None or end is None or end < begin:
        return Outcome(CONDITIONS)
    statistic = "runtime" if cn == "2041" else STATISTICS[cn]
    length = 86400 if cn == "2041" else expected.get(statistic, 0)
    if not length or statistic == "realtime":
        return Outcome(NO_DATA)
    last = min(end, now - timedelta(seconds=length))
    found = tuple(periods(statistic, length, begin, last))
    return Outcome(records=found) if found else Outcome(NO_DATA)


def _reading(
    cn: str, given: dict[str, str], polluted: str, instrument: Instrument, now: datetime
) -> Outcome | None:
    stamp = times.text14(now)
    first: Group = (("PolId", polluted),)
    answers: dict[str, tuple[Group, ...]] = {
        "1021": tuple(
            ((f"{factor}-LowValue", low), (f"{factor}-UpValue", up))
            for factor, (low, up) in (instrument.limits or {polluted: ("0", "100")}).items()
        ),
        "1031": ((("ReportTarget", instrument.report_target or "0"),),),
        "1041": ((("ReportTime", instrument.report_time),),),
        "3015": ((("DataTime", stamp),), (("VaseNo", str(instrument.bottle)),)),
        "3017": (
            first,
            (("CstartTime", instrument.sampling_start),),
            (("Ctime", instrument.sampling_hours),),
        ),
        "3018": (first, (("Stime", "15"),)),
        "3019": (first, ((f"{polluted}-SN", _serial(instrument.code)),)),
        "3020": ((("DataTime", stamp),), first, ((_information(given, instrument)),)),
    }
    if cn == "3015":
        instrument.bottle = instrument.bottle % 24 + 1
    return Outcome(answer=answers[cn]) if cn in answers else None


def _serial(code: str) -> str:
    return code.encode().hex().upper().ljust(24, "0")[:24]


def _information(given: dict[str, str], instrument: Instrument) -> tuple[str, str]:
    """Return the pair that answers 3020: a log text, a state or a parameter."""
    code = given.get("InfoId", "i12001")
    if code[2:3] == "1":
        return f"{code}-Info", "//模拟仪器自检完成 simulated self-test done//"
    if code[2:3] == "2":
        return f"{code}-Info", "0"
    return f"{code}-Info", instrument.parameters.get(code, "0")


def _setting(cn: str, given: dict[str, str], message: Message, instrument: Instrument) -> Outcome:
    if cn == "3016":
        start, hours = given.get("CstartTime", ""), given.get("Ctime") or given.get("CTime", "")
        if len(start) != 6 or not start.isdecimal() or not hours.isdecimal() or not 0 < int(hours) <= 24:
            return Outcome(CONDITIONS)
        instrument.sampling_start, instrument.sampling_hours = start, hours
        return Outcome()
    if cn == "3021":
        found = {item.factor: item.value for item in message.items if item.suffix == "Info"}
        instrument.parameters.update(found)
        return Outcome() if found else Outcome(CONDITIONS)
    if cn == "1022":
        for item in message.items:
            low, up = instrument.limits.get(item.factor, ("0", "0"))
            low, up = (item.value, up) if item.suffix == "LowValue" else (low, item.value)
            instrument.limits[item.factor] = (low, up)
        return Outcome()
    if cn == "1032":
        instrument.report_target = given.get("ReportTarget", "")
        return Outcome()
    if cn == "1042":
        instrument.report_time = given.get("ReportTime", "")
        return Outcome()
    # 2013, 2052, 2062, 2071, 2111: records this logger does not have.
    return Outcome(NO_DATA)
