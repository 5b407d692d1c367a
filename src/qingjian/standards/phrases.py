"""Chinese for what the packaged tables say in English: conditions of limits, states of documents, where rows come from."""

from __future__ import annotations

import re

_CHINESE = {
    ">800: no 1h IAQI; report SO2 IAQI from 24h mean. 1h limits real-time only": (
        "1 小时浓度超过 800 时不计 1 小时分指数，按 24 小时均值报告 SO2 分指数；1 小时限值仅用于实时报"
    ),
    "real-time only": "仅用于实时报",
    ">800: no 8h IAQI; report O3 IAQI from 1h": "8 小时浓度超过 800 时不计 8 小时分指数，按 1 小时浓度报告 O3 分指数",
    "used in daily (max 1h) and real-time": "用于日报（1 小时最大值）和实时报",
    "text: real-time lists 1h and 24h-rolling; CNEMC live practice used 1h on this table (see heldout)": (
        "原文实时报列 1 小时和 24 小时滑动平均；总站实时发布按 1 小时值查本表"
    ),
    "same as PM10": "与 PM10 相同",
    "real-time only; >800 -> IAQI=200": "仅用于实时报；超过 800 时 IAQI 取 200",
    "daily report; >800 -> IAQI=300": "用于日报；超过 800 时 IAQI 取 300",
    "real-time only (O3 1h no longer in daily AQI)": "仅用于实时报（O3 1 小时不再进入日报 AQI）",
    "1h PM10 in real-time uses these same daily breakpoints": "实时报的 PM10 1 小时值用同一套日均限值",
    "1h PM2.5 in real-time uses these same daily breakpoints": "实时报的 PM2.5 1 小时值用同一套日均限值",
    "night sudden noise max may not exceed limit by >15 dB(A); county govt may shift day/night hours": (
        "夜间突发噪声的最大声级超过限值不得高于 15 dB(A)；昼夜时段可由县级政府另行划定"
    ),
    "night frequent peak +10, occasional +15; background correction HJ 706": (
        "夜间频发噪声最大声级可超过 10 dB(A)，偶发 15 dB(A)；背景值按 HJ 706 修正"
    ),
    "night max not >15 dB above limit": "夜间最大声级超过限值不得高于 15 dB(A)",
    "superseded": "已被代替",
    "in force": "现行",
    "in force (approved 2026-02-14)": "现行（2026-02-14 批准）",
    "in force; full text not yet compared; original at mee.gov.cn, W020260225383639187925.pdf": (
        "现行；全文尚未核对；原文见生态环境部网站 W020260225383639187925.pdf"
    ),
    "in force? ranking rule under GB 3095-2026 not found": "是否现行不详；未查到 GB 3095-2026 下的排名规定",
    "in force; no published replacement found": "现行；未查到公布的代替文件",
    "in force; no replacement found": "现行；未查到代替文件",
    "partially replaced by HJ 915.x-2024": "部分被 HJ 915.x-2024 代替",
    "in force (day not known)": "现行（实施日期不详）",
    "in force; revision not found": "现行；未查到修订",
    "in force for functional-zone evaluation (automatic stations); text not yet compared": (
        "现行，用于功能区声环境自动监测评价；原文尚未核对"
    ),
    "in force; 修改单 effective 2026-03-01 (numbers of the instantaneous limits not known)": (
        "现行；修改单自 2026-03-01 实施（瞬时限值的数值不详）"
    ),
    "in force as far as found": "就所查现行",
    "in force (replaces EI, HJ 192-2015 use)": "现行（代替 EI 及 HJ 192-2015 的使用）",
}
_PARTS = (
    (
        re.compile(r"recollection of the standard, not checked against its text"),
        "凭记忆录入，未与标准原文核对",
    ),
    (
        re.compile(r"recollection of the law's annex 2; not compared with the gazette"),
        "凭记忆录入的附表二数值，未与公报核对",
    ),
    (
        re.compile(
            r"secondary copies of the law's annex 2 on public pages; not compared with the gazette; "
            r"amendments after 2018 not compared"
        ),
        "公开网页转载的附表二，未与公报核对，2018 年后的修正未核对",
    ),
    (
        re.compile(
            r"public repository code \(repository name not recorded\), parsed there from the PDF text"
        ),
        "公开代码库（名称未记录）由 PDF 文字解析",
    ),
    (re.compile(r"two public repositories agree"), "两个公开代码库一致"),
    (re.compile(r"spot check by recollection"), "凭记忆抽查"),
    (re.compile(r"agrees with recollection"), "与记忆一致"),
    (re.compile(r"the 39 table-1 items agree with recollection"), "表1 的 39 项与记忆一致"),
    (re.compile(r"tables as quoted on a third-party page"), "的表，引自第三方网页"),
    (re.compile(r"full text \(PDF kept in"), "全文（PDF 存于"),
    (re.compile(r"full text"), "全文"),
    (re.compile(r"; issue and effective dates per"), "；发布和实施日期据"),
    (re.compile(r"news reports of (\S+) agree"), r"\1 的新闻报道一致"),
    (re.compile(r"O2ref=(\S+?%)"), r"基准含氧量 \1"),
    (re.compile(r"existing from (\S+)"), r"现有源自 \1 起"),
)


def chinese(text: str) -> str:
    """Chinese for a condition, state or source of the packaged tables; the text itself where none is known."""
    if text in _CHINESE:
        return _CHINESE[text]
    for pattern, words in _PARTS:
        text = pattern.sub(words, text)
    return text
