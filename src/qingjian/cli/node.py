"""Commands about this node: up, status, doctor."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the node's commands to the main command."""
