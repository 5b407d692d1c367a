"""Evaluation of cases others script against: `kind`, `edition`, `inputs` in, `outputs` and `trace` or `error` out."""

from qingjian.standards.evaluation.cases import EDITIONS_ANY, KINDS, evaluate, evaluate_case
from qingjian.standards.evaluation.reading import read_cases

__all__ = ["EDITIONS_ANY", "KINDS", "evaluate", "evaluate_case", "read_cases"]
