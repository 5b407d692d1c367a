"""What the lake does when it is imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pyarrow as pa
import pytest

import qingjian.lake  # noqa: F401 - what it does is tested


def test_a_conversion_searches_the_disk_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    class Finder:
        @staticmethod
        def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> None:
            searched.append(name)

    pa.array([1.0])
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    pa.array([1.0])
    pa.table({"a": ["x"]})
    assert searched == []
