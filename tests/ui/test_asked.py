"""What an address asks for is read, or refused with a sentence that says how it is written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.exceptions import BadRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from qingjian.ui import asked


def request(**query: str) -> Any:
    return RequestFactory().get(f"/?{urlencode(query)}")


def test_what_is_written_well_is_read() -> None:
    assert asked.year(request(year="2026"), 2025) == 2026
    assert asked.year(request(), 2025) == 2025
    assert asked.month(request(month="2026-02"), None) == date(2026, 2, 1)
    assert asked.month(request(), None) is None
    assert asked.day(request(on="2028-02-29"), "on") == date(2028, 2, 29)
    assert asked.day(request(on=""), "on") is None
    assert asked.one_of(request(by="b"), "by", ("a", "b"), "a") == "b"
    assert asked.one_of(request(by=""), "by", ("a", "b"), "a") == "a"


def test_a_moment_without_a_zone_is_local_and_comes_back_in_utc() -> None:
    expected = datetime(2026, 1, 31, 0, tzinfo=UTC)
    for text in ("2026-01-31T08:00", "2026-01-31T08:00+08:00", "2026-01-31T00:00Z"):
        assert asked.moment(request(start=text), "start") == expected
    assert asked.moment(request(), "start") is None


@pytest.mark.parametrize(
    ("read", "query"),
    [
        (lambda one: asked.year(one, 2026), {"year": "abc"}),
        (lambda one: asked.year(one, 2026), {"year": "99999"}),
        (lambda one: asked.year(one, 2026), {"year": "0"}),
        (lambda one: asked.month(one, None), {"month": "2026-13"}),
        (lambda one: asked.month(one, None), {"month": "0001-01"}),
        (lambda one: asked.day(one, "on"), {"on": "2026-02-30"}),
        (lambda one: asked.day(one, "on"), {"on": "9999-12-31"}),
        (lambda one: asked.moment(one, "start"), {"start": "2026-13-01T00:00"}),
        (lambda one: asked.moment(one, "start"), {"start": "0001-01-01T00:00"}),
        (lambda one: asked.moment(one, "start"), {"start": "today"}),
        (lambda one: asked.one_of(one, "by", ("a",), "a"), {"by": "zzz"}),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(read, query) -> None:
    with pytest.raises(BadRequest, match=r"."):
        read(request(**query))


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    one = request(year=text, month=text, on=text)
    for read in (
        lambda: asked.year(one, 2026),
        lambda: asked.month(one, None),
        lambda: asked.day(one, "on"),
        lambda: asked.moment(one, "on"),
    ):
        try:
            read()
        except BadRequest as error:
            assert str(error)
