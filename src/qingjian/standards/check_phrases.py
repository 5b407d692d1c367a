"""Chinese for the checks of flue gas and waste water: what is checked, by which criterion, how often, from where."""

from __future__ import annotations

import re
from types import MappingProxyType

CHECKS = MappingProxyType(
    {
        # What is checked.
        "all": "全部",
        "system": "系统",
        "particulate/gaseous with auto-calibration": "具有自动校准功能的颗粒物、气态污染物 CEMS",
        "particulate without auto-calibration": "无自动校准功能的颗粒物 CEMS",
        "gaseous in-situ without auto-calibration": "无自动校准功能的直接测量法气态污染物 CEMS",
        "gaseous extractive without auto-calibration": "无自动校准功能的抽取式气态污染物 CEMS",
        "gaseous extractive": "抽取式气态污染物 CEMS",
        "velocity with auto": "具有自动校准功能的流速 CMS",
        "velocity without auto": "无自动校准功能的流速 CMS",
        "unit with auto-calibration": "具有自动校准功能的测试单元",
        "unit without auto-calibration": "无自动校准功能的测试单元",
        "particulate zero/span": "颗粒物 零点、量程",
        "gaseous zero/span": "气态污染物 零点、量程",
        "gaseous zero": "气态污染物 零点",
        "gaseous span": "气态污染物 量程",
        "velocity zero": "流速 零点",
        "other gaseous": "其他气态污染物",
        "temperature": "温度",
        "particulate, velocity, temperature, humidity": "颗粒物、流速、温度、湿度",
        "gaseous, O2": "气态污染物、O2",
        "SO2, NOx, O2": "SO2、NOx、O2",
        "emission rate; alpha>=90%, N<=24 h": "排放量；捕集率 α≥90%，连续无效 N≤24 h",
        "emission rate; alpha>=90%, N>24 h": "排放量；捕集率 α≥90%，连续无效 N＞24 h",
        "emission rate; 75%<=alpha<90%": "排放量；75%≤α＜90%",
        "concentration and flue-gas parameters": "浓度和烟气参数",
        "emission rate": "排放量",
        "NMHC: ref mean and limit both <50 mg/m3": "NMHC: 参比方法均值和限值均＜50 mg/m³",
        "VOCs heated line": "VOCs 伴热管线",
        "SO2/NOx extractive": "SO2、NOx 抽取式",
        "condenser": "冷凝器",
        "all with reference O2": "规定了基准含氧量的全部项目",
        "NOx as NO2": "NOx（以 NO2 计）",
        "minute data": "分钟数据",
        "waste incineration etc.": "垃圾焚烧等",
        "PM,NOx,SO2,HCl,CO": "颗粒物、NOx、SO2、HCl、CO",
        "5-min mean <850 C": "5 分钟均值＜850 ℃",
        "per furnace": "每台焚烧炉",
        "CODCr/TOC/NH3-N/TP/TN at 0.5 x range": "CODCr、TOC、氨氮、总磷、总氮，0.5 倍量程处",
        "CODCr/NH3-N/TP/TN": "CODCr、氨氮、总磷、总氮",
        "CODCr <30 mg/L (test with 20-25 mg/L standard)": "CODCr＜30 mg/L（用 20–25 mg/L 标样）",
        "NH3-N <2 mg/L (1.5 mg/L standard)": "氨氮＜2 mg/L（用 1.5 mg/L 标样）",
        "TP <0.4 mg/L (low standard)": "总磷＜0.4 mg/L（用低浓度标样）",
        "TN <2 mg/L (1.5 mg/L standard)": "总氮＜2 mg/L（用 1.5 mg/L 标样）",
        "ultrasonic open-channel flow": "超声波明渠流量计",
        "water analysers": "水质自动分析仪",
        "platform data": "平台数据",
        "station": "站房",
        "continuous discharge": "连续排放",
        "COD/NH3-N/TP/TN": "COD、氨氮、总磷、总氮",
        "COD/NH3-N/TP/TN/pH/flow": "COD、氨氮、总磷、总氮、pH、流量",
        "concentration": "浓度",
        "range, slope, intercept, digestion time/temp, calibration factor": "量程、斜率、截距、消解时间和温度、校准系数",
        "run and maintenance forms": "运行和维护记录表",
        # By which criterion.
        ">=45 min of valid data in the clock hour": "整点 1 小时内有效数据不少于 45 分钟",
        "valid hourly means >=75% of plant operating hours of the day (operating hours by 启停 marks)": (
            "有效小时均值不少于当日设施运行小时的 75%（运行小时按启停标记）"
        ),
        "valid hourly means >=75% of operating hours of the month": "有效小时均值不少于当月设施运行小时的 75%",
        "alpha = (quarter h - invalid h - shutdown h)/(quarter h - shutdown h) x100%; target >=75%": (
            "α =（季度小时数 − 无效小时数 − 停运小时数）/（季度小时数 − 停运小时数）×100%；应不低于 75%"
        ),
        "inspection interval <=7 d, recorded": "巡检间隔不超过 7 天，并有记录",
        "zero+span at least once per 24 h; record zero and span drift": "零点和量程至少每 24 小时校准一次，记录零点和量程漂移",
        "zero+span": "校准零点和量程",
        "zero/span drift, indication error, response time via whole sampling path": (
            "零气和标准气体经全部采样管路，检查零点和量程漂移、示值误差、响应时间"
        ),
        "zero": "校准零点",
        "reference-method comparison": "与参比方法比对校验",
        "within +-3.0% F.S. or +-0.9 m/s": "不超过 ±3.0% F.S. 或 ±0.9 m/s",
        "beyond +-8.0% F.S. or +-1.8 m/s": "超过 ±8.0% F.S. 或 ±1.8 m/s 为失控",
        ">=3 paired means in routine check (acceptance >=5)": "日常比对不少于 3 个数据对（验收不少于 5 个）",
        ">=6 paired means in routine check (acceptance >=9)": "日常比对不少于 6 个数据对（验收不少于 9 个）",
        "+-5% of standard gas value": "不超过标准气体标称值的 ±5%",
        "max of hourly emission in 180 valid h before last good calibration": (
            "上次校准合格前 180 个有效小时排放量的最大值"
        ),
        "max in 720 valid h before": "失效前 720 个有效小时的最大值",
        "max in 2160 valid h before": "失效前 2160 个有效小时的最大值",
        "not substituted (flag invalid)": "不修约替代（标记为无效）",
        "same 180/720/2160 rule counted back from failure; or reference method values until recovery": (
            "自失效时起按同样的 180/720/2160 小时规则；或在恢复前采用参比方法数据"
        ),
        "mean absolute error within +-10 mg/m3": "平均绝对误差不超过 ±10 mg/m³",
        ">=120 C all along": "全程不低于 120 ℃",
        ">=120 C": "不低于 120 ℃",
        "outlet dew point <=4 C": "出口露点温度不高于 4 ℃",
        "C = Cmeas x (21-O2ref)/(21-O2meas)": "C = C实测 ×（21−基准含氧量）/（21−实测含氧量）",
        "NOx = NO x 46/30 + NO2": "NOx = NO×46/30 + NO2",
        "adjacent auto marks of any type merge into one run; run >=15 min makes the hour invalid (60-45)": (
            "相邻的各类自动标记合为一段；一段达 15 分钟时该小时无效（60−45）"
        ),
        "a separate specification exists; limits not known": "另有专门规范，数值未知",
        "any daily mean over GB 18485 limit in a natural day = one violation per stack": (
            "一个自然日内任一日均值超过 GB 18485 限值，每根排气筒认定一次超标"
        ),
        ">=5 five-minute means in a natural day = process not normal": (
            "一个自然日内达到 5 次及以上，认定为未按规定正常运行"
        ),
        "start-up, stop, fault, accident hours <=60 h per year; each fault/accident <=4 h": (
            "每年启动、停炉、故障、事故累计不超过 60 小时；每次故障或事故不超过 4 小时"
        ),
        "CEMS maintenance mark <=30 h per quarter": "每季度 CEMS 维护标记不超过 30 小时",
        "auto-calibrate when check fails; verify by standard check after": "核查不合格时自动校准，校准后再用标样核查",
        "+-0.06 mg/L (HJ 354 acceptance: +-0.04)": "±0.06 mg/L（HJ 354 验收: ±0.04）",
        ">=3 pairs: 3 -> >=2 pass; 4 -> >=3 pass; >=5 -> >=80% pass": (
            "不少于 3 对: 3 对须 2 对合格，4 对须 3 对合格，5 对及以上须 80% 合格"
        ),
        "remote look every day, both half-days": "每日上午、下午远程检查",
        "on-site maintenance": "现场维护",
        "1 h; hour value taken from mixed sample of the hour": "1 小时；小时值取该小时的混合水样",
        "1 h per day may drop from the denominator for auto standard check (>=23/24=95.83% counts as full)": (
            "每日可从应传数中扣除 1 小时用于自动标样核查（≥23/24=95.83% 按足量计）"
        ),
        "data valid only if system accepted, run per HJ 355, last checks pass, parameters within registered setting": (
            "系统已验收、按 HJ 355 运行、最近核查合格且参数与备案一致的数据方为有效"
        ),
        "data between last pass and first pass after repair are invalid": "上次核查合格至修复后首次合格之间的数据无效",
        "data between last pass and next pass are invalid": "上次比对合格至下次合格之间的数据无效",
        "flow-weighted mean: sum(Ci*Qi)/sum(Qi); needs valid data >=75% of hours in discharge": (
            "流量加权均值 Σ(Ci·Qi)/ΣQi；有效数据不少于排放小时的 75%"
        ),
        "flow-weighted of valid days": "有效日的流量加权均值",
        "use manual results (HJ 91.1) first; else value built from equal-length preceding valid period; pH/temp by range": (
            "优先采用手工监测结果（HJ 91.1）；否则用此前等长有效时段的数据替代；pH、温度按范围"
        ),
        ">=4 samples per day, gap <=6 h": "每日不少于 4 次，间隔不超过 6 小时",
        "registered value kept; change needs record and re-registration; alarm on drift from register": (
            "保持备案值；变更须记录并重新备案；与备案不一致时报警"
        ),
        "forms in annexes A.. of HJ 355 (基本情况, 巡检, 参数设置, 标样核查, 比对 ...)": (
            "HJ 355 附录 A 起的表格（基本情况、巡检、参数设置、标样核查、比对等）"
        ),
        "3 samples, 2 replicates each, 1 h cycle, online mode; error by band; low level -> certified standard instead": (
            "3 个水样各测 2 次，周期 1 小时，在线模式；按浓度段判误差；低浓度改用有证标样"
        ),
        "range upper limit normally 2-3 x the discharge limit": "量程上限一般为排放限值的 2–3 倍",
        # How often.
        "each hour": "每小时",
        "each day": "每日",
        "each month": "每月",
        "quarter": "每季度",
        "3 months": "3 个月",
        "6 months": "6 个月",
        "each calibration": "每次校准",
        "acceptance / 3 months": "验收 / 3 个月",
        "event": "发生时",
        "acceptance/校验": "验收/校验",
        "acceptance": "验收",
        "continuous": "连续",
        "each value": "每个数据",
        "day": "每日",
        "year": "每年",
        ">=once per 24 h": "每 24 小时至少一次",
        "longest 168 h": "最长 168 小时",
        "monthly": "每月",
        "quarterly": "每季度",
        "daily": "每日",
        "month": "每月",
        "setup": "安装调试时",
        # From where, and what is to be known about it.
        "HJ 75-2017 附录; emission standards": "HJ 75-2017 附录；各排放标准",
        "public client code of the national platform (2026), repository name not recorded": (
            "国家平台公开的客户端代码（2026，代码库名称未记录）"
        ),
        "HJ 1403-2024 (listed 2026-07)": "HJ 1403-2024（2026-07 列入目录）",
        "自动监测数据有效传输率统计算法说明 (platform doc)": "自动监测数据有效传输率统计算法说明（平台文件）",
        "HJ 355-2019 (eff 2020-03-24) 5 (parameter management chapter exists)": (
            "HJ 355-2019（2020-03-24 起施行）5（有参数管理一章）"
        ),
        "HJ 355-2019 (eff 2020-03-24) 11, annexes": "HJ 355-2019（2020-03-24 起施行）11 及附录",
        "HJ 355-2019 (eff 2020-03-24); HJ 356-2019 (eff 2020-03-24) (>=3 pairs: S)": (
            "HJ 355-2019（2020-03-24 起施行）；HJ 356-2019（2020-03-24 起施行）（不少于 3 对: 二手来源）"
        ),
        "corroborated by public code": "有公开代码佐证",
        "one public code uses >=18 h of 24": "有公开代码按 24 小时中不少于 18 小时",
        "public rule list": "公开的规则清单",
        "existence S (official list of specifications 2026-07); limits not known": (
            "规范的存在为二手来源（2026-07 官方规范目录）；数值未知"
        ),
        "a draft text was seen": "见过征求意见稿",
        "+-10% seen in vendor code": "厂商代码中为 ±10%",
        "band value to be confirmed against the standard": "分段数值待与标准核对",
        "public checker uses 0.5": "公开的核查程序用 0.5",
        "public checker uses 10%": "公开的核查程序用 10%",
        "one part has a secondary source": "其中一部分有二手来源",
    }
)

