import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.hj212.building import BODIES, HEAD, MN, frame, framed, only, segment, stretches

from qingjian.hj212 import checksum, cipher, records
from qingjian.hj212.decoder import Framer, decode_frame
from qingjian.hj212.encoder import encrypted_frame
from qingjian.hj212.message import Message, Stretch
from qingjian.hj212.model import Refusal
from qingjian.hj212.policy import Policy

KEY = b"0" * 16


def wrong_algorithm(body: bytes) -> bytes:
    """A frame whose check is that of Modbus."""
    return framed(body, check=b"%04X" % checksum.modbus(body))


def said(found: list[Stretch]) -> list[tuple[int, bytes, Refusal | None]]:
    return [(stretch.offset, stretch.raw, stretch.refusal) for stretch in found]


PIECES = st.one_of(
    st.sampled_from(BODIES).map(framed),
    st.binary(max_size=40),
    st.sampled_from([b"##", b"##0100QN=", b"\r\n", b"##9999QN=1;", b"#", frame()[:60], frame()[10:], framed(segment(), check=b"1C80")]),
    st.sampled_from([framed(segment(), length="0020"), framed(segment(), length="0400"), framed(segment(), terminator=b"")]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=8), st.data())
def test_stretches_partition_the_input_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    policy = data.draw(
        st.sampled_from(
            [
                Policy(),
                Policy(maximum_segment=120),
                Policy(accept=frozenset({"length_wrong"})),
                Policy(sm4_key=KEY),
            ]
        )
    )
    whole = stretches(stream, policy)
    assert b"".join(stretch.raw for stretch in whole) == stream
    at = 0
    for stretch in whole:
        assert stretch.offset == at
        assert (stretch.message is None) != (stretch.refusal is None)
        at += stretch.length
    assert said(stretches(stream, policy, cuts=cuts)) == said(whole)
    eager = stretches(stream, policy, cuts=cuts, eager=True)
    assert b"".join(stretch.raw for stretch in eager) == stream


PERIOD = b"##0995QN=&&1234"
"""Repeated, each is a frame of 995 bytes whose end looks like one: the dearest input to diagnose."""
LONG_BODY = segment(cp="DataTime=20160801085857;" + ";".join(f"w{n:05d}-Rtd=1.5" for n in range(60)))
TEXT_FORM = encrypted_frame(segment(HEAD.replace("Flag=5", "Flag=9")), KEY, "text")
"""Ciphertext written as text: its end is looked for behind the declared one."""
LONG_PIECES = st.one_of(
    PIECES,
    st.sampled_from([TEXT_FORM, TEXT_FORM[:-30], TEXT_FORM[:200], b"##0300QN=1;##0040CP=&&{0x41,", b"}&&", b"}12&&AB&&1C80"]),
    st.integers(1, 400).map(lambda times: PERIOD * times),
    st.integers(1, 12_000).map(lambda size: b"x" * size),
    st.integers(1, 6_000).map(lambda size: b"##9999QN=1;" + b"y" * size),
    st.integers(1, 3_000).map(lambda size: b"##9000QN=1;CP=&&{0x" + b"41,0x" * size),
    st.sampled_from([wrong_algorithm(body) for body in (*BODIES, LONG_BODY)]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(LONG_PIECES, min_size=1, max_size=8),
    st.data(),
    st.sampled_from(
        [
            Policy(),
            Policy(sm4_key=KEY),
            Policy(maximum_segment=120),
            Policy(accept=frozenset({"check_modbus"})),
        ]
    ),
)
def test_records_are_a_function_of_the_bytes_alone(
    pieces: list[bytes], data: st.DataObject, policy: Policy
) -> None:
    stream = b"".join(pieces)
    cuts = sorted({0, *data.draw(st.lists(st.integers(0, len(stream)), max_size=30)), len(stream)})
    chunks = [stream[start:end] for start, end in pairwise(cuts)]
    assert list(records.decode_lines(chunks, policy)) == list(records.decode_lines(stream, policy))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(LONG_PIECES, st.just(framed(BODIES[5]))), min_size=1, max_size=6), st.data())
def test_the_policy_of_a_sender_does_not_depend_on_how_bytes_are_cut(
    pieces: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=30).map(sorted))

    def cut_at(places: list[int]) -> list[tuple[int, bytes, Refusal | None]]:
        framer = Framer(eager=False, policy_for={MN: Policy(sm4_key=KEY)}.get)
        pieces = [stream[start:end] for start, end in pairwise([0, *places, len(stream)])]
        return said([stretch for piece in pieces for stretch in framer.feed(piece)] + framer.finish())

    assert cut_at(cuts) == cut_at([])


@pytest.mark.parametrize("size", [1, 7, 13, 4096])
def test_hostile_bytes_read_in_small_pieces_are_refused_for_the_same_reason(size: int) -> None:
    """What a search for known wrong algorithms may cost is earned by bytes settled, not by bytes read."""
    stream = b"".join(
        [frame(), PERIOD * 160, wrong_algorithm(LONG_BODY), b"noise" * 4000, PERIOD * 150, frame()]
    )
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
    whole = list(records.decode_lines(stream))
    assert list(records.decode_lines(chunks)) == whole
    assert [record["status"] for record in whole[:: len(whole) - 1]] == ["ok", "ok"]


