"""How often somebody may ask: a bucket that fills again with time, for each key, in this process."""

from __future__ import annotations

import threading
from collections import OrderedDict

from qingjian.contracts.current import clock

MOST_KEYS = 10_000


class Limiter:
    """At most `most` requests of one key at once, and `most` in `seconds` for long. Each web process counts for itself."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.per_second = most / seconds
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take one request of a key; return 0, or in how many seconds the next one is allowed."""
        moment = clock().monotonic()
        with self._lock:
            left, then = self._held.pop(key, (float(self.most), moment))
            left = min(float(self.most), left + max(0.0, moment - then) * self.per_second)
            waiting = 0.0 if left >= 1 else (1 - left) / self.per_second
            self._held[key] = (left if waiting else left - 1, moment)
            # The key that was quiet for longest is forgotten; its bucket is the fullest.
            while len(self._held) > MOST_KEYS:
                self._held.popitem(last=False)
        return waiting

    def forget(self) -> None:
        """Begin anew, for tests."""
        with self._lock:
            self._held.clear()
