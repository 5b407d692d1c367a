"""What tests and kinds mean in plain words (Chinese, English), which official circumstance they resemble,
and which innocent explanations have to be ruled out first.

Circumstance ids: T, F of 环发〔2015〕175号 articles 4 and 5; R of 国令820号 article 25; S of 环保部令19号 articles 19
and 20; D of 公治〔2014〕853号 article 6; K of 法释〔2023〕7号.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A way in which data can be falsified, as a finding names it."""

    zh: str
    en: str
    circumstances: tuple[str, ...]
    innocent_zh: str
    innocent_en: str


_PARAMETERS_ZH = "仪器更换、校准系数合规调整、量程变更已备案"
_PARAMETERS_EN = "a changed instrument, a documented calibration, a registered range change"

KINDS: Final[dict[str, Kind]] = {
    "constant": Kind(
        "疑似填报恒定值",
        "values held or typed in",
        ("T08", "T13", "F05", "R02"),
        "接近检出限、分析仪做样周期长、数据采集中断后保持末值",
        "values near the detection limit, a long analyser cycle, a stuck acquisition",
    ),
    "clip_limit": Kind(
        "疑似超标值被压至限值以下",
        "values pressed below the limit",
        ("T08", "T10", "T13", "R02"),
        "治理设施自动控制贴近限值运行",
        "abatement controlled close to the limit",
    ),
    "range_cap": Kind(
        "疑似量程或上限被调低",
        "a lowered ceiling of the range",
        ("T08", "T09", "R05"),
        _PARAMETERS_ZH,
        _PARAMETERS_EN,
    ),
    "shaved_peaks": Kind(
        "疑似峰值被削减", "peaks reduced", ("T08", "T13", "R02"), "工况确实平稳", "a truly steady process"
    ),
    "copy_period": Kind(
        "疑似复制历史数据",
        "an earlier stretch replayed",
        ("F05", "T13", "R02"),
        "数据补传时写错时段、工况严格重复",
        "a resend written to the wrong period, a strictly repeated process",
    ),
    "copy_neighbour": Kind(
        "疑似与另一站点共用同一数据",
        "the series of another monitor",
        ("F05", "T13", "R02"),
        "两站共用一台仪器或采样总管、平台映射错误",
        "one instrument or manifold for both, a mapping error",
    ),
    "copy_factor": Kind(
        "疑似由另一因子推算",
        "computed from another factor",
        ("F05", "F06", "R01"),
        "两因子由同一仪器换算得出",
        "both factors derived by one instrument",
    ),
    "copy_day": Kind(
        "疑似同一时段数据反复上报",
        "one stretch sent again and again",
        ("F05", "T13", "R02"),
        "断点续传重复发送、数采仪缓存错误",
        "repeated resends, a faulty buffer of the acquisition device",
    ),
    "typical_day": Kind(
        "疑似以典型日变化代替实测",
        "a typical daily course instead of measurements",
        ("F05", "F06", "R01"),
        "平台以均值补缺",
        "gaps filled with means by the platform",
    ),
    "held_blocks": Kind(
        "疑似一次测值多时段重复使用",
        "one reading used for several periods",
        ("F05", "T10", "R02"),
        "分析仪做样周期变长、以末值补缺",
        "a longer analyser cycle, gaps filled with the last value",
    ),
    "blended": Kind(
        "疑似数值被向均值或邻站拉近",
        "values drawn towards a mean or a neighbour",
        ("T13", "F05", "R02"),
        "平台平滑或插补处理",
        "smoothing or filling by the platform",
    ),
    "modelled": Kind(
        "疑似由其他数据推算得出",
        "values computed from other readings",
        ("F05", "T13", "R02"),
        "软测量或平台补数未作标记、两因子同源",
        "a soft sensor or platform substitute without its mark, two factors of one source",
    ),
    "bridged": Kind(
        "疑似高值时段被直线或前值替代",
        "high stretches bridged by lines or the value before",
        ("T13", "T10", "R02"),
        "故障时段按规定插补而未作标记",
        "a substitute for a breakdown without its mark",
    ),
    "slowed": Kind(
        "疑似限制变化速率",
        "a limited rate of change",
        ("T08", "T09", "R05"),
        "滤波参数合规调整、仪器响应变慢",
        "a documented filter setting, a slow instrument",
    ),
    "rounded": Kind(
        "疑似过粗修约",
        "values rounded too coarsely",
        ("T12", "T13", "R02"),
        "量程或分辨率变更已备案、数据格式变化",
        "a registered change of range or resolution, another data format",
    ),
    "scale": Kind(
        "疑似斜率被调低或样品被稀释",
        "a lowered slope or a diluted sample",
        ("T04", "T06", "T08", "T09", "R05"),
        _PARAMETERS_ZH,
        _PARAMETERS_EN,
    ),
    "offset": Kind("疑似截距被调低", "a lowered intercept", ("T08", "T09", "R05"), "零点漂移", "zero drift"),
    "compressed": Kind(
        "疑似波动被压缩",
        "swings compressed",
        ("T08", "T09", "R05"),
        "工况确实平稳、灵敏度下降",
        "a truly steady process, lost sensitivity",
    ),
    "smooth": Kind(
        "疑似数据被平滑（阻尼调大）",
        "data smoothed, damping turned up",
        ("T08", "T09", "R05"),
        "平均时间设置合规变更、管路缓冲",
        "a registered change of averaging time, a buffering line",
    ),
    "interpolated": Kind(
        "疑似由少数点插值生成",
        "interpolated from few points",
        ("F05", "T13", "R02"),
        "平台按规定补数",
        "gaps filled by the platform according to rule",
    ),
    "fabricate": Kind(
        "疑似凭空编造",
        "an invented series",
        ("F05", "F06", "R01", "R02"),
        "传感器失效后输出噪声",
        "a dead sensor giving noise",
    ),
    "decouple": Kind(
        "数值与时间顺序不符",
        "right values at wrong times",
        ("F04", "T13", "R02"),
        "时钟或时区错误（不足三小时或不足十天的偏移不会另行提示，须自行核对设备时钟）、补传顺序错乱",
        "a wrong clock or time zone (a shift of less than three hours or ten days is not pointed out: compare the clock of the "
        "device), resends in wrong order",
    ),
    "last_digit": Kind(
        "末位数字疑似人为编造或取舍",
        "last digits invented or rounded",
        ("T12", "T13", "R02"),
        "分辨率或单位换算变更",
        "a change of resolution or unit conversion",
    ),
    "calib_at_exceed": Kind(
        "高浓度时段标记校准或维护",
        "calibration or maintenance declared when high",
        ("T08", "R05"),
        "正常校准恰逢高值",
        "routine work that met a high level by chance",
    ),
    "missing_high": Kind(
        "高浓度时段数据缺失",
        "values lost when high",
        ("T10", "T11", "S01", "R02"),
        "超量程保护、供电与通讯中断",
        "over-range protection, power or line failures",
    ),
    "spray": Kind(
        "疑似喷淋、遮挡采样口",
        "spraying or shielding at the inlet",
        ("T02", "R04", "R08"),
        "洒水车路过、局地降水、采样头清洗",
        "a passing sprinkler, local rain, cleaning of the inlet",
    ),
    "stop_not_stopped": Kind(
        "疑似标记停运而实际运行（标停未停）",
        "declared stopped while running",
        ("R05", "S03", "T10"),
        "启停炉过渡、停运后自然通风、氧量表故障",
        "start-up or shut-down, draught after a stop, a faulty oxygen meter",
    ),
    "dilution": Kind(
        "疑似采样前混入空气（稀释）",
        "air let in before the sampling point",
        ("T06", "S06", "D03"),
        "系统漏风、低负荷、氧量表漂移",
        "leaks, low load, a drifting oxygen meter",
    ),
    "balance": Kind(
        "排放量低于物料或负荷核算值",
        "emission below the material balance",
        ("S03", "T08", "R05"),
        "燃料或工艺变化、台账口径变化、流量计偏低",
        "another fuel or process, changed accounts, a flow meter reading low",
    ),
    "load": Kind(
        "排放不随负荷变化",
        "emission that does not follow the load",
        ("S03", "T08", "F05"),
        "治理设施自动控制、负荷信号错误",
        "automatic control of the abatement, a wrong load signal",
    ),
    "scrubber": Kind(
        "脱硫烟气偏热偏干而二氧化硫不高",
        "hot and dry gas behind a wet scrubber that reports low SO2",
        ("S03", "T08", "R05"),
        "烟气再热、湿度仪故障",
        "reheated gas, a faulty moisture meter",
    ),
    "aeration": Kind(
        "气水比下降而氨氮不升",
        "less air per water while ammonia stays low",
        ("S03", "T06", "R05"),
        "进水浓度下降、改用精确曝气",
        "weaker inflow, aeration on demand",
    ),
    "water_order": Kind(
        "化学需氧量、氨氮、pH 关系不合逻辑",
        "COD, ammonia and pH against each other",
        ("S03", "T06", "T08"),
        "来水性质变化、其中一台仪器故障",
        "another kind of inflow, one faulty instrument",
    ),
    "level_change": Kind(
        "维护、校准或参数变更前后水平突降",
        "a fall of the level at maintenance, calibration or a changed setting",
        ("T08", "T09", "R05"),
        _PARAMETERS_ZH,
        _PARAMETERS_EN,
    ),
    "setting_off_register": Kind(
        "设备参数与备案不符",
        "a device setting off the register",
        ("T08", "T09", "S04", "R05"),
        _PARAMETERS_ZH,
        _PARAMETERS_EN,
    ),
    "unregistered_setting": Kind(
        "设备上报未备案参数",
        "a setting nobody registered",
        ("T09", "R05"),
        "软件升级新增参数、备案遗漏",
        "a software update with new settings, a gap in the register",
    ),
    "change_in_remote_session": Kind(
        "远程访问期间参数被改动",
        "a setting changed in a remote session",
        ("T09", "K02", "R05"),
        "运维人员事后补报",
        "maintenance reported afterwards",
    ),
    "software_hash": Kind(
        "软件校验值与备案不符",
        "software other than registered",
        ("T08", "T09", "F05"),
        "厂家升级未及时备案",
        "an update not yet registered",
    ),
    "software_unknown": Kind(
        "软件版本未备案",
        "an unregistered software version",
        ("T08", "T09", "F05"),
        "厂家升级未及时备案",
        "an update not yet registered",
    ),
    "clock_jump": Kind(
        "设备时钟跳变",
        "a jump of the device clock",
        ("F04", "T08"),
        "时钟电池失效、对时错误",
        "a dead clock battery, a wrong time server",
    ),
    "changed_later": Kind(
        "已报数据事后被改",
        "reported data changed afterwards",
        ("T13", "T11", "R02"),
        "数据补传、审核后按规定更正",
        "a resend, a documented correction after review",
    ),
    "mean_differs": Kind(
        "上报均值与明细数据不符",
        "a reported mean that its own finer data contradict",
        ("T12", "T13", "R02"),
        "设备均值算法或有效数据口径不同",
        "another way of averaging or of telling valid data",
    ),
    "generated": Kind(
        "疑似由模拟功能生成的数据",
        "data of a simulation function",
        ("F05", "T09", "R02"),
        "标样自动核查、仪器自检",
        "automatic checks with standards, self-tests of the instrument",
    ),
    "": Kind("数据异常", "unusual data", (), "设备故障、真实环境变化", "instrument trouble, a true change"),
}

