"""What every page of evaluation hands its template."""

from __future__ import annotations

from typing import Any

from qingjian.contracts.current import now


def frame(title: str, tab: str, **more: Any) -> dict[str, Any]:
    """Return title, active tab and the present moment, with what else the page shows."""
    return {"title": title, "tab": tab, "now": now(), **more}
