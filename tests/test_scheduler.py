"""Successive halving as a function of how far the trainings have come."""

import re

import pytest

from sweep.errors import Misuse
from sweep.search.scheduler import Stage, Standing, scheduler_of


class Ladder:
    """A sweep by numbers: the value of a trial decides, and rises by nothing."""

    def __init__(self, text, epochs, values):
        self.scheduler, self.epochs = scheduler_of(text, epochs), epochs
        self.values, self.standings, self.decided = values, {}, []

    def train(self, number, until):
        self.decided.append((number, until))
        reached = self.epochs if until is None else until
        stage = Stage.OVER if until is None else Stage.PAUSED
        ranks = [-self.values[number]] * reached
        self.standings[number] = Standing(number, self.epochs, until or 0, ranks, stage)

    def run(self):
        """Train one after the other, as one worker does, and return what was decided."""
        while True:
            begun = len(self.standings)
            is_last = begun == len(self.values)
            best = self.scheduler.next_to_resume(self.standings.values(), begun, is_last)
            if best:
                until = self.scheduler.until(best.number, self.epochs, best.reached)
                self.train(best.number, until)
            elif not is_last:
                self.train(begun, self.scheduler.until(begun, self.epochs))
            else:
                return self.decided


def test_asynchronous_halving_takes_the_best_third_of_a_rung_further_at_once():
    decided = Ladder("asha:eta=3", 9, [0.1, 0.5, 0.2, 0.9, 0.3, 0.8, 0.7, 0.6, 0.4]).run()
    assert decided == [
        *((0, 1), (1, 1), (2, 1), (1, 3)),
        *((3, 1), (3, 3)),  # the best of four, of which one may go on
        *((4, 1), (5, 1), (5, 3), (3, None)),  # of three with three epochs, one goes to the end
        *((6, 1), (7, 1), (8, 1), (6, 3)),
    ]


def test_synchronous_halving_waits_for_all_of_a_cohort():
    decided = Ladder("sh:eta=3", 9, [0.1, 0.5, 0.2, 0.9, 0.3, 0.8, 0.7, 0.6, 0.4]).run()
    assert decided == [
        *((number, 1) for number in range(9)),
        *((3, 3), (5, 3), (6, 3), (3, None)),
    ]


def test_by_default_a_quarter_of_each_rung_goes_on_to_four_times_as_many_epochs():
    scheduler = scheduler_of("asha", 81)
    reached = 0
    rungs = [reached := scheduler.until(0, 81, reached) for _ in range(4)]
    assert rungs == [1, 4, 16, 64]
    assert scheduler.until(0, 81, 64) is None
    decided = Ladder("asha", 9, [0.1, 0.2, 0.3, 0.4]).run()
    assert decided == [(0, 1), (1, 1), (2, 1), (3, 1), (3, 4)]


def test_a_cohort_that_the_sweep_ends_in_is_halved_as_it_is():
    assert Ladder("sh:eta=3", 9, [0.1, 0.5, 0.2, 0.9]).run()[4:] == [(3, 3)]


def test_equal_values_go_by_number():
    assert Ladder("asha:eta=2", 4, [0.5] * 4).run() == [
        *((0, 1), (1, 1), (0, 2), (2, 1), (3, 1), (1, 2), (0, None)),
    ]


def test_brackets_begin_at_higher_rungs_and_are_compared_by_themselves():
    ladder = Ladder("asha:eta=3,brackets=3", 9, [0.1 * number for number in range(17)])
    firsts = [until for number, until in ladder.run() if number < 17][:17]
    untils = [ladder.scheduler.until(number, 9) for number in range(17)]
    # Hyperband's table for 9 epochs and a third: 9, 5 and 3 trainings.
    assert untils == [1] * 9 + [3] * 5 + [None] * 3
    assert firsts[0] == 1


def standing(number, reached, *values, stage=Stage.PAUSED, epochs=9):
    ranks = [-value for value in values]
    return Standing(number, epochs, reached, ranks, stage)


def test_what_has_ended_early_counts_at_the_rung_that_it_was_heading_for():
    asha = scheduler_of("asha:eta=3", 9)
    others = [standing(number, 1, 0.1) for number in (1, 2)]
    stopped = standing(0, 1, 0.9, 0.9, stage=Stage.OVER)
    # It is the best of three, and has ended: nobody goes on in its place.
    assert asha.next_to_resume([stopped, *others], 3, True) is None
    failed = standing(0, 1, 0.9, 0.9, stage=Stage.FAILED)
    assert asha.next_to_resume([failed, *others], 3, True) is None
    more = [standing(3, 1, 0.1)]
    assert asha.next_to_resume([failed, *others, *more], 4, True) == others[0]


def test_who_is_under_way_counts_by_its_latest_pause():
    asha = scheduler_of("asha:eta=3", 9)
    under_way = standing(0, 1, 0.2, stage=Stage.UNDER_WAY)
    two = [standing(1, 1, 0.9), standing(2, 1, 0.1)]
    assert asha.next_to_resume([under_way, *two], 3, False) == two[0]
    best = standing(0, 1, 0.95, stage=Stage.UNDER_WAY)
    assert asha.next_to_resume([best, *two], 3, False) is None


def test_a_cohort_waits_for_what_is_under_way():
    sh = scheduler_of("sh:eta=2", 4)
    two = [standing(number, 1, 0.1 * number, epochs=4) for number in (1, 2, 3)]
    under_way = standing(0, 0, stage=Stage.UNDER_WAY, epochs=4)
    assert sh.next_to_resume([under_way, *two], 4, True) is None
    arrived = standing(0, 1, 0.9, epochs=4)
    assert sh.next_to_resume([arrived, *two], 4, True) == arrived


def test_trainings_of_different_lengths_are_compared_as_long_as_they_last():
    asha = scheduler_of("asha:eta=3", 9)
    short = standing(0, 0, 0.9, stage=Stage.OVER, epochs=1)
    assert asha.until(0, 1) is None
    three = [standing(number, 1, 0.1 * number) for number in (1, 2, 3)]
    assert asha.next_to_resume([short, *three], 4, True) == three[-1]
    sh = scheduler_of("sh:eta=3", 9)
    assert sh.next_to_resume([short, *three], 4, True) == three[-1]


def test_what_has_no_value_is_the_last_of_its_rung():
    asha = scheduler_of("asha:eta=2", 4)
    silent = standing(0, 1, float("-inf"), epochs=4)
    assert asha.next_to_resume([silent, standing(1, 1, 0.1, epochs=4)], 2, True).number == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("asha:eta=1", "eta is 1: give an integer from 2 on"),
        ("asha:eta=2.5", "eta is 2.5: give it as int"),
        ("asha:min_epochs=0", "min_epochs is 0: give an integer from 1 on"),
        ("asha:min_epochs=9", "min_epochs is 9, and a training has 9 epochs"),
        ("sh:eta=3,brackets=4", "a training of 9 epochs has 3 brackets at most"),
        ("asha:rungs=4", "there is no option rungs: asha takes eta, min_epochs, brackets"),
        ("asher", "did you mean asha? it is one of none, asha, sh"),
    ],
)
def test_a_scheduler_that_cannot_be_is_refused_in_a_sentence(text, why):
    with pytest.raises(Misuse, match=re.escape(why)):
        scheduler_of(text, 9)


def test_without_a_scheduler_nothing_is_paused():
    assert scheduler_of("none", 9) is None
