"""A small node for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import one_engine  # noqa: F401 - a fixture
from tests.pipeline.node import Node, open_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with open_node(tmp_path) as made:
        yield made
