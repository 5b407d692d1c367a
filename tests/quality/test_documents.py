"""The page for users names what the data files hold."""

from pathlib import Path

import pytest

from qingjian.quality.checks import catalogue
from qingjian.rulebook import Confidence, packaged

PAGE = (Path(__file__).parents[2] / "docs" / "validity.md").read_text("utf-8")


@pytest.mark.parametrize("check", catalogue(), ids=lambda check: check.id)
def test_each_check_stands_in_the_page_with_its_confidence_and_effect(check) -> None:  # type: ignore[no-untyped-def]
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {check.id} ")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2] == ("yes" if check.doubts_value else "no")
    assert cells[3] == check.confidence.value


def test_rules_carried_on_without_their_text_are_unverified() -> None:
    for row in packaged().rows("data_validity"):
        if "carried on" in row.source or row.standard == "清鉴约定":
            assert row.confidence is Confidence.U
        assert row.source
