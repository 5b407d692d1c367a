"""The tables of the rulebook: their key, the columns a file must have, and which columns are numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """Shape of one table.

    `key`: columns that say which rule a row is (the value itself is never part of it).
    `required`: columns that may not be empty. `numeric`: columns that hold one decimal number when not empty.
    """

    name: str
    title_zh: str
    title_en: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    numeric: tuple[str, ...] = ()


def _limits(name: str, title_zh: str, title_en: str, *key: str) -> TableDefinition:
    return TableDefinition(
        name,
        title_zh,
        title_en,
        key=("standard", "edition", *key, "effective_from"),
        required=("standard", "pollutant_cn", "unit", "op", "limit"),
    )


def _rules(
    name: str, title_zh: str, title_en: str, key: str, required: str, numeric: str = ""
) -> TableDefinition:
    return TableDefinition(
        name, title_zh, title_en, tuple(key.split()), tuple(required.split()), tuple(numeric.split())
    )


_ALL = (
    _limits(
        "ambient_air_limits", "环境空气质量限值", "ambient air limits", "symbol", "class", "averaging_period"
    ),
    _limits(
        "surface_water_limits",
        "地表水环境质量限值",
        "surface water limits",
        "pollutant_cn",
        "class",
        "condition",
    ),
    _limits("groundwater_limits", "地下水质量分类指标", "groundwater classes", "pollutant_cn", "class"),
    _limits(
        "soil_limits_agri", "农用地土壤风险管控值", "agricultural soil", "pollutant_cn", "class", "condition"
    ),
    _limits(
        "soil_limits_construction", "建设用地土壤风险管控值", "construction land", "pollutant_cn", "class"
    ),
    _limits("noise_limits", "噪声限值", "noise limits", "pollutant_cn", "class", "averaging_period"),
    _limits(
        "emission_limits",
        "污染物排放限值",
        "emission limits",
        "pollutant_cn",
        "class",
        "averaging_period",
        "condition",
    ),
    _limits(
        "permit_limits",
        "排污许可限值",
        "permit limits",
        "outlet",
        "pollutant_cn",
        "averaging_period",
        "condition",
    ),
    _rules(
        "regional_targets",
        "区域年度目标",
        "targets of regions",
        "standard region year item effective_from",
        "standard region year item value",
        "year value",
    ),
    _rules(
        "outlet_standards",
        "排口适用的排放标准",
        "standards that apply to outlets",
        "standard outlet class condition effective_from",
        "standard outlet",
    ),
    _rules(
        "tax_equivalents",
        "环境保护税污染当量值",
        "environmental-protection-tax equivalents",
        "standard edition medium symbol effective_from",
        "standard medium group symbol pollutant_cn equivalent_kg",
        "equivalent_kg",
    ),
    _rules(
        "aqi_breakpoints",
        "空气质量分指数限值",
        "IAQI breakpoints",
        "standard edition symbol averaging_period iaqi effective_from",
        "standard edition symbol unit averaging_period iaqi bp",
        "iaqi bp",
    ),
    _rules(
        "aqi_levels",
        "空气质量指数级别",
        "AQI levels",
        "standard edition level effective_from",
        "standard edition aqi_lo aqi_hi level category color",
        "aqi_lo aqi_hi",
    ),
    _rules(
        "aqi_advice",
        "空气质量健康提示",
        "AQI health advice",
        "standard edition kind item",
        "kind item text_zh text_en",
    ),
    _rules(
        "composite_index",
        "环境空气质量综合指数",
        "air composite index",
        "variant symbol effective_from",
        "variant symbol statistic unit standard_value weight",
        "standard_value weight",
    ),
    _rules("cwqi", "城市水质指数", "city water quality index", "standard edition item", "item formula"),
    _rules(
        "data_validity",
        "数据统计有效性",
        "data validity",
        "standard edition item scope",
        "standard item scope rule",
    ),
    _rules(
        "tli",
        "湖库综合营养状态指数",
        "lake trophic level index",
        "standard edition kind symbol label",
        "kind label",
        "a b rij rij2 weight lo hi",
    ),
    _rules(
        "water_rating", "水质定性评价", "water quality rating", "standard edition level rule", "level rule"
    ),
    _rules("spearman_critical", "秩相关系数临界值", "Spearman critical values", "n", "n p05", "n p05 p01"),
    _rules(
        "noise_rating_hj640",
        "城市声环境评价等级",
        "urban noise rating",
        "standard edition kind period level",
        "kind period level rating",
        "gt le",
    ),
    _rules(
        "eqi",
        "生态质量指数",
        "ecological quality index",
        "standard edition kind item label",
        "kind item label",
        "value lo hi",
    ),
    _rules(
        "eqi_indicators",
        "生态质量指数下级指标",
        "indicators below the parts of the ecological quality index",
        "item effective_from",
        "standard item parent weight",
        "weight lo hi",
    ),
    _rules(
        "warning_levels",
        "重污染天气预警分级",
        "heavy pollution warning levels",
        "standard edition level",
        "level rule",
    ),
    _rules(
        "qc_checks",
        "自动监测质控检查",
        "automatic station checks",
        "medium standard edition check",
        "medium check limit",
    ),
    _rules(
        "registry", "标准目录", "register of standards", "standard edition", "standard edition title status"
    ),
    _rules(
        "evaluation_parameters",
        "评价参数",
        "evaluation parameters",
        "standard edition subject item effective_from",
        "subject item value",
    ),
    _rules(
        "cems_checks",
        "烟气自动监测检查",
        "flue gas monitoring checks",
        "check pollutant_or_band interval source",
        "check pollutant_or_band criterion",
    ),
    _rules(
        "water_checks",
        "废水自动监测检查",
        "waste water monitoring checks",
        "check pollutant_or_band",
        "check pollutant_or_band criterion",
    ),
    _rules("deadlines", "法定与地方时限", "deadlines", "process step", "process step limit unit"),
    _rules(
        "sample_preservation", "样品保存", "sample preservation", "parameter_zh", "parameter_zh holding_time"
    ),
    _rules("hj212_facts", "HJ 212 待确认事项", "unconfirmed facts of HJ 212", "fact", "fact"),
    _rules("fraud_circumstances", "弄虚作假情形", "falsification circumstances", "id", "id kind name_zh"),
)

TABLES: dict[str, TableDefinition] = {definition.name: definition for definition in _ALL}
SETTINGS = ("evaluation_parameters", "eqi", "tli", "water_rating", "cwqi")
"""Tables of how something is worked out, which are read without a day: a snapshot of a day holds one row of each subject."""
