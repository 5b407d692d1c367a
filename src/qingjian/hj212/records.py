"""Frames as JSON-able records and back: the logic of ``qingjian hj212 decode`` and ``encode``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from qingjian.hj212 import encoder
from qingjian.hj212.content import Data
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Stretch
from qingjian.hj212.model import Deviation, Refusal
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.shape import canonical_groups

_ITEM = ("time", "factor", "suffix", "value")


def decode_lines(
    chunks: bytes | Iterable[bytes], policy: Policy = DEFAULT, *, live: bool = False
) -> Iterator[dict[str, Any]]:
    """One record per frame or refused stretch; offsets and lengths partition the input exactly.

    The records are a function of the bytes, however they are cut; with ``live`` each comes as soon as the check of its
    frame is there, as from a socket, and a terminator that comes later is a record of its own.

    Keys: ``status`` (``ok``: canonical form of its edition; ``deviating``; ``refused``), ``edition`` (null when
    refused), ``fields`` (header as on the wire, in its order), ``items`` (``time`` ISO 8601 +08:00 or null, ``factor``,
    ``suffix``, ``value`` text), ``parameters`` (a repeated one has a list), ``deviations`` (for a refused stretch the
    reason with its detail), ``reason`` (refusal code or null), ``offset``, ``length``. Only where needed:
    ``encryption`` (``raw`` or ``text``) for an encrypted frame, and ``layout``, the names of the data area in wire
    order and grouping, when they are not parameters first, one by one, then the items grouped by factor.
    """
    framer = Framer(policy, eager=live)
    for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
        for stretch in framer.feed(chunk):
            yield record_of(stretch)
    for stretch in framer.finish():
        yield record_of(stretch)


def record_of(stretch: Stretch) -> dict[str, Any]:
    """The record of one stretch."""
    if stretch.message is None:
        return _refused(stretch, stretch.refusal or Refusal("noise", "", {}))
    message = stretch.message
    data = message.data
    deviations = message.deviations
    record: dict[str, Any] = {
        "status": "deviating" if deviations else "ok",
        "edition": message.edition,
        "fields": dict(message.fields),
        "items": [dict(zip(_ITEM, row, strict=True)) for row in data.rows()],
        "parameters": data.parameters(),
        "deviations": [deviation._asdict() for deviation in deviations],
        "reason": None,
        "offset": stretch.offset,
        "length": stretch.length,
    }
    if message.encrypted:
        record["encryption"] = message.encrypted
    if _needs_layout(data):
        record["layout"] = data.layout()
    return record


def _refused(stretch: Stretch, refusal: Refusal) -> dict[str, Any]:
    return {
        "status": "refused",
        "edition": None,
        "fields": refusal.fields,
        "items": [],
        "parameters": {},
        "deviations": [Deviation(refusal.code, refusal.detail)._asdict()],
        "reason": refusal.code,
        "offset": stretch.offset,
        "length": stretch.length,
    }


def _needs_layout(data: Data) -> bool:
    names = [data.shape.names[index] for index in data.shape.parameter_indices]
    return not data.shape.canonical or len(set(names)) != len(names)


def encode_record(record: dict[str, Any], sm4_key: bytes | None = None) -> bytes:
    """The frame of a decoded record; the same bytes back for every record of status ``ok``.

    A record with ``encryption`` needs the key. Raises ``encoder.EncodingError`` (a ValueError) for a refused record,
    a missing part, or text that would break the grammar.
    """
    if record.get("status") == "refused":
        raise encoder.EncodingError("被拒收的片段无法编码 a refused stretch cannot be encoded")
    fields = _mapping(record, "fields")
    if "CN" not in fields:
        raise encoder.EncodingError("缺少 CN CN is missing")
    segment = encoder.segment_of(
        [(_text("fields", key), _text(key, value)) for key, value in fields.items()],
        encoder.data_area(_groups(record)),
    )
    encryption = record.get("encryption")
    if not encryption:
        return encoder.frame(segment)
    if sm4_key is None:
        raise encoder.EncodingError("加密报文需要密钥 an encrypted frame needs its key")
    return encoder.encrypted_frame(segment, sm4_key, _text("encryption", encryption))


def _mapping(record: dict[str, Any], key: str) -> dict[str, Any]:
    value = record.get(key, {})
    if not isinstance(value, dict):
        raise encoder.EncodingError(f"{key}: 应为对象 an object is expected")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise encoder.EncodingError(f"{name}: 应为字符串 a string is expected, not {value!r}")
    return value


def _groups(record: dict[str, Any]) -> list[list[tuple[str, str]]]:
    pairs = list(_pairs(record))
    layout = record.get("layout")
    if layout is None:
        columns = tuple(_column(name) for name, _ in pairs)
        sizes = canonical_groups(columns) or tuple(1 for _ in pairs)
        groups, start = [], 0
        for size in sizes:
            groups.append(pairs[start : start + size])
            start += size
        return groups
    waiting: dict[str, list[str]] = {}
    for name, value in pairs:
        waiting.setdefault(name, []).append(value)
    groups = []
    try:
        for names in layout:
            groups.append([(name, waiting[name].pop(0)) for name in names])
    except (KeyError, IndexError, TypeError) as error:
        raise encoder.EncodingError(
            f"layout 与内容不符 layout does not match the content: {error}"
        ) from error
    if any(waiting.values()):
        raise encoder.EncodingError("layout 与内容不符 layout does not name all of the content")
    return groups


def _pairs(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in _mapping(record, "parameters").items():
        for one in value if isinstance(value, list) else [value]:
            yield name, _text(name, one)
    items = record.get("items", [])
    if not isinstance(items, list):
        raise encoder.EncodingError("items: 应为数组 an array is expected")
    for item in items:
        if not isinstance(item, dict) or not {"factor", "suffix", "value"} <= item.keys():
            raise encoder.EncodingError(f"items: {item!r}")
        name = f"{_text('factor', item['factor'])}-{_text('suffix', item['suffix'])}"
        yield name, _text(name, item["value"])


def _column(name: str) -> tuple[str, str] | None:
    factor, dash, suffix = name.rpartition("-")
    return (factor, suffix) if dash and factor and suffix else None
