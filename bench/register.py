"""What a large register costs the worker, which asks every two seconds whether rules or register were published.

python -m bench.register [--points 10000] [--series 4]
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)


def fill(points: int, each: int) -> None:
    """Register points with a device, series, routes and settings of each."""
    from qingjian.apps.accounts.models import Organisation, Region
    from qingjian.apps.network import services
    from qingjian.apps.network.models import Device, Factor, Point, Route, Series, Setting

    region = Region.objects.create(code="990101", name="县", level="county")
    owner = Organisation.objects.create(code="B1", name="局", kind="bureau", region=region)
    factors = [
        Factor.objects.create(
            code=f"gas.a{n:05d}", wire_code=f"a{n:05d}", medium="flue_gas", name_zh=f"因子{n}", name_en=f"F{n}",
            unit="mg/m³", decimals=1,
        )
        for n in range(each)
    ]  # fmt: skip
    made = Point.objects.bulk_create(
        (
            Point(code=f"P{n}", name=f"排口{n}", kind="outlet_gas", level="county", region=region, organisation=owner, status="running")
            for n in range(points)
        ),
        batch_size=500,
    )  # fmt: skip
    devices = Device.objects.bulk_create(
        (
            Device(code=f"{one.code}-D1", name=one.name, point=one, mn=f"{n:024d}", password="123456", system_code="31")
            for n, one in enumerate(made)
        ),
        batch_size=500,
    )  # fmt: skip
    series = Series.objects.bulk_create(
        (
            Series(code=f"{one.code}.{factor.wire_code}", point=one, factor=factor, device=device, unit="mg/m³",
                   decimals=1, medium="flue_gas", expected={"minute": 600, "hour": 3600})
            for one, device in zip(made, devices, strict=True)
            for factor in factors
        ),
        batch_size=500,
    )  # fmt: skip
    Route.objects.bulk_create(
        (Route(device_id=one.device_id, wire_factor=one.factor.wire_code, series=one) for one in series),
        batch_size=500,
    )
    Setting.objects.bulk_create(
        (
            Setting(series=one, name="range_upper", value="200", unit="mg/m³", origin="registered", valid_from=date(2026, 1, 1))
            for one in series
        ),
        batch_size=500,
    )  # fmt: skip
    services.publish_directory()


def timed(step: Callable[[], Any]) -> float:
    begin = time.process_time()
    step()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--series", type=int, default=4)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qingjian-bench-register-"))
    os.environ.update(DJANGO_SETTINGS_MODULE="qingjian.site.settings", QINGJIAN_DATA=str(folder))
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    from qingjian.apps.network import services
    from qingjian.contracts.clock import ManualClock
    from qingjian.contracts.current import use_clock

    try:
        settings.DATA_FOLDER.make()
        call_command("migrate", verbosity=0)
        clock = ManualClock(NOW)
        with use_clock(clock):
            fill(arguments.points, arguments.series)
            print(
                f"{arguments.points} points, {arguments.points * arguments.series} series; processor seconds:"
            )
            for name, step in (
                ("a change published", services.publish_directory),
                (
                    "read again by another process",
                    lambda: (services._store_of.cache_clear(), services.directory_store().current()),
                ),
                ("rules published?", services.publish_changed_rulebook),
                ("register published? after a change", services.publish_unpublished),
                ("register published? again", services.publish_unpublished),
                (
                    "register published? once an hour",
                    lambda: (clock.advance(3600), services.publish_unpublished()),
                ),
            ):
                print(f"  {name:<36} {timed(step):8.4f}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
