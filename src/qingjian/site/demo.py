"""Set up the demo county: turn `simulator.demo` into accounts and registry rows of a new node."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Organisation, Region, User
from qingjian.apps.integrity.services import people as integrity
from qingjian.apps.matters import services as matters
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.apps.observing import queries as observing
from qingjian.apps.rulekeeping import services as rulekeeping
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.intake import ImportSource, import_table
from qingjian.lake import Lake
from qingjian.simulator.demo import county, history, sampled, samples
from qingjian.simulator.staging import OPENED_FILE, changes, staged, staged_in
from qingjian.site import demo_log_books, demo_work

OPENING = date(2024, 1, 1)
"""The day from which the demo's posts and region tree hold."""
COUNTY = "990121"

POINT_KINDS = {
    "air": "air_city",
    "surface_water": "water_station",
    "waste_water": "outlet_water",
    "flue_gas": "outlet_gas",
    "noise": "noise_zone",
    "radiation": "radiation",
    "synthetic": "synthetic",
}
LISTS = {
    "水环境重点排污单位": "key_water",
    "大气环境重点排污单位": "key_air",
    "土壤污染重点监管单位": "key_soil",
    "噪声重点排污单位": "key_noise",
    "环境风险重点管控单位": "key_risk",
}
DUTIES = {"monitors": "monitor", "assesses": "assess", "protects": "protect", "maintains": "maintain"}
CONCENTRATION_UNITS = {"gas": "mg/m³", "water": "mg/L"}
PH_CODE, DIMENSIONLESS = "w01001", "无量纲"


def install(keep: Callable[[dict[str, str]], None]) -> None:
    """Create registry and people on an empty node, all or nothing; `keep` is given login name → password before it holds."""
    opened = now().astimezone(CHINA).date()
    document = county()
    for one in staged(opened):
        for row in document["series"]:
            if row["code"] in one.series:
                row["notice"] = _joined([row["notice"], one.notice])
    write_durably(Path(settings.DATA_FOLDER.root) / OPENED_FILE, opened.isoformat().encode())
    with transaction.atomic():
        network.install(_places(document))
        network.install(_registry(document))
        network.install(demo_log_books.registered(staged(opened)))
        passwords = _users(document)
        _certificates(document)
        demo_log_books.file(opened, staged(opened))
        _rules()
        keep(passwords)


def begin(passwords: dict[str, str]) -> None:
    """Publish the registry, and begin the work of the demo's people; a second time it only publishes."""
    network.publish_directory()
    with transaction.atomic():
        if not demo_work.begun():
            demo_work.begin(passwords, Region.objects.get(code=COUNTY))


def _rules() -> None:
    """Let the two data managers add what an office adds itself: standards of outlets and targets; all of it made up."""
    maker, checker = (User.objects.get(username=name) for name in ("shuju", "shenhe"))
    said = {"confidence": "S", "source": "演示，不是真实文件 / demonstration, no real document"}
    year = now().year
    standards = [
        {
            "standard": "GB 18918",
            "outlet": "QY05-DW001",
            "class": "一级A",
            "left_out": "水温≤12℃；2005-12-31前建设",
            "effective_from": "2024-05-01",
            **said,
        }
    ]
    targets = [
        {
            "standard": "演示考核目标",
            "region": COUNTY,
            "year": str(one),
            "item": item,
            "value": value,
            "unit": unit,
            "effective_from": f"{one}-01-01",
            **said,
        }
        for one in (year - 1, year)
        for item, value, unit in (
            ("优良天数比例", "72", "%"),
            ("重污染天数", "6", "d"),
            ("PM2.5", "45", "μg/m³"),
            ("O3", "170", "μg/m³"),
        )
    ]
    for table, rows in (("outlet_standards", standards), ("regional_targets", targets)):
        change = rulekeeping.propose(maker, table, rulekeeping.as_csv(table, rows), "演示")
        rulekeeping.approve(checker, change, change.version, "演示 / demonstration")


HISTORY = timedelta(days=400)
KEPT_OPEN = timedelta(days=45)
"""The demo's people have decided clues older than this; the newer ones wait for the visitor."""
LIVE = timedelta(hours=26)
"""The devices upload the last hours themselves over their sockets."""