TESTS: Final[dict[str, tuple[str, str]]] = {
    "constants": ("恒值检验", "constant values"),
    "ceiling": ("上限检验", "ceiling"),
    "bunching": ("贴限检验", "bunching at the limit"),
    "bunching.break": ("限值处密度断裂检验", "density that breaks off at the limit"),
    "last_digits": ("末位数字检验", "last digits"),
    "last_digits.pairs": ("相邻末位数字对检验", "pairs of last digits after each other"),
    "last_digits.last_two": ("末两位数字检验", "last two digits together"),
    "copies": ("复制比对", "copied windows"),
    "smoothing": ("平滑检验", "smoothing"),
    "level": ("水平与响应检验", "level and response"),
    "coupling": ("关联与次序检验", "coupling and order"),
    "missing_when_high": ("高值缺失检验", "missing when high"),
    "calibration_when_high": ("高值校准检验", "calibration when high"),
    "declared_when_high": ("高值申报异常检验", "declared state when high"),
    "spraying": ("短时骤降检验", "short dips"),
    "mist": ("数周内颗粒物同时段偏低检验", "both particle factors low at the same hours for weeks"),
    "hours": ("固定钟点偏低检验", "low at the same hours of the day"),
    "detection_floor": ("历史量程检验", "readings never seen before"),
    "physical_logic": ("物理逻辑检验", "physical order of factors"),
    "jumps": ("突变检验", "sudden changes of level"),
    "copies.run_past": ("与自身历史逐值相同", "values equal one by one to the own past"),
    "copies.run_relative": ("与关联站点逐值相同", "values equal one by one to a related station"),
    "copies.run_factor": ("与另一因子逐值相同", "values equal one by one to another factor"),
    "copies.twins": ("两站数据同源检验", "one series at two stations"),
    "process.stop_not_stopped": ("标停未停检验", "declared stop while running"),
    "process.dilution": ("氧量、流量、湿度稀释检验", "dilution by oxygen, flow and moisture"),
    "process.balance": ("物料衡算比对", "material balance"),
    "process.load": ("排放与负荷响应检验", "response of emission to load"),
    "process.scrubber": ("湿法脱硫气水逻辑检验", "gas and water of the scrubber"),
    "process.aeration": ("曝气气水比检验", "air per water of the aeration"),
    "process.water_order": ("化学需氧量—氨氮—pH 逻辑检验", "COD, ammonia and pH"),
    "process.change_point": (
        "维护或参数变更处的突变点检验",
        "change point at maintenance or a changed setting",
    ),
    "copies.exact": ("逐值相同且不可能偶合", "equal value by value beyond chance"),
    "process.mist": ("喷淋遮挡湿度佐证检验", "mist at the inlet shown by humidity"),
    "process": ("工艺逻辑检验", "process logic"),
    "device": ("设备侧证据", "facts about the device"),
    "generated": ("模拟数据特征检验", "patterns of generated data"),
    "faults": ("设备故障迹象", "signs of instrument trouble"),
}


def test_words(name: str) -> tuple[str, str]:
    """Chinese and English name of a statistic's test: of the test itself if it has one, else of its family."""
    family, *rest = name.split(".")
    return TESTS.get(name) or TESTS.get(".".join((family, *rest[:1]))) or TESTS.get(family, (name, name))


def one_in(share: float) -> str:
    """Say a share of honest days or months as how many of them hold one such, to two digits."""
    return f"{float(f'{1 / max(share, 1e-6):.2g}'):,.0f}"
