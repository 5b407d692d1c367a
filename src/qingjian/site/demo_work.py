"""Work the demo's people have already begun: matters in every stage, opened through the same services as any other.

Their dates lie before the start of the node, so that clocks run, one is stopped and one is late. Every title says that it is
a demonstration; pictures are drawn, not taken.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw

from qingjian.apps.accounts.models import Region, User
from qingjian.apps.governance.processes import CORRECTIVE_ACTION, INTERNAL
from qingjian.apps.integrity.processes import CLUE, VERIFICATION
from qingjian.apps.matters import queries as matter_queries
from qingjian.apps.matters import services as matters
from qingjian.apps.matters.models import Matter
from qingjian.apps.network.models import Point
from qingjian.apps.observing.models import Clue
from qingjian.contracts.clock import CHINA, ManualClock
from qingjian.contracts.current import now, use_clock

OFFICER, SECOND_OFFICER, LEADER = "zhifa1", "zhifa2", "juzhang"


class _Story:
    """One matter and the people who work on it, each step at its own past moment."""

    def __init__(self, passwords: Mapping[str, str], name: str) -> None:
        self._passwords = passwords
        self._name = name
        self._steps = 0
        self.today = now()
        self.matter: Matter

    @contextmanager
    def _at(self, days_ago: float) -> Iterator[str]:
        self._steps += 1
        with use_clock(ManualClock(self.today - timedelta(days=days_ago))):
            yield hashlib.sha256(f"demo {self._name} {self._steps}".encode()).hexdigest()[:32]

    def open(
        self,
        days_ago: float,
        process: Any,
        title: tuple[str, str],
        point: str,
        region: Region,
        *,
        origin: str = "",
        follows: Matter | None = None,
        **data: Any,
    ) -> None:
        place = Point.objects.select_related("organisation").get(code=point)
        with self._at(days_ago) as key:
            self.matter = matters.open_matter(
                process,
                _person(OFFICER),
                title=f"（演示）{title[0]}",
                title_en=f"(demo) {title[1]}",
                region=region,
                data=data,
                subject=place.organisation,
                point=place,
                origin=origin,
                follows=follows,
                idempotency_key=key,
            ).matter

    def act(self, days_ago: float, action: str, who: str, **data: Any) -> None:
        with self._at(days_ago) as key:
            self.matter.refresh_from_db()
            matters.act(self.matter, action, _person(who), data, self.matter.version, key)

    def attach(self, days_ago: float, who: str, title: str) -> None:
        file, inside = matters.store(io.BytesIO(_picture(f"{self._name} {self._steps}")), "demo.jpg")
        self.act(
            days_ago,
            "attach",
            who,
            digest=file.digest,
            name="demo.jpg",
            kind="photo",
            capture="album",
            title=f"（演示图片）{title}",
            inside=inside.as_data(),
        )

    def sign(self, days_ago: float, who: str) -> None:
        self.matter.refresh_from_db()
        sheet = self.matter.sheets.get(state="open")
        self.act(days_ago, "sign", who, digest=sheet.digest, password=self._passwords[who])


def begin(passwords: Mapping[str, str], region: Region) -> int:
    """Open the matters; returns how many. `passwords`: login name → password, for what is signed."""
    stories = (_to_verify, _to_sign, _being_corrected, _stopped, _late, _corrected)
    for tell in stories:
        tell(_Story(passwords, tell.__name__), region)
    return len(stories)


def begun() -> bool:
    """Say whether the work of the demo's people was begun before."""
    return matter_queries.any_begun()


def has_case() -> bool:
    """Say whether a case was made out of a clue before."""
    return matter_queries.began_at_any(VERIFICATION.code, CLUE)


def make_case(passwords: Mapping[str, str], clue: Clue, told: str) -> Matter:
    """Let the demo's people verify a clue on site and open a corrective action out of it: from clue to case.

    `told` is what was staged there. Returns the corrective action. The report and its two signatures decide the clue.
    """
    story = _Story(passwords, f"case {clue.pk}")
    region = clue.point.region
    story.open(
        0,
        VERIFICATION,
        (f"{clue.point.name}数据疑点的核实", f"{clue.point.name}: verification of a clue"),
        clue.point.code,
        region,
        origin=f"{CLUE}:{clue.pk}",
        statement=clue.statement,
    )
    story.act(
        0, "assign_verifier", LEADER, verifier=_person(OFFICER).pk, instruction="核对设备参数、日志与留样。"
    )
    story.attach(0, OFFICER, "设备参数界面")
    story.act(
        0,
        "report",
        OFFICER,
        visited_on=_day(story, 0),
        findings=f"演示：该时段{told.split('..', 1)[-1].partition(' 为')[2] or told}，与线索一致。",
        cause="tampering",
        conclusion="confirmed",
        next_step="责令改正，恢复备案参数并补报。",
    )
    story.sign(0, OFFICER)
    story.sign(0, LEADER)
    verified = story.matter
    case = _Story(passwords, f"case {clue.pk} corrected")
    case.open(
        0,
        CORRECTIVE_ACTION,
        (f"{clue.point.name}自动监测数据失真的整改", f"{clue.point.name}: corrective action, data distorted"),
        clue.point.code,
        region,
        follows=verified,
        kind=INTERNAL,
        problem="核实属实：自动监测数据与实际不符，须恢复备案参数、补做比对并说明原因。",
    )
    return case.matter


