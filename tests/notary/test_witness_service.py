"""This node as a witness, and its log before witnesses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.notary.conftest import ORIGIN, LocalWitness, fill

from qingjian.ledger.checkpoint import open_checkpoint
from qingjian.ledger.policy import parse_policy
from qingjian.ledger.witness import Cosigned, origin_hash
from qingjian.notary.bundle import own_policy
from qingjian.notary.files import CHECKPOINT, COSIGNED_CHECKPOINT
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.reading import ShardReader
from qingjian.notary.witness import WitnessClient, http_request

MakeWitness = Callable[[str], LocalWitness]


def test_cosignatures_of_two_witnesses_are_published(notary: Notary, witness: MakeWitness) -> None:
    first, second = witness("bureau"), witness("procuratorate")
    outbox = MemoryOutbox()
    for one in (first, second):
        one.trust(notary.verifier_keys("2026"))
    clients = [first.client, second.client]
    for count in (10, 300):
        fill(outbox, count)
        notary.sequence([outbox])
        assert notary.cosign(clients).answers == {"bureau": "cosigned", "procuratorate": "cosigned"}
    keys = {one.name: one.cosigner.key.encode() for one in (first, second)}
    policy = parse_policy(own_policy(notary, ["2026"], keys))
    for name in (CHECKPOINT, COSIGNED_CHECKPOINT):
        note = notary.files("2026").read(name)
        assert note is not None
        assert policy.open(note).checkpoint.size == 311
    fill(outbox, 1)
    notary.sequence([outbox])
    cosigned = notary.files("2026").read(COSIGNED_CHECKPOINT)
    assert cosigned is not None
    assert policy.open(cosigned).checkpoint.size == 311
    assert ShardReader(notary, "2026", 300).checkpoint.size == 311  # proofs stand on cosigned heads
    assert ShardReader(notary, "2026", 311).checkpoint.size == 312
    kept = first.service.checkpoint(origin_hash(f"{ORIGIN}/2026"))
    assert kept is not None
    assert open_checkpoint(kept, notary.verifier_keys("2026"), [first.cosigner.key]).cosigned


def test_a_client_that_forgot_learns_the_size_from_the_witness(notary: Notary, witness: MakeWitness) -> None:
    one = witness("bureau")
    one.trust(notary.verifier_keys("2026"))
    outbox = MemoryOutbox()
    assert notary.cosign([one.client]).answers == {"bureau": "cosigned"}
    fill(outbox, 5)
    notary.sequence([outbox])
    assert notary.cosign([one.client]).answers == {"bureau": "cosigned"}  # a new client each time


def test_an_absent_or_distrusting_witness_does_not_freeze(notary: Notary, witness: MakeWitness) -> None:
    absent, stranger = witness("absent"), witness("stranger")
    absent.down = True
    answers = notary.cosign([absent.client, stranger.client]).answers
    assert answers["absent"].startswith("no cosignature (0)")
    assert answers["stranger"].startswith("no cosignature (404)")
    assert notary.frozen is None


def test_the_witness_remembers_across_restarts(notary: Notary, witness: MakeWitness) -> None:
    one = witness("bureau")
    one.trust(notary.verifier_keys("2026"))
    notary.cosign([one.client])
    one.trust(notary.verifier_keys("2026"))
    answer = one.service.handle("GET", f"/{origin_hash(f'{ORIGIN}/2026')}/checkpoint")
    assert (answer.status, answer.body.startswith(f"{ORIGIN}/2026\n1\n".encode())) == (200, True)
    assert one.service.handle("GET", f"/{'0' * 64}/checkpoint").status == 404
    assert one.service.handle("PUT", "/add-checkpoint").status == 404
    assert one.service.handle("POST", "/add-checkpoint", b"x").status == 400
    assert one.service.handle("POST", "/add-checkpoint", b"x" * 300_000).status == 400


def test_over_real_http(notary: Notary, witness: MakeWitness) -> None:
    one = witness("bureau")
    one.trust(notary.verifier_keys("2026"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer("POST", body)

        def do_GET(self) -> None:
            self._answer("GET", b"")

        def _answer(self, method: str, body: bytes) -> None:
            answer = one.service.handle(method, self.path, body)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *arguments: object) -> None:
            return None

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        prefix = f"http://127.0.0.1:{server.server_port}"
        client = WitnessClient("bureau", one.cosigner.key, prefix, http_request)
        assert notary.cosign([client]).answers == {"bureau": "cosigned"}
        assert http_request(f"{prefix}/{'0' * 64}/checkpoint")[0] == 404
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    with pytest.raises(OSError, match="HTTP"):
        http_request("file:///etc/passwd")


def test_a_late_cosignature_joins_the_earlier_ones(notary: Notary, witness: MakeWitness) -> None:
    first, second = witness("bureau"), witness("procuratorate")
    for one in (first, second):
        one.trust(notary.verifier_keys("2026"))
    old = notary.files("2026").read(CHECKPOINT)
    assert old is not None
    notary.cosign([first.client])
    outbox = MemoryOutbox()
    fill(outbox, 3)
    notary.sequence([outbox])
    notary.cosign([first.client])
    late = second.client.cosign(old, notary.files("2026"))
    assert isinstance(late, Cosigned)
    merged = notary.shard("2026").add_cosignatures(old, late.signatures)
    keys = [first.cosigner.key, second.cosigner.key]
    assert len(open_checkpoint(merged, notary.verifier_keys("2026"), keys).cosigned) == 2
    newest = notary.files("2026").read(COSIGNED_CHECKPOINT)
    assert newest is not None
    assert open_checkpoint(newest, notary.verifier_keys("2026"), keys).checkpoint.size == 4
