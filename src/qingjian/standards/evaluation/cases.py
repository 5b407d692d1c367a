"""The contract of `qingjian evaluate`: a list of cases in, the same list with outputs and traces out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qingjian.rulebook import Rulebook, packaged
from qingjian.standards.errors import EditionError, EvaluationError, InputError
from qingjian.standards.evaluation import air, emission, others, water
from qingjian.standards.evaluation.reading import repeated_names
from qingjian.standards.evaluation.request import Outputs, Request, squeeze
from qingjian.standards.explanation import Trace

KINDS: dict[str, Callable[[Request], tuple[Outputs, Trace]]] = {
    "composite_index": air.composite_index,
    "change_rate": air.change_rate,
    "aqi_hourly": air.aqi_hourly,
    "aqi_hourly_2013": air.aqi_hourly_2013,
    "aqi_daily": air.aqi_daily,
    "iaqi_2026": air.iaqi,
    "iaqi": air.iaqi,
    "tli_single": water.tli_single,
    "tli_weighted": water.tli_weighted,
    "tli_state": water.tli_state,
    "section_class": water.section_class,
    "exceed_class": water.exceed_class,
    "river_rating": water.river_rating,
    "percentage": air.share,
    "cwqi_ranking": water.cwqi_ranking,
    "noise_rating": others.noise_rating,
    "noise_zone": others.noise_zone,
    "eqi_class": others.eqi_class,
    "emission": emission.emission,
}
EDITIONS_ANY = ("change_rate", "percentage")
LONGEST = 300
"""Characters kept of an unexpected error."""


def evaluate(cases: Sequence[Any], *, rulebook: Rulebook | None = None) -> list[dict[str, Any]]:
    """Evaluate every case; a case that cannot be evaluated gets `error` and does not stop the rest.

    Each result holds what the case held plus `outputs` and `trace` (`zh`, `en`: lines to read; `detail`), or `error`
    and `error_detail` (`zh`, `en`).
    """
    return [evaluate_case(case, rulebook=rulebook) for case in cases]


def evaluate_case(case: Any, *, rulebook: Rulebook | None = None) -> dict[str, Any]:
    """Evaluate one case as `evaluate` does; what an earlier evaluation added to it is replaced."""
    if not isinstance(case, Mapping):
        return _failed({"case": repr(case)[:200]}, InputError("用例应为对象", "a case must be an object"))
    held = {str(key): value for key, value in case.items()}
    for ours in ("outputs", "trace", "error", "error_detail"):
        held.pop(ours, None)
    try:
        if twice := repeated_names(case):
            names = ", ".join(twice)
            raise InputError(f"重复给出: {names}", f"given twice: {names}")
        outputs, trace = _run(held, rulebook or packaged())
        explained = {"zh": trace.lines("zh"), "en": trace.lines("en"), "detail": trace.to_dict()}
    except EvaluationError as error:
        return _failed(held, error)
    except Exception as error:  # whatever one case breaks must not take the result of the others
        return _failed(held, _unexpected(error))
    return held | {"outputs": outputs, "trace": explained}


def _unexpected(error: Exception) -> EvaluationError:
    """Say that no rule refused the case: the program failed on it, which is a fault to be reported."""
    what = f"{type(error).__name__}: {error}"[:LONGEST]
    return EvaluationError(
        f"程序内部错误，本用例未评价，请报告: {what}",
        f"unexpected error of the program, case not evaluated, please report it: {what}",
    )


def _run(case: Mapping[str, Any], rulebook: Rulebook) -> tuple[Outputs, Trace]:
    kind, edition, inputs = case.get("kind"), case.get("edition"), case.get("inputs")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"不认识的种类: {kind}", f"unknown kind: {kind}")
    if not isinstance(edition, str) or not edition.strip():
        raise EditionError("未给出版本", "no edition is given")
    if kind in EDITIONS_ANY and squeeze(edition) != "any":
        raise EditionError(f"{kind} 的版本应为 any", f"the edition of {kind} is any")
    if not isinstance(inputs, Mapping) or not all(isinstance(name, str) for name in inputs):
        raise InputError("inputs 应为对象", "inputs must be an object")
    return KINDS[kind](Request(kind, edition, inputs, rulebook))


def _failed(case: dict[str, Any], error: EvaluationError) -> dict[str, Any]:
    return case | {"error": str(error), "error_detail": {"zh": error.zh, "en": error.en}}