def _person(username: str) -> User:
    return User.objects.get(username=username)


def _day(story: _Story, days_ago: float) -> str:
    moment: datetime = story.today - timedelta(days=days_ago)
    return moment.astimezone(CHINA).date().isoformat()


def _picture(text: str) -> bytes:
    """A drawn picture that says so."""
    image = Image.new("RGB", (640, 420), (226, 234, 231))
    pen = ImageDraw.Draw(image)
    pen.rectangle((24, 24, 616, 396), outline=(18, 49, 45), width=3)
    pen.text((48, 190), f"DEMONSTRATION - drawn, not taken - {text}", fill=(18, 49, 45))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _to_verify(story: _Story, region: Region) -> None:
    story.open(
        3,
        VERIFICATION,
        ("锅炉烟气二氧化硫夜间数值偏低的核实", "Sulphur dioxide of the boiler low at night: verification"),
        "FG03",
        region,
        statement="夜间负荷未降，二氧化硫小时值连续低于同负荷历史水平。",
    )
    story.act(
        2.6,
        "assign_verifier",
        LEADER,
        verifier=_person(OFFICER).pk,
        instruction="现场检查量程、标气与采样管路。",
    )


def _to_sign(story: _Story, region: Region) -> None:
    story.open(
        6,
        VERIFICATION,
        ("总排口氨氮连续恒值的核实", "Ammonia nitrogen of the main outlet constant for hours: verification"),
        "WW03",
        region,
        statement="氨氮小时值连续多小时不变，同期流量与化学需氧量正常波动。",
    )
    story.act(5.7, "assign_verifier", LEADER, verifier=_person(OFFICER).pk, instruction="调取设备日志。")
    story.attach(3.2, OFFICER, "分析仪面板")
    story.act(
        3.1,
        "report",
        OFFICER,
        visited_on=_day(story, 3.2),
        findings="分析仪采样泵停转，仪器保持上一测值，运维记录未标记。",
        cause="instrument",
        conclusion="dismissed",
        next_step="责令补做标记，检修采样泵。",
    )
    story.sign(3, OFFICER)


def _order(
    story: _Story, region: Region, title: tuple[str, str], point: str, problem: str, served: float, days: int
) -> None:
    story.open(served + 2, CORRECTIVE_ACTION, title, point, region, kind=INTERNAL, problem=problem)
    story.act(
        served + 1.8,
        "draft",
        OFFICER,
        demand="按技术规范整改，补齐运维与标记记录，并提交整改材料。",
        basis="演示依据，不是真实文书",
        days=days,
    )
    story.sign(served + 1.6, OFFICER)
    story.sign(served + 1, LEADER)
    story.attach(served, OFFICER, "送达回证")
    story.act(served, "serve", OFFICER, served_on=_day(story, served), served_how="hand")


def _being_corrected(story: _Story, region: Region) -> None:
    _order(
        story,
        region,
        (
            "废水在线监测站房运维记录不全的整改",
            "Gaps in the maintenance log of the waste-water station: corrective action",
        ),
        "WW01",
        "运维记录缺失两周，标准溶液过期未更换。",
        5,
        10,
    )


def _stopped(story: _Story, region: Region) -> None:
    _order(
        story,
        region,
        (
            "窑尾烟气采样平台不符合规范的整改",
            "Sampling platform of the kiln against the standard: corrective action",
        ),
        "FG02",
        "采样平台护栏高度不足，手工比对孔封堵。",
        9,
        10,
    )
    story.act(4, "request-stop", OFFICER, reason="企业停产检修，平台改造须停窑进行。")


def _late(story: _Story, region: Region) -> None:
    _order(
        story,
        region,
        (
            "污水处理厂总排口采样器故障的整改",
            "Broken sampler at the outlet of the sewage works: corrective action",
        ),
        "WW02",
        "水质自动采样器不能按时间比例采样，留样无法使用。",
        24,
        5,
    )


def _corrected(story: _Story, region: Region) -> None:
    _order(
        story,
        region,
        (
            "燃机烟气分析仪零点漂移超限的整改",
            "Zero drift of the gas turbine’s analyser beyond the limit: corrective action",
        ),
        "FG01",
        "零点漂移超过允许范围仍继续上传。",
        40,
        10,
    )
    story.attach(33, "redian", "更换后的分析仪模块")
    story.attach(33, "redian", "校准记录")
    story.act(
        33,
        "report",
        "redian",
        measures="更换分析仪模块，重新校准并比对合格。",
        finished_on=_day(story, 33.5),
    )
    story.act(
        30,
        "pass_recheck",
        SECOND_OFFICER,
        rechecked_on=_day(story, 30),
        recheck_findings="现场核查零点、量程漂移均在允许范围内，整改到位。",
    )
