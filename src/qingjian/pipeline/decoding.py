"""Frames of the journal → rows for the lake, column by column.

The values of all frames of a chunk are gathered as text per plan and turned into exact decimals in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from qingjian.contracts.directory import Directory
from qingjian.hj212.content import Shape
from qingjian.hj212.message import Message
from qingjian.hj212.policy import Policy
from qingjian.hj212.times import parse
from qingjian.journal import Frame, Kind
from qingjian.pipeline.decoded import Decoded
from qingjian.pipeline.device_times import microseconds, note_offset, period_start
from qingjian.pipeline.gathering import Gathered, Work
from qingjian.pipeline.joining import Missing, Part, Parts
from qingjian.pipeline.numbers import sound_observations
from qingjian.pipeline.reading import Reader
from qingjian.pipeline.routing import Router, stands_for
from qingjian.pipeline.tables import Statement, frames_table, statements_table

_NOT_SEPARATORS = bytes(byte for byte in range(0x21, 0x7F) if byte not in b";,=")
_INTERACTIONS = frozenset({"9011", "9012", "9013", "9014", "9015"})
_DATA = frozenset({Kind.ACCEPTED})
_NOT_READABLE = "not readable by the directory"
_LONGEST_REASON = 200
_KIND_COUNTS = {kind: f"frames_{kind}" for kind in Kind}


class Decoder:
    """Decodes chunks of frames with one directory version; the same chunk always gives the same rows.

    `published`: as for `reading.Reader`.
    """

    def __init__(
        self, directory: Directory, published: Callable[[int], Directory | None] | None = None
    ) -> None:
        self.directory = directory
        self._reader = Reader(directory, published)
        self._router = Router(directory)
        self._shapes: dict[tuple[str, bytes, tuple[str, ...]], Shape] = {}
        self._places: dict[Shape, tuple[int, ...]] = {}

    def decode(
        self, frames: Sequence[Frame], kinds: frozenset[Kind] = _DATA, parts: Parts | None = None
    ) -> Decoded:
        """Decode frames of one journal, in their order; frames of other kinds are only kept.

        `parts` holds the sub-packets that wait for others of the same journal; what waits in the end stays in it.
        """
        work = Work(parts or Parts())
        for frame in frames:
            work.counts[_KIND_COUNTS[frame.kind]] += 1
            if frame.kind not in kinds:
                continue
            if work.parts.open:
                self._take_parts(work, *work.parts.expire(frame))
            work.heard[frame.mn] = frame.received_us
            try:
                policy = self._reader.policy(frame)
                message = self._reader.message(frame, policy)
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
        observations, received = sound_observations(work, journal)
        work.counts.update(f"statements_{one.reason}" for one in work.statements)
        return Decoded(
            frames_table(frames),
            observations,
            statements_table(work.statements, journal),
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
            message = self._reader.message(frame, self._reader.policy(frame))
            if message is not None and message.in_packets:
                parts.add(message, frame)

    def _take_parts(self, work: Work, parts: Sequence[Part], missing: Sequence[Missing]) -> None:
        work.missing += missing
        for part in parts:
            if len(part.frames) > 1:
                work.counts["joined"] += 1
                work.statements.append(_joined(part))
            self._take(work, part.frame, part.message, self._reader.policy(part.frame))

    def _take(self, work: Work, frame: Frame, message: Message, policy: Policy) -> None:
        """Take what a message says; one that cannot be worked with is stated and stops no other."""
        before = len(work.statements), len(work.offsets)
        order = work.place(frame)
        try:
            self._take_values(work, frame, message, policy, order)
        except Exception as error:
            work.without(order, *before)
            work.give_up(frame, _said(error))

    def _take_values(self, work: Work, frame: Frame, message: Message, policy: Policy, order: int) -> None:
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
            named = period_start(command, told, policy.datatime, policy.minute_interval)
            start = None if named is None else named[0]
            if named is not None and not named[1]:
                statements.append(
                    Statement(
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
                Statement(
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
                    Statement(
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
                note_offset(frame, message.qn, command, start, work.offsets)
            if not plan.width:
                continue
            found = work.gathered.get(id(plan))
            if found is None:
                found = work.gathered[id(plan)] = Gathered(plan)
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


def _joined(part: Part) -> Statement:
    """Say which frames a data area was put together from; its values name the last of them."""
    told = part.message.data.datatime
    moment = None if told is None else parse(told)
    at = part.frame.received_us if moment is None else microseconds(moment)
    sequences = ",".join(str(one.sequence) for one in part.frames)
    return Statement(
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


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:_LONGEST_REASON]
