"""Whether those who should keep the ledger's heads do: when each witness last cosigned, since when nothing is published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qingjian.contracts.clock import CHINA
from qingjian.notary import damaged
from qingjian.notary.notary import Cosigning, Notary
from qingjian.notary.reading import published_size

_WITNESSES = "witnesses_answered"
_UNPUBLISHED = "unpublished_since"
WITNESS_LATE = timedelta(hours=1)
"""A witness is asked every minute; one that has not cosigned for so long, though it was asked, is told of."""
PUBLISHING_LATE = timedelta(minutes=10)


@dataclass(slots=True)
class Attendance:
    """What one witness has done; moments are seconds since 1970."""

    name: str
    answer: str = ""
    """Its last answer: cosigned, or why not."""
    at: int | None = None
    """When it last cosigned."""
    size: int = 0
    """Size of the head it cosigned then."""
    waits: int | None = None
    """Since when it has been asked for a head in vain."""


def note(notary: Notary, cosigning: Cosigning) -> None:
    """Remember what the witnesses answered."""
    now = int(notary.clock.now().timestamp())
    known = _witnesses(notary)
    for name, answer in cosigning.answers.items():
        one = known.setdefault(name, Attendance(name))
        one.answer = answer
        if answer == "cosigned":
            one.at, one.size, one.waits = now, cosigning.size, None
        elif one.waits is None:
            one.waits = now
    text = json.dumps([asdict(one) for one in known.values()], ensure_ascii=False)
    with notary.state.transaction():
        notary.state.set_fact(_WITNESSES, text)


def note_publication(notary: Notary) -> None:
    """Remember since when the recorded head has waited to be published; writes only when that changes."""
    row = notary.state.shards()[-1]
    waits = published_size(notary, row.name) < row.size
    if waits != (notary.state.fact(_UNPUBLISHED) is not None):
        since = str(int(notary.clock.now().timestamp())) if waits else None
        with notary.state.transaction():
            notary.state.set_fact(_UNPUBLISHED, since)


def said(notary: Notary) -> dict[str, Any]:
    """Return what people should know of, as plain JSON."""
    since = notary.state.fact(_UNPUBLISHED)
    return {
        "witnesses": [asdict(one) for one in _witnesses(notary).values()],
        "unpublished_since": None if since is None else int(since),
        "damaged": [one.words for one in damaged.recent(notary)],
    }


def warnings(word: Mapping[str, Any], names: list[str], now: datetime) -> list[str]:
    """Return sentences (Chinese and English) about what `said` tells that needs a look; of the witnesses named only."""
    found = list(word.get("damaged") or ())
    since = word.get("unpublished_since")
    if since is not None and now - _moment(since) > PUBLISHING_LATE:
        found.append(
            f"自 {_shown(since)} 起未发布新的检查点：镜像没有应答 / no head was published since then: the mirror does not answer"
        )
    for row in word.get("witnesses") or ():
        one = Attendance(**row)
        if one.name in names and one.waits is not None and now - _moment(one.waits) > WITNESS_LATE:
            last = (
                f"上次见证 {_shown(one.at)} / last cosigned then" if one.at else "从未见证 / never cosigned"
            )
            found.append(f"证人 {one.name}：{last}；{one.answer}")
    return found


def _witnesses(notary: Notary) -> dict[str, Attendance]:
    rows = json.loads(notary.state.fact(_WITNESSES) or "[]")
    return {row["name"]: Attendance(**row) for row in rows}


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _shown(seconds: int) -> str:
    return _moment(seconds).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")
