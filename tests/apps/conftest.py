"""A small county for tests of the apps: two counties under a city, a bureau, a station, a permit holder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import settings
from tests.engines import one_engine  # noqa: F401 - a fixture
from tests.photographs import Photographs

from qingjian.apps.accounts import services as accounts
from qingjian.apps.accounts.models import Organisation, Region, User
from qingjian.apps.evaluation import automatic, statistics
from qingjian.apps.evaluation.bases import air as air_basis
from qingjian.apps.evaluation.bases import outlets as outlet_basis
from qingjian.apps.network import services as network
from qingjian.apps.network.services import Proposal
from qingjian.contracts.clock import ManualClock
from qingjian.contracts.current import use_clock
from qingjian.contracts.folders import DataFolder

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
FIRST_DAY = date(2024, 1, 1)


@pytest.fixture(autouse=True)
def _data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    monkeypatch.setattr(settings, "DATA_FOLDER", folder)
    return folder


@pytest.fixture(autouse=True)
def _quick_passwords(settings) -> None:
    """Argon2 is slow on purpose; tests that make people need not be."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def clock():
    with use_clock(ManualClock(NOW)) as manual:
        yield manual


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    """Figures are kept by the number of the newest result, which tests that are rolled back use again."""
    yield
    for kept in (statistics._year, automatic._week, air_basis._over, outlet_basis._over):
        kept.cache_clear()


LayOut = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def lay_out(db, _photographs: Photographs, _data_folder: DataFolder, clock: ManualClock) -> LayOut:
    """Return lay_out(name, build): what `build` stores, built once and copied in the tests after that."""
    return lambda name, build: _photographs.lay_out(name, _data_folder.root, clock, build)


@dataclass
class County:
    """Handles of the rows that `county` makes."""

    city: Region
    county: Region
    other: Region
    bureau: Organisation
    holder: Organisation

    def person(
        self,
        username: str,
        role: str,
        *,
        organisation: Organisation | None = None,
        region: Region | None = None,
    ) -> User:
        """Make a person with one post."""
        organisation = organisation or self.bureau
        user = User.objects.create_user(username, username, "a-long-password-1", organisation=organisation)
        accounts.place_post(user, role, organisation, region or self.county, FIRST_DAY)
        return user


@pytest.fixture
def county(lay_out: LayOut) -> County:
    lay_out("county", _install_county)
    regions = [Region.objects.get(code=code) for code in ("990100", "990101", "990102")]
    return County(*regions, Organisation.objects.get(code="B1"), Organisation.objects.get(code="H1"))


@pytest.fixture
def registry(lay_out: LayOut, county: County) -> County:
    """A station with one series and a device, and a holder's outlet with one."""
    lay_out("registry", _install_registry)
    return county


def _install_county() -> None:
    network.install(
        [
            Proposal("region", {"code": "990100", "name": "市", "level": "city"}),
            *(
                Proposal("region", {"code": code, "name": name, "level": "county"})
                for code, name in (("990101", "甲县"), ("990102", "乙县"))
            ),
            *(
                Proposal(
                    "placement",
                    {"region": code, "parent": "990100", "valid_from": FIRST_DAY.isoformat()},
                )
                for code in ("990101", "990102")
            ),
            *(
                Proposal("organisation", {"code": code, "name": name, "kind": kind, "region": "990101"})
                for code, name, kind in (("B1", "甲县生态环境局", "bureau"), ("H1", "甲县化工厂", "holder"))
            ),
        ]
    )


def _install_registry() -> None:
    network.install(
        [
            Proposal(
                "factor",
                {
                    "code": "air.a34004",
                    "medium": "air",
                    "wire_code": "a34004",
                    "name_zh": "细颗粒物",
                    "name_en": "PM2.5",
                    "unit": "µg/m³",
                    "decimals": 0,
                },
            ),
            Proposal(
                "factor",
                {
                    "code": "waste_water.w01018",
                    "medium": "waste_water",
                    "wire_code": "w01018",
                    "name_zh": "化学需氧量",
                    "name_en": "COD",
                    "unit": "mg/L",
                    "decimals": 1,
                },
            ),
            Proposal(
                "source", {"code": "S1", "name": "甲县化工厂", "organisation": "H1", "region": "990101"}
            ),
            Proposal("outlet", {"code": "S1-W1", "source": "S1", "name": "总排口", "medium": "water"}),
            Proposal(
                "point",
                {
                    "code": "A1",
                    "name": "县政府站",
                    "kind": "air_city",
                    "level": "county",
                    "region": "990101",
                    "organisation": "B1",
                    "longitude": 115.2,
                    "latitude": 35.4,
                },
            ),
            Proposal(
                "point",
                {
                    "code": "W1",
                    "name": "化工厂总排口",
                    "kind": "outlet_water",
                    "level": "enterprise",
                    "region": "990101",
                    "organisation": "H1",
                    "outlet": "S1-W1",
                },
            ),
            Proposal(
                "device",
                {
                    "code": "A1-D1",
                    "mn": "MN-A1",
                    "password": "123456",
                    "name": "数采仪",
                    "point": "A1",
                    "system_code": "22",
                    "valid_from": "2024-01-01",
                },
            ),
            Proposal(
                "device",
                {
                    "code": "W1-D1",
                    "mn": "MN-W1",
                    "password": "123456",
                    "name": "数采仪",
                    "point": "W1",
                    "system_code": "32",
                    "valid_from": "2024-01-01",
                },
            ),
            Proposal(
                "series",
                {
                    "code": "A1.a34004",
                    "point": "A1",
                    "factor": "air.a34004",
                    "device": "A1-D1",
                    "unit": "µg/m³",
                    "decimals": 0,
                    "medium": "air",
                    "expected": {"hour": 3600},
                },
            ),
            Proposal(
                "series",
                {
                    "code": "W1.w01018",
                    "point": "W1",
                    "factor": "waste_water.w01018",
                    "device": "W1-D1",
                    "unit": "mg/L",
                    "decimals": 1,
                    "medium": "waste_water",
                    "expected": {"hour": 3600},
                },
            ),
            Proposal(
                "route",
                {
                    "device": "A1-D1",
                    "wire_factor": "a34004",
                    "series": "A1.a34004",
                    "valid_from": "2024-01-01",
                },
            ),
            Proposal(
                "route",
                {
                    "device": "W1-D1",
                    "wire_factor": "w01018",
                    "series": "W1.w01018",
                    "valid_from": "2024-01-01",
                },
            ),
        ]
    )
    network.publish_directory()
