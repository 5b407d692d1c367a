"""Token buckets: what a sender may use over time."""

from __future__ import annotations


class TokenBucket:
    """Refills at `rate` per second up to `burst`; times are monotonic seconds given by the caller."""

    __slots__ = ("_burst", "_level", "_rate", "_seen")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._seen = now

    @property
    def used_at(self) -> float:
        """When the bucket was last used."""
        return self._seen

    def _refill(self, now: float) -> None:
        if now > self._seen:
            self._level = min(self._burst, self._level + (now - self._seen) * self._rate)
            self._seen = now

    def take(self, amount: float, now: float) -> bool:
        """Take an amount if it is there."""
        self._refill(now)
        if self._level < amount:
            return False
        self._level -= amount
        return True

    def spend(self, amount: float, now: float) -> float:
        """Take an amount even into debt; returns the seconds to wait until the debt is paid (0.0 without debt)."""
        self._refill(now)
        self._level -= amount
        return 0.0 if self._level >= 0 else -self._level / self._rate
