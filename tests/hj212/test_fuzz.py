import json
import random
from typing import Any

import pytest
from tests.hj212 import fuzz

from qingjian.hj212 import records
from qingjian.hj212.message import Stretch
from qingjian.hj212.policy import Policy

STREAMS = 100_000
ENTRIES = [json.loads(line) for line in fuzz.CORPUS.read_text(encoding="utf-8").splitlines()]


def said(found: list[Stretch]) -> list[dict[str, Any]]:
    return [records.record_of(stretch) for stretch in found]


def test_random_streams_accept_fewer_false_frames_than_the_bound() -> None:
    false, seen = fuzz.campaign(STREAMS, seed=20261121, processes=2)
    assert false < fuzz.bound(STREAMS)
    # The streams must reach the code they are meant to try.
    assert len(seen) > 200
    assert false > 0


def test_the_bound_is_tight_enough_to_notice_a_missing_check() -> None:
    """Accepting every invented frame would be hundreds of times more than the bound."""
    assert fuzz.bound(STREAMS) < STREAMS / 7 / 50


def test_the_corpus_is_small_and_broad() -> None:
    assert fuzz.CORPUS.stat().st_size < 1_000_000
    assert len(ENTRIES) >= 200


@pytest.mark.parametrize("half", [0, 1])
def test_outcomes_of_the_corpus_stay(half: int) -> None:
    for entry in ENTRIES[half::2]:
        stream = bytes.fromhex(entry["hex"])
        whole = fuzz.run(stream, Policy(), [])
        assert fuzz.outcome(whole) == entry["outcome"], entry["hex"]
        everywhere = list(range(1, len(stream)))
        cut = fuzz.run(stream, Policy(), everywhere)
        assert [records.record_of(one) for one in cut] == [records.record_of(one) for one in whole], entry[
            "hex"
        ]


@pytest.mark.parametrize("seed", range(4))
def test_many_streams_of_the_corpus_in_one_input_decode_alike_however_it_is_cut(seed: int) -> None:
    source = random.Random(seed)
    stream = b"".join(bytes.fromhex(source.choice(ENTRIES)["hex"]) for _ in range(600))
    cuts = sorted(source.randrange(len(stream)) for _ in range(400))
    assert said(fuzz.run(stream, Policy(), cuts)) == said(fuzz.run(stream, Policy(), []))
