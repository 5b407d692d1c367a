"""The public log and this node as a witness, without signing in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.conf import settings

from qingjian.contracts.clock import ManualClock
from qingjian.contracts.current import use_clock
from qingjian.contracts.folders import DataFolder
from qingjian.ledger.checkpoint import open_checkpoint, read_checkpoint, sign_checkpoint
from qingjian.ledger.note import VerifierKey
from qingjian.ledger.tiles import Tile
from qingjian.notary import configured
from qingjian.notary.notary import Notary
from qingjian.notary.outbox import MemoryOutbox
from qingjian.notary.witness import MAX_REQUEST, WitnessClient

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.make()
    monkeypatch.setattr(settings, "DATA_FOLDER", folder)
    return folder


@pytest.fixture(autouse=True)
def clock():
    with use_clock(ManualClock(NOW)) as manual:
        yield manual


def grow(notary: Notary, count: int) -> None:
    outbox = MemoryOutbox()
    for number in range(count):
        outbox.add(b'{"kind":"x","n":%d}' % (notary.state.shards()[-1].size + number))
    notary.sequence([outbox])


@pytest.fixture
def notary(folder, clock) -> Notary:
    notary = Notary(folder.ledger, clock, origin="county.example/ledger")
    grow(notary, 299)
    return notary


def test_everybody_can_read_the_log_with_the_right_types(client, notary, folder) -> None:
    checkpoint = client.get("/ledger/2026/checkpoint")
    assert checkpoint.status_code == 200
    assert checkpoint["Content-Type"] == "text/plain; charset=utf-8"
    assert checkpoint["Cache-Control"] == "no-cache"
    head = open_checkpoint(checkpoint.content, notary.verifier_keys("2026")).checkpoint
    assert head.size == 300
    for tile in (Tile(0, 0), Tile(0, 1, 44), Tile(1, 0, 1)):
        found = client.get(f"/ledger/2026/{tile.path}")
        assert found.content == (folder.ledger / "public/2026" / tile.path).read_bytes()
        assert found["Content-Type"] == "application/octet-stream"
        assert ("immutable" in found["Cache-Control"]) == (tile.width == 256)
        assert found["Access-Control-Allow-Origin"] == "*"
    assert client.get("/ledger/2026/tile/entries/000").status_code == 200
    # A partial tile whose full one exists is cut out of it.
    assert (
        client.get("/ledger/2026/tile/0/000.p/7").content
        == client.get("/ledger/2026/tile/0/000").content[:224]
    )
    assert client.get("/ledger/shards.json").json()["shards"][0]["prefix"] == "2026"
    assert client.post("/ledger/2026/checkpoint").status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "",
        "state.sqlite3",
        "2026/../../state.sqlite3",
        "2026/..%2f..%2fstate.sqlite3",
        "../keys",
        "2026/tile/0/../../../../state.sqlite3",
        "2026/tile/0/000.p/300",
        "2026/tile/0/0",
        "2026/tile/9/000",
        "2026/.checkpoint.1.part",
        "2026/checkpoint/",
        "2027/checkpoint",
        "./shards.json",
        "%2e%2e/state.sqlite3",
        "..",
    ],
)
def test_nothing_else_can_be_read(client, notary, name) -> None:
    assert client.get(f"/ledger/{name}").status_code == 404


def test_a_null_character_is_refused_before_any_file_is_looked_for(client, notary) -> None:
    assert client.get("/ledger/2026\x00/checkpoint").status_code == 400


def test_the_page_shows_keys_head_and_the_program(client, notary, db) -> None:
    page = client.get("/public/ledger/")
    assert page.status_code == 200
    text = page.content.decode()
    (key,) = notary.verifier_keys("2026")
    assert key.fingerprint in text
    assert "county.example/ledger/2026" in text
    assert "<script>" not in text
    assert "style=" not in text
    program = client.get("/public/ledger/verify.py")
    assert b"def verify(" in program.content


def test_the_page_does_not_hide_a_head_that_does_not_verify(client, notary, folder, db) -> None:
    path = folder.ledger / "public/2026/checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n300\n", b"\n301\n"))
    assert "text-danger" in client.get("/public/ledger/").content.decode()


def test_the_page_works_before_there_is_a_ledger(client, db) -> None:
    assert client.get("/public/ledger/").status_code == 200
    assert client.get("/ledger/shards.json").status_code == 404


def post_through(client):
    """Return the function with which a notary posts, through the site instead of the network."""

    def post(url: str, body: bytes) -> tuple[int, bytes]:
        answer = client.post(url, body, content_type="text/plain")
        return answer.status_code, answer.content

    return post


@pytest.fixture
def other(tmp_path, clock) -> Notary:
    """Another node, whose log this node was told to witness."""
    notary = Notary(tmp_path / "other", clock, origin="other.example/ledger")
    grow(notary, 10)
    return notary


def watch(monkeypatch, notary: Notary) -> VerifierKey:
    text = " ".join(key.encode() for key in notary.verifier_keys("2026"))
    monkeypatch.setattr(settings, "CONFIGURATION", replace(settings.CONFIGURATION, witness_logs=text))
    return configured.own_cosigner(settings.DATA_FOLDER.root / "witness", "node1/qingjian-witness").key


def test_this_node_witnesses_growth_and_refuses_a_rewritten_history(
    client, other, tmp_path, clock, monkeypatch, db
) -> None:
    key = watch(monkeypatch, other)
    witness = WitnessClient("w", key, "/witness", post_through(client))
    assert other.cosign([witness]).answers == {"w": "cosigned"}
    grow(other, 5)
    assert other.cosign([witness]).answers == {"w": "cosigned"}
    assert key.encode() in client.get("/public/ledger/").content.decode().replace("&#x2B;", "+")
    # The same operator rewrites everything and signs it with the real key.
    (signer,) = other.keys.load([one.encode() for one in other.verifier_keys("2026")])
    forged = Notary(tmp_path / "forged", clock, origin="other.example/ledger")
    outbox = MemoryOutbox()
    for number in range(40):
        outbox.add(b'{"kind":"forged","n":%d}' % number)
    forged.sequence([outbox])
    head, _note = read_checkpoint(forged.files("2026").read("checkpoint"))
    note = sign_checkpoint(head, [signer])
    forger = WitnessClient("w", key, "/witness", post_through(client))
    refusal = forger.cosign(note, forged.files("2026"))
    assert refusal.status == 422


def test_who_is_no_witness_answers_nothing(client, other) -> None:
    assert client.post("/witness/add-checkpoint", b"x", content_type="text/plain").status_code == 404
    assert client.get("/witness/" + "0" * 64 + "/checkpoint").status_code == 404


def test_the_witness_refuses_what_is_too_long_strange_or_unknown(client, other, notary, monkeypatch) -> None:
    watch(monkeypatch, other)

    def post(body: bytes) -> int:
        return client.post("/witness/add-checkpoint", body, content_type="text/plain").status_code

    assert post(b"x" * (MAX_REQUEST + 1)) == 400
    assert post(b"nonsense") == 400
    stranger = notary.files("2026").read("checkpoint")
    assert post(b"old 0\n\n" + stranger) == 404
    assert client.get("/witness/nothing/checkpoint").status_code == 404
