"""What one chunk of frames yields while it is decoded: values by plan, statements, offsets, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from qingjian.journal import Frame
from qingjian.pipeline.decoded import Unread
from qingjian.pipeline.joining import Missing, Parts
from qingjian.pipeline.routing import Plan
from qingjian.pipeline.tables import Statement


@dataclass(slots=True)
class Gathered:
    """Values of all frames that share a plan."""

    plan: Plan
    values: list[list[str | None]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    """Place among the messages taken: the order of arrival."""
    received: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """What one chunk yields, while it is decoded."""

    parts: Parts
    counts: Counter[str] = field(default_factory=Counter)
    gathered: dict[int, Gathered] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
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
            Statement(frame.mn, frame.received_us, "", "", "", reason, "undecodable", None, frame.sequence)
        )

    def without(self, order: int, statements: int, offsets: int) -> None:
        """Take back what a message brought: its place, and how many statements and offsets there were before it."""
        del self.statements[statements:], self.offsets[offsets:]
        for one in self.gathered.values():
            while one.order and one.order[-1] == order:
                one.values.pop()
                for column in (one.starts, one.sequences, one.order, one.received):
                    column.pop()

    def only(self, orders: Iterable[int]) -> Work:
        """Return the values of some messages, by their places, as work of its own."""
        wanted = set(orders)
        some = Work(Parts(), frames=self.frames)
        for key, one in self.gathered.items():
            rows = [row for row, order in enumerate(one.order) if order in wanted]
            if rows:
                some.gathered[key] = Gathered(
                    one.plan,
                    [one.values[row] for row in rows],
                    [one.starts[row] for row in rows],
                    [one.sequences[row] for row in rows],
                    [one.order[row] for row in rows],
                    [one.received[row] for row in rows],
                )
        return some
