"""Chinese for what the packaged tables say in English: conditions of limits, states of documents, where rows come from."""

from __future__ import annotations

import re

from qingjian.standards import check_phrases

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
        "夜间频发噪声最大声级超过限值的幅度不得高于 10 dB(A)（偶发 15 dB(A)）；背景值按 HJ 706 修正"
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
    # Sources of limits.
    "recollection of the standard; the 修改单 in force 2026-03-01 (MEE 答记者问 2026-01-07) adds instantaneous limits for COD/NH3-N/TN/TP, makes pH, 色度 and 粪大肠菌群 instantaneous, relaxes 粪大肠菌群 of 一级A for non-reuse and sends township plants <500 m³/d to provincial rules; its numbers are not known": (
        "凭记忆录入；2026-03-01 实施的修改单（生态环境部 2026-01-07 答记者问）增加 COD、氨氮、总氮、总磷瞬时限值，pH、色度、粪大肠菌群改为瞬时值，非再生利用的一级A 放宽粪大肠菌群，500 m³/d 以下的乡镇处理厂执行地方规定；数值不详"
    ),
    # Conditions of limits.
    "表1 gas conc. at 273.15K 101.325kPa (标准状态)": "表1 气体浓度为标准状态（273.15 K，101.325 kPa）",
    "表1 gas conc. at 298.15K 1013.25hPa (参比状态); PM at actual conditions": (
        "表1 气体浓度为参比状态（298.15 K，1013.25 hPa），颗粒物为监测时的实际状态"
    ),
    "表2 过渡阶段 other items implemented as MEE/province decides": "表2 过渡阶段 其他项目按生态环境部或省级规定实施",
    "表2 other items implemented as MEE/province decides": "表2 其他项目按生态环境部或省级规定实施",
    "表1; 日均值 (24 h mixed sample, one each 2 h)": "表1；日均值（24 小时混合样，至少每 2 小时一次）",
    "燃煤 all; blackness ≤1 (林格曼)": "燃煤 全部；烟气黑度（林格曼）≤1 级",
    "采用独立热源的烘干设备 (existing plants: clause 6 unorganised control from 2028-01-01)": (
        "采用独立热源的烘干设备（现有企业第 6 条无组织控制自 2028-01-01 起）"
    ),
    "表1 (Ⅳ and Ⅴ share the same text)": "表1（Ⅳ、Ⅴ类文字相同）",
    "表1; As/Co/V: >screening but ≤ local background not managed as polluted": (
        "表1；砷、钴、钒超过筛选值但不超过当地背景值的，不纳入污染地块管理"
    ),
    "表2; As/Co/V: >screening but ≤ local background not managed as polluted": (
        "表2；砷、钴、钒超过筛选值但不超过当地背景值的，不纳入污染地块管理"
    ),
    "表1: man-made change: weekly mean max rise ≤1, max drop ≤2; not used in class evaluation": (
        "表1：人为造成的水温变化，周平均最大温升 ≤1、最大温降 ≤2；不参与类别评价"
    ),
    "表1 or saturation ≥90%": "表1 或饱和率 ≥90%",
    "表1 湖、库 (以N计); not in class evaluation of rivers": "表1 湖、库（以 N 计）；河流不参与类别评价",
    # What a rule says in words.
    ">=45 min sampling": "每小时至少 45 分钟采样",
    ">=6 hourly values per 8 h window": "每 8 小时至少 6 个小时平均浓度值",
    ">=20 hourly values (or sampling hours)": "每日至少 20 个小时平均浓度值或采样时间",
    ">=324 daily means; >=27 per month (Feb >=25)": "每年至少 324 个日平均值，每月至少 27 个（2 月至少 25 个）",
    ">=60 evenly spread daily means; >=5 per month": "每年至少 60 个分布均匀的日平均值，每月至少 5 个",
    ">=15 daily means; >=5 per month": "每季至少 15 个日平均值，每月至少 5 个",
    "24 h sampling": "每日 24 小时采样",
    ">=14 valid 8h means in the day (windows ending 08:00-24:00); if fewer, still valid only when result exceeds the concentration limit": (
        "当日 8 时至 24 时至少 14 个有效 8 小时平均值；不足 14 个的，仅当结果超过浓度限值时有效"
    ),
    "SO2,NO2 P98 of daily; PM10,PM2.5 P95 of daily; CO P95 of daily; O3 P90 of MDA8": (
        "日均值百分位数: SO2、NO2 第 98，PM10、PM2.5 第 95，CO 第 95；O3 日最大 8 小时第 90"
    ),
    "sort asc; k=1+(n-1)*p/100; s=floor(k); m=X[s]+(X[s+1]-X[s])*(k-s)": (
        "从小到大排序；k=1+(n−1)·p/100，s 为 k 的整数部分；m=X(s)+(X(s+1)−X(s))·(k−s)"
    ),
    "arithmetic mean of valid national sites; >=75% of sites valid": "有效国控点位的算术平均；有效点位不少于 75%",
    "SO2,NO2,O3,PM10,PM2.5 integer μg/m³; CO 1 decimal mg/m³; GB/T 8170 (half to even)": (
        "SO2、NO2、O3、PM10、PM2.5 取整数（μg/m³），CO 取 1 位小数（mg/m³）；按 GB/T 8170 四舍六入五成双"
    ),
    "always round UP to integer (ceil)": "一律进位取整数",
    "always round UP to integer (全部进位取整数)": "全部进位取整数",
    'compute from the rest; publish AQI only if AQI>100, else AQI info = NA (single concentrations still published); if the item is not in the monitoring plan and for 3 years never primary at ≥轻度污染, publish normally and mark "/"': (
        "以其余项目计算；AQI 大于 100 时发布，否则 AQI 信息为 NA（浓度照常发布）；不在监测计划内且三年来轻度及以上污染日从未为首要污染物的，照常发布并标“/”"
    ),
    "daily report by 12:00 next day; hourly within 1 h; forecast >=3 days ahead (excluding today) by 20:00": (
        "日报次日 12 时前，实时报 1 小时内，预报每日 20 时前发布未来至少 3 天（不含当天）"
    ),
    "hour >=45 min; day >=20 valid hours; month >=25 valid days (Feb 23)": (
        "小时至少 45 分钟；日至少 20 个有效小时；月至少 25 个有效日（2 月 23 个）"
    ),
    ">=12 valid values sampled at <=5 s": "至少 12 个有效值，采样间隔不大于 5 秒",
    ">=45 minute means (k >= 45)": "至少 45 个分钟均值（k ≥ 45）",
    ">=20 hour means (m >= 20)": "至少 20 个小时均值（m ≥ 20）",
    ">=100 % of the samples (n >= 120 in 10 min)": "全部采样值（10 分钟内 n ≥ 120）",
    ">=1 ten-minute values (1 <= m <= 6)": "至少 1 个 10 分钟值（1 ≤ m ≤ 6）",
    "one abnormal value makes the mark of the period abnormal": "一个异常值即使该时段标记为异常",
    ">=75 % normal gives N else D": "正常值不少于 75% 标 N，否则标 D",
    ">=75 % of the expected values": "不少于应有数据的 75%",
    ">=1 valid day": "至少 1 个有效日",
    "class Ⅰ~Ⅱ": "Ⅰ～Ⅱ类",
    "class Ⅲ": "Ⅲ类",
    "class Ⅳ": "Ⅳ类",
    "class Ⅴ": "Ⅴ类",
    "class 劣Ⅴ": "劣Ⅴ类",
    "I-III share >=90%": "Ⅰ～Ⅲ类比例 ≥90%",
    "75%<=I-III<90%": "75% ≤ Ⅰ～Ⅲ类比例 < 90%",
    "I-III<75% and 劣V<20%": "Ⅰ～Ⅲ类比例 < 75% 且劣Ⅴ类比例 < 20%",
    "I-III<75% and 20%<=劣V<40%": "Ⅰ～Ⅲ类比例 < 75% 且 20% ≤ 劣Ⅴ类比例 < 40%",
    "I-III<75% and 劣V>=40%": "Ⅰ～Ⅲ类比例 < 75% 且劣Ⅴ类比例 ≥40%",
    "arithmetic mean of each indicator over all sections, then single-factor class, then section rating": (
        "各断面各项指标浓度取算术平均，再按单因子定类并评价"
    ),
    # States of documents.
    "superseded (phased 2012-2015 in pilot cities; 修改单 from 2018-09-01)": (
        "已被代替（2012–2015 年分期实施，修改单自 2018-09-01）"
    ),
    "in force; 过渡阶段 to 2030-12-31; final limits from 2031-01-01": "现行；过渡阶段至 2030-12-31，2031-01-01 起执行最终限值",
    "in force (status 现行 on the national standards portal, per public repository data)": (
        "现行（国家标准平台状态为现行，据公开代码库）"
    ),
    "in force; 修改单 effective 2026-04-01": "现行；修改单自 2026-04-01 实施",
    "in force as far as found (2019 修改单)": "就所查现行（2019 年修改单）",
    # Where settings of this system come from.
    "the text of 2026 has not been seen; the rule of 2013 is carried on": "2026 年版原文未见，沿用 2013 年版的规定",
    "the text of 2025 has not been seen; the rule of 2017 is carried on": "2025 年版原文未见，沿用 2017 年版的规定",
    "one public code base keeps one decimal (CO two) for statistics": "一个公开代码库的统计值保留 1 位小数（CO 2 位）",
    "press release names 三年滑动平均; its rule has not been compared": "新闻稿提到三年滑动平均，规定未核对",
    "press release names 例外事件; its rule has not been compared": "新闻稿提到例外事件，规定未核对",
    "by analogy with sand dust; the text has not been compared": "比照沙尘，原文未核对",
    "six city values of 2013 published with their inputs; three of them differ from HJ 633-2012": (
        "2013 年发布的六个城市值及其输入；其中三个与 HJ 633-2012 不同"
    ),
    "the circular as reprinted on a third-party page; its annex with the method has not been compared": (
        "第三方网页转载的通知；载有方法的附件未核对"
    ),
    "practice of one code base that keeps the national list of dust days; the annex has not been compared": (
        "一个保存全国沙尘日清单的代码库的做法；附件未核对"
    ),
    "published indices carry two decimals": "公布的指数保留两位小数",
    "published with four decimals": "公布值保留四位小数",
    "secondary sources agree": "多个二手来源一致",
    "secondary sources agree on the share; that it replaces both limits is our reading": (
        "比例有多个二手来源一致；替代两个限值是本系统的理解"
    ),
    "one public code base": "一个公开代码库",
    "house rule: water holds 14.6 mg/L of oxygen at 0 °C and some 15 at most in balance with air; algae reach about twice that": (
        "本系统规则：0 ℃ 时水中溶解氧 14.6 mg/L，与空气平衡时至多约 15 mg/L，藻类可使其达到约两倍"
    ),
    "house rule: three quarters of the 16 hours of a day make its level valid": "本系统规则：昼间 16 小时的四分之三有效方可评价",
    "house rule: three quarters of the 8 hours of a night make its level valid": "本系统规则：夜间 8 小时的四分之三有效方可评价",
    "house rule: three quarters of the 24 hours make the level of the whole day valid": (
        "本系统规则：24 小时的四分之三有效方给出全天声级"
    ),
    "house rule: thirty days of hourly history before an alert can be judged": "本系统规则：有三十天小时历史方可判断",
    "house rule: the dry valid hours of the year before the month that is judged": (
        "本系统规则：所评月份之前一年内无降雨的有效小时"
    ),
    "house rule: early warning before the permitted amount is used up": "本系统规则：许可量用完之前预警",
    "recollection of the standard: weighted by flow over valid days, not checked against its text; no share is named for a "
    "month, that of the day is carried on": (
        "凭记忆录入：有效日的流量加权，未与标准原文核对；月均值未见有效比例，沿用日均值的比例"
    ),
    "house rule: no clause was found for the mean of a year; the rule of the month is carried on": (
        "本系统规则：未见年均值的条文，沿用月均值的做法"
    ),
    "house rule for the automatic stations: no national number known": "本系统对自动站的规则：未见国家规定的数值",
    "house guard: the formula divides by 21 minus the measured oxygen": "本系统保护：公式以 21 减实测含氧量为除数",
    "house rule: warning before a limit is reached; no standard prescribes it": "本系统规则：接近限值前预警，标准无此规定",
    "house rule: what oxygen moving within an hour may explain between the device's mean of converted values and the converted mean; no standard gives a number": (
        "本系统规则：一小时内含氧量变动所能解释的设备折算均值与均值折算之差；标准无此数值"
    ),
    "HJ 212-2017 appendix D (informative)": "HJ 212-2017 附录 D（资料性）",
    "the first items of an outlet by equivalents are taxed; provinces may add items": (
        "每一排放口按当量数排序的前几项征税；省级可增加项目"
    ),
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
    (re.compile(r"; recollection$"), "；凭记忆"),
    (re.compile(r"\(eff (\d{4}-\d{2}-\d{2})\)"), r"（\1 起施行）"),
    (re.compile(r", eff (\d{4}-\d{2}-\d{2})\)"), r"，\1 起施行）"),
    (re.compile(r"caiyunapp/aqi-hub, docs/\)"), "caiyunapp/aqi-hub 的 docs/）"),
    (re.compile(r"the hash (\S+) records for the MEE original\)"), r"与 \1 所记生态环境部原文的摘要相同）"),
    (
        re.compile(r"; change of reference state by the 2018 修改单: recollection"),
        "；2018 年修改单改为参比状态: 凭记忆",
    ),
    (
        re.compile(r" rule; ten indices published in city bulletins are reproduced with it"),
        " 的规定；城市公报公布的十个指数可由其复算",
    ),
    (re.compile(r", variant \"new limits, old algorithm\""), " 的“新限值、旧算法”方案"),
    (
        re.compile(
            r", constant WEIGHTS_2026; attributed there to HJ 663-2026, NOT confirmed in the standard"
        ),
        " 的常量 WEIGHTS_2026；该处称出自 HJ 663-2026，标准中未得到证实",
    ),
    (
        re.compile(r"projection: 2031 limits of GB 3095-2026 table 1 put into the 2018 formula"),
        "推算：将 GB 3095-2026 表1 的 2031 年限值代入 2018 年公式",
    ),
    (
        re.compile(r"; notices of Hubei, Jilin and Ningxia cite the rule"),
        "；湖北、吉林、宁夏的通知引用该规定",
    ),
    (
        re.compile(r"critical values of the Spearman rank coefficient as used with ([^；]+)"),
        r"\1 所用秩相关系数临界值",
    ),
    (re.compile(r"public repository code \(repository name not recorded\)"), "公开代码库（名称未记录）"),
    (re.compile(r" \(names not recorded\)"), "（名称未记录）"),
    (
        re.compile(r"three public repositories agree"),
        "三个公开代码库一致",
    ),
    (re.compile(r"two third-party pages \(([^)]*)\) agree"), r"两个第三方网页（\1）一致"),
    (re.compile(r" \(Shenzhen bureau page\)"), "（深圳市生态环境局网页）"),
    (
        re.compile(r"zhcement\.com article (\d+) \(trade press on the 修改单\)"),
        r"数字水泥网 \1（行业媒体关于修改单的报道）",
    ),
    (re.compile(r"; dates per (\S+)"), r"；日期据 \1"),
    (re.compile(r", parsed there from the PDF text"), "，由 PDF 文字解析"),
    (re.compile(r"; lensis22414017/SRS tests agree"), "；lensis22414017/SRS 的测试一致"),
    (
        re.compile(r"; the 4/11/18 indicator counts are confirmed by public pages"),
        "；4、11、18 项指标的个数有公开网页印证",
    ),
    (
        re.compile(r"; published values are consistent with the bounds 70, 55 and 40; none tests 30"),
        "；公布的结果与 70、55、40 的分界一致，30 未能检验",
    ),
    (
        re.compile(r"; effective date per (\S+); the 1993 edition shows the same values for classes 0-3"),
        r"；实施日期据 \1；1993 年版 0–3 类数值相同",
    ),
    (re.compile(r": effective date twice, limits 70/55 once"), "：实施日期两处、限值 70/55 一处"),
    (re.compile(r" and city bulletins are consistent"), "，城市公报与之相符"),
    (
        re.compile(r", two files \(2026 table 1\); 2013: recollection"),
        "，两个文件（2026 年版表1）；2013 年版凭记忆",
    ),
    (
        re.compile(r"; 2013: recollection; text of the 2026 edition not seen"),
        "；2013 年版凭记忆，2026 年版原文未见",
    ),
    (
        re.compile(r", references/standards/manifest\.json \(gives page references for both editions\)"),
        " 的 manifest.json（注明两版的页码）",
    ),
    (re.compile(r" tables C\.16-C\.18"), " 表 C.16–C.18"),
    (re.compile(r" §7 names no number for the month"), " 第 7 章未给出月的数值"),
    (re.compile(r"own convention where no (?:rule|document) is known.*"), "无已知规定时本系统的约定"),
    (
        re.compile(
            r"a gb15618-miniapp limit table and lensis22414017/SRS seed data \(which states a check against the MEE PDF\)"
        ),
        "gb15618-miniapp 的限值表与 lensis22414017/SRS 的数据（后者称已与生态环境部 PDF 核对）",
    ),
    (
        re.compile(
            r" \(coefficients of chla, TP, TN, SD\); weights agree with public repository code (\S+); CODMn coefficients: recollection"
        ),
        r"（chla、TP、TN、SD 的系数）；权重与公开代码库 \1 一致；CODMn 的系数凭记忆",
    ),
)


def chinese(text: str) -> str:
    """Chinese for a condition, state or source of the packaged tables; the text itself where none is known."""
    if text in _CHINESE:
        return _CHINESE[text]
    if text in check_phrases.CHECKS:
        return check_phrases.CHECKS[text]
    for pattern, words in (*_PARTS, *check_phrases.SIGNS):
        text = pattern.sub(words, text)
    return text
