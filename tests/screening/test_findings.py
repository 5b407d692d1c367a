"""What a finding says in words."""

from __future__ import annotations

import re

import pytest

from qingjian.screening.findings import Evidence, Finding


@pytest.mark.parametrize(
    "evidence",
    [
        (),
        (Evidence("constants.run", 0.0005, 20_000), Evidence("smoothing.rough.3", 0.004, 20_001)),
    ],
)
def test_every_sentence_of_a_finding_begins_with_a_capital(evidence: tuple[Evidence, ...]) -> None:
    finding = Finding("W1", "COD", 20_000, 20_002, 0.999, 0.2, "constant", evidence, "normal")
    zh, en = finding.text()
    _what, _colon, said = en.partition(": ")
    assert all(one[0].isupper() for one in re.split(r"(?<=[.)]) (?=[^(])", said)[1:] if one)
    assert zh.endswith("。")
