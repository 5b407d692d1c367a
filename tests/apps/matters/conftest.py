"""People and ready-made matters for the tests of work."""

from __future__ import annotations

import io
import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

import pytest
from PIL import Image

from qingjian.apps.accounts.models import Organisation, User
from qingjian.apps.governance.processes import CORRECTIVE_ACTION
from qingjian.apps.integrity.processes import VERIFICATION
from qingjian.apps.matters import queries, services
from qingjian.apps.matters.models import Matter

PASSWORD = "a-long-password-1"
PEOPLE = ("leader", "handler", "second", "upper", "holder", "outsider")
_number = itertools.count(1)


def key() -> str:
    return uuid.uuid4().hex


def year_table(year: int) -> str:
    """Return a whole table of a year: the days off of 2026 under that year."""
    packaged = resources.files("qingjian.workdays").joinpath("data", "years", "2026.csv").read_text("utf-8")
    rows = [one.replace("2026-", f"{year}-") for one in packaged.splitlines() if one.startswith("2026-")]
    off = "\n".join(one for one in rows if "work_in_lieu" not in one)
    return f"# year: {year}\n# title: 测试\ndate,kind,name\n{off}\n"


def picture() -> bytes:
    """Return a small JPEG whose bytes differ from every other one."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (120, 90, 30)).save(buffer, "JPEG", comment=str(next(_number)).encode())
    return buffer.getvalue()


@dataclass
class Office:
    """The people of a county bureau, its city and a permit holder, and short hands for what they do."""

    county: Any
    leader: User
    handler: User
    second: User
    upper: User
    holder: User
    outsider: User

    def open(self, process: Any = VERIFICATION, actor: User | None = None, **fields: Any) -> Matter:
        if process is CORRECTIVE_ACTION:
            fields.setdefault("subject", self.county.holder)
            fields.setdefault("data", {"kind": "internal", "problem": "未按要求标记"})
        fields.setdefault("data", {"statement": "夜间数据不变"})
        fields.setdefault("title", "核实夜间恒值")
        fields.setdefault("region", self.county.county)
        fields.setdefault("idempotency_key", key())
        return services.open_matter(process, actor or self.handler, **fields).matter

    def act(self, matter: Matter, action: str, actor: User, **data: Any) -> Matter:
        matter.refresh_from_db()
        services.act(matter, action, actor, data, matter.version, key())
        return Matter.objects.get(pk=matter.pk)

    def attach(self, matter: Matter, actor: User, title: str = "照片") -> Matter:
        file, inside = services.store(io.BytesIO(picture()), "p.jpg")
        return self.act(
            matter,
            "attach",
            actor,
            digest=file.digest,
            name="p.jpg",
            kind="photo",
            capture="live",
            title=title,
            inside=inside.as_data(),
        )

    def sign(self, matter: Matter, actor: User, **data: Any) -> Matter:
        sheet = matter.sheets.get(state="open")
        return self.act(matter, "sign", actor, digest=sheet.digest, password=PASSWORD, **data)

    def certify(self, person: User) -> Any:
        """Enter an enforcement certificate of a person."""
        return services.register_certificate(
            self.leader,
            kind="enforcement",
            number=f"ZF-{person.username}",
            person=person,
            issuer="省人民政府",
            valid_from=date(2024, 1, 1),
            valid_to=date(2027, 12, 31),
        )

    def ordered(self, days: int = 5, kind: str = "internal") -> Matter:
        """Return a corrective action whose order was served on 20 November."""
        matter = self.open(CORRECTIVE_ACTION, data={"kind": kind, "problem": "p"})
        matter = self.act(matter, "draft", self.handler, demand="d", basis="b", days=days)
        matter = self.attach(self.sign(self.sign(matter, self.handler), self.leader), self.handler)
        return self.act(matter, "serve", self.handler, served_on="2026-11-20", served_how="hand")

    def reported(self, conclusion: str = "confirmed") -> Matter:
        """Return a verification whose report waits for the verifier's signature."""
        matter = self.open()
        matter = self.act(matter, "assign_verifier", self.leader, verifier=self.handler.pk, instruction="")
        matter = self.attach(matter, self.handler)
        return self.act(
            matter,
            "report",
            self.handler,
            visited_on=date(2026, 11, 20),
            findings="采样管被堵",
            cause="tampering",
            conclusion=conclusion,
        )


@pytest.fixture
def office(lay_out, registry) -> Office:
    lay_out("office", lambda: _staff(registry))
    people = {one.username: one for one in User.objects.all()}
    return Office(registry, *(people[name] for name in PEOPLE))


def _staff(registry: Any) -> None:
    other = Organisation.objects.create(
        code="B2", name="乙县生态环境局", kind="bureau", region=registry.other
    )
    made = Office(
        registry,
        registry.person("leader", "leader"),
        registry.person("handler", "station_staff"),
        registry.person("second", "enforcement_officer"),
        registry.person("upper", "upper_bureau", region=registry.city),
        registry.person("holder", "permit_holder", organisation=registry.holder),
        registry.person("outsider", "leader", organisation=other, region=registry.other),
    )
    made.certify(made.handler)
    made.certify(made.second)


@pytest.fixture
def numbers_of() -> Callable[[User], set[str]]:
    return lambda user: set(queries.visible_to(user).values_list("number", flat=True))
