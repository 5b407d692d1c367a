"""Pages of work with 100,000 matters and 1,000,000 lines of trail, on SQLite and PostgreSQL.

python -m bench.desk [--matters 100000] [--trail 1000000] [--requests 30] [--database sqlite|postgresql|both]
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
    ("all matters, overdue", "/matters/?light=overdue&order=due"),
    ("all matters, one kind", "/matters/?kind=corrective-action"),
    ("search by number", "/matters/?q=990103-0042"),
    ("search by organisation", "/matters/?q=企业42"),
    ("clue verifications", "/integrity/verifications/"),
    ("corrective actions, open", "/governance/corrective-actions/?light=open"),
    ("one matter", "/matters/{pk}/"),
    ("one matter, trail", "/matters/{pk}/?tab=trail"),
    ("one matter, deadlines", "/matters/{pk}/?tab=deadlines"),
    ("notifications", "/notifications/"),
)


def fill(count: int, lines: int) -> dict[str, Any]:
    """Fill an empty database: a city of counties, their people, matters in every state, trails, deadlines, notifications."""
    from django.db import connection

    from qingjian.apps.accounts import services as accounts
    from qingjian.apps.accounts.models import Organisation, Region, User
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
        accounts.place_region(region, city, first)
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
                data={"statement": "文字" * 40, "kind": "internal", "problem": "p" * 80},
            )
        )
    Matter.objects.bulk_create(rows, batch_size=500)
    keys = list(
        Matter.objects.order_by("id").values_list("id", "opened_at", "assignee_id", "due", "closed_at")
    )
    shown = (
        Matter.objects.filter(region=regions[2], closed_at=None)
        .order_by("-id")
        .values_list("id", flat=True)[0]
    )
    batch: list[TrailEntry] = []
    for pk, opened, person, _due, _closed in keys:
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
    for pk, opened, person, due, closed in keys:
        clocks.append(
            Deadline(
                matter_id=pk,
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
    return {"pk": shown}


def measure(requests: int, pk: int) -> list[dict[str, Any]]:
    """Ask for each page as a city leader and as an officer of one county; return milliseconds."""
    from django.test import Client

    from qingjian.apps.accounts.models import User

    found = []
    for username in ("chief", "station_staff3"):
        client = Client()
        client.force_login(User.objects.get(username=username))
        for title, path in PAGES:
            address = path.format(pk=pk)
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
        made = fill(arguments.matters, arguments.trail)
        filled = time.perf_counter() - begin
        print(json.dumps({"fill": filled, "pages": measure(arguments.requests, made["pk"])}))


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