SIGNS = (
    (re.compile(r"^particulate(?= [<>])"), "颗粒物"),
    (re.compile(r"^velocity(?= [<>])"), "流速"),
    (re.compile(r"^humidity(?= [<>])"), "湿度"),
    (re.compile(r"(\d)\.\.(\d)"), r"\1–\2"),
    (re.compile(r"umol/mol"), "μmol/mol"),
    (re.compile(r"mg/m3"), "mg/m³"),
    (re.compile(r" as NO2\)"), "，以 NO2 计）"),
    (re.compile(r"^within \+-(\S+) F\.S\.$"), r"不超过 ±\1 F.S."),
    (re.compile(r"^beyond \+-(\S+) F\.S\. = out of control$"), r"超过 ±\1 F.S. 为失控"),
    (re.compile(r"^relative error <=\+-"), "相对误差不超过 ±"),
    (re.compile(r"^absolute error <=\+-"), "绝对误差不超过 ±"),
    (re.compile(r"^relative accuracy <="), "相对准确度不大于 "),
    (re.compile(r"^\+-"), "±"),
    (re.compile(r"(\d) C$"), r"\1 ℃"),
    (re.compile(r"^<=(?=\d)"), "不大于 "),
    (re.compile(r"^(\d+) d$"), r"\1 天"),
    (re.compile(r"^(\d+) h$"), r"\1 小时"),
)
"""Numbers and signs of the checks, in the way they are printed."""
