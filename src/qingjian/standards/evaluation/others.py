"""Noise and ecology kinds: noise_rating, noise_zone, eqi_class."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from qingjian.standards import ecology, noise
from qingjian.standards.ecology import HIGHEST
from qingjian.standards.evaluation.request import Outputs, Request, understood
from qingjian.standards.explanation import Text, Trace, TraceBuilder, plain
from qingjian.standards.words import english


def noise_rating(request: Request) -> tuple[Outputs, Trace]:
    """Grade of the average level of an area or of roads."""
    request.only("kind", "period", "leq")
    edition = request.edition_of({"HJ 640-2012": "2012"})
    period = cast(noise.Period, request.text("period"))
    result = noise.urban_rating(
        request.text("kind"), period, request.given("leq"), edition=edition, rulebook=request.rulebook
    )
    return {"level": result.level, "rating": result.rating}, result.trace


def noise_zone(request: Request) -> tuple[Outputs, Trace]:
    """Day and night levels against the limits of a zone."""
    request.only("zone", "Ld", "Ln")
    edition = request.edition_of({"GB 3096-2008": "2008"})
    result = noise.zone(
        request.text("zone"),
        day=understood(request.inputs.get("Ld")),
        night=understood(request.inputs.get("Ln")),
        edition=edition,
        rulebook=request.rulebook,
    )
    outputs: Outputs = {}
    if result.day_attained is not None:
        outputs["day_ok"] = result.day_attained
    if result.night_attained is not None:
        outputs["night_ok"] = result.night_attained
    return outputs, result.trace


def eqi_class(request: Request) -> tuple[Outputs, Trace]:
    """Class of an EQI."""
    request.only("EQI")
    request.edition_of({"2021 试行": "2021", "环监测〔2021〕99号": "2021"})
    value = request.number("EQI")
    cls, row = ecology.class_of(value, rulebook=request.rulebook)
    bounds = f"({row['lo']}≤EQI{'≤' if Decimal(row['hi']) == HIGHEST else '<'}{row['hi']})"
    trace = TraceBuilder(Text("生态质量类别", "class of ecological quality"))
    trace.step(f"EQI {plain(value)}: {cls} {bounds}", f"EQI {plain(value)}: {english(cls)} {bounds}", [row])
    return {"cls": cls}, trace.done()
