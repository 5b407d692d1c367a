"""The commands people may send to a device: what each is called, and which fields of the data area it takes.

Which numbers an edition knows, and their fields, stand in the tables of `hj212`. Setting an MN (1002) and issuing a key
(1014) are no commands of this page, which says why (`WITHHELD`; docs/gateway.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from qingjian.hj212.profiles import profile
from qingjian.hj212.sessions.actions import Timeouts
from qingjian.hj212.sessions.host import first_commands

LATEST_SEEN = "2017"
"""Edition whose commands are offered for a device whose edition is recognised from its frames."""
WITHHELD = {
    "1002": _(
        "1002 (set the MN): the device would leave the register, and what it sends under the new MN would be quarantined. "
        "Propose the change of the MN in the registry; a second person approves it."
    ),
    "1014": _(
        "1014 (issue an SM4 key): the key would pass through a form and stand in the queue of commands. Enter it at the "
        "device and propose it as key of the device in the registry; a second person approves it."
    ),
}
"""Commands of the host that people do not order here, and why."""
NOT_OFFERED = frozenset(WITHHELD)
FIRST = ("1011", "1012", "2011", "2012", "2051", "2061", "2031")
"""Offered before the others: the daily ones."""
TIMES = ("BeginTime", "EndTime")
BY_GATEWAY = {"1012": ("SystemTime",)}
"""Fields the gateway fills in when the command leaves."""
TITLES = {
    "1000": _("Set time-out and resends"),
    "1001": _("Set the time of alarms above the limit"),
    "1011": _("Read the device's clock"),
    "1012": _("Set the device's clock"),
    "1021": _("Read alarm thresholds"),
    "1022": _("Set alarm thresholds"),
    "1031": _("Read the platform's address"),
    "1032": _("Set the platform's address"),
    "1041": _("Read the time of reports"),
    "1042": _("Set the time of reports"),
    "1061": _("Read the real-time interval"),
    "1062": _("Set the real-time interval"),
    "1063": _("Read the minute interval"),
    "1064": _("Set the minute interval"),
    "1072": _("Set the access password"),
    "2011": _("Start real-time data"),
    "2012": _("Stop real-time data"),
    "2013": _("Read raw monitoring data"),
    "2021": _("Start running states"),
    "2022": _("Stop running states"),
    "2031": _("Read day history"),
    "2041": _("Read running hours by day"),
    "2051": _("Read minute history"),
    "2052": _("Read single noise measurements"),
    "2061": _("Read hour history"),
    "2062": _("Read automatic standard checks"),
    "2071": _("Read alarm records"),
    "3011": _("Zero and span calibration"),
    "3012": _("Take a sample now"),
    "3013": _("Clean or purge"),
    "3014": _("Take a comparison sample"),
    "3015": _("Keep a sample of an exceedance"),
    "3016": _("Set the sampling cycle"),
    "3017": _("Read the sampling cycle"),
    "3018": _("Read the time a sample takes"),
    "3019": _("Read the instrument's serial number"),
    "3020": _("Read logs, states and parameters"),
    "3021": _("Set a parameter"),
    "3022": _("Keep a sample at once"),
    "3024": _("Start an automatic standard check"),
}
_PAIR = re.compile(r"([A-Za-z0-9-]+)=([^\s;,&=#]+)")


@dataclass(frozen=True, slots=True)
class Offered:
    """A command an edition knows, with the names of its fields; `*-Info` stands for any name that ends so."""

    code: str
    needed: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def title(self) -> str:
        return title(self.code)

    @property
    def takes_period(self) -> bool:
        return TIMES[0] in self.needed or TIMES[0] in self.optional

    @property
    def asked(self) -> tuple[str, ...]:
        """Fields a person has to fill in beside the period."""
        return tuple(one for one in self.needed if one not in TIMES)

    def lacks(self, given: Mapping[str, str]) -> list[str]:
        """Return the needed fields that are not given."""
        return [one for one in self.needed if not any(_is(one, name) for name in given)]

    def unknown(self, given: Mapping[str, str]) -> list[str]:
        """Return the given names that the command does not take."""
        takes = (*self.needed, *self.optional)
        return [name for name in given if not any(_is(one, name) for one in takes)]


def _is(declared: str, name: str) -> bool:
    return name.endswith(declared[1:]) if declared.startswith("*") else name == declared


def title(code: str) -> str:
    """Return what a command is called with its number, the number alone when it has no name here."""
    return f"{TITLES[code]} ({code})" if code in TITLES else code


def offered(edition: str, without: frozenset[str] = frozenset()) -> dict[str, Offered]:
    """Return the commands for a device of an edition (`auto`, 2005, 2017, 2025), the daily ones first.

    `without`: unconfirmed facts of HJ 212 that are switched off; such a command would not be sent.
    """
    known = profile(LATEST_SEEN if edition == "auto" else edition, without)
    found = {
        code: _offered(code, command.parameters)
        for (code, direction), command in known.commands.items()
        if direction == "down" and command.flow != "interaction" and code not in NOT_OFFERED
    }
    return {code: found[code] for code in sorted(found, key=lambda one: (one not in FIRST, _rank(one)))}


def withheld(edition: str, without: frozenset[str] = frozenset()) -> list[str]:
    """Return why commands that an edition knows are not offered, a sentence each."""
    known = profile(LATEST_SEEN if edition == "auto" else edition, without)
    return [str(why) for code, why in WITHHELD.items() if (code, "down") in known.commands]


def first(
    edition: str,
    at: datetime,
    *,
    timeouts: Timeouts | None = None,
    rtd_interval: int | None = None,
    min_interval: int | None = None,
    realtime: bool | None = None,
    status: bool | None = None,
) -> list[tuple[str, dict[str, str]]]:
    """Return the commands after a first connection with their fields, in the order of HJ 212-2017 6.7.

    None leaves a setting alone; the clock is always set, to the time at which the command leaves.
    """
    known = LATEST_SEEN if edition == "auto" else edition
    commands = first_commands(at, known, timeouts, rtd_interval, min_interval, realtime, status)
    return [
        (
            one.cn,
            {
                name: value
                for group in one.groups
                for name, value in group
                if name not in BY_GATEWAY.get(one.cn, ())
            },
        )
        for one in commands
    ]


def _rank(code: str) -> tuple[int, str]:
    return (FIRST.index(code) if code in FIRST else 0, code)


def _offered(code: str, parameters: str) -> Offered:
    names = [name.strip() for name in re.split("[;,]", parameters) if name.strip()]
    left = [name for name in names if name not in BY_GATEWAY.get(code, ())]
    return Offered(
        code,
        tuple(name for name in left if not name.startswith("[")),
        tuple(name.strip("[]") for name in left if name.startswith("[")),
    )


def read_pairs(text: str) -> dict[str, str]:
    """Read `NAME=value` separated by blanks; ValueError names what is none, or stands twice."""
    given: dict[str, str] = {}
    for part in text.split():
        found = _PAIR.fullmatch(part)
        if found is None or found[1] in given:
            raise ValueError(part)
        given[found[1]] = found[2]
    return given
