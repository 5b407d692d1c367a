"""What goes into an evidence bundle, by registration: each app says how to collect its part of one.

A later room (releases, interference records) registers here and gets the same zip, `verify.py` and check.
"""

from __future__ import annotations

from qingjian.notary.collectors import Collectors

collectors = Collectors()
