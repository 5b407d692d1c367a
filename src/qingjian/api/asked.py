"""What the address of an operation asks for: names it knows, moments, days, pages."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_noop as _
from ninja import Schema
from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from qingjian.api.errors import ApiError
from qingjian.contracts.clock import CHINA

EARLIEST, LATEST = 1970, 2100
"""Years a question can be about, as on the pages."""
_OPEN_PLUS = re.compile(r" (\d{2}:?\d{2})\Z")
"""A plus sign that the address did not write as %2B arrives as a blank."""
Row = TypeVar("Row")


def _moment(given: Any) -> datetime:
    text = _OPEN_PLUS.sub(r"+\1", str(given))
    try:
        found = parse_datetime(text) or datetime.combine(date.fromisoformat(text), datetime.min.time())
    except ValueError:
        found = None
    if found is None or not EARLIEST <= found.year <= LATEST:
        raise PydanticCustomError("not-a-moment", "not a moment")
    return (found if found.tzinfo else found.replace(tzinfo=CHINA)).astimezone(UTC)


def _day(given: Any) -> date:
    try:
        found = date.fromisoformat(str(given))
    except ValueError:
        found = None
    if found is None or not EARLIEST <= found.year <= LATEST:
        raise PydanticCustomError("not-a-day", "not a day")
    return found


Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""ISO 8601; without an offset it is UTC+08:00, a day alone its beginning there."""
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Word = Annotated[str, Field(max_length=120)]
Words = Annotated[list[Word], Field(max_length=60)]


class Asked(Schema):
    """Parameters of an operation; whatever else stands in the address is refused by name."""

    @model_validator(mode="after")
    def nothing_else(self, info: ValidationInfo) -> Any:
        request = (info.context or {}).get("request")
        known = {one.alias or name for name, one in type(self).model_fields.items()}
        for name in sorted(set(request.GET) - known if request is not None else ()):
            raise PydanticCustomError("unknown-parameter", "not known", {"name": name[:60]})
        return self


class Paged(Asked):
    """A list read page by page: `cursor` is the `next` of the page before."""

    limit: int = Field(100, ge=1, le=500, description=_("Rows of a page"))
    cursor: Word = Field("", description=_("next of the page before; empty for the first"))


def nothing(request: HttpRequest) -> None:
    """Refuse parameters where an operation has none."""
    for name in sorted(request.GET):
        raise ApiError(
            422,
            "unknown-parameter",
            f"参数 {name[:60]} 不认识",
            f"the parameter {name[:60]} is not known",
            parameters=[name[:60]],
        )


def written(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 with +08:00."""
    return moment.astimezone(CHINA).isoformat() if moment is not None else None


def cursor_of(*keys: Any) -> str:
    """Return the place behind a row, by the keys the list is ordered by."""
    return base64.urlsafe_b64encode(json.dumps(keys, separators=(",", ":")).encode()).decode().rstrip("=")


def keys_of(cursor: str, *kinds: Callable[[Any], Any]) -> list[Any] | None:
    """Return the keys in a cursor, None without one. Raises ApiError for a text that is no cursor of this list."""
    if not cursor:
        return None
    try:
        held = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(held, list) or len(held) != len(kinds):
            raise ValueError
        return [kind(one) for kind, one in zip(kinds, held, strict=True)]
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise ApiError(
            422,
            "bad-cursor",
            "参数 cursor 应为上一页的 next",
            "the parameter cursor must be the `next` of the page before",
            parameters=["cursor"],
        ) from error


def number(given: Any) -> int:
    """Return a key of a database. Raises ValueError."""
    if type(given) is not int or not 0 <= given < 2**63:
        raise ValueError
    return given


def text(given: Any) -> str:
    """Return a code. Raises ValueError."""
    if not isinstance(given, str) or "\x00" in given:
        raise ValueError
    given.encode()
    return given


def instant(given: Any) -> datetime:
    """Return a moment. Raises ValueError."""
    found = datetime.fromisoformat(text(given))
    if found.tzinfo is None or not EARLIEST <= found.year <= LATEST:
        raise ValueError
    return found.astimezone(UTC)


def page(
    rows: Sequence[Row], limit: int, keys: Callable[[Row], tuple[Any, ...]]
) -> tuple[Sequence[Row], str]:
    """Return the rows of a page and the cursor behind it, given one row more than the page has where there is one."""
    held = rows[:limit]
    return held, cursor_of(*keys(held[-1])) if len(rows) > limit else ""