def test_a_file_holds_no_more_than_the_longest_frame() -> None:
    for opening, most in ((b"##9999QN=1;", 10_100), (b"##9999QN=1;CP=&&{0x", 60_200)):
        framer = Framer(eager=False)
        for piece in [opening] + [b"41,0x" * 20] * 2_000:
            framer.feed(piece)
            assert framer.pending <= most


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    for stretch in stretches(data) + stretches(b"##0100QN=" + data) + [Stretch(0, b"", None, None)]:
        if stretch.message is not None:
            assert stretch.message.deviations is not None
            assert stretch.message.items is not None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=900))
def test_arbitrary_data_areas_never_raise_and_stay_exact(cp: bytes) -> None:
    body = HEAD.encode() + b"CP=&&" + cp + b"&&"
    result = decode_frame(framed(body))
    assert isinstance(result, Message)
    assert result.cp == cp
    assert len(result.items) + len(result.data.shape.parameter_indices) == len(result.data.shape.names)


def test_held_bytes_are_bounded() -> None:
    framer = Framer()
    source = random.Random(1)
    for _ in range(300):
        framer.feed(b"##9999QN=" + source.randbytes(200))
        assert framer.pending <= 6 + 9999 + 4 + 300
    framer = Framer()
    for _ in range(50):
        framer.feed(source.randbytes(65536))
        assert framer.pending <= 11_000


def test_many_beginnings_of_frames_are_refused_in_reasonable_time() -> None:
    stream = b"##9999QN=" * 3000 + b"##0999QN=&&1C80\r\n" * 1000
    found = stretches(stream)
    assert b"".join(stretch.raw for stretch in found) == stream
    assert all(stretch.message is None for stretch in found)


def test_a_frame_is_released_as_soon_as_its_check_is_there() -> None:
    framer = Framer()
    assert framer.feed(frame()[:-2])[0].message is not None
    (late,) = framer.feed(b"\r\n")
    assert late.refusal is not None
    assert late.refusal.code == "terminator_late"
    assert framer.feed(frame())[0].message is not None


def test_interleaved_frames() -> None:
    good, broken = frame(), frame()[:90]
    found = stretches(broken + good + good)
    assert [stretch.raw for stretch in found] == [broken, good, good]
    assert found[0].refusal is not None
    assert found[0].refusal.code == "interrupted"


def test_a_frame_inside_log_text_belongs_to_the_log() -> None:
    inner = frame().rstrip(b"\r\n").decode()
    outer = framed(segment(HEAD.replace("2011", "3020"), f"DataTime=20160801085857;i11001-Info=//{inner}//"))
    (stretch,) = stretches(outer)
    assert stretch.message is not None
    assert stretch.message.cn == "3020"


def test_a_length_over_the_limit_is_refused_at_once() -> None:
    framer = Framer(Policy(maximum_segment=200))
    (first, second) = framer.feed(b"##0300QN=20160801085857223;ST=32;\r\n" + frame())
    assert first.refusal is not None
    assert first.refusal.code == "length_over_limit"
    assert second.message is not None


def test_resynchronises_only_on_check_and_header_grammar() -> None:
    nonsense = b"QN=1;hello world"
    checked = b"##%04d%s%s\r\n" % (len(nonsense), nonsense, checksum.check_text(nonsense))
    found = stretches(b"\x01\x02" + checked + frame())
    assert [stretch.message is not None for stretch in found] == [False, False, True]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (HEAD.replace("CN=2011;", ""), "cn_form"),
        (HEAD.replace("CN=2011", "CN=20x1"), "cn_form"),
        (HEAD.replace("Flag=5", "Flag=256"), "flag_form"),
        (HEAD.replace("Flag=5", "Flag=x"), "flag_form"),
        (HEAD.replace("ST=32", "ST=?"), "header_grammar"),
        (HEAD.replace("PW=123456", "PW=12\x003456"), "header_grammar"),
        (HEAD.replace("PW=123456", "PW"), "header_grammar"),
    ],
)
def test_broken_headers_are_refused(head: str, code: str) -> None:
    stretch = only(frame(head))
    assert stretch.refusal is not None
    assert stretch.refusal.code == code


def test_missing_data_area_is_refused() -> None:
    stretch = only(framed(HEAD.encode()))
    assert stretch.refusal is not None
    assert stretch.refusal.code == "cp_missing"


def test_a_value_the_check_cannot_have_is_diagnosed() -> None:
    refusal = only(framed(segment(), check=b"1234")).refusal
    assert refusal is not None
    assert refusal.code == "check_wrong"
    assert "not a value of this check" in refusal.detail


