"""Pages of work with 100,000 matters, 1,000,000 lines of trail and 5,000 clues, on SQLite and PostgreSQL.

python -m bench.desk [--matters 100000] [--trail 1000000] [--clues 5000] [--requests 30] [--database sqlite|postgresql|both]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

GOAL_SECONDS = 0.2
COUNTIES = 12
NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
PAGES = (
    ("workbench", "/"),
    ("inbox", "/matters/inbox/"),
    ("deadlines", "/matters/deadlines/"),
    ("all matters", "/matters/"),
    ("all matters, page 200", "/matters/?page=200"),
    ("all matters, overdue", "/matters/?light=overdue&order=own_due"),
    ("all matters, one kind", "/matters/?kind=corrective-action"),
    ("search by number", "/matters/?q=990103-0042"),
    ("search by organisation", "/matters/?q=企业42"),
    ("clue verifications", "/integrity/verifications/"),
    ("corrective actions, open", "/governance/corrective-actions/?light=open"),
    ("one matter", "/matters/{pk}/"),
    ("one matter, trail", "/matters/{pk}/?tab=trail"),
    ("one matter, deadlines", "/matters/{pk}/?tab=deadlines"),
    ("punctuality", "/matters/punctuality/"),
    ("punctuality, persons", "/matters/punctuality/?by=person"),
    ("punctuality, organisations", "/matters/punctuality/?by=organisation"),
    ("notifications", "/notifications/"),
    ("clues", "/clues/"),
    ("clues, page 20", "/clues/?page=20"),
    ("one clue", "/clues/{clue}/"),
    ("funnel of clues", "/integrity/funnel/"),
    ("suspects", "/integrity/suspects/"),
    ("rule sets", "/integrity/rules/"),
)
COMPANY_PAGES = tuple(
    one for one in PAGES if "clue" not in one[1] and "integrity" not in one[1] and "person" not in one[1]
)
"""What a company opens: without the authority's clues and without the names of its officers."""


