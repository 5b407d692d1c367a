"""What laboratories measure: sections and lakes, black-odorous water, groundwater, drinking-water sources, soil."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from qingjian.apps.evaluation import in_service, samples
from qingjian.apps.evaluation.drafts import Draft, midnight, month_of, settled
from qingjian.apps.evaluation.samples import Sample
from qingjian.apps.network.kinds import kinds_of
from qingjian.apps.network.models import Point, Series
from qingjian.rulebook import Rulebook
from qingjian.standards import groundwater, names, soil
from qingjian.standards.errors import EditionError, EvaluationError
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.quantity import Quantity, measured
from qingjian.standards.rounding import legible
from qingjian.standards.surface_water import black_odorous, drinking_water, lakes
from qingjian.standards.surface_water.items import WaterBody

TROPHIC = {"叶绿素a": "chla", "透明度": "SD"}
"""Items of lakes that table 1 of GB 3838 does not have, by the Chinese name of the factor."""
TROPHIC_UNITS = {"chla": "mg/m³", "SD": "m", "TP": "mg/L", "TN": "mg/L", "CODMn": "mg/L"}
VOLUME = "取水量"
ACIDITY = ("pH", "pH值")
MULTIPLE_PLACES = 4


def points_of(element: str, since: date | None = None) -> list[Point]:
    """Return the running points of an element, and those that were still in service on a day or later."""
    return in_service.of(Point.objects.select_related("region").filter(kind__in=kinds_of(element)), since)


def water_body(point: Point) -> WaterBody:
    return "lake" if point.kind == "reservoir" or point.attributes.get("water_body") == "lake" else "river"


# -- items -------------------------------------------------------------------------------------------------------------


def surface_item(series: Series) -> str | None:
    """Return the item of GB 3838 or of the trophic index that a series measures."""
    if series.medium not in ("surface_water", "drinking_water"):
        return None
    item = names.SURFACE_WATER.get(series.factor.wire_code) or TROPHIC.get(series.factor.name_zh)
    return None if item == "T" else item


def black_odorous_item(series: Series) -> str | None:
    item = surface_item(series)
    if series.factor.name_zh == "水深" and series.medium == "surface_water":
        return "depth"
    return item if item in ("DO", "NH3-N", "SD") else None


def groundwater_item(series: Series) -> str | None:
    return series.factor.name_zh if series.medium == "groundwater" else None


def drinking_item(series: Series) -> str | None:
    """Return the item of a source: table 1 by its symbol, tables 2 and 3 and groundwater by their Chinese names."""
    if series.medium == "groundwater":
        return series.factor.name_zh
    if series.medium not in ("surface_water", "drinking_water"):
        return None
    return names.SURFACE_WATER.get(series.factor.wire_code) or series.factor.name_zh


def soil_item(series: Series) -> str | None:
    return series.factor.name_zh if series.medium == "soil" else None


# -- drafts ------------------------------------------------------------------------------------------------------------


def _row(
    kind: str, sample: Sample, trace: TraceBuilder, values: dict[str, Any] | None = None, **fields: Any
) -> Draft:
    """Return a draft whose trace begins with what was left out."""
    made = trace.done()
    return Draft(
        kind,
        sample.point.pk,
        sample.point.region_id,
        midnight(sample.day),
        fields.pop("edition", ""),
        values or sample.plain(),
        made.confidence.value,
        trace=made.to_dict(),
        **fields,
    )


def _edition(trace: Trace, prefix: str) -> str:
    return next((one for one in trace.editions if one.startswith(prefix)), "")


def _float(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), MULTIPLE_PLACES)


def _nothing(kind: str, sample: Sample, trace: TraceBuilder) -> Draft:
    trace.step("没有可以评价的项目", "no item that can be judged")
    return _row(kind, sample, trace)


def _present(given: Quantity) -> str:
    """Return 无 or 有 for the stored 0 or 1 of a qualitative item, else what is stored."""
    return {Decimal(0): "无", Decimal(1): "有"}.get(Decimal(str(given.value).rstrip("L")), str(given.value))


Judge = Callable[[Sample, Rulebook], Draft]


def groundwater_sample(sample: Sample, book: Rulebook) -> Draft:
    """Class of a well by its worst item (GB/T 14848)."""
    trace = TraceBuilder(Text("地下水质量（样品）", "groundwater, sample"))
    try:
        qualitative = groundwater.qualitative_items(sample.day, rulebook=book)
    except EditionError:
        qualitative = ()  # older than any edition: every item is left out below, with that reason
    given: dict[str, Any] = {
        item: _present(one) if item in qualitative else one for item, one in sample.given.items()
    }
    for item, one in list(given.items()):
        try:
            groundwater.classify({item: one}, sample.day, rulebook=book)
        except EvaluationError as error:
            sample.reject(item, one if isinstance(one, str) else one.value, error.zh, error.en)
            del given[item]
    sample.explain(trace)
    if not given:
        return _nothing("groundwater", sample, trace)
    found = groundwater.classify(given, sample.day, rulebook=book)
    trace.include(found.trace)
    missing = len(found.not_measured_regular)
    if missing:
        trace.step(
            f"39 项常规指标中缺 {missing} 项: 类别只代表已测的 {len(found.items)} 项",
            f"{missing} of the 39 regular items missing: the class stands for the {len(found.items)} measured",
        )
    target = sample.point.attributes.get("target_class", "")
    reached = None
    if target in groundwater.CLASSES:
        reached = groundwater.CLASSES.index(found.cls) <= groundwater.CLASSES.index(target)
    return _row(
        "groundwater",
        sample,
        trace,
        edition=_edition(found.trace, groundwater.STANDARD),
        water_class=found.cls,
        target=target if reached is not None else "",
        reached=reached,
        main_items=",".join(found.worse_than_iii)[:120],
        result={
            "items": [
                {
                    "item": one.item,
                    "value": one.received if one.item in qualitative else str(sample.given[one.item].value),
                    "unit": sample.given[one.item].unit,
                    "class": one.cls,
                    "multiple": _float(one.multiple),
                }
                for one in found.items
            ],
            "decided_by": list(found.decided_by),
            "basic": len(groundwater.regular_items(sample.day, rulebook=book)),
            "not_measured": list(found.not_measured_regular),
        },
    )


def soil_sample(sample: Sample, book: Rulebook) -> Draft:
    """Risk category of farmland by pH and crop (GB 15618) or of construction land by class (GB 36600)."""
    trace = TraceBuilder(Text("土壤环境质量（样品）", "soil, sample"))
    attributes = sample.point.attributes
    land = attributes.get("land_class", "")
    background = attributes.get("background") or {}
    acidity = next((sample.given.pop(name) for name in ACIDITY if name in sample.given), None)

    def judge(given: Mapping[str, Quantity]) -> soil.SoilResult:
        if land:
            return soil.construction(
                dict(given), land=land, background=background, on=sample.day, rulebook=book
            )
        return soil.agricultural(
            dict(given),
            ph=acidity if acidity is not None else "",
            use=attributes.get("use", "其他"),
            on=sample.day,
            rulebook=book,
        )

    if land or acidity is not None:
        sample.keep_usable(lambda item, one: judge({item: one}))
    else:
        for item, one in list(sample.given.items()):
            sample.reject(
                item,
                one.value,
                "农用地按 pH 分档评价，pH 未测",
                "farmland is judged by pH, which was not measured",
            )
    values = sample.plain()
    if acidity is not None:
        values["used"]["pH"] = str(acidity.value)
    values["land"] = land or attributes.get("use", "其他")
    sample.explain(trace)
    if not sample.given:
        trace.step("没有可以评价的项目", "no item that can be judged")
        return _row("soil", sample, trace, values)
    found = judge(sample.given)
    trace.include(found.trace)
    categories = soil.LAND_CATEGORIES if land else soil.FARM_CATEGORIES
    return _row(
        "soil",
        sample,
        trace,
        values,
        edition=_edition(found.trace, "GB 36600" if land else "GB 15618"),
        category=found.category,
        exceeds=found.category != categories[0],
        multiple=max((_float(one.multiple) or 0.0 for one in found.items), default=0.0) or None,
        main_items="、".join(found.decided_by)[:120] if found.category != categories[0] else "",
        result={
            "items": [
                {
                    "item": one.item,
                    "value": str(sample.given[one.item].value)
                    if one.item in sample.given
                    else format(one.value, "f"),
                    "screening": format(one.screening, "f"),
                    "control": None if one.control is None else format(one.control, "f"),
                    "category": one.category,
                    "multiple": _float(one.multiple),
                }
                for one in found.items
            ],
            "decided_by": list(found.decided_by),
            "place": categories.index(found.category),
            "basic": found.basic,
            "not_measured": list(found.not_measured),
        },
    )


def _beside(sample: Sample, item: str, given: Quantity | None, unit: str) -> Decimal | None:
    """Return a figure that goes with a sample and is not judged; what it cannot be is left out with the reason."""
    try:
        return None if given is None else measured(given, item, unit).value
    except EvaluationError as error:
        sample.reject(item, given.value if given is not None else "", error.zh, error.en)
        return None


def drinking_sample(sample: Sample, book: Rulebook) -> Draft:
    """Does a drinking-water source attain in this sample?"""
    trace = TraceBuilder(Text("饮用水水源（样品）", "drinking-water source, sample"))
    kind = "ground" if sample.point.attributes.get("source_kind") == "ground" else "surface"
    body = water_body(sample.point)
    volume = sample.given.pop(VOLUME, None)
    used: dict[str, Quantity] = dict(sample.given)

    def judge(given: Mapping[str, Quantity]) -> drinking_water.SourceResult:
        return drinking_water.evaluate_source(
            dict(given), sample.day, kind=kind, water_body=body, rulebook=book
        )

    for item, one in used.items():
        try:
            judge({item: one})
        except EvaluationError as error:
            if item not in drinking_water.reference_items(sample.day, rulebook=book):
                sample.reject(item, one.value, error.zh, error.en)
    taken = _beside(sample, VOLUME, volume, "m³")
    sample.explain(trace)
    values = sample.plain()
    if taken is not None:
        values["volume_m3"] = float(taken)
    try:
        found = judge(sample.given)
    except EvaluationError:
        trace.step("没有可以评价的项目", "no item that can be judged")
        return _row("drinking", sample, trace, values)
    trace.include(found.trace)
    return _row(
        "drinking",
        sample,
        trace,
        values,
        edition=found.trace.editions[0] if found.trace.editions else "",
        reached=found.attained,
        exceeds=not found.attained,
        target="Ⅲ",
        multiple=max((_float(one) or 0.0 for one in found.exceeding.values()), default=0.0) or None,
        main_items=",".join(found.exceeding)[:120],
        result={
            "items": [
                {
                    "item": item,
                    "value": str(sample.given[item].value) if item in sample.given else "",
                    "unit": sample.given[item].unit if item in sample.given else "",
                    "exceeds": item in found.exceeding,
                    "multiple": _float(found.exceeding.get(item)),
                }
                for item in found.assessed
            ],
            "decided_by": list(found.exceeding),
            "reference_only": list(found.reference_only),
            "basic": found.basic,
            "not_measured": list(found.not_measured),
            "kind": kind,
        },
    )


def black_odorous_sample(sample: Sample, book: Rulebook) -> Draft:
    """Is an urban water black and odorous?"""
    trace = TraceBuilder(Text("黑臭水体（样品）", "black-odorous water, sample"))
    keys = {"DO": "oxygen", "NH3-N": "ammonia", "SD": "transparency", "depth": "depth"}
    settings = book.on(sample.day)
    depth = sample.given.pop("depth", None)
    sample.keep_usable(lambda item, one: black_odorous.grade(**{keys[item]: one}, rulebook=settings))
    if _beside(sample, "depth", depth, "cm") is None:
        depth = None
    sample.explain(trace)
    given: dict[str, Quantity] = {keys[item]: one for item, one in sample.given.items()}
    if not given:
        return _nothing("black_odorous", sample, trace)
    if depth is not None:
        given["depth"] = depth
    found = black_odorous.grade(**given, rulebook=settings)
    trace.include(found.trace)
    values = sample.plain()
    if depth is not None:
        values["used"]["depth"] = str(depth.value)
    return _row(
        "black_odorous",
        sample,
        trace,
        values,
        edition=found.trace.editions[0] if found.trace.editions else "",
        category=found.label,
        exceeds=found.grade != "none",
        main_items=",".join(name for name, grade in found.indicators.items() if grade == found.grade)
        if found.grade != "none"
        else "",
        result={
            "items": [
                {"item": item, "value": str(one.value), "unit": one.unit, "grade": found.indicators[item]}
                for item, one in sample.given.items()
            ],
            "decided_by": [name for name, grade in found.indicators.items() if grade == found.grade],
            "place": ("none", "mild", "severe").index(found.grade),
        },
    )


def lake_month(
    point: Point, month: date, days: Sequence[Mapping[str, float]], book: Rulebook
) -> Draft | None:
    """Trophic level of a lake from the means of a month; None when no parameter of it was measured.

    A value of 0 has no logarithm: it enters no mean, and the trace says so.
    """
    trace = TraceBuilder(Text("湖库营养状态（月）", "trophic state of a lake, month"))
    used: dict[str, Decimal] = {}
    nothing = 0
    for item in lakes.PARAMETERS:
        given = [Decimal(str(one[item])) for one in days if one.get(item) is not None]
        own = [one for one in given if one > 0]
        if len(own) < len(given):
            nothing += 1
            trace.reject(
                item,
                0,
                f"{len(given) - len(own)} 天为 0：指数取对数，未检出应填检出限（如 0.01L），不参加均值",
                f"0 on {len(given) - len(own)} days: the index takes the logarithm; what was not detected is entered with its "
                "limit (0.01L); left out of the mean",
            )
        if own:
            mean = sum(own, Decimal(0)) / len(own)
            used[item] = Decimal(repr(settled(float(mean))))
            unit = TROPHIC_UNITS[item]
            trace.step(
                f"{item}: {len(own)} 天的算术平均 = {plain(legible(used[item]))} {unit}",
                f"{item}: arithmetic mean of {len(own)} days = {plain(legible(used[item]))} {unit}",
            )
    if not used:
        if not nothing:
            return None
        trace.step("没有可以评价的项目", "no item that can be judged")
        made = trace.done()
        start = midnight(month_of(month))
        return Draft(
            "lake_month", point.pk, point.region_id, start, "", {"used": {}, "days": len(days)},
            made.confidence.value, trace=made.to_dict(),
        )  # fmt: skip
    found = lakes.trophic_level(dict(used), rulebook=book.on(month))
    trace.include(found.trace)
    made = trace.done()
    return Draft(
        "lake_month",
        point.pk,
        point.region_id,
        midnight(month_of(month)),
        found.trace.editions[0] if found.trace.editions else "",
        {"used": {item: format(value, "f") for item, value in used.items()}, "days": len(days)},
        made.confidence.value,
        category=found.state,
        result={
            "tli": round(float(found.value), 2),
            "parts": {item: round(float(value), 2) for item, value in found.parts.items()},
            "missing": list(found.missing),
            "place": STATES.index(found.state) if found.state in STATES else 0,
        },
        trace=made.to_dict(),
    )


STATES = ("贫营养", "中营养", "轻度富营养", "中度富营养", "重度富营养")


def evaluate(
    points: Sequence[Point],
    item_of: samples.ItemOf,
    judge: Judge,
    book: Rulebook,
    first: date,
    last: date,
) -> Iterator[Draft]:
    """Judge every sample of some points on natural days first … last; the caller leaves out days to come."""
    for sample in samples.read(points, first, last, item_of):
        yield judge(sample, book)