def import_history(folder: DataFolder, now: datetime, report: Callable[[str], None]) -> int:
    """Bring 400 days of hourly values into the lake through intake, up to where the live devices begin."""
    directory = network.directory_store().current()
    if directory is None:
        raise RuntimeError("the directory must be published before history is imported")
    end = (now - LIVE).replace(minute=0, second=0, microsecond=0)
    rows = 0
    with Lake(folder.lake) as lake:
        for table in history(end - HISTORY, end, changes=changes(staged_in(folder.root))):
            renamed = table.rename_columns(
                ["time" if name == "start" else name for name in table.column_names]
            )
            name = f"demo-history-{rows}"
            source = ImportSource(hashlib.sha256(name.encode()).hexdigest(), name)
            result = import_table(lake, directory, renamed.drop_columns(["note"]), source)
            if result.problems:
                raise RuntimeError(f"demo history: {result.problems[0].en}")
            rows += result.observations
            report(f"  {rows:,}")
        for statistic, table in samples(end - HISTORY, end).items():
            name = f"demo-samples-{statistic}"
            digest = hashlib.sha256(name.encode()).hexdigest()
            source = ImportSource(digest, name, statistic=statistic)
            result = import_table(lake, directory, table, source)
            if result.problems:
                raise RuntimeError(f"demo samples: {result.problems[0].en}")
            rows += result.observations
        report(f"  {rows:,}")
        for month in lake.unsettled_months(end):
            lake.settle(month)
    return rows


def _places(document: dict[str, Any]) -> list[Proposal]:
    """Regions, where they lie, and organisations, each entered as installed."""
    regions = document["regions"]
    return [
        *(Proposal("region", {name: row[name] for name in ("code", "name", "level")}) for row in regions),
        *(
            Proposal(
                "placement",
                {"region": row["code"], "parent": row["parent"], "valid_from": OPENING.isoformat()},
            )
            for row in regions
            if row["parent"]
        ),
        *(
            Proposal("organisation", {name: row[name] for name in ("code", "name", "kind", "region")})
            for row in document["organisations"]
        ),
    ]


def _users(document: dict[str, Any]) -> dict[str, str]:
    passwords: dict[str, str] = {}
    for row in document["users"]:
        organisation = Organisation.objects.get(code=row["organisation"])
        passwords[row["username"]] = password = f"{row['username']}-{secrets.token_hex(4)}"
        user = User.objects.create_user(row["username"], row["name"], password, organisation=organisation)
        accounts.place_post(user, row["role"], organisation, Region.objects.get(code=row["region"]), OPENING)
    return passwords


def _certificates(document: dict[str, Any]) -> None:
    leader = User.objects.get(
        username=next(row["username"] for row in document["users"] if row["role"] == "leader")
    )
    for row in document["certificates"]:
        matters.register_certificate(
            leader,
            **{name: row[name] for name in ("kind", "number", "issuer", "scope")},
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]),
            person=User.objects.get(username=row["user"]) if "user" in row else None,
            organisation=Organisation.objects.get(code=row["organisation"])
            if "organisation" in row
            else None,
        )


def _joined(notices: list[str]) -> str:
    """One notice in two lines, Chinese above English, out of several; what several say stands once.

    Each comes in two lines, parts joined by strokes, or as one part with a stroke between the languages.
    """
    halves = [(one if "\n" in one else one.replace(" / ", "\n", 1)).split("\n") for one in notices]
    if not halves:
        return ""
    chinese = dict.fromkeys(part for one in halves for part in one[0].split(" ｜ "))
    english = dict.fromkeys(part for one in halves for part in one[-1].split(" | "))
    return "\n".join((" ｜ ".join(chinese), " | ".join(english)))