def fill(count: int, lines: int, clues: int) -> dict[str, Any]:
    """Fill an empty database: a city of counties, their people, matters in every state, trails, deadlines, notifications."""
    from django.db import connection

    from qingjian.apps.accounts import services as accounts
    from qingjian.apps.accounts.models import Organisation, Region, RegionPlacement, User
    from qingjian.apps.governance.processes import CORRECTIVE_ACTION
    from qingjian.apps.integrity.processes import VERIFICATION
    from qingjian.apps.matters import declarations
    from qingjian.apps.matters.models import Deadline, Matter, Notification, TrailEntry

    dice = random.Random(7)
    first = date(2024, 1, 1)
    city = Region.objects.create(code="990100", name="市", level="city")
    bureau = Organisation.objects.create(code="B0", name="市局", kind="bureau", region=city)
    regions, people = [], []
    for number in range(1, COUNTIES + 1):
        region = Region.objects.create(code=f"9901{number:02d}", name=f"{number}县", level="county")
        RegionPlacement.objects.create(region=region, parent=city, valid_from=first)
        regions.append(region)
        for place, role in enumerate(("leader", "station_staff", "enforcement_officer")):
            person = User(
                username=f"{role}{number}", name=f"{role}{number}", organisation=bureau, password="!"
            )
            person.save()
            accounts.place_post(person, role, bureau, region, first)
            people.append((number - 1, place, person))
    chief = User(username="chief", name="chief", organisation=bureau, password="!")
    chief.save()
    for role in ("leader", "data_manager"):
        accounts.place_post(chief, role, bureau, city, first)
    handlers = {(region, place): person for region, place, person in people}
    subjects = Organisation.objects.bulk_create(
        [
            Organisation(code=f"H{n}", name=f"企业{n}", kind="holder", region=regions[n % COUNTIES])
            for n in range(600)
        ]
    )
    company = User(username="company", name="company", organisation=subjects[3], password="!")
    company.save()
    accounts.place_post(company, "permit_holder", subjects[3], regions[3], first)
    rows, per_matter = [], lines // count
    for number in range(count):
        process = VERIFICATION if number % 3 else CORRECTIVE_ACTION
        region = number % COUNTIES
        finished = dice.random() < 0.93
        state = dice.choice([one for one in process.states if one.final == finished])
        opened = NOW - timedelta(minutes=5 * (count - number))
        person = handlers[region, dice.choice((1, 2))]
        rows.append(
            Matter(
                kind=process.code,
                number=f"{process.number_word}〔2026〕{regions[region].code}-{number:06d}",
                title=f"事项 {number}",
                state=state.code,
                region=regions[region],
                subject=subjects[number % 600],
                assignee=person,
                waiting="" if finished else state.waits_for,
                shared=state.shared,
                opened_by=person,
                opened_at=opened,
                changed_at=opened,
                closed_at=opened + timedelta(days=5) if finished else None,
                due=None if finished else NOW + timedelta(hours=dice.randint(-100, 400)),
                origin=f"clue:{number}" if process is VERIFICATION and number <= clues else "",
                data={"statement": "文字" * 40, "kind": "internal", "problem": "p" * 80},
            )
        )
    Matter.objects.bulk_create(rows, batch_size=500)
    keys = list(
        Matter.objects.order_by("id").values_list(
            *("id", "opened_at", "assignee_id", "due", "closed_at", "kind", "region_id", "subject_id")
        )
    )
    shown = (
        Matter.objects.filter(region=regions[2], closed_at=None)
        .order_by("-id")
        .values_list("id", flat=True)[0]
    )
    theirs = (
        Matter.objects.filter(subject=subjects[3], shared=True)
        .order_by("-id")
        .values_list("id", flat=True)[0]
    )
    batch: list[TrailEntry] = []
    for pk, opened, person, *_rest in keys:
        batch.extend(
            TrailEntry(
                matter_id=pk,
                sequence=line,
                at=opened + timedelta(hours=line),
                actor_id=person,
                action="open" if line == 1 else "comment",
                data={},
                note="记录" * 10,
            )
            for line in range(1, per_matter + 1)
        )
        if len(batch) >= 20_000:
            TrailEntry.objects.bulk_create(batch, batch_size=1000)
            batch = []
    TrailEntry.objects.bulk_create(batch, batch_size=1000)
    clocks = []
    for pk, opened, person, due, closed, kind, region, subject in keys:
        clocks.append(
            Deadline(
                matter_id=pk,
                kind=kind,
                region_id=region,
                subject_id=subject,
                code="verify",
                title="核实并报告",
                started_at=opened,
                limit=10,
                unit="working day",
                instrument="as-written",
                source="本局规定",
                confidence="U",
                due=due or opened + timedelta(days=14),
                calendar_version="x",
                state="met" if closed else "running",
                ended_at=closed,
                responsible_id=person,
                escalate_every=timedelta(days=2),
            )
        )
    Deadline.objects.bulk_create(clocks, batch_size=1000)
    Notification.objects.bulk_create(
        [
            Notification(
                person=chief, matter_id=keys[-n - 1][0], kind="waiting", values={"state": "opened"}, at=NOW
            )
            for n in range(min(5000, count))
        ],
        batch_size=1000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert len(declarations.processes()) >= 2
    return {"pk": shown, "company": theirs}


def fill_clues(count: int) -> int:
    """Fill clues with tests and charts, their suspects and a year of scores; return a clue of the third county."""
    from django.db import connection

    from qingjian.apps.accounts.models import Organisation, Region
    from qingjian.apps.integrity.models import ScoreMonth, Suspect
    from qingjian.apps.integrity.services import rulesets
    from qingjian.apps.integrity.words import DAY, MONTH
    from qingjian.apps.network.models import Factor, Point, Series
    from qingjian.apps.observing.models import Clue

    dice = random.Random(11)
    factor = Factor.objects.create(
        code="air.a34004",
        wire_code="a34004",
        medium="air",
        name_zh="PM2.5",
        name_en="PM2.5",
        unit="µg/m³",
        decimals=0,
    )
    owner = Organisation.objects.order_by("pk").first()
    points = Point.objects.bulk_create(
        Point(
            code=f"P{n}",
            name=f"站点{n}",
            kind="air_city",
            level="county",
            region=region,
            organisation=owner,
            status="running",
        )
        for n, region in enumerate(list(Region.objects.filter(level="county").order_by("code")) * 50)
    )
    series = Series.objects.bulk_create(
        Series(code=f"P{n}.a34004", point=point, factor=factor, unit="µg/m³", decimals=0, medium="air")
        for n, point in enumerate(points)
    )
    rules = rulesets.active()
    tests = [
        {"test": name, "p": 0.001, "day": "2026-10-01"}
        for name in ("constants.run", "smoothing.rough.3", "level.bias.7")
    ]
    row = [round(50 + 20 * dice.random(), 1) for _ in range(24 * 20)]
    chart = {
        "values": row,
        "around": row,
        "expected": row,
        "low": row,
        "high": row,
        "stations": 4,
        "unit": "µg/m³",
        "limit": 75.0,
    }
    clues = []
    for n in range(count):
        start = NOW - timedelta(hours=2 * n, days=5)
        milliseconds = int(start.timestamp() * 1000)
        evidence = {
            "tests": tests,
            "circumstances": ["T08", "R02"],
            "score": 0.99,
            "fault_score": 0.1,
            "kind": "constant",
            "innocent_zh": "检出限",
            "innocent_en": "detection limit",
            "text_zh": "说明" * 40,
            "text_en": "words " * 40,
        }
        evidence["chart"] = {
            **chart,
            "start": milliseconds - 7 * 86_400_000,
            "first": milliseconds,
            "last": milliseconds + 86_400_000,
        }
        own = series[n % len(series)]
        clues.append(
            Clue(
                point=own.point,
                series=own,
                kind="constant",
                rule=DAY if n % 5 else MONTH,
                start=start,
                end=start + timedelta(days=1),
                score=0.99,
                statement="说明" * 40,
                statement_en="words " * 40,
                evidence=evidence,
                opened_at=start + timedelta(days=2),
                state=dice.choice(("open", "confirmed", "dismissed", "dismissed")),
            )
        )
    Clue.objects.bulk_create(clues, batch_size=200)
    made = list(Clue.objects.order_by("pk").values_list("pk", "series_id", "rule", "start"))
    Suspect.objects.bulk_create(
        (
            Suspect(
                series_id=own,
                rule=rule,
                kind="constant",
                first_day=start.date(),
                last_day=start.date(),
                score=0.99,
                outcome="clue" if k == 0 else "fault",
                clue_id=pk if k == 0 else None,
                found_at=start,
            )
            for pk, own, rule, start in made
            for k in range(4)
        ),
        batch_size=500,
    )
    ScoreMonth.objects.bulk_create(
        (
            ScoreMonth(
                series=one,
                month=date(2025 + month // 12, month % 12 + 1, 1),
                scores=[0.5] * 28,
                faults=[0.5] * 28,
                kinds=[""] * 28,
                measured=6,
                month_score=0.5,
                values=672,
                known_at=NOW,
            )
            for one in series
            for month in range(10, 22)
        ),
        batch_size=500,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    assert rules.version == 1
    third = Region.objects.filter(level="county").order_by("code")[2]
    return Clue.objects.filter(point__region=third, state="open").values_list("pk", flat=True)[0]


def measure(requests: int, made: dict[str, Any], clue: int) -> list[dict[str, Any]]:
    """Ask for each page as a city leader, as an officer of one county and as a company; return milliseconds."""
    from django.test import Client

    from qingjian.apps.accounts.models import User

    found = []
    readers = (
        ("chief", PAGES, made["pk"]),
        ("station_staff3", PAGES, made["pk"]),
        ("company", COMPANY_PAGES, made["company"]),
    )
    for username, pages, pk in readers:
        client = Client()
        client.force_login(User.objects.get(username=username))
        for title, path in pages:
            address = path.format(pk=pk, clue=clue)
            status = client.get(address).status_code
            times = []
            for _request in range(requests):
                begin = time.perf_counter()
                client.get(address)
                times.append(time.perf_counter() - begin)
            times.sort()
            found.append(
                {
                    "person": username,
                    "page": title,
                    "status": status,
                    "median": statistics.median(times) * 1000,
                    "p95": times[max(0, round(0.95 * len(times)) - 1)] * 1000,
                }
            )
    return found


def inside(arguments: argparse.Namespace) -> None:
    """Run in a process whose database is chosen by the environment."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "qingjian.site.settings"
    django.setup()
    import logging

    from django.conf import settings
    from django.core.management import call_command

    from qingjian.contracts.clock import ManualClock
    from qingjian.contracts.current import use_clock

    logging.getLogger("django.request").setLevel(logging.ERROR)
    settings.DATA_FOLDER.make()
    call_command("migrate", verbosity=0)
    with use_clock(ManualClock(NOW)):
        begin = time.perf_counter()
        made = fill(arguments.matters, arguments.trail, arguments.clues)
        clue = fill_clues(arguments.clues)
        filled = time.perf_counter() - begin
        print(json.dumps({"fill": filled, "pages": measure(arguments.requests, made, clue)}))


def run(database: str, address: str, arguments: argparse.Namespace) -> bool:
    """Fill and measure one database in a process of its own; print the table; say whether every page held the goal."""
    folder = Path(tempfile.mkdtemp(prefix="qingjian-bench-desk-"))
    environment = {
        **os.environ,
        "PYTHONPATH": "src",
        "QINGJIAN_DATA": str(folder),
        "QINGJIAN_DATABASE": address,
    }
    command = [
        sys.executable,
        "-m",
        "bench.desk",
        "--inside",
        "--matters",
        str(arguments.matters),
        "--trail",
        str(arguments.trail),
        "--clues",
        str(arguments.clues),
        "--requests",
        str(arguments.requests),
    ]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if done.returncode:
        print(done.stderr[-4000:])
        return False
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"\n{database}: {arguments.matters:,} matters, {arguments.trail:,} trail rows, filled in {found['fill']:.0f} s"
    )
    print(f"{'person':16} {'page':28} {'median ms':>10} {'p95 ms':>8}")
    held = True
    for row in found["pages"]:
        late = row["p95"] > GOAL_SECONDS * 1000 or row["status"] != 200
        held = held and not late
        print(
            f"{row['person']:16} {row['page']:28} {row['median']:10.1f} {row['p95']:8.1f}{'  > goal' if late else ''}"
        )
    return held


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matters", type=int, default=100_000)
    parser.add_argument("--trail", type=int, default=1_000_000)
    parser.add_argument("--clues", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=30)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        inside(arguments)
        return
    print(
        f"host: {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}; goal p95 ≤ {GOAL_SECONDS * 1000:.0f} ms"
    )
    held = True
    if arguments.database in ("sqlite", "both"):
        held = run("SQLite", "sqlite", arguments)
    if arguments.database in ("postgresql", "both"):
        from tests import postgresql

        if postgresql.binaries() is None:
            print("\nPostgreSQL: NOT RUN, it is not installed")
        else:
            server = postgresql.Server()
            try:
                held = run("PostgreSQL", server.address, arguments) and held
            finally:
                server.stop()
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
