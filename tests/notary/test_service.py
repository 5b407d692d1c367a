"""Ticks of the running notary, and collecting bundles by registration."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.notary.conftest import LocalWitness, fill

from qingjian.contracts.clock import ManualClock
from qingjian.notary.bundle import BundleContent, EventEvidence, FileEvidence
from qingjian.notary.collectors import Collectors
from qingjian.notary.errors import NotaryError
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox, Place
from qingjian.notary.service import NotaryService

MakeWitness = Callable[[str], LocalWitness]


def test_ticks_sequence_and_cosign_when_it_is_time(
    notary: Notary, clock: ManualClock, witness: MakeWitness
) -> None:
    one = witness("bureau")
    one.trust(notary.verifier_keys("2026"))
    outbox = MemoryOutbox()
    service = NotaryService(notary, [outbox], [one.client], cosign_every=60)
    fill(outbox, 5_000)
    tick = service.tick()
    assert (tick.added, tick.frozen) == (5_000, None)
    assert tick.cosigning is not None
    assert (tick.cosigning.size, tick.cosigning.answers) == (5_001, {"bureau": "cosigned"})
    fill(outbox, 1)
    clock.advance(1)
    assert service.tick().cosigning is None  # not yet time
    clock.advance(60)
    assert service.tick().cosigning is not None
    clock.advance(60)
    assert service.tick().cosigning is None  # nothing new
    one.down = True
    fill(outbox, 1)
    tick = service.tick()
    assert tick.cosigning is not None
    assert "no cosignature" in tick.cosigning.answers["bureau"]
    one.down = False
    clock.advance(60)
    tick = service.tick()
    assert tick.cosigning is not None  # asked again although nothing was added
    notary.freeze("a reason")
    assert service.tick().frozen == "a reason"


def test_a_bundle_is_collected_by_registration() -> None:
    collectors = Collectors()

    def collect(request: object) -> BundleContent:
        assert isinstance(request, dict)
        event = EventEvidence(str(request["title"]), b"{}", bytes(32), Place("2026", 1))
        files = [
            FileEvidence(f"{request['title']}.txt", "t", b"x", event=0),
            FileEvidence("plain", "t", b"y"),
        ]
        return BundleContent("part", events=[event], files=files, summary=[str(request["title"])])

    collectors.register("sample", "样例", collect)
    with pytest.raises(NotaryError, match="already"):
        collectors.register("sample", "样例", collect)
    whole = collectors.gather("全部", [("sample", {"title": "甲"}), ("sample", {"title": "乙"})])
    assert whole.title == "全部"
    assert [event.title for event in whole.events] == whole.summary == ["甲", "乙"]
    assert [item.event for item in whole.files] == [0, None, 1, None]
    assert [item.title for item in collectors] == ["样例"]
    with pytest.raises(NotaryError, match="nobody registered"):
        collectors.gather("x", [("unknown", {})])
