from __future__ import annotations

import pytest

from gateway.delivery.base import Backoff, Patience, Unreadable
from gateway.delivery.judge import Again, Judge, Park, Stop, Verdict
from gateway.errors import Ambiguous, DeliveryError, Refused, Unreachable

PATIENCE = Patience()
DOWN = Unreachable("nobody listens there")
SILENT = Ambiguous("nobody answered in time")
GARBAGE = Unreadable("its answer is no acknowledgment")


def a_judge(patience: Patience = PATIENCE, chance: float = 0.0) -> Judge:
    return Judge(patience, lambda: chance)


def fail(judge: Judge, error: DeliveryError, entry: int = 1) -> Verdict:
    return judge.verdict(entry, error, judge.epoch)


def test_backoff_doubles_to_a_minute_and_stays_there() -> None:
    delays = [Backoff().delay(n, lambda: 0.0) for n in (1, 2, 3, 4, 5, 6, 7, 8, 10_000)]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_jitter_only_shortens() -> None:
    assert Backoff().delay(7, lambda: 0.999) == pytest.approx(45, rel=0.01)


def test_unreachable_is_tried_for_ever_and_first_thing() -> None:
    judge = a_judge()
    for _ in range(1_000):
        assert fail(judge, DOWN) == Again("nobody listens there", 0.0, doubtful=False)
    assert judge.pause == 60


def test_messages_lost_with_one_connection_are_one_failure() -> None:
    judge = a_judge()
    epoch = judge.epoch
    for entry in range(20):
        judge.verdict(entry, SILENT, epoch)
    assert (judge.failures, judge.pause) == (1, 1.0)


def test_silence_from_everybody_never_parks() -> None:
    judge = a_judge()
    for _ in range(500):
        assert isinstance(fail(judge, SILENT), Again)


def test_silence_lets_another_message_be_tried_after_six() -> None:
    judge = a_judge()
    waits = [verdict.after for _ in range(12) if isinstance(verdict := fail(judge, SILENT), Again)]
    assert waits[:5] == waits[6:11] == [0] * 5
    assert waits[5] > 32.0
    assert waits[11] > 60.0


def test_silence_to_one_message_while_others_are_answered_parks_it() -> None:
    judge = a_judge()
    verdicts = []
    for _ in range(6):
        verdicts.append(fail(judge, SILENT, entry=1))
        judge.delivered(2)
    assert all(isinstance(verdict, Again) for verdict in verdicts[:-1])
    assert isinstance(verdicts[-1], Park)
    assert "while others were answered" in verdicts[-1].reason


def test_hold_when_doubtful_parks_at_once() -> None:
    verdict = fail(a_judge(Patience(hold_when_doubtful=True)), SILENT)
    assert isinstance(verdict, Park)


def test_a_refusal_worth_another_try_gets_three_over_five_minutes() -> None:
    judge = a_judge()
    error = Refused("answered AE", again=True)
    waits = [verdict.after for _ in range(3) if isinstance(verdict := fail(judge, error), Again)]
    assert sum(waits) == 300
    assert fail(judge, error) == Park("answered AE")
    assert judge.pause == 0


def test_a_refusal_for_good_parks_at_once_and_leaves_the_destination_up() -> None:
    judge = a_judge()
    fail(judge, DOWN)
    assert fail(judge, Refused("answered AE, error 101")) == Park("answered AE, error 101")
    assert (judge.failures, judge.pause) == (0, 0)


def test_a_refusal_of_everything_stops() -> None:
    assert fail(a_judge(), Refused("answered AR", stop=True)) == Stop("answered AR")


def test_unreadable_answers_are_bounded() -> None:
    judge = a_judge()
    verdicts = [fail(judge, GARBAGE) for _ in range(5)]
    assert all(isinstance(v, Again) and v.doubtful for v in verdicts[:4])
    assert isinstance(verdicts[4], Park)


def test_unreadable_answers_to_three_messages_in_a_row_stop() -> None:
    judge = a_judge()
    ends = [[fail(judge, GARBAGE, entry) for _ in range(5)][-1] for entry in (1, 2, 3)]
    assert [type(end) for end in ends] == [Park, Park, Stop]


def test_a_good_answer_in_between_starts_the_row_again() -> None:
    judge = a_judge()
    for entry in (1, 2, 4, 5):
        assert isinstance([fail(judge, GARBAGE, entry) for _ in range(5)][-1], Park)
        if entry == 2:
            judge.delivered(3)


def test_only_a_delivery_makes_a_destination_well_that_failed_to_deliver() -> None:
    judge = a_judge()
    judge.unreachable()
    assert judge.opened()
    fail(judge, SILENT)
    assert not judge.opened()
    judge.delivered(1)
    assert judge.opened()


def test_nothing_is_remembered_of_what_was_delivered() -> None:
    judge = a_judge()
    for entry in range(1_000):
        fail(judge, SILENT, entry)
        judge.delivered(entry)
    assert not judge._histories


def test_resuming_forgets_the_past() -> None:
    judge = a_judge()
    for _ in range(4):
        fail(judge, GARBAGE)
    judge.resumed()
    assert judge.pause == 0
    assert isinstance(fail(judge, GARBAGE), Again)
