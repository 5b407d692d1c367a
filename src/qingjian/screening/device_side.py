"""Device-side evidence: what the acquisition device and the instrument say about themselves.

Parameters and ranges against the register, remote access, software, and patterns of generated data. These
are facts about devices, not statistics: each answer names the fact and the official circumstance it resembles. Jumps of
the clock are noted where frames arrive (rule clock-drift of the pipeline) and come as facts of the same kind; longer tables
played again than half a day are copies of the past (`copied_runs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qingjian.screening.panel import Floats

ACCESS_MINUTES = 120
FOLLOW_MINUTES = 1440  # a register that moves on at midnight is followed in the course of the day
RELATIVE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Setting:
    """A parameter as the device reported it: minute of the report, name (slope, range_high …) and value.

    `title_zh` and `title_en` are what people call it; without them it is called by its name.
    """

    minute: int
    name: str
    value: float
    title_zh: str = ""
    title_en: str = ""

    @property
    def called(self) -> tuple[str, str]:
        """What it is called, in Chinese and English."""
        return self.title_zh or self.name, self.title_en or self.name


@dataclass(frozen=True)
class Registered:
    """A registered value of a parameter, in force from `first` (minute) to before `beyond` (None: still)."""

    name: str
    value: float
    first: int
    beyond: int | None = None


@dataclass(frozen=True)
class Access:
    """A remote session on the device; `announced` when maintenance was filed for it."""

    first: int
    last: int
    who: str
    announced: bool


@dataclass(frozen=True)
class DeviceFact:
    """A fact about a device that needs an explanation."""

    minute: int
    kind: str
    zh: str
    en: str
    circumstances: tuple[str, ...]


def settings_off_register(
    settings: Sequence[Setting], register: Sequence[Registered], until: int | None = None
) -> list[DeviceFact]:
    """Reported parameters that differ from the registered value in force; the first report of each change.

    A parameter the register does not know at all is a fact of its own. What was reported holds until the next report: a
    parameter that stays when the register moves on to another value is a fact of that moment, once the device had a day to
    follow. `until` (minute) is how far the register is followed, by default the last report.
    """
    last_known = max((s.minute for s in settings), default=0) if until is None else until
    facts = _stayed_behind(settings, register, last_known)
    last: dict[str, float] = {}
    known = {r.name for r in register}
    for setting in sorted(settings, key=lambda s: (s.minute, s.name)):
        if last.get(setting.name) == setting.value:
            continue
        last[setting.name] = setting.value
        zh, en = setting.called
        if setting.name not in known:
            facts.append(
                DeviceFact(
                    setting.minute,
                    "unregistered_setting",
                    f"参数 {zh} 未备案，上报值 {setting.value:g}",
                    f"setting {en} is not registered (reported {setting.value:g})",
                    ("T09", "R05"),
                )
            )
            continue
        allowed = _in_force(register, setting.name, setting.minute)
        if not _among(setting.value, allowed):
            shown = "、".join(f"{value:g}" for value in allowed)
            facts.append(
                DeviceFact(
                    setting.minute,
                    "setting_off_register",
                    f"参数 {zh} 上报值 {setting.value:g} 与备案值（{shown or '无'}）不符",
                    f"setting {en} reported {setting.value:g}, registered {shown or 'nothing'}",
                    ("T08", "T09", "S04", "R05"),
                )
            )
    return sorted(facts, key=lambda fact: fact.minute)


def _stayed_behind(
    settings: Sequence[Setting], register: Sequence[Registered], until: int
) -> list[DeviceFact]:
    """Parameters that were as registered when reported, and stay so when the register moves on."""
    facts = []
    ordered = sorted(settings, key=lambda s: (s.minute, s.name))
    for moved in sorted(
        {m for r in register for m in (r.first, r.beyond) if m is not None and m <= until - FOLLOW_MINUTES}
    ):
        for name in sorted({r.name for r in register}):
            told = [s for s in ordered if s.name == name and s.minute <= moved + FOLLOW_MINUTES]
            if not told or told[-1].minute >= moved:
                continue
            held, before, after = told[-1], *(_in_force(register, name, m) for m in (moved - 1, moved))
            # Where nothing is registered any more, the register says nothing of what should be.
            if after and _among(held.value, before) and not _among(held.value, after):
                zh, en = held.called
                shown = "、".join(f"{value:g}" for value in after)
                facts.append(
                    DeviceFact(
                        moved,
                        "setting_off_register",
                        f"备案值改为 {shown} 后，参数 {zh} 仍为 {held.value:g}",
                        f"setting {en} stayed at {held.value:g} when the register moved to {shown}",
                        ("T08", "T09", "S04", "R05"),
                    )
                )
    return facts


def _in_force(register: Sequence[Registered], name: str, minute: int) -> list[float]:
    """Registered values of a parameter in force at a moment."""
    return [
        r.value
        for r in register
        if r.name == name and r.first <= minute and (r.beyond is None or minute < r.beyond)
    ]


def _among(value: float, allowed: Sequence[float]) -> bool:
    return any(np.isclose(value, one, rtol=RELATIVE_TOLERANCE, atol=0.0) for one in allowed)


def changes_with_remote_access(settings: Sequence[Setting], sessions: Sequence[Access]) -> list[DeviceFact]:
    """Changes of parameters within two hours of a remote session that nobody announced."""
    facts = []
    last: dict[str, float] = {}
    for setting in sorted(settings, key=lambda s: (s.minute, s.name)):
        before = last.get(setting.name)
        last[setting.name] = setting.value
        if before is None or before == setting.value:
            continue
        zh, en = setting.called
        for session in sessions:
            if not session.announced and session.first <= setting.minute <= session.last + ACCESS_MINUTES:
                facts.append(
                    DeviceFact(
                        setting.minute,
                        "change_in_remote_session",
                        f"{session.who} 远程访问期间参数 {zh} 由 {before:g} 改为 {setting.value:g}，未见报备",
                        f"{en} went from {before:g} to {setting.value:g} during an unannounced remote "
                        f"session of {session.who}",
                        ("T09", "K02", "R05"),
                    )
                )
                break
    return facts


def software_off_register(
    reports: Sequence[tuple[int, str, str]], registered: Mapping[str, str]
) -> list[DeviceFact]:
    """Software whose hash differs from the registered one; `reports` are (minute, version, hash).

    A version without a registered hash is named once as unknown.
    """
    facts = []
    seen: set[tuple[str, str]] = set()
    for minute, version, found in sorted(reports):
        if (version, found) in seen or registered.get(version, "").lower() == found.lower():
            continue
        seen.add((version, found))
        known = version in registered
        facts.append(
            DeviceFact(
                minute,
                "software_hash" if known else "software_unknown",
                f"软件版本 {version} {'校验值与备案不符' if known else '未备案'}",
                f"software {version} {'differs from its registered hash' if known else 'is not registered'}",
                ("T08", "T09", "F05"),
            )
        )
    return facts


def generated_signs(values: Floats, resolution: float) -> dict[str, Floats]:
    """Daily signs of generated data in a series (days, n), high = suspicious; NaN where a day has too few values.

    `straight`: share of values that go on exactly as the two before while moving (ramps); `repeats`: share of moving values
    equal to those one table length before, for the best length up to half a day; `waves`: share of the variance
    explained by a straight line and three waves a day (a computed curve; nature leaves unrest beside it). What is usual is for the own
    history to say: see `corroboration.calibrated_test`.
    """
    days, n = values.shape
    step = resolution if resolution > 0 else 1e-9
    out = {name: np.full(days, np.nan) for name in ("straight", "repeats", "waves")}
    for d in range(days):
        x = values[d][np.isfinite(values[d])]
        if len(x) < max(12, n // 2) or np.ptp(x) < 3 * step:
            continue
        first = np.diff(np.round(x / step))
        moving = first[1:] != 0
        out["straight"][d] = float(np.mean(moving & (first[1:] == first[:-1])))
        best = 0.0
        for period in range(3, len(x) // 2):
            moved = x[period:] != x[period - 1 : -1]
            if moved.sum() >= len(x) // 4:
                best = max(best, float((x[period:] == x[:-period])[moved].mean()))
        out["repeats"][d] = best
        at = np.arange(len(x)) / len(x)
        waves = [f(2 * np.pi * k * at) for k in (1, 2, 3) for f in (np.sin, np.cos)]
        design = np.column_stack([np.ones(len(x)), at, *waves])
        left = x - design @ np.linalg.lstsq(design, x, rcond=None)[0]
        out["waves"][d] = 1 - float(np.sum(left**2) / np.sum((x - x.mean()) ** 2))
    return out
