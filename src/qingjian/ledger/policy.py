"""Whom a verifier trusts: the policy file of C2SP tlog-policy.

log <vkey> [url]
witness <name> <vkey> [url]
group <name> all|any|<k> <member>...
quorum <name>|none
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qingjian.ledger.checkpoint import OpenedCheckpoint, open_checkpoint
from qingjian.ledger.errors import MalformedError, SignatureError
from qingjian.ledger.note import (
    ED25519_COSIGNATURE,
    LineState,
    NamedVerifier,
    VerifierKey,
)

NO_QUORUM = "none"


@dataclass(frozen=True)
class Group:
    """Counts as witnessed when at least ``threshold`` members are."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """Trusted logs, witnesses by their name in the policy, groups, and the quorum's name."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, Group]
    quorum: str = NO_QUORUM

    def satisfied(self, cosigned: set[str]) -> bool:
        """Whether these witnesses (names in the policy) meet the quorum."""
        return self.quorum == NO_QUORUM or self._witnessed(self.quorum, cosigned)

    def _witnessed(self, name: str, cosigned: set[str]) -> bool:
        if name in self.witnesses:
            return name in cosigned
        group = self.groups[name]
        return sum(self._witnessed(member, cosigned) for member in group.members) >= group.threshold

    def open(self, data: bytes, named: Mapping[str, NamedVerifier] | None = None) -> OpenedCheckpoint:
        """Read a checkpoint under this policy; SignatureError when it does not satisfy it."""
        opened = open_checkpoint(data, self.logs, tuple(self.witnesses.values()), named)
        verified = {
            line.key.encode()
            for line in opened.lines
            if line.state is LineState.VERIFIED and line.key is not None
        }
        cosigned = {name for name, key in self.witnesses.items() if key.encode() in verified}
        if not self.satisfied(cosigned):
            raise SignatureError(
                f"the quorum {self.quorum} is not met: cosigned by {', '.join(sorted(cosigned)) or 'nobody'}"
            )
        return opened

    def encode(self) -> str:
        """The policy as a file."""
        lines = [f"log {key.encode()}" for key in self.logs]
        lines += [f"witness {name} {key.encode()}" for name, key in self.witnesses.items()]
        lines += [
            f"group {name} {group.threshold} {' '.join(group.members)}" for name, group in self.groups.items()
        ]
        return "".join(f"{line}\n" for line in [*lines, f"quorum {self.quorum}"])


class _Reader:
    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, Group] = {}
        self.used: set[str] = set()
        self.quorum: str | None = None

    def line(self, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                self._add_log(VerifierKey.parse(key))
            case ["witness", name, key] | ["witness", name, key, _]:
                self._new_name(name)
                self._add_witness(name, VerifierKey.parse(key))
            case ["group", name, threshold, *members] if members:
                self._new_name(name)
                self._add_group(name, threshold, members)
            case ["quorum", name] if self.quorum is None:
                if name != NO_QUORUM:
                    self._defined(name)
                self.quorum = name
            case _:
                raise MalformedError("not a line of a policy, or a second quorum")

    def _new_name(self, name: str) -> None:
        if name == NO_QUORUM or name in self.witnesses or name in self.groups:
            raise MalformedError(f"the name {name} is taken")

    def _defined(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise MalformedError(f"{name} is not defined above")

    def _add_log(self, key: VerifierKey) -> None:
        if key.type == ED25519_COSIGNATURE or any(other.material == key.material for other in self.logs):
            raise MalformedError(f"the key of log {key.name} is a cosignature key or listed twice")
        self.logs.append(key)

    def _add_witness(self, name: str, key: VerifierKey) -> None:
        if key.type != ED25519_COSIGNATURE:
            raise MalformedError(f"the key of witness {name} is not an Ed25519 cosignature key")
        if any(other.material == key.material for other in self.witnesses.values()):
            raise MalformedError(f"the key of witness {name} is listed twice")
        self.witnesses[name] = key

    def _add_group(self, name: str, threshold: str, members: list[str]) -> None:
        for member in members:
            self._defined(member)
            if member in self.used:
                raise MalformedError(f"{member} is a member twice")
            self.used.add(member)
        words = {"any": 1, "all": len(members)}
        needed = words[threshold] if threshold in words else int(threshold) if threshold.isdecimal() else 0
        if not 1 <= needed <= len(members):
            raise MalformedError(f"the group {name} cannot need {threshold} of {len(members)}")
        self.groups[name] = Group(needed, tuple(members))


def parse_policy(text: str) -> Policy:
    """Read a policy file; MalformedError names the line that is wrong."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").strip(" ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.line(words)
        except MalformedError as error:
            raise MalformedError(f"policy line {number}: {error}") from error
    if reader.quorum is None:
        raise MalformedError("a policy needs a quorum line")
    return Policy(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)
