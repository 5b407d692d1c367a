"""What tests and kinds mean in plain words (Chinese, English), which official circumstance they resemble,
and which innocent explanations have to be ruled out first.

Circumstance ids: T, F of 环发〔2015〕175号 articles 4 and 5; R of 国令820号 article 25.
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
        "时钟错误、补传顺序错乱",
        "a wrong clock, resends in wrong order",
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
    "": Kind("数据异常", "unusual data", (), "设备故障、真实环境变化", "instrument trouble, a true change"),
}

TESTS: Final[dict[str, tuple[str, str]]] = {
    "constants": ("恒值检验", "constant values"),
    "ceiling": ("上限检验", "ceiling"),
    "bunching": ("贴限检验", "bunching at the limit"),
    "last_digits": ("末位数字检验", "last digits"),
    "copies": ("复制比对", "copied windows"),
    "smoothing": ("平滑检验", "smoothing"),
    "level": ("水平与响应检验", "level and response"),
    "coupling": ("关联与次序检验", "coupling and order"),
    "missing_when_high": ("高值缺失检验", "missing when high"),
    "calibration_when_high": ("高值校准检验", "calibration when high"),
    "declared_when_high": ("高值申报异常检验", "declared state when high"),
    "spraying": ("短时骤降检验", "short dips"),
    "detection_floor": ("历史量程检验", "readings never seen before"),
    "physical_logic": ("物理逻辑检验", "physical order of factors"),
    "faults": ("设备故障迹象", "signs of instrument trouble"),
}


def test_words(name: str) -> tuple[str, str]:
    """Chinese and English name of a statistic's test."""
    return TESTS.get(name.split(".")[0], (name, name))