def _registry(document: dict[str, Any]) -> Iterator[Proposal]:
    for row in document["factors"]:
        yield Proposal(
            "factor",
            {
                "code": f"{row['medium']}.{row['code']}",
                "medium": row["medium"],
                "wire_code": row["code"],
                **{name: row[name] for name in ("name_zh", "name_en", "unit", "decimals")},
            },
        )
    for row in document["sources"]:
        yield from _source(row)
    notices: dict[str, list[str]] = {}
    for row in document["series"]:
        if row["notice"] not in notices.setdefault(row["point"], []):
            notices[row["point"]].append(row["notice"])
    for row in document["points"]:
        yield Proposal(
            "point",
            {
                **{
                    name: row[name]
                    for name in (
                        "code",
                        "name",
                        "level",
                        "region",
                        "organisation",
                        "longitude",
                        "latitude",
                        "valid_from",
                    )
                },
                "kind": POINT_KINDS[row["medium"]],
                "outlet": f"{row['source']}-{row['outlet']}" if row["outlet"] else None,
                "attributes": row["attributes"]
                | ({"target_class": row["target_class"]} if row["target_class"] else {}),
                "notice": _joined(notices.get(row["code"], [])),
            },
        )
    for row in document["duties"]:
        yield Proposal(
            "duty",
            {
                "point": row["point"],
                "kind": DUTIES[row["role"]],
                "organisation": row["organisation"],
                "valid_from": row["valid_from"],
            },
        )
    yield from _devices(document)
    yield from _sampled({row["code"] for row in _factor_rows(document)}, document["valid_from"])


def _sampled(known: set[str], valid_from: str) -> Iterator[Proposal]:
    """Yield what is sampled or measured by hand; factors that devices report as well are registered once."""
    document = sampled()
    for row in document["factors"]:
        if row["code"] not in known:
            yield Proposal("factor", row)
    for row in document["points"]:
        fields = {name: value for name, value in row.items() if name != "name_en"}
        yield Proposal("point", {**fields, "valid_from": valid_from})
        for kind, organisation in (
            ("monitor", row["organisation"]),
            ("assess", "99DEMO0000BUREAU001"),
            ("protect", "99DEMO0GOVERNMENT01"),
        ):
            yield Proposal(
                "duty",
                {
                    "point": row["code"],
                    "kind": kind,
                    "organisation": organisation,
                    "valid_from": valid_from,
                },
            )
    for row in document["series"]:
        fields = {name: value for name, value in row.items() if name != "name_zh"}
        # Years of ecology reach further back than the county's devices.
        yield Proposal("series", {**fields, "position": 1, "averaging": "arithmetic"})


def _factor_rows(document: dict[str, Any]) -> Iterator[dict[str, str]]:
    for row in document["factors"]:
        yield {"code": f"{row['medium']}.{row['code']}"}


def _source(row: dict[str, Any]) -> Iterator[Proposal]:
    code = row["code"]
    yield Proposal(
        "source",
        {
            name: row[name]
            for name in ("code", "name", "organisation", "region", "industry", "longitude", "latitude")
        },
    )
    for one in row["lists"]:
        yield Proposal(
            "membership",
            {
                "source": code,
                "name": LISTS[one["name"]],
                "valid_from": one["valid_from"],
                "valid_to": one["valid_to"],
            },
        )
    permit = row["permit"]
    yield Proposal(
        "permit",
        {
            "number": permit["number"],
            "source": code,
            "valid_from": permit["valid_from"],
            "valid_to": permit["valid_to"],
        },
    )
    media: dict[str, str] = {}
    for one in row["outlets"]:
        media[one["code"]] = "water" if one["kind"] == "water" else "gas"
        yield Proposal(
            "outlet",
            {
                "code": f"{code}-{one['code']}",
                "source": code,
                "name": one["name"],
                "medium": media[one["code"]],
                "height_m": one.get("height_m"),
                "receiving_water": one.get("into", ""),
            },
        )
    for number, one in enumerate(row["facilities"], start=1):
        capacity = f" {one['capacity']}" if one["capacity"] else ""
        yield Proposal(
            "facility",
            {
                "code": f"{code}-F{number}",
                "source": code,
                "name": one["name"],
                "kind": "treatment",
                "process": one["name"] + capacity,
            },
        )
    factor_media = {"water": "waste_water", "gas": "flue_gas"}
    for one in row["limits"]:
        medium = media[one["outlet"]]
        bounds = (
            dict(zip(("lower", "upper"), one["limit"].split(".."), strict=True))
            if one["operator"] == "range"
            else {"upper": one["limit"]}
        )
        yield Proposal(
            "limit",
            {
                "outlet": f"{code}-{one['outlet']}",
                "permit": permit["number"],
                "factor": f"{factor_media[medium]}.{one['factor']}",
                "averaging": one["statistic"],
                **bounds,
                "unit": DIMENSIONLESS if one["factor"] == PH_CODE else CONCENTRATION_UNITS[medium],
                "converted": one["converted"],
                "basis": one["basis"],
                "valid_from": permit["valid_from"],
            },
        )
    for one in permit["amounts"]:
        outlet = row["outlets"][0]["code"]
        yield Proposal(
            "limit",
            {
                "outlet": f"{code}-{outlet}",
                "permit": permit["number"],
                "factor": f"{factor_media[media[outlet]]}.{one['factor']}",
                "averaging": "year",
                "yearly_amount_t": one["amount"],
                "unit": one["unit"],
                "basis": permit["number"],
                "valid_from": permit["valid_from"],
            },
        )


