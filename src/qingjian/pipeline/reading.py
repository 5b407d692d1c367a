"""From the bytes of an accepted frame to its message, by the policy of its device now or when it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from qingjian.contracts.directory import Device, Directory
from qingjian.hj212.checksum import check_text
from qingjian.hj212.decoder import decode_frame
from qingjian.hj212.message import Message
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.segment import read_segment
from qingjian.journal import Frame


class Reader:
    """Reads frames with one directory version.

    `published` returns a published directory by its version: a frame the present one cannot read (its key was
    exchanged, its policy tightened since) is read as it was when the gateway accepted it.
    """

    def __init__(
        self, directory: Directory, published: Callable[[int], Directory | None] | None = None
    ) -> None:
        self._directory = directory
        self._published = published
        self._then: dict[tuple[int, str], Policy | None] = {}
        self._policies: dict[str, tuple[Device, Policy]] = {}

    def message(self, frame: Frame, policy: Policy) -> Message | None:
        """Return what a frame says; None where neither the policy nor the one it came under can read it."""
        changed = frame.directory_version != self._directory.version
        then = self._policy_then(frame) if changed and policy.sm4_key is None else None
        if then is not None and then.sm4_key is not None:
            # Encrypted when it was accepted: without the key its bytes might pass for a message.
            message = _message(frame.content, then)
            return _message(frame.content, policy) if message is None else message
        message = _message(frame.content, policy)
        if message is None and changed:
            then = self._policy_then(frame)
            message = None if then is None else _message(frame.content, then)
        return message

    def policy(self, frame: Frame) -> Policy:
        """Return the present policy of a frame's device."""
        known = self._policies.get(frame.mn)
        if known is not None and known[0].valid_from is None and known[0].valid_to is None:
            return known[1]
        device = self._directory.device(frame.mn, frame.received_at)
        if device is None:
            return DEFAULT
        if known is None or known[0] is not device:
            known = self._policies[frame.mn] = (device, policy_of(device, self._directory.without))
        return known[1]

    def _policy_then(self, frame: Frame) -> Policy | None:
        """Return the policy of a frame's device in the directory the gateway had when the frame came."""
        key = frame.directory_version, frame.mn
        if key not in self._then:
            directory = self._published(key[0]) if self._published is not None else None
            device = directory.device(frame.mn, frame.received_at) if directory is not None else None
            then = (
                policy_of(device, directory.without) if directory is not None and device is not None else None
            )
            self._then[key] = then
        return self._then[key]


def policy_of(device: Device, without: frozenset[str]) -> Policy:
    """Return the decoding policy of a registered device; `without`: what the directory switches off for all."""
    policy = Policy.from_json(device.policy) if device.policy else DEFAULT
    if without:
        policy = replace(policy, without=policy.without | without)
    if device.sm4_key_hex:
        policy = replace(policy, sm4_key=bytes.fromhex(device.sm4_key_hex))
    if device.edition != "auto":
        policy = replace(policy, edition=device.edition)
    return policy


def _message(content: bytes, policy: Policy) -> Message | None:
    """Read a frame the gateway accepted; the plain case goes straight to the fields.

    Its check was verified there, but by the policy of that moment: it must hold without a key too.
    """
    if policy.sm4_key is None and content.startswith(b"##") and content[2:6].isdigit():
        end = 6 + int(content[2:6])
        plain = content[end - 2 : end] == b"&&" and content[end : end + 4].upper() == check_text(
            content[6:end]
        )
        if plain:
            message = read_segment(content[6:end], policy)
            if isinstance(message, Message):
                return message
    decoded = decode_frame(content, policy)
    return decoded if isinstance(decoded, Message) else None