class TestEncryption:
    body = segment(HEAD.replace("Flag=5", "Flag=9"))
    wire = framed(body).replace(b"DataTime=2016080", b"\x00" * 16)

    def encrypted(self, form: str = "raw") -> bytes:
        inner = self.body[self.body.index(b"&&") + 2 : -2]
        ciphertext = cipher.encrypt(KEY, inner)
        shown = cipher.text_form(ciphertext) if form == "text" else ciphertext
        return framed(self.body).replace(inner, shown)

    def test_raw(self) -> None:
        message = only(self.encrypted(), Policy(sm4_key=KEY)).message
        assert message is not None
        assert message.encrypted == "raw"
        assert message.deviations == ()
        assert message.items[0].value == "7.1"

    def test_text_form_is_tolerated(self) -> None:
        message = only(self.encrypted("text"), Policy(sm4_key=KEY)).message
        assert message is not None
        assert message.encrypted == "text"
        assert [deviation.code for deviation in message.deviations] == ["sm4_text_form"]

    @pytest.mark.parametrize("form", ["raw", "text"])
    def test_without_a_key(self, form: str) -> None:
        stretch = only(self.encrypted(form))
        assert stretch.refusal is not None
        assert stretch.refusal.code == "sm4_key_missing"
        assert stretch.refusal.fields["MN"] == MN

    def test_with_another_key(self) -> None:
        assert only(self.encrypted(), Policy(sm4_key=b"1" * 16)).message is None

    def test_a_plain_frame_of_a_device_with_a_key(self) -> None:
        message = only(framed(self.body), Policy(sm4_key=KEY)).message
        assert message is not None
        assert message.encrypted == ""

    def test_the_key_is_found_by_mn(self) -> None:
        framer = Framer(policy_for={MN: Policy(sm4_key=KEY)}.get)
        (stretch,) = framer.feed(self.encrypted())
        assert stretch.message is not None

    @given(st.binary(max_size=100))
    def test_cipher_is_its_own_inverse(self, data: bytes) -> None:
        ciphertext = cipher.encrypt(KEY, data)
        assert len(ciphertext) == len(data)
        assert cipher.decrypt(KEY, ciphertext) == data
        if len(data) >= 16:
            assert cipher.from_text_form(cipher.text_form(ciphertext)) == ciphertext

    def test_published_block(self) -> None:
        """GB/T 32907-2016 appendix A, example 1: key and plain text 0123456789abcdeffedcba9876543210."""
        block = bytes.fromhex("0123456789abcdeffedcba9876543210")
        assert cipher.encrypt(block, block).hex() == "681edf34d206965e86b3e94f536e4246"


def test_decode_frame_agrees_with_the_framer() -> None:
    for body in BODIES:
        raw = framed(body)
        result = decode_frame(raw)
        framed_message = only(raw).message
        assert isinstance(result, Message)
        assert framed_message is not None
        assert result.fields == framed_message.fields
    assert isinstance(decode_frame(b""), Refusal)
    assert isinstance(decode_frame(frame() + frame()), Refusal)


def test_header_of_a_message() -> None:
    message = only(frame(HEAD.replace("Flag=5;", "Flag=7;PNUM=3;PNO=2;"))).message
    assert message is not None
    assert (message.qn, message.st, message.cn, message.pw, message.mn) == (
        "20160801085857223",
        "32",
        "2011",
        "123456",
        MN,
    )
    assert (message.flag, message.need_answer) == (7, True)
    assert (message.pnum, message.pno, message.rf, message.edition) == (3, 2, False, "2017")
    assert list(message.fields) == ["QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO"]
    backfill = only(frame(HEAD.replace("Flag=5;", "Flag=9;RF=1;"))).message
    assert backfill is not None
    assert backfill.rf
    assert backfill.deviations == ()


def test_a_half_frame_of_ciphertext_is_one_incomplete_stretch() -> None:
    """A byte 0x0A of the ciphertext ends no line."""
    with_newline = 0
    for number in range(60):
        cp = f"DataTime=20260301000000;a21026-Avg={number}.5,a21026-Flag=N;a34004-Avg=1{number}"
        half = encrypted_frame(segment(HEAD.replace("Flag=5", "Flag=9"), cp), KEY)[:-9]
        with_newline += b"\n" in half
        for policy in (Policy(), Policy(sm4_key=KEY)):
            (stretch,) = stretches(half, policy)
            assert stretch.refusal is not None
            assert stretch.refusal.code == "incomplete"
    assert with_newline
    broken = frame()[:60] + b"\r\nGET / HTTP/1.1\r\n"
    assert [one.refusal.code for one in stretches(broken) if one.refusal] == ["incomplete", "noise"]


def test_a_refusal_tells_nothing_of_the_next_frames_header() -> None:
    half = HEAD.partition("MN=")[0].encode()
    for first in (b"##0200" + half, framed(half + b"CP=&&&&", check=b"0000")):
        refused = stretches(first + frame())[0].refusal
        assert refused is not None
        assert refused.fields.get("CN") == "2011"
        assert "MN" not in refused.fields
