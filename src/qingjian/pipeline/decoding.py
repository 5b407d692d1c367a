"""Frames of the journal → rows for the lake, column by column.

The values of all frames of a chunk are gathered as text per plan and turned into exact decimals in one go.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qingjian.contracts.directory import Device, Directory
from qingjian.hj212.checksum import check_text
from qingjian.hj212.content import Shape
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.profiles import profile
from qingjian.hj212.segment import read_segment
from qingjian.hj212.times import parse, period
from qingjian.journal import Frame, Kind
from qingjian.journal.frame import codes_to_text
from qingjian.lake import CANDIDATES, FRAMES, STATEMENTS, STATISTIC_CODES, Decimals, candidates, from_text
from qingjian.pipeline.isolating import isolated
from qingjian.pipeline.joining import Missing, Part, Parts
from qingjian.pipeline.routing import COLUMNS, Plan, Router, stands_for
from qingjian.quality.conversion import not_computable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER_COLUMNS = COLUMNS[:-1]
_NINES = "^-?9+(?:[.]9+)?$"
_LIKELY_NINES = re.compile(r"-?9{3,}\.9+")
"""What is taken for "not computable" of a factor whose format nobody knows."""
_ABOVE_RANGE = "T"
_DAY = 86_400.0
_HOUR_US, _MINUTE_US, _OFFSET_US = 3_600_000_000, 60_000_000, 28_800_000_000
_RESENT_AFTER = 600.0
"""A frame of minutes, hours or days whose QN is older than so many seconds is a resend."""
_NOT_SEPARATORS = bytes(byte for byte in range(0x21, 0x7F) if byte not in b";,=")
_INTERACTIONS = frozenset({"9011", "9012", "9013", "9014", "9015"})
_DATA = frozenset({Kind.ACCEPTED})
_NOT_READABLE = "not readable by the directory"
_LONGEST_REASON = 200
_KIND_COUNTS = {kind: f"frames_{kind}" for kind in Kind}


@dataclass(slots=True)
class Decoded:
    """A chunk of frames, ready for the sinks."""

    frames: pa.Table
    observations: pa.Table
    statements: pa.Table
    counts: Counter[str] = field(default_factory=Counter)
    heard: dict[str, int] = field(default_factory=dict)
    """MN → microseconds of the newest frame received."""
    offsets: list[tuple[str, int, float, int]] = field(default_factory=list)
    """(MN, received microseconds, device time minus receiving time in seconds, sequence) of live frames."""
    received: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """For each observation, when its frame was received."""
    missing: list[Missing] = field(default_factory=list)
    """Sub-packets given up."""
    unread: list[Unread] = field(default_factory=list)
    """Accepted frames of which nothing could be read."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A frame the gateway accepted and the pipeline cannot read; it is kept as it came."""

    journal: str
    sequence: int
    mn: str
    received_us: int
    reason: str


class _Statement(NamedTuple):
    mn: str
    moment: int
    command: str
    name: str
    field: str
    value: str | None
    reason: str
    series: int | None
    sequence: int


