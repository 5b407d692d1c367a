"""The rules by which the pipeline makes findings, as data: name, version, titles and explanations for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qingjian.quality.calls import called_checks
from qingjian.quality.checks import catalogue


@dataclass(frozen=True, slots=True)
class FindingRule:
    """One rule; a change of what it states is a new version, so that old findings keep their meaning."""

    name: str
    version: str
    subject_kind: str
    severity: str
    title_zh: str
    title_en: str
    explanation_zh: str
    explanation_en: str


_ALL = (
    FindingRule(
        "device-silent",
        "1",
        "device",
        "major",
        "数采仪失联",
        "Device silent",
        "在名录规定的时限内没有收到该数采仪的任何报文；从最后一条报文（或登记生效）起算，收到报文即结束。",
        "No frame of the device arrived within the time the directory allows; it starts at the last frame (or the "
        "registration) and ends with the next frame.",
    ),
    FindingRule(
        "flag-not-normal",
        "1",
        "series",
        "minor",
        "数据标记非正常",
        "Flag not normal",
        "设备对该序列连续给出非正常标记（如维护 M、故障 D、校准 C）；区间自首个非正常时段起，至恢复正常止。",
        "The device marks the series as not normal (maintenance M, fault D, calibration C …) from the first such "
        "period until a normal one.",
    ),
    FindingRule(
        "gap",
        "1",
        "series",
        "minor",
        "数据缺失",
        "Gap",
        "应报的时段没有收到数据；平台可向设备索取历史数据，补齐后结束并注明。",
        "Periods the device owes did not arrive; the platform may ask the device for history, and says when it is filled.",
    ),
    FindingRule(
        "clock-drift",
        "2",
        "device",
        "minor",
        "数采仪时钟偏差",
        "Clock drift",
        "报文的设备时间与接收时间之差超过名录给定的容差（含时钟跳变一日）；回到容差内即结束。补传数据不参与判断。",
        "The device's time in live frames differs from the time of receipt by more than the tolerance of the directory "
        "(also by a whole day); it ends when it is within again. Backfilled data are left out.",
    ),
    FindingRule(
        "changed-after-the-fact",
        "1",
        "series",
        "major",
        "数据事后变更",
        "Changed after the fact",
        "同一时段再次上报了不同的数值；新值作为新版本生效，旧值保留，两条报文均作为证据。",
        "A different value arrived for a period that was already known; the new one is a revision, the old one is kept, "
        "and both frames are evidence.",
    ),
    FindingRule(
        "sub-packets-missing",
        "1",
        "device",
        "minor",
        "分包不齐",
        "Sub-packets missing",
        "一次上报分成若干包，须拼接后才能解读；两分钟内没有收齐，或同一包号再次发来不同内容，已收到的分包不予解读，原始报文保留。",
        "An upload came in sub-packets that must be joined before they can be read; within two minutes not all of them "
        "came, or a number came again with another text, so what came is not read; the frames are kept.",
    ),
    FindingRule(
        "frame-unread",
        "1",
        "device",
        "major",
        "报文已接收但无法解读",
        "Frames accepted but not readable",
        "接入网关已接收并应答的报文，数据处理时无法解读（如密钥与登记不符、内容异常）；原始报文保留，更正登记后可重新解读，其他报文不受影响。",
        "Frames the gateway accepted and acknowledged could not be read afterwards (a key that is not the registered one, "
        "content that cannot be worked with …); they are kept as they came and can be read again once the register is "
        "corrected; no other frame is held up.",
    ),
    FindingRule(
        "order-failed",
        "1",
        "node",
        "major",
        "任务无法执行",
        "Order cannot be carried out",
        "导入、数据更正、重新解读或一批报文在处理时出错；该任务单独作废并保留内容，其余任务和报文照常处理。",
        "An import, a correction, a reading anew or a batch of frames failed; it alone is given up, its content is kept, and "
        "everything else goes on.",
    ),
    FindingRule(
        "journal-unavailable",
        "1",
        "node",
        "critical",
        "接入网关无法落盘",
        "Gateway cannot write to disk",
        "磁盘不足、写入出错等原因使接入网关不能把报文写入流水；在此期间一律不应答，设备连接保持，设备须保留并重发数据；恢复写入即结束。",
        "A gateway cannot write frames to its journal (disk low or full, write error); meanwhile nothing is acknowledged "
        "and connections stay, so devices keep and resend their data; it ends when frames are written again.",
    ),
    FindingRule(
        "series-not-computed",
        "1",
        "series",
        "major",
        "序列无法计算",
        "Series cannot be computed",
        "名录中该序列的登记内容无法用于计算（如均值方式、应报间隔、换算系数），平台暂停计算该序列，其他序列不受影响；名录变化后及每日重算一次，成功即结束。",
        "What the register holds of the series (kind of mean, periods owed, factor of the route …) cannot be computed with, so "
        "the platform leaves this series out and goes on with all others; it tries again after a change of the register "
        "and once a day, and ends when that succeeds.",
    ),
    FindingRule(
        "device-against-platform",
        "2",
        "series",
        "major",
        "设备数据与平台计算不一致",
        "Device differs from platform",
        "设备上报的小时、日数据（均值、最小值、最大值、累计值或折算值）与平台由更细数据计算的结果之差超出修约可解释的范围（折算值另允许规则库所定的比例）。",
        "A mean, extreme, total or converted mean of an hour or a day that the device sent differs from what the platform "
        "computes from the finer data by more than rounding explains (converted means: beside that, by more than the share the rulebook allows).",
    ),
    FindingRule(
        "interval-not-registered",
        "1",
        "series",
        "minor",
        "分钟数据间隔与登记不符",
        "Interval of minute data is not the registered one",
        "当日分钟数据的间隔短于名录登记的间隔；小时有效性按实际间隔计算，请核对登记或设备设置（MinInterval）。",
        "On this day minute data came at a shorter interval than the registered one; validity of hours is counted by the "
        "interval that came. Check the register or the setting of the device (MinInterval).",
    ),
)


def check_rule(check: str) -> str:
    """Return the name of the rule that states the hits of an automatic check."""
    return "check-" + check.replace("_", "-")


_CHECKS = tuple(
    FindingRule(
        check_rule(one.id),
        one.version,
        "series",
        one.severity,
        one.name_zh,
        one.name_en[:1].upper() + one.name_en[1:],
        f"{one.formula_zh}。按小时值判断，阈值为该序列的登记设置；只提示，不影响数据有效性。",
        f"{one.formula_en[:1].upper()}{one.formula_en[1:]}. Judged on hourly values with the registered settings of the "
        "series; states something to look at and changes no validity.",
    )
    for one in catalogue()
    if one.id in called_checks()
)
CATALOGUE: Mapping[str, FindingRule] = {one.name: one for one in (*_ALL, *_CHECKS)}
