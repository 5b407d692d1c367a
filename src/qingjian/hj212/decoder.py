"""Framing and decoding of a byte stream: never an exception, never unbounded memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from qingjian.hj212 import checksum, cipher
from qingjian.hj212.header import readable
from qingjian.hj212.message import Message, Stretch
from qingjian.hj212.model import Deviation, Refusal
from qingjian.hj212.policy import DEFAULT, Policy
from qingjian.hj212.segment import (
    data_area,
    decrypted,
    from_text_form,
    looks_plain,
    read_segment,
    variant,
)

_CANDIDATE = re.compile(rb"##(\d{3,4})(?i:QN|ST|CN|PW|MN|Flag|PNUM|PNO|RF|CP) {0,4}=")
_PARTIAL = re.compile(rb"#(?:#(?:\d{0,4}|\d{3,4}[A-Za-z]{0,4} {0,4}))?")
_LONGEST_PARTIAL = 14
_CLOSING = re.compile(rb"&&([0-9A-Fa-f]{4})")
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{4}")
_THREE_DIGITS = re.compile(rb"[0-9A-Fa-f]{3}(?=[\r\n#]|\Z)")
_MN = re.compile(rb"MN=([!-:<-~]{0,64});")
_SENDER_NAMED_WITHIN = 256
_LONGEST_FRAME = 6 + 9999 + 4
_TERMINATORS_SWALLOWED = 16
_PAST_THE_NEXT_HEADER = 18
"""What closes a data area in text form stands at most this far behind its brace."""
_REACH = _LONGEST_FRAME + _TERMINATORS_SWALLOWED
_LONGEST_TEXT_FORM = 5 * _LONGEST_FRAME
_REACH_OF_TEXT_FORM = _LONGEST_TEXT_FORM + _REACH
_TEXT_FORM_OPENING = b"CP=&&{0x"
_TEXT_FORM_BEGINS_WITHIN = 512
_NOISE_PIECE = 8192
_CLOSINGS_TRIED = 8
_DIAGNOSIS_CREDIT = 64 * 1024
_TERMINATOR = re.compile(rb"[\r\n]{1,%d}" % _TERMINATORS_SWALLOWED)

PolicyFor = Callable[[str], Policy | None]


class _Found(NamedTuple):
    end: int
    message: Message | None
    refusal: Refusal | None


class Framer:
    """Cuts one connection's bytes into stretches and decodes the frames among them.

    ``policy`` applies to all frames, unless ``policy_for(mn)`` yields another one for the sender named in the header.
    ``eager=True`` (sockets) releases a frame as soon as its check is there; a terminator that comes later is reported
    as a stretch ``terminator_late``. ``eager=False`` (files) decides when no byte to come can change the result, so that
    it is a function of the bytes alone, however they are cut: a frame whose check holds with the first byte after its
    terminator (CR LF may be doubled), any other with the header of the next frame, and at the latest when as many bytes
    are there as any frame can need (about 10 kB, 60 kB where ciphertext is written as text). No more is held, but for the
    bytes just fed.

    A frame that never becomes whole (a wrong length, a broken line) holds back what follows until its declared end
    has arrived; on an idle connection call ``finish`` to settle what is pending. A framer can be used on after it.
    """

    __slots__ = (
        "_after_frame",
        "_buffer",
        "_credit",
        "_eager",
        "_endless",
        "_offset",
        "_policy",
        "_policy_for",
    )

    def __init__(
        self, policy: Policy = DEFAULT, *, eager: bool = True, policy_for: PolicyFor | None = None
    ) -> None:
        self._policy = policy
        self._policy_for = policy_for
        self._eager = eager
        self._buffer = b""
        self._offset = 0
        self._after_frame = False
        self._credit = _DIAGNOSIS_CREDIT
        self._endless = -1  # offset of the beginning whose declared end is known to hold no check

    @property
    def pending(self) -> int:
        """Bytes held back because they may still become a frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Stretch]:
        """Take more bytes; returns the stretches settled by them."""
        self._buffer = self._buffer + data if self._buffer else bytes(data)
        if self._eager:
            self._earn(len(data))
        return self._scan(final=False)

    def finish(self) -> list[Stretch]:
        """Settle what is pending as if no more bytes came."""
        return self._scan(final=True)

    def _scan(self, final: bool) -> list[Stretch]:
        buffer, offset = self._buffer, self._offset
        size = len(buffer)
        position = 0
        stretches: list[Stretch] = []
        while position < size:
            found: tuple[int, Message | None, Refusal | None] | None
            found = self._fast(buffer, position, size, final)
            if found is None:
                if self._eager:
                    found = self._decide(buffer, position, size, final)
                else:
                    found = self._decide_by_bytes(buffer, position, size, final)
                if found is None:
                    break
            end, message, refusal = found
            if not self._eager:
                self._earn(end - position)
            stretches.append(Stretch(offset + position, buffer[position:end], message, refusal))
            self._after_frame = message is not None or (
                refusal is not None and refusal.code == "terminator_late"
            )
            position = end
        if position:
            self._buffer = buffer[position:]
            self._offset = offset + position
        return stretches

    def _earn(self, size: int) -> None:
        """Let bytes pay for the search of known wrong algorithms: those received, or of a file, those settled."""
        self._credit = min(_DIAGNOSIS_CREDIT, self._credit + 2 * size)

    def _decide(self, buffer: bytes, position: int, size: int, final: bool) -> _Found | None:
        """What stands at ``position``; None to wait for more bytes."""
        match = _CANDIDATE.match(buffer, position)
        if match is not None:
            return self._resolve(buffer, position, size, match, final)
        return self._noise(buffer, position, size, final)

    def _decide_by_bytes(self, buffer: bytes, position: int, size: int, final: bool) -> _Found | None:
        """What stands at ``position`` whatever comes next; None while a byte to come could change it."""
        reach = _REACH
        opening = buffer.find(_TEXT_FORM_OPENING, position, position + 6 + _TEXT_FORM_BEGINS_WITHIN)
        if opening >= 0 and _CANDIDATE.match(buffer, position) is not None:
            reach = _REACH_OF_TEXT_FORM
        ahead = position + reach + _LONGEST_PARTIAL
        if size < ahead and not final:
            return self._certain(buffer, position, size)
        # As many bytes as any frame can need, or all there are.
        view = buffer[position:ahead]
        found = self._decide(view, 0, len(view), True)
        if found is None:
            return None
        # A frame may begin in the last bytes looked at.
        end = found.end if size < ahead else min(found.end, reach)
        return found._replace(end=position + end)

    def _certain(self, buffer: bytes, position: int, size: int) -> _Found | None:
        """What stands at ``position``, by fewer bytes than any frame can need, if that is beyond doubt."""
        match = _CANDIDATE.match(buffer, position)
        if match is None:
            return self._noise(buffer, position, size, False) if _CANDIDATE.search(buffer, position) else None
        start = match.end(1)
        end = start + int(match[1])
        if size <= end + 4 or (self._policy_for is not None and size < start + _SENDER_NAMED_WITHIN):
            return None
        following = _CANDIDATE.search(buffer, position + 2)
        # Neither ciphertext as text nor a wrong length can reach over the header of the next frame.
        bounded = following is not None and size >= following.end() + _PAST_THE_NEXT_HEADER
        if not bounded and self._endless == self._offset + position:
            return None
        credit = self._credit
        if bounded:
            found = self._resolve(buffer, position, size, match, True)
        else:
            policy = self._policy_of(buffer[start : start + _SENDER_NAMED_WITHIN])
            found = self._at_declared_end(buffer, match, end, policy)
        if found is not None and found.end < size:
            return found
        self._credit = credit
        if found is None:
            self._endless = self._offset + position
        return None

    def _policy_of(self, segment: bytes) -> Policy:
        if self._policy_for is not None:
            match = _MN.search(segment, 0, _SENDER_NAMED_WITHIN)
            if match is not None:
                return self._policy_for(match[1].decode("ascii")) or self._policy
        return self._policy

    def _fast(
        self, buffer: bytes, position: int, size: int, final: bool
    ) -> tuple[int, Message | None, Refusal | None] | None:
        """The frame at ``position`` when its length and check hold and nothing is unusual; else None."""
        digits = buffer[position + 2 : position + 6]
        if not (digits.isdigit() and len(digits) == 4 and buffer.startswith(b"##", position)):
            return None
        end = position + 6 + int(digits)
        if end + 4 > size or end == position + 6:
            return None
        segment = buffer[position + 6 : end]
        if checksum.TEXTS[checksum.state(segment)] != buffer[end : end + 4]:
            return None
        policy = self._policy
        if self._policy_for is not None:
            policy = self._policy_of(segment)
        if policy.sm4_key is not None or len(segment) > policy.maximum_segment:
            return None
        if buffer.startswith(b"\r\n", end + 4):
            after = end + 6
            if after == size:
                if not (self._eager or final):
                    return None
                message = read_segment(segment, policy)
                return (after, message, None) if isinstance(message, Message) else None
            if buffer[after] not in b"\r\n":
                message = read_segment(segment, policy)
                return (after, message, None) if isinstance(message, Message) else None
        return None

    def _resolve(
        self, buffer: bytes, position: int, size: int, match: re.Match[bytes], final: bool
    ) -> _Found | None:
        """What stands at ``position`` when it looks like the beginning of a frame; None to wait for more bytes."""
        start = match.end(1)
        declared = int(match[1])
        end = start + declared
        policy = self._policy_of(buffer[start : start + _SENDER_NAMED_WITHIN])
        if not final and size < end + 4:
            if declared > policy.maximum_segment:
                return self._refuse(buffer, position, start, end, size, policy)
            if "length_wrong" in policy.accept:
                return self._by_closing(buffer, position, start, end, size, policy)
            return None
        if size >= end + 3:
            outcome = self._at_declared_end(buffer, match, end, policy)
            if outcome is not None:
                return outcome
        if not final and self._unsettled(buffer, position, end, size):
            return None
        outcome = self._text_form(buffer, start, end, size, policy)
        if outcome is None:
            outcome = self._by_closing(buffer, position, start, end, size, policy)
        if outcome is None:
            outcome = self._refuse(buffer, position, start, end, size, policy)
        return outcome

    def _unsettled(self, buffer: bytes, position: int, end: int, size: int) -> bool:
        """Whether the true end of a frame with a wrong length may still be on its way."""
        return (
            size < position + _LONGEST_FRAME
            and buffer.find(b"\n", min(end, size)) < 0
            and _CANDIDATE.search(buffer, position + 2) is None
        )

    def _at_declared_end(
        self, buffer: bytes, match: re.Match[bytes], end: int, policy: Policy
    ) -> _Found | None:
        """Decode with the declared length; None when the check does not hold in any known way."""
        segment = buffer[match.end(1) : end]
        received = buffer[end : end + 4]
        if not segment or len(segment) > policy.maximum_segment:
            return None
        noted: list[Deviation] = []
        if len(match[1]) == 3:
            noted.append(Deviation("length_three_digits", match[1].decode("ascii")))
        plain, encrypted, problem = self._checked(segment, received, policy)
        check_end = end + 4
        if plain is None:
            expected = checksum.check_text(segment)
            three = _THREE_DIGITS.match(buffer, end)
            if three is not None and expected == b"0" + three[0].upper():
                problem, plain, check_end = "check_three_digits", segment, end + 3
            else:
                return None
        if problem:
            noted.append(Deviation(problem, received.decode("ascii", "replace").rstrip()))
        return _build(buffer, plain, encrypted, check_end, noted, policy)

    def _checked(self, segment: bytes, received: bytes, policy: Policy) -> tuple[bytes | None, str, str]:
        """(plain segment or None when the check fails, form of encryption, code of a check variant or "")."""
        if _HEXADECIMAL.fullmatch(received) is None:
            return None, "", ""
        upper = received.upper()
        lower_case = "" if upper == received else "check_lower_case"
        holds = checksum.check_text(segment) == upper
        if policy.sm4_key is not None:
            place = data_area(segment)
            if not (holds and place is not None and looks_plain(segment[place[0] : place[1]])):
                plain = decrypted(segment, policy.sm4_key)
                if plain is not None and checksum.check_text(plain) == upper:
                    inner = data_area(plain)
                    if inner is not None and looks_plain(plain[inner[0] : inner[1]]):
                        return plain, "raw", lower_case
        if holds:
            return segment, "", lower_case
        if segment.endswith(b"&&") and self._credit >= len(segment):
            self._credit -= len(segment)
            code = variant(segment, received)
            if code is not None:
                return segment, "", code
        return None, "", ""

    def _text_form(self, buffer: bytes, start: int, end: int, size: int, policy: Policy) -> _Found | None:
        """A frame whose ciphertext is written as text, so that the declared length is that of the raw bytes."""
        opening = buffer.find(_TEXT_FORM_OPENING, start, start + _TEXT_FORM_BEGINS_WITHIN)
        # ``CP=`` may end the header of the next frame.
        if opening < 0 or _CANDIDATE.search(buffer, start, opening + 3) is not None:
            return None
        closing = cipher.text_form_end(buffer[: start + _LONGEST_TEXT_FORM], opening)
        if closing < 0 or size < closing + 4:
            return None
        segment = from_text_form(buffer[start:closing])
        received = buffer[closing : closing + 4]
        if segment is None or _HEXADECIMAL.fullmatch(received) is None:
            return None
        fields = readable(segment)
        if policy.sm4_key is None:
            after, _ = _terminated(buffer, closing + 4)
            return _Found(after, None, Refusal("sm4_key_missing", "{0x…}", fields))
        plain, encrypted, problem = self._checked(segment, received, policy)
        if plain is None or encrypted != "raw":
            return None
        noted = [Deviation("sm4_text_form", "")]
        if problem:
            noted.append(Deviation(problem, received.decode("ascii")))
        if end - start not in (len(segment), closing - start):
            noted.append(Deviation("length_wrong", f"{end - start} != {len(segment)}"))
        return _build(buffer, plain, "text", closing + 4, noted, policy)

    def _by_closing(
        self, buffer: bytes, position: int, start: int, end: int, size: int, policy: Policy
    ) -> _Found | None:
        """A frame with a wrong length whose end is recognised by ``&&``, four digits and a valid check."""
        following = _CANDIDATE.search(buffer, position + 2)
        limit = min(size, start + policy.maximum_segment + 6, following.start() if following else size)
        for tried, closing in enumerate(_CLOSING.finditer(buffer, start, limit)):
            if tried >= _CLOSINGS_TRIED:
                break
            true_end = closing.start() + 2
            if true_end == end:
                continue
            segment = buffer[start:true_end]
            upper = closing[1].upper()
            if checksum.check_text(segment) != upper:
                continue
            noted = [Deviation("length_wrong", f"{end - start} != {len(segment)}")]
            if upper != closing[1]:
                noted.append(Deviation("check_lower_case", closing[1].decode("ascii")))
            found = _build(buffer, segment, "", true_end + 4, noted, policy)
            if found.refusal is None or found.refusal.code == "length_wrong":
                return found
        return None

    def _refuse(
        self, buffer: bytes, position: int, start: int, end: int, size: int, policy: Policy
    ) -> _Found:
        """Name what is wrong with a beginning of a frame that leads nowhere, and how far it reaches."""
        following = _CANDIDATE.search(buffer, position + 2)
        next_frame = following.start() if following else size
        declared = end - start

        def refused(reach: int, code: str, detail: str) -> _Found:
            # What the next frame says in its header is not said by this one.
            return _Found(
                reach, None, Refusal(code, detail, readable(buffer[start : min(reach, start + 512)]))
            )

        if declared > policy.maximum_segment:
            newline = buffer.find(b"\n", start, next_frame)
            return refused(newline + 1 if newline >= 0 else next_frame, "length_over_limit", f"{declared}")
        if following is not None and next_frame < end + 4:
            return refused(next_frame, "interrupted", f"{next_frame - start} < {declared}")
        if size < end + 4:
            newline = buffer.find(b"\n", start)
            reach = newline + 1 if newline >= 0 and not _in_ciphertext(buffer, start, newline) else size
            return refused(reach, "incomplete", f"{reach - start} < {declared}")
        received = buffer[end : end + 4]
        if _HEXADECIMAL.fullmatch(received) is not None:
            match = _TERMINATOR.match(buffer, end + 4)
            reach = end + 4 if match is None else match.end()
            expected = checksum.check_text(buffer[start:end]).decode("ascii")
            text = received.decode("ascii")
            detail = f"{text} != {expected}"
            if received.upper() not in checksum.POSSIBLE_TEXTS:
                # The check has 256 possible values; another one proves a wrong algorithm at the sender.
                detail += "; not a value of this check"
            place = data_area(buffer[start:end])
            unreadable = place is not None and not looks_plain(buffer[start + place[0] : start + place[1]])
            code = "sm4_key_missing" if unreadable and policy.sm4_key is None else "check_wrong"
            return refused(reach, code, detail)
        newline = buffer.find(b"\n", start, next_frame)
        reach = newline + 1 if newline >= 0 else next_frame
        closing = _CLOSING.search(buffer, start, reach)
        if closing is not None and closing.end() >= reach - 2:
            actual = closing.start() + 2 - start
            detail = f"{closing[1].decode('ascii')}; length {declared} != {actual}"
            return refused(reach, "check_wrong", detail)
        return refused(reach, "check_malformed", received.decode("ascii", "backslashreplace"))

    def _noise(self, buffer: bytes, position: int, size: int, final: bool) -> _Found | None:
        following = _CANDIDATE.search(buffer, position)
        if following is not None:
            end = following.start()
        elif final and _PARTIAL.fullmatch(buffer, position) is not None:
            # The input ends within the first bytes of what may have been a frame.
            return _Found(size, None, Refusal("incomplete", f"{size - position} bytes", {}))
        else:
            end = size
            if not final:
                hash_at = buffer.find(b"#", max(position, size - _LONGEST_PARTIAL))
                while hash_at >= 0:
                    if _PARTIAL.fullmatch(buffer, hash_at) is not None:
                        end = hash_at
                        break
                    hash_at = buffer.find(b"#", hash_at + 1)
        if end == position:
            return None
        end = min(end, position + _NOISE_PIECE)
        piece = buffer[position:end]
        code = "terminator_late" if self._after_frame and not piece.strip(b"\r\n") else "noise"
        return _Found(end, None, Refusal(code, "", {}))


def _terminated(buffer: bytes, end: int) -> tuple[int, tuple[Deviation, ...]]:
    """(end of the stretch, deviations of the terminator)."""
    match = _TERMINATOR.match(buffer, end)
    if match is None:
        return end, (Deviation("terminator_missing", ""),)
    if match[0] != b"\r\n":
        return match.end(), (Deviation("terminator_form", repr(match[0])[2:-1]),)
    return match.end(), ()


def _build(
    buffer: bytes, plain: bytes, encrypted: str, check_end: int, noted: list[Deviation], policy: Policy
) -> _Found:
    """Message or refusal of a settled frame."""
    stretch_end, of_terminator = _terminated(buffer, check_end)
    noted.extend(of_terminator)
    read = read_segment(plain, policy, tuple(noted), encrypted)
    if isinstance(read, Refusal):
        return _Found(stretch_end, None, read)
    for deviation in noted:
        if deviation.code in _SWITCHED and deviation.code not in policy.accept:
            return _Found(stretch_end, None, Refusal(deviation.code, deviation.detail, dict(read.fields)))
    return _Found(stretch_end, read, None)


def _in_ciphertext(buffer: bytes, start: int, newline: int) -> bool:
    """Whether a newline is a byte of an encrypted data area that has not ended: there it ends no line."""
    opening = buffer.find(b"CP=&&", start, newline)
    if opening < 0 or buffer.find(b"&&", opening + 5, newline) >= 0:
        return False
    return not all(looks_plain(b"=" + line.rstrip(b"\r")) for line in buffer[opening + 5 :].split(b"\n"))


_SWITCHED = frozenset(
    {
        "length_wrong",
        "length_three_digits",
        "check_three_digits",
        "check_modbus",
        "check_modbus_swapped",
        "check_swapped",
    }
)


def decode_frame(raw: bytes, policy: Policy = DEFAULT) -> Message | Refusal:
    """Decode the bytes of one stretch, as a framer cut it, with any policy.

    A Refusal when they are no frame by this policy, or more than one.
    """
    framer = Framer(policy)
    stretches = framer.feed(raw)
    if framer.pending:
        stretches += framer.finish()
    if not stretches:
        return Refusal("incomplete", "0", {})
    only = stretches[0]
    if len(stretches) > 1:
        return only.refusal or Refusal("noise", f"{len(stretches)} stretches", {})
    result = only.message or only.refusal
    assert result is not None  # noqa: S101 - exactly one of both is set
    return result
