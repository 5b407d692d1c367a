"""The yearly report of the air names the verdict on stricter limits of the place."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.standards.test_local_air import limit

from qingjian.apps.reporting.air_attained import judged_section
from qingjian.rulebook import packaged
from qingjian.standards.air.statistics import attainment, yearly


@pytest.mark.parametrize(("value", "verdict"), [("22.5", "未达标"), ("19", "达标")])
def test_the_annual_table_names_local_limits(value: str, verdict: str) -> None:
    book = packaged().with_rows([limit("20")])
    days = [date(2027, 1, 1) + timedelta(days=one) for one in range(365)]
    found = yearly("PM2.5", dict.fromkeys(days, Decimal(value)), 2027, rulebook=book)
    rows = judged_section(attainment({"PM2.5": found}))["table"]["rows"]
    assert any(
        cell == {"zh": f"地方标准 DB 99/T 5-2026：{verdict}", "en": cell["en"]}
        for row in rows
        for cell in row
        if isinstance(cell, dict) and "zh" in cell
    )