@dataclass(slots=True)
class _Gathered:
    """Values of all frames that share a plan."""

    plan: Plan
    values: list[list[str | None]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    """Place among the messages taken: the order of arrival."""
    received: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Work:
    """What one chunk yields, while it is decoded."""

    parts: Parts
    counts: Counter[str] = field(default_factory=Counter)
    gathered: dict[int, _Gathered] = field(default_factory=dict)
    statements: list[_Statement] = field(default_factory=list)
    heard: dict[str, int] = field(default_factory=dict)
    offsets: list[tuple[str, int, float, int]] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    """The frame of each message taken, in the order in which they were taken."""

    def place(self, frame: Frame) -> int:
        self.frames.append(frame)
        return len(self.frames) - 1

    def give_up(self, frame: Frame, reason: str) -> None:
        """State that a frame could not be read."""
        self.counts["undecodable"] += 1
        self.unread.append(Unread(frame.journal, frame.sequence, frame.mn, frame.received_us, reason))
        self.statements.append(
            _Statement(frame.mn, frame.received_us, "", "", "", reason, "undecodable", None, frame.sequence)
        )

    def without(self, order: int, statements: int, offsets: int) -> None:
        """Take back what a message brought: its place, and how many statements and offsets there were before it."""
        del self.statements[statements:], self.offsets[offsets:]
        for one in self.gathered.values():
            while one.order and one.order[-1] == order:
                one.values.pop()
                for column in (one.starts, one.sequences, one.order, one.received):
                    column.pop()

    def only(self, orders: Iterable[int]) -> _Work:
        """Return the values of some messages, by their places, as work of its own."""
        wanted = set(orders)
        some = _Work(Parts(), frames=self.frames)
        for key, one in self.gathered.items():
            rows = [row for row, order in enumerate(one.order) if order in wanted]
            if rows:
                some.gathered[key] = _Gathered(
                    one.plan,
                    [one.values[row] for row in rows],
                    [one.starts[row] for row in rows],
                    [one.sequences[row] for row in rows],
                    [one.order[row] for row in rows],
                    [one.received[row] for row in rows],
                )
        return some


class Decoder:
    """Decodes chunks of frames with one directory version; the same chunk always gives the same rows.

    `published` returns a published directory by its version: a frame the present one cannot read (its key was
    exchanged, its policy tightened since) is read as it was when the gateway accepted it.
    """

    def __init__(
        self, directory: Directory, published: Callable[[int], Directory | None] | None = None
    ) -> None:
        self.directory = directory
        self._published = published
        self._then: dict[tuple[int, str], Policy | None] = {}
        self._router = Router(directory)
        self._policies: dict[str, tuple[Device, Policy]] = {}
        self._shapes: dict[tuple[str, bytes, tuple[str, ...]], Shape] = {}
        self._places: dict[Shape, tuple[int, ...]] = {}

    def decode(
        self, frames: Sequence[Frame], kinds: frozenset[Kind] = _DATA, parts: Parts | None = None
    ) -> Decoded:
        """Decode frames of one journal, in their order; frames of other kinds are only kept.

        `parts` holds the sub-packets that wait for others of the same journal; what waits in the end stays in it.
        """
        work = _Work(parts or Parts())
        for frame in frames:
            work.counts[_KIND_COUNTS[frame.kind]] += 1
            if frame.kind not in kinds:
                continue
            if work.parts.open:
                self._take_parts(work, *work.parts.expire(frame))
            work.heard[frame.mn] = frame.received_us
            try:
                policy = self._policy(frame)
                message = self._message(frame, policy)
            except Exception as error:  # one frame stops no other
                work.give_up(frame, _said(error))
                continue
            if message is None:
                work.give_up(frame, _NOT_READABLE)
            elif message.cn in _INTERACTIONS:
                work.counts["interactions"] += 1
            elif message.in_packets:
                self._take_parts(work, *work.parts.add(message, frame))
            else:
                self._take(work, frame, message, policy)
        journal = frames[0].journal if frames else ""
        observations, received = self._sound(work, journal)
        work.counts.update(f"statements_{one.reason}" for one in work.statements)
        return Decoded(
            frames_table(frames),
            observations,
            _statements_table(work.statements, journal),
            work.counts,
            work.heard,
            work.offsets,
            received,
            work.missing,
            work.unread,
        )

    def hold(self, parts: Parts, frames: Iterable[Frame]) -> None:
        """Give back the frames that waited for others, after a restart or under another directory version."""
        for frame in frames:
            message = self._message(frame, self._policy(frame))
            if message is not None and message.in_packets:
                parts.add(message, frame)

    def _take_parts(self, work: _Work, parts: Sequence[Part], missing: Sequence[Missing]) -> None:
        work.missing += missing
        for part in parts:
            if len(part.frames) > 1:
                work.counts["joined"] += 1
                work.statements.append(_joined(part))
            self._take(work, part.frame, part.message, self._policy(part.frame))

    def _message(self, frame: Frame, policy: Policy) -> Message | None:
        changed = frame.directory_version != self.directory.version
        then = self._policy_then(frame) if changed and policy.sm4_key is None else None
        if then is not None and then.sm4_key is not None:
            # Encrypted when it was accepted: without the key its bytes might pass for a message.
            message = _message(frame.content, then)
            return _message(frame.content, policy) if message is None else message
        message = _message(frame.content, policy)
        if message is None and changed:
            then = self._policy_then(frame)
            message = None if then is None else _message(frame.content, then)
        return message

    def _policy_then(self, frame: Frame) -> Policy | None:
        """Return the policy of a frame's device in the directory the gateway had when the frame came."""
        key = frame.directory_version, frame.mn
        if key not in self._then:
            directory = self._published(key[0]) if self._published is not None else None
            device = directory.device(frame.mn, frame.received_at) if directory is not None else None
            then = (
                policy_of(device, directory.without) if directory is not None and device is not None else None
            )
            self._then[key] = then
        return self._then[key]

    def _policy(self, frame: Frame) -> Policy:
        known = self._policies.get(frame.mn)
        if known is not None and known[0].valid_from is None and known[0].valid_to is None:
            return known[1]
        device = self.directory.device(frame.mn, frame.received_at)
        if device is None:
            return DEFAULT
        if known is None or known[0] is not device:
            known = self._policies[frame.mn] = (device, policy_of(device, self.directory.without))
        return known[1]

    def _take(self, work: _Work, frame: Frame, message: Message, policy: Policy) -> None:
        """Take what a message says; one that cannot be worked with is stated and stops no other."""
        before = len(work.statements), len(work.offsets)
        order = work.place(frame)
        try:
            self._take_values(work, frame, message, policy, order)
        except Exception as error:
            work.without(order, *before)
            work.give_up(frame, _said(error))

    def _take_values(self, work: _Work, frame: Frame, message: Message, policy: Policy, order: int) -> None:
        counts, statements = work.counts, work.statements
        shape, values = self._data(message)
        places = self._places.get(shape)
        if places is None:
            if len(self._places) >= 50_000:  # senders can invent names
                self._places.clear()
            places = self._places[shape] = tuple(sorted(set(shape.times_of_items))) or (shape.datatime,)
        values.append(None)
        command = stands_for(message.cn, shape)
        for place in places:
            told = values[place] or "" if place >= 0 else ""
            named = _start(command, told, policy.datatime, policy.minute_interval)
            start = None if named is None else named[0]
            if named is not None and not named[1]:
                statements.append(
                    _Statement(
                        frame.mn,
                        named[0],
                        message.cn,
                        "DataTime",
                        "",
                        told,
                        "time-off-period",
                        None,
                        frame.sequence,
                    )
                )
            at = frame.received_us if start is None else start
            # Several DataTime in one frame: each item belongs to the one it stands under.
            under = place if len(places) > 1 else None
            plan = self._router.plan(shape, frame.mn, message.cn, message.edition, at, under)
            statements += [
                _Statement(
                    frame.mn,
                    at,
                    message.cn,
                    one.name,
                    one.field,
                    values[one.index],
                    one.reason,
                    one.series,
                    frame.sequence,
                )
                for one in plan.leftovers
            ]
            if not plan.statistic:
                counts["statement_frames"] += 1
                continue
            if start is None:
                counts["without_time"] += 1
                statements += [
                    _Statement(
                        frame.mn,
                        at,
                        message.cn,
                        name,
                        suffix,
                        values[index],
                        "without-time",
                        None,
                        frame.sequence,
                    )
                    for name, suffixes, indices in shape.blocks
                    for suffix, index in zip(suffixes, indices, strict=True)
                ]
                continue
            counts["data_frames"] += 1
            if not message.rf:
                _note_offset(frame, message.qn, command, start, work.offsets)
            if not plan.width:
                continue
            found = work.gathered.get(id(plan))
            if found is None:
                found = work.gathered[id(plan)] = _Gathered(plan)
            found.values.append(values)
            found.starts.append(start)
            found.sequences.append(frame.sequence)
            found.order.append(order)
            found.received.append(frame.received_us)

    def _data(self, message: Message) -> tuple[Shape, list[str | None]]:
        """Return shape and values of the data area; the list is the caller's own.

        The gateway has recorded what deviates, so for a shape seen before only the values are cut out here. The
        separators are part of the key, and a shape is kept only when this cut gives what `hj212` gives.
        """
        cp = message.cp
        if not cp.isascii() or b"//" in cp:
            return message.data.shape, [*message.data.values]
        pieces = cp.decode("ascii").replace(";", "=").replace(",", "=").split("=")
        names = tuple(pieces[0::2])
        values: list[str | None] = [*pieces[1::2]]
        key = (message.edition, cp.translate(None, _NOT_SEPARATORS), names)
        shape = self._shapes.get(key)
        if shape is None:
            data = message.data
            if data.shape.names == names and data.values == values:
                if len(self._shapes) >= 50_000:  # senders can invent names
                    self._shapes.clear()
                self._shapes[key] = data.shape
            return data.shape, [*data.values]
        return shape, values

    def _sound(self, work: _Work, journal: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Return the observations of all frames whose values can be worked with; the others are stated."""
        stated = len(work.statements)
        try:
            return self._observations(work, journal)
        except Exception:
            del work.statements[stated:]
        failed: dict[int, str] = {}
        orders = sorted({order for one in work.gathered.values() for order in one.order})
        isolated(orders, lambda some: self._observations(work.only(some), journal), failed)
        for order, reason in failed.items():
            work.give_up(work.frames[order], reason)
        rest = work.only(set(orders) - failed.keys())
        made = self._observations(rest, journal)
        work.statements += rest.statements
        work.counts.update(rest.counts)
        return made

    def _observations(self, work: _Work, journal: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
        """Return the observations, those of one key in their order of arrival, and when the frame of each was received."""
        gathered, frames, statements = list(work.gathered.values()), work.frames, work.statements
        if not gathered:
            return CANDIDATES.empty_table(), np.zeros(0, np.int64)
        columns = {column for one in gathered for column in one.plan.pick}
        texts = {column: pa.array(_texts(gathered, column), pa.string()) for column in columns}
        series = np.concatenate([one.plan.series for one in gathered for _ in one.starts])
        widths = [one.plan.width for one in gathered for _ in one.starts]
        codes = [STATISTIC_CODES[one.plan.statistic] for one in gathered for _ in one.starts]
        statistic = np.repeat(np.array(codes, np.int8), widths)
        starts = _spread(gathered, "starts", widths)
        sequences = _spread(gathered, "sequences", widths)
        order = _spread(gathered, "order", widths)
        flag = texts.get("flag")
        if flag is None:
            flag = pa.nulls(len(series), pa.string())
        numbers: dict[str, Decimals] = {}
        used = np.zeros(len(series), np.bool_)
        for column in _NUMBER_COLUMNS:
            if column not in texts or texts[column].null_count == len(series):
                continue
            read = _scaled(from_text(texts[column]), gathered)
            odd = _unread(texts[column], read)
            for row in odd:
                frame = frames[int(order[row])]
                work.counts["not_a_number"] += 1
                statements.append(
                    _Statement(
                        frame.mn,
                        int(starts[row]),
                        "",
                        str(series[row]),
                        column,
                        texts[column][int(row)].as_py(),
                        "not-a-number",
                        int(series[row]),
                        frame.sequence,
                    )
                )
            if column == "converted":
                read = _computable(
                    read, texts[column], gathered, order, frames, series, sequences, starts, statements
                )
            numbers[column] = read
            used |= read.valid
        qualifier = pc.fill_null(pc.equal(flag, _ABOVE_RANGE), False).to_numpy(zero_copy_only=False)
        used |= pc.fill_null(pc.not_equal(flag, ""), False).to_numpy(zero_copy_only=False)
        rows = candidates(
            series=series,
            statistic=statistic,
            start=starts,
            numbers=numbers,
            flag=flag,
            qualifier=np.where(qualifier, 2, 0).astype(np.int8),
            journal=journal,
            sequence=sequences,
        )
        work.counts["observations"] += int(used.sum())
        received = _spread(gathered, "received", widths)
        if used.all() and _own_keys(gathered):
            return rows, received
        arrival = np.argsort(order, kind="stable")
        kept = arrival[used[arrival]]
        return rows.take(pa.array(kept)), received[kept]


def _joined(part: Part) -> _Statement:
    """Say which frames a data area was put together from; its values name the last of them."""
    told = part.message.data.datatime
    moment = None if told is None else parse(told)
    at = part.frame.received_us if moment is None else _microseconds(moment)
    sequences = ",".join(str(one.sequence) for one in part.frames)
    return _Statement(
        part.frame.mn,
        at,
        part.message.cn,
        "sub-packets",
        "",
        sequences,
        "joined",
        None,
        part.frame.sequence,
    )


def policy_of(device: Device, without: frozenset[str]) -> Policy:
    """Return the decoding policy of a registered device; `without`: what the directory switches off for all."""
    policy = Policy.from_json(device.policy) if device.policy else DEFAULT
    if without:
        policy = replace(policy, without=policy.without | without)
    if device.sm4_key_hex:
        policy = replace(policy, sm4_key=bytes.fromhex(device.sm4_key_hex))
    if device.edition != "auto":
        policy = replace(policy, edition=device.edition)
    return policy


def _message(content: bytes, policy: Policy) -> Message | None:
    """Read a frame the gateway accepted; the plain case goes straight to the fields.

    Its check was verified there, but by the policy of that moment: it must hold without a key too.
    """
    if policy.sm4_key is None and content.startswith(b"##") and content[2:6].isdigit():
        end = 6 + int(content[2:6])
        plain = content[end - 2 : end] == b"&&" and content[end : end + 4].upper() == check_text(
            content[6:end]
        )
        if plain:
            message = read_segment(content[6:end], policy)
            if isinstance(message, Message):
                return message
    decoded = decode_frame(content, policy)
    return decoded if isinstance(decoded, Message) else None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]


@lru_cache(maxsize=8192)
def _start(command: str, text: str, convention: str, minute_interval: int) -> tuple[int, bool] | None:
    """Return the start (microseconds) of the period that DataTime names, and whether the device named it exactly.

    A data logger that writes the second of sending (08:00:05) means the period it lies in: the one that began before it,
    or where devices name the end, the one whose end is nearest.
    """
    found = period(command, text, convention, minute_interval) if text else None
    if found is None:
        return None
    told, length = _microseconds(found[0]), int(found[1].total_seconds()) * 1_000_000
    if not length:
        return told, True
    grid = length if length >= _HOUR_US else _MINUTE_US
    local = told + _OFFSET_US
    if convention == "end":
        local += grid // 2
    start = local // grid * grid - _OFFSET_US
    return start, start == told


@lru_cache(maxsize=8192)
def _instant(text: str) -> int | None:
    """Return the microseconds of a time to the second, None when it is none."""
    told = parse(text)
    return None if told is None else _microseconds(told)


def _note_offset(
    frame: Frame, qn: str | None, command: str, start: int, offsets: list[tuple[str, int, float, int]]
) -> None:
    """Measure the device's clock: its time of sending (QN) when that is a time, else the time of the data."""
    told = _instant(qn[:14]) if qn and len(qn) in (14, 17) and qn.isdecimal() else None
    device = start if told is None else told
    offset = (device - frame.received_us) / 1_000_000
    ahead = (start - frame.received_us) / 1_000_000
    if command != "2011":
        # A resend keeps its QN, so a QN of the past says nothing, unless it is a day back: the jump clocks are known for.
        if offset < -_RESENT_AFTER and abs(offset + _DAY) > _RESENT_AFTER:
            return
        offset = 0.0 if told is None else offset
    offsets.append((frame.mn, frame.received_us, max(offset, ahead), frame.sequence))


def _texts(gathered: Sequence[_Gathered], column: str) -> list[str | None]:
    parts: list[Iterable[str | None]] = []
    for one in gathered:
        pick = one.plan.pick.get(column)
        if pick is None:
            parts.append([None] * (len(one.plan.series) * len(one.values)))
        else:
            parts.append(chain.from_iterable(map(pick, one.values)))
    return list(chain.from_iterable(parts))


def _spread(gathered: Sequence[_Gathered], name: str, widths: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return a number of each frame, repeated for each of its values."""
    per_frame = np.array(list(chain.from_iterable(getattr(one, name) for one in gathered)), np.int64)
    return np.repeat(per_frame, widths)


def _own_keys(gathered: Sequence[_Gathered]) -> bool:
    """Whether no two plans feed the same series: then the order within each plan is the order of arrival."""
    fed = np.concatenate([one.plan.series for one in gathered])
    return len(np.unique(fed)) == len(fed)


def _unread(texts: pa.Array, numbers: Decimals) -> npt.NDArray[np.intp]:
    written = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(written & ~numbers.valid)


def _scaled(numbers: Decimals, gathered: Sequence[_Gathered]) -> Decimals:
    if not any(one.plan.scaled for one in gathered):
        return numbers
    mantissa, decimals, valid = numbers.mantissa.copy(), numbers.decimals.copy(), numbers.valid.copy()
    scales = [scale for one in gathered for _ in one.values for scale in one.plan.scales]
    kinds = {scale: number for number, scale in enumerate(dict.fromkeys(scales))}
    kind = np.array([kinds[scale] for scale in scales])
    for scale, number in kinds.items():
        if scale == (1, 0):
            continue
        rows = np.flatnonzero(kind == number)
        changed = Decimals(mantissa[rows], decimals[rows], valid[rows]).scaled(*scale)
        mantissa[rows], decimals[rows], valid[rows] = changed.mantissa, changed.decimals, changed.valid
    return Decimals(mantissa, decimals, valid)


def _says_not_computable(factor: str, text: str) -> bool:
    """Say whether nines are the largest number of the factor's format (§8.1.1 d, confidence S), not a value."""
    known = profile("2025").factors.get(factor)
    if known is None or not known.format.startswith("N"):
        return _LIKELY_NINES.fullmatch(text) is not None
    return bool(not_computable(float(text), known.format))


def _computable(
    numbers: Decimals,
    texts: pa.Array,
    gathered: Sequence[_Gathered],
    order: npt.NDArray[np.int64],
    frames: Sequence[Frame],
    series: npt.NDArray[np.int32],
    sequences: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    statements: list[_Statement],
) -> Decimals:
    """Turn the 2025 mark for "cannot be computed" (the largest number of the format) from a value into a statement."""
    if all(one.plan.edition != "2025" for one in gathered):
        return numbers
    modern = np.repeat(
        [one.plan.edition == "2025" for one in gathered],
        [len(one.values) * len(one.plan.series) for one in gathered],
    )
    nines = pc.fill_null(pc.match_substring_regex(texts, _NINES), False).to_numpy(zero_copy_only=False)
    likely = np.flatnonzero(nines & modern)
    if not len(likely):
        return numbers
    factors = [factor for one in gathered for _ in one.values for factor in one.plan.factors]
    rows = [int(row) for row in likely if _says_not_computable(factors[row], texts[int(row)].as_py())]
    valid = numbers.valid.copy()
    valid[rows] = False
    for row in rows:
        frame = frames[int(order[row])]
        statements.append(
            _Statement(
                frame.mn,
                int(starts[row]),
                "",
                str(series[row]),
                "converted",
                texts[int(row)].as_py(),
                "not-computable",
                int(series[row]),
                int(sequences[row]),
            )
        )
    return Decimals(
        np.where(valid, numbers.mantissa, 0), np.where(valid, numbers.decimals, 0).astype(np.int16), valid
    )


def frames_table(frames: Sequence[Frame]) -> pa.Table:
    """Return journal frames with the columns of the lake's table."""
    received = np.fromiter((one.received_us for one in frames), np.int64, len(frames))
    return pa.table(
        {
            "journal": [one.journal for one in frames],
            "sequence": np.fromiter((one.sequence for one in frames), np.int64, len(frames)),
            "received_at": pa.array(received).cast(pa.timestamp("us", "UTC")),
            "peer": [one.peer for one in frames],
            "connection": [one.connection for one in frames],
            "mn": [one.mn for one in frames],
            "kind": [str(one.kind) for one in frames],
            "content": [one.content for one in frames],
            "codes": [codes_to_text(one.codes) if one.codes else "" for one in frames],
            "policy": [one.policy for one in frames],
            "frame_directory": [one.directory_version for one in frames],
            "nonce": [one.nonce for one in frames],
            "batch": [one.batch for one in frames],
        },
        schema=FRAMES,
    )


def _statements_table(rows: Sequence[_Statement], journal: str) -> pa.Table:
    if not rows:
        return STATEMENTS.empty_table()
    mn, at, command, name, suffix, value, reason, series, sequence = zip(*rows, strict=True)
    return pa.table(
        {
            "mn": list(mn),
            "moment": pa.array(at, pa.int64()).cast(pa.timestamp("us", "UTC")),
            "command": list(command),
            "name": list(name),
            "field": list(suffix),
            "value": list(value),
            "reason": list(reason),
            "series": pa.array(series, pa.int32()),
            "journal": [journal] * len(rows),
            "sequence": pa.array(sequence, pa.int64()),
            "source": pa.nulls(len(rows), pa.string()),
        },
        schema=STATEMENTS,
    )


def _microseconds(moment: datetime) -> int:
    passed = moment - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds
