"""Many people at once on a database of its own; run as a program by test_concurrency.py, prints what happened as JSON."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import django

PEOPLE = 8


def together(work: Callable[[int], Any]) -> list[str]:
    """Let everybody start at the same moment; return what each one got."""
    from django.core.exceptions import PermissionDenied
    from django.db import connection

    from qingjian.apps.matters.errors import RefusedError

    barrier = threading.Barrier(PEOPLE)
    answers = [""] * PEOPLE

    def run(number: int) -> None:
        barrier.wait()
        try:
            answers[number] = str(work(number))
        except RefusedError as error:
            answers[number] = f"refused {error.reason}"
        except PermissionDenied as error:
            answers[number] = f"denied {error}"
        except Exception as error:
            answers[number] = f"error {error!r}"
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(PEOPLE)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return answers


def main() -> None:
    """Prepare the database, race, print."""
    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.DATA_FOLDER.make()
    call_command("migrate", verbosity=0)
    from qingjian.apps.accounts import services as accounts
    from qingjian.apps.accounts.models import Organisation, Region, User
    from qingjian.apps.integrity.processes import VERIFICATION
    from qingjian.apps.matters import services
    from qingjian.apps.matters.models import Matter, Receipt, TrailEntry

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    region = Region.objects.create(code="990101", name="甲县", level="county")
    bureau = Organisation.objects.create(code="B1", name="局", kind="bureau", region=region)
    people = []
    for number in range(PEOPLE):
        person = User.objects.create_user(
            f"p{number}", f"p{number}", "a-long-password-1", organisation=bureau
        )
        accounts.place_post(person, "data_manager", bureau, region, date(2024, 1, 1))
        people.append(person)

    def opened(number: int, key: str = "") -> Matter:
        return services.open_matter(
            VERIFICATION,
            people[number],
            title="t",
            region=region,
            data={"statement": "s"},
            idempotency_key=key or uuid.uuid4().hex,
        ).matter

    found: dict[str, Any] = {"numbers": sorted(together(lambda number: opened(number).number[-4:]))}
    matter = opened(0)
    found["take"] = sorted(
        together(
            lambda number: (
                services.act(matter, "take", people[number], {}, 0, uuid.uuid4().hex).matter.version
            )
        )
    )
    found["trail after take"] = TrailEntry.objects.filter(matter=matter).count()
    found["in charge"] = Matter.objects.get(pk=matter.pk).assignee_id is not None
    other = opened(0)
    once = uuid.uuid4().hex
    found["double click"] = sorted(
        together(lambda number: services.act(other, "take", people[0], {}, 0, once).trail.sequence)
    )
    found["trail after double click"] = TrailEntry.objects.filter(matter=other).count()
    found["receipts"] = Receipt.objects.filter(key=once).count()
    twice = uuid.uuid4().hex
    found["double opening"] = len(set(together(lambda number: opened(0, twice).number)))
    found["notes"] = sorted(
        together(
            lambda number: (
                services.act(
                    matter, "comment", people[number], {"note": f"n{number}"}, None, uuid.uuid4().hex
                ).trail.sequence
            )
        )
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
