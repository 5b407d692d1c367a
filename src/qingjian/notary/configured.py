"""Witnesses and mirrors from the words of a configuration."""

from __future__ import annotations

from pathlib import Path

from qingjian.contracts.clock import Clock
from qingjian.ledger.checkpoint import Cosigner
from qingjian.ledger.errors import LedgerError
from qingjian.ledger.note import VerifierKey
from qingjian.notary.anchors import FolderMirror, WitnessAnchor
from qingjian.notary.errors import NotaryError
from qingjian.notary.keys import KeyFolder
from qingjian.notary.notary import Notary
from qingjian.notary.witness import Witness, WitnessClient, http_request


def verifier_keys(text: str) -> list[VerifierKey]:
    """Return the verifier keys in a text, separated by blanks or new lines; NotaryError for a wrong one."""
    try:
        return [VerifierKey.parse(word) for word in text.split()]
    except LedgerError as error:
        raise NotaryError(f"公钥有误 / not a verifier key: {error}") from error


def witnesses(text: str) -> list[tuple[VerifierKey, str]]:
    """Return pairs of a witness's key and the address it answers at, from `KEY URL KEY URL …`."""
    words = text.split()
    if len(words) % 2:
        raise NotaryError("见证方应写为“公钥 网址” / a witness is written as its key and its address")
    pairs = [(verifier_keys(key)[0], url) for key, url in zip(words[::2], words[1::2], strict=True)]
    for _key, url in pairs:
        if not url.startswith(("http://", "https://")):
            raise NotaryError(f"不是网址 / not an HTTP address: {url}")
    return pairs


def witness_names(text: str) -> list[str]:
    """Return the names of those who are asked to cosign."""
    return [key.name for key, _url in witnesses(text)]


def witness_clients(text: str) -> list[WitnessClient]:
    """Return those who are asked to cosign each head."""
    return [WitnessClient(key.name, key, url, http_request) for key, url in witnesses(text)]


def witness_anchors(text: str) -> list[WitnessAnchor]:
    """Return those who are asked on opening what they have seen."""
    return [WitnessAnchor(key.name, url, http_request) for key, url in witnesses(text)]


def mirrors(folder: str) -> list[FolderMirror]:
    """Return the mirror that gets every head before it is published; none for an empty text."""
    return [FolderMirror(Path(folder))] if folder else []


def reopen(folder: Path, clock: Clock, mirror: str = "", asked: str = "") -> Notary:
    """Open an existing ledger to read, prove or sign a bundle; NotaryError when there is none.

    The mirror must be named whenever one is configured: opening may publish a head, and none passes the mirror by.
    Whoever lets the log grow or thaws it names the witnesses too (`asked`), for a folder that was put back in place
    looks whole to itself.
    """
    return Notary(folder, clock, anchors=witness_anchors(asked), depositaries=mirrors(mirror))


def own_witness(folder: Path, name: str, trusted: str, clock: Clock) -> Witness | None:
    """Return this node as a witness of the logs whose keys are given; None without any.

    Its key and memory live in `folder`, which backups leave out: after a restore it is a new witness with a new key,
    for an old one that has forgotten could cosign a second history.
    """
    keys = verifier_keys(trusted)
    return Witness(folder / "seen.sqlite3", [own_cosigner(folder, name)], keys, clock) if keys else None


def own_cosigner(folder: Path, name: str) -> Cosigner:
    """Return the key this node cosigns with, made at the first call."""
    store = KeyFolder(folder / "keys")
    if not store.for_origin(name):
        store.create(name)
    return Cosigner(name, store.for_origin(name)[0].private_key)