def _devices(document: dict[str, Any]) -> Iterator[Proposal]:
    codes = {row["mn"]: row["code"] for row in document["devices"]}
    for row in document["devices"]:
        names = (
            "code",
            "mn",
            "password",
            "name",
            "point",
            "system_code",
            "edition",
            "policy",
            "sm4_key_hex",
            "addresses",
            "silence_seconds",
            "clock_tolerance_seconds",
            "synthetic",
            "valid_from",
            "valid_to",
        )
        yield Proposal("device", {name: row[name] for name in names})
    for row in document["instruments"]:
        yield Proposal(
            "instrument",
            {
                "code": row["code"],
                "point": row["point"],
                "name": row["name"],
                "manufacturer": row["maker"],
                "model": row["model"],
                "serial_number": row["serial"],
                "factors": ", ".join(one.split(".")[1] for one in row["series"])[:200],
                "valid_from": row["valid_from"],
            },
        )
    # A series may name the flow series of its outlet, which therefore comes first.
    for row in sorted(document["series"], key=lambda one: bool(one["flow_series"])):
        names = (
            "code",
            "point",
            "origin",
            "position",
            "unit",
            "decimals",
            "medium",
            "averaging",
            "flow_series",
            "expected",
            "notice",
            "valid_from",
        )
        factor = f"{row['medium']}.{row['factor']}"
        yield Proposal(
            "series",
            {**{name: row[name] for name in names}, "factor": factor, "device": codes.get(row["device"])},
        )
    for row in document["routes"]:
        yield Proposal(
            "route",
            {
                "device": codes[row["mn"]],
                **{name: row[name] for name in ("wire_factor", "series", "scale", "valid_from", "valid_to")},
            },
        )
    series = {row["code"] for row in document["series"]}
    for row in document["settings"]:
        subject = "series" if row["subject"] in series else "device"
        yield Proposal(
            "setting",
            {
                subject: row["subject"],
                **{name: row[name] for name in ("name", "value", "unit", "valid_from", "valid_to")},
                "origin": row["source"],
            },
        )


def decide_past_clues() -> int:
    """Let the demo's people decide its older clues by the list of what was staged; clues of the last weeks stay open.

    Clues about replayed measurements are left to the visitor: nothing is known of them. Returns how many were decided.
    """
    there = staged_in(Path(settings.DATA_FOLDER.root))
    officer = User.objects.filter(username="zhifa1").first()
    if not there or officer is None:
        return 0
    before = now() - KEPT_OPEN
    decided = 0
    for clue in (
        observing.open_clues()
        .filter(simulated=True, end__lt=before)
        .select_related("series", "point__region")
    ):
        matching = [
            one
            for one in there
            if clue.series is not None
            and clue.series.code in one.series
            and one.alteration.start < clue.end
            and clue.start < (one.alteration.end or clue.end)
        ]
        staged_here = [one for one in matching if not one.fault]
        state = "confirmed" if staged_here else "dismissed"
        told = matching[0].notice if matching else "该时段没有模拟篡改 / nothing was staged here"
        zh, _bar, en = told.partition(" / ")
        reason = f"演示自动判定：{zh} / decided by the demo: {en}"
        if staged_here and not demo_work.has_case() and (passwords := _passwords()):
            demo_work.make_case(passwords, clue, zh.removeprefix("演示："))
        else:
            integrity.close(officer, clue, clue.version, state, reason[:300])
        decided += 1
    return decided


def _passwords() -> dict[str, str]:
    """Return the logins of the demo, which are printed for everybody; nothing once somebody took the file away."""
    path = settings.DATA_FOLDER.people / "first-logins.txt"
    if not path.is_file():
        return {}
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())
