"""Random streams against the decoder: ``python -m tests.hj212.fuzz --streams N [--seed S] [--processes P]``.

What must hold for every stream: no exception; the stretches partition the input; an accepted frame's data area is
read without exception; an ``ok`` record encodes to the same bytes; the bytes held are bounded.

What is counted: *false frames*, accepted although nobody sent them (no original frame equals the stretch up to its
terminator). The check of HJ 212 has 8 bits of state, so a corrupted or invented frame whose length and grammar are
right is accepted with probability 1/256; no receiver can do better. Of the seven kinds of streams two produce such
frames: every ``invented`` one, and of the ``corrupted`` ones about 30 % (the others change a single byte, which is always
caught, or break the grammar). So fewer than

    BOUND(N) = N * 1.4/7 / 256 + 6 * sqrt(N / 1280) + 5

false frames must be accepted in N streams. The command prints the count and ends with status 1 when it is exceeded.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.hj212.building import BODIES, framed

from qingjian.hj212 import checksum, records
from qingjian.hj212.decoder import Framer
from qingjian.hj212.message import Stretch
from qingjian.hj212.policy import Policy

CORPUS = Path(__file__).parents[1] / "data" / "hj212" / "corpus.jsonl"
_CORPUS_ENTRIES = 400
_BLOCK = 2000
_HELD = 6 + 9999 + 4 + 4096
ORIGINALS = [framed(body) for body in BODIES]
_SENT = frozenset(raw.rstrip(b"\r\n") for raw in ORIGINALS)
_CHECKS = sorted(checksum.POSSIBLE_TEXTS)
_POLICIES = [Policy(), Policy(), Policy(), Policy(edition="2017"), Policy(sm4_key=b"0" * 16)]
Kind = Callable[[random.Random], bytes]


def bound(streams: int) -> float:
    return streams * 1.4 / 7 / 256 + 6 * math.sqrt(streams / 1280) + 5


def noise(source: random.Random) -> bytes:
    return source.randbytes(source.randrange(200))


def corrupted(source: random.Random) -> bytes:
    raw = bytearray(source.choice(ORIGINALS))
    for _ in range(source.randrange(1, 5)):
        raw[source.randrange(6, len(raw) - 2)] = source.randrange(256)
    return bytes(raw)


def shortened(source: random.Random) -> bytes:
    raw = source.choice(ORIGINALS)
    start = source.randrange(len(raw))
    end = min(len(raw), start + source.randrange(1, 12))
    return raw[:start] + raw[end:]


def lengthened(source: random.Random) -> bytes:
    raw = source.choice(ORIGINALS)
    place = source.randrange(len(raw))
    return raw[:place] + source.randbytes(source.randrange(1, 12)) + raw[place:]


def spliced(source: random.Random) -> bytes:
    parts = []
    for _ in range(source.randrange(2, 5)):
        raw = source.choice(ORIGINALS)
        parts.append(raw[: source.randrange(len(raw) + 1)] if source.random() < 0.5 else raw)
    return b"".join(parts)


def invented(source: random.Random) -> bytes:
    """Right length and grammar, a check drawn from the values it can have."""
    value = f"{source.random() * 100:.3f}"
    body = (
        f"ST=32;CN={source.randrange(10000):04d};CP=&&DataTime=20160801085857;w01018-Rtd={value}&&".encode()
    )
    return framed(body, check=source.choice(_CHECKS))


def grammar(source: random.Random) -> bytes:
    """Tokens of the protocol in random order, with random lengths."""
    tokens = (b"##", b"0100", b"0050", b"QN=", b"ST=32;", b"CN=2011;", b"CP=&&", b"&&", b"1C80", b"\r\n", b";", b",", b"=",
              b"Flag=5;", b"{0xE4,", b"//", b"DataTime=20160801085857", b"w01018-Rtd=1", b"\xff", b"#", b"0", b"MN=;")  # fmt: skip
    return b"".join(source.choice(tokens) for _ in range(source.randrange(30)))


KINDS: tuple[Kind, ...] = (noise, corrupted, shortened, lengthened, spliced, invented, grammar)


def run(stream: bytes, policy: Policy, cuts: list[int]) -> list[Stretch]:
    """Decode one stream and hold what must hold; AssertionError otherwise."""
    framer = Framer(policy, eager=False)
    found: list[Stretch] = []
    before = 0
    for cut in [*cuts, len(stream)]:
        found += framer.feed(stream[before:cut])
        assert framer.pending <= _HELD
        before = cut
    found += framer.finish()
    at = 0
    for stretch in found:
        assert stretch.offset == at
        assert stream[at : at + stretch.length] == stretch.raw
        at += stretch.length
        record = records.record_of(stretch)
        if record["status"] == "ok":
            assert records.encode_record(record, policy.sm4_key) == stretch.raw
    assert at == len(stream)
    return found


def false_frames(found: list[Stretch]) -> int:
    return sum(stretch.message is not None and stretch.raw.rstrip(b"\r\n") not in _SENT for stretch in found)


def outcome(found: list[Stretch]) -> list[list[str]]:
    """What the corpus keeps of a result; long noise is cut, so neighbours count as one."""
    result: list[list[str]] = []
    for stretch in found:
        if stretch.refusal is not None:
            if stretch.refusal.code != "noise" or result[-1:] != [["noise"]]:
                result.append([stretch.refusal.code])
        elif stretch.message is not None:
            result.append(["frame", *sorted({deviation.code for deviation in stretch.message.deviations})])
    return result


def block(number: int, seed: int, streams: int) -> tuple[int, dict[str, str]]:
    """(false frames, one stream in hexadecimal per distinct outcome) of one block of streams."""
    source = random.Random(f"{seed}:{number}")
    false = 0
    seen: dict[str, str] = {}
    for place in range(streams):
        stream = KINDS[place % len(KINDS)](source)
        policy = source.choice(_POLICIES)
        cuts = sorted(source.randrange(len(stream) + 1) for _ in range(source.choice((0, 0, 1, 4))))
        try:
            found = run(stream, policy, cuts)
        except Exception as error:
            raise RuntimeError(
                f"seed {seed} block {number} place {place}: {stream.hex()} {policy}"
            ) from error
        false += false_frames(found)
        if policy is _POLICIES[0]:
            seen.setdefault(json.dumps(outcome(found)), stream.hex())
    return false, seen


def campaign(streams: int, seed: int, processes: int) -> tuple[int, dict[str, str]]:
    blocks = [
        (number, min(_BLOCK, streams - number * _BLOCK)) for number in range(math.ceil(streams / _BLOCK))
    ]
    false = 0
    seen: dict[str, str] = {}
    if processes <= 1:
        results = (block(number, seed, size) for number, size in blocks)
        return _sum(results, false, seen)
    with ProcessPoolExecutor(processes) as pool:
        results = pool.map(
            block, *zip(*((number, seed, size) for number, size in blocks), strict=True), chunksize=4
        )
        return _sum(results, false, seen)


def _sum(results, false: int, seen: dict[str, str]) -> tuple[int, dict[str, str]]:  # type: ignore[no-untyped-def]
    for count, outcomes in results:
        false += count
        for key, stream in outcomes.items():
            if len(seen) < 100_000:
                seen.setdefault(key, stream)
    return false, seen


def write_corpus(seen: dict[str, str]) -> None:
    """Keep the shortest streams, one per distinct outcome."""
    chosen = sorted(seen.items(), key=lambda entry: (len(entry[1]), entry[1]))[:_CORPUS_ENTRIES]
    lines = [json.dumps({"hex": stream, "outcome": json.loads(key)}) for key, stream in chosen]
    CORPUS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="random streams against the HJ 212 decoder")
    parser.add_argument("--streams", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=212)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--write-corpus", action="store_true")
    arguments = parser.parse_args()
    began = time.perf_counter()
    false, seen = campaign(arguments.streams, arguments.seed, arguments.processes)
    limit = bound(arguments.streams)
    print(
        f"{arguments.streams} streams in {time.perf_counter() - began:.0f} s: {false} false frames accepted, "
        f"fewer than {limit:.0f} allowed; {len(seen)} distinct outcomes"
    )
    if arguments.write_corpus:
        write_corpus(seen)
    return 0 if false < limit else 1


if __name__ == "__main__":
    sys.exit(main())
