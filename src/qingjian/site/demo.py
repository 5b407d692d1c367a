"""Set up the demo county: turn `simulator.demo` into accounts and registry rows of a new node."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
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
from qingjian.apps.observing import queries as observing
from qingjian.apps.rulekeeping import services as rulekeeping
from qingjian.contracts.clock import CHINA
from qingjian.contracts.current import now
from qingjian.contracts.folders import DataFolder, write_durably
from qingjian.intake import ImportSource, import_table
from qingjian.lake import Lake
from qingjian.simulator.demo import county, history, samples
from qingjian.simulator.staging import OPENED_FILE, changes, staged, staged_in
from qingjian.site import demo_log_books, demo_work
from qingjian.site.demo_registry import OPENING, joined, places, registry

COUNTY = "990121"


def install(keep: Callable[[dict[str, str]], None]) -> None:
    """Create registry and people on an empty node, all or nothing; `keep` is given login name → password before it holds."""
    opened = now().astimezone(CHINA).date()
    document = county()
    for one in staged(opened):
        for row in document["series"]:
            if row["code"] in one.series:
                row["notice"] = joined([row["notice"], one.notice])
    write_durably(Path(settings.DATA_FOLDER.root) / OPENED_FILE, opened.isoformat().encode())
    with transaction.atomic():
        network.install(places(document))
        network.install(registry(document))
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
