from datetime import UTC, datetime, timedelta

from tests.hj212.building import HEAD, MN, frame, only

from qingjian.hj212.message import Message
from qingjian.hj212.reassembly import Dropped, Key, Reassembler

NOW = datetime(2026, 8, 1, tzinfo=UTC)
TEXTS = ["DataTime=20160801085857;w01001-Rtd=7.1,w01001-Fl", "ag=N;w01018-Rtd=1", "2.5,w01018-Flag=N"]


def part(cp: str, pnum: int, pno: int, cn: str = "2011") -> Message:
    message = only(
        frame(HEAD.replace("Flag=5;", f"Flag=7;PNUM={pnum};PNO={pno};").replace("2011", cn), cp)
    ).message
    assert message is not None
    return message


def test_whole_messages_pass() -> None:
    message = only(frame()).message
    assert message is not None
    outcome = Reassembler().add(message, NOW)
    assert [whole.messages for whole in outcome.wholes] == [(message,)]
    assert outcome.wholes[0].complete


def test_texts_are_joined_in_any_order() -> None:
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        together = Reassembler()
        wholes = []
        for place in order:
            outcome = together.add(part(TEXTS[place], 3, place + 1), NOW)
            wholes += outcome.wholes
            assert outcome.dropped == []
        (whole,) = wholes
        assert whole.data.factors() == {
            "w01001": {"Rtd": "7.1", "Flag": "N"},
            "w01018": {"Rtd": "12.5", "Flag": "N"},
        }
        assert [message.pno for message in whole.messages] == [1, 2, 3]
        assert together.open == 0


def test_packets_that_stand_alone() -> None:
    together = Reassembler()
    first = part("DataTime=20160801085857;w01001-Rtd=7.1", 2, 1)
    second = part("DataTime=20160801085857;w01018-Rtd=8", 2, 2)
    assert together.add(first, NOW).wholes == []
    assert [whole.messages for whole in together.add(second, NOW).wholes] == [(first,), (second,)]


def test_a_first_packet_without_followers_is_settled_by_the_timeout() -> None:
    together = Reassembler(timeout=timedelta(seconds=30))
    first = part("DataTime=20160801085857;w01001-Rtd=7.1", 2, 1)
    together.add(first, NOW)
    assert together.expire(NOW + timedelta(seconds=30)).wholes == []
    (whole,) = together.expire(NOW + timedelta(seconds=31)).wholes
    assert whole.messages == (first,)
    assert not whole.complete


def test_pieces_without_their_first_are_dropped() -> None:
    together = Reassembler(timeout=timedelta(seconds=30))
    late = part(TEXTS[1], 3, 2)
    together.add(late, NOW)
    outcome = together.expire(NOW + timedelta(minutes=1))
    assert outcome.dropped == [Dropped(Key(MN, "2011", 3), (late,), "timeout")]


def test_resent_pieces_count_once_and_changed_ones_replace() -> None:
    together = Reassembler()
    first, second = part(TEXTS[0], 3, 1), part(TEXTS[1], 3, 2)
    for message in (first, first, second, second):
        assert together.add(message, NOW).dropped == []
    changed = part(TEXTS[1].replace("1", "4"), 3, 2)
    outcome = together.add(changed, NOW)
    assert outcome.dropped == [Dropped(Key(MN, "2011", 3), (first, second), "replaced")]
    assert together.open == 1


def test_memory_is_bounded() -> None:
    together = Reassembler(maximum_open=3, maximum_bytes=100)
    for pnum in range(2, 12):
        together.add(part(TEXTS[1], pnum + 1, 2), NOW + timedelta(seconds=pnum))
        assert together.open <= 3
    together = Reassembler(maximum_bytes=30)
    together.add(part(TEXTS[1], 3, 2), NOW)
    outcome = together.add(part(TEXTS[2], 3, 3), NOW)
    assert outcome.dropped[0].reason == "crowded"
    assert together.open == 0


def test_impossible_numbers_pass_as_they_are() -> None:
    for pnum, pno in ((1, 1), (2, 3), (2, 0)):
        outcome = Reassembler().add(part(TEXTS[0], pnum, pno), NOW)
        assert len(outcome.wholes) == 1


def test_a_first_packet_sent_again_after_a_sibling_that_stood_alone_stands_alone() -> None:
    """It arrived damaged the first time, or its answer was lost."""
    together = Reassembler(remember=timedelta(minutes=10))
    first = part("DataTime=20160801085857;w01001-Rtd=7.1", 2, 1)
    together.add(part("DataTime=20160801085857;w01018-Rtd=8", 2, 2), NOW)
    (whole,) = together.add(first, NOW + timedelta(minutes=10)).wholes
    assert (whole.messages, whole.complete, together.open) == ((first,), True, 0)
    other_time = part("DataTime=20160801085858;w01001-Rtd=7.1", 2, 1)
    assert together.add(other_time, NOW + timedelta(minutes=10)).wholes == []
    (given_up,) = together.add(part(first.cp.decode(), 2, 1), NOW + timedelta(minutes=11)).wholes
    assert given_up.messages == (other_time,)  # and the memory has passed: the first one waits
    assert together.open == 1


def test_what_stood_alone_is_remembered_within_bounds() -> None:
    together = Reassembler(maximum_alone=3)
    for second in range(10, 20):
        together.add(part(f"DataTime=201608010858{second};w01018-Rtd=8", 2, 2), NOW)
    assert [kin.datatime[-2:] for kin in together.stood_alone()] == [b"17", b"18", b"19"]
    together.expire(NOW + timedelta(hours=1))
    assert not together.stood_alone()


def test_a_first_packet_replaced_by_the_next_first_packet_may_be_cut_off() -> None:
    """Nothing shows that it stands alone: its follower was lost."""
    together = Reassembler()
    first = part("DataTime=20160801085857;w01001-Rtd=7.1", 2, 1)
    together.add(first, NOW)
    (whole,) = together.add(part("DataTime=20160801085957;w01001-Rtd=7.2", 2, 1), NOW).wholes
    assert (whole.messages, whole.complete, whole.reason) == ((first,), False, "replaced")
