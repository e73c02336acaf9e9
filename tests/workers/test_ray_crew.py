"""How the workers of a pool come and go: by a clock of our own, without Ray."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import pytest

from crawler.job import Job, JobKind
from workers.ray_crew import Crew, CrewLostError
from workers.ray_errands import Errand, Hand, Line
from workers.ray_room import Need, Node


def jobs(number: int) -> list[Job]:
    return [Job(kind=JobKind.EXTRACT, number=one, input="in", output="out", recipe="") for one in range(number)]


@dataclass
class World:
    """A cluster, an agency and a clock. Actors are numbers; what is sent to them is kept."""

    nodes_there: list[Node] = field(default_factory=lambda: [Node("n1", "one", 2.0)])
    head: bool = True
    now: float = 0.0
    address: str = "10.0.0.1:6379"
    sent: list[tuple[int, int, bool]] = field(default_factory=list)  # actor, job, whether again
    recalled: list[Any] = field(default_factory=list)
    dismissed: list[int] = field(default_factory=list)
    _names: Any = field(default_factory=lambda: count(1))

    def clock(self) -> float:
        return self.now

    def nodes(self) -> list[Node]:
        assert self.head, "it would hang"
        return list(self.nodes_there)

    def beats(self) -> bool:
        return self.head

    def hire(self) -> int:
        return int(next(self._names))

    def greet(self, actor: int) -> object:
        return ("hello", actor, next(self._names))

    def send(self, actor: int, errand: Errand, _node: str) -> object:
        self.sent.append((actor, errand.job.number, errand.again))
        return ("job", actor, errand.job.number, next(self._names))

    def recall(self, ref: object) -> None:
        self.recalled.append(ref)

    def dismiss(self, actor: int) -> None:
        self.dismissed.append(actor)


class Story:
    """A crew in a world, with a line of jobs."""

    def __init__(self, number: int = 100, *, workers: int = 0, world: World | None = None) -> None:
        self.world = world or World()
        self.line = Line(jobs(number))
        self.crew = Crew(self.world, self.world, Need(workers, 1.0), clock=self.world.clock)

    def after(self, seconds: float) -> list[Errand]:
        """Time passes; then the driver looks, and hands out."""
        self.world.now += seconds
        back = self.crew.look(self.line.holds)
        self.line.back(back)
        self.crew.hand_out(self.line)
        return back

    def passes(self, seconds: int) -> None:
        """So much time, in which the driver looks every second."""
        for _ in range(seconds):
            self.after(1)

    def all_come(self, nodes: Iterable[str] = ("n1",) * 9) -> None:
        for hand, node in zip([one for one in self.crew.hands if not one.node], nodes, strict=False):
            self.crew.came(hand, node)
        self.crew.hand_out(self.line)

    def numbers(self) -> list[list[int]]:
        return [[errand.job.number for errand in hand.errands] for hand in self.crew.hands]

    def ends(self, hand: Hand) -> None:
        self.crew.answered(hand, hand.errands[0])
        self.crew.hand_out(self.line)


def test_as_many_are_hired_as_there_is_room_and_work_for() -> None:
    story = Story(number=1)
    story.after(0)
    assert len(story.crew.hands) == 1
    story = Story(number=100)
    story.after(0)
    assert len(story.crew.hands) == 2
    story = Story(number=100, workers=1)
    story.after(0)
    assert len(story.crew.hands) == 1


def test_nobody_is_given_a_job_before_he_has_said_hello_and_then_one_ahead() -> None:
    story = Story()
    story.after(0)
    assert story.numbers() == [[], []]
    assert len(story.crew.refs()) == 2
    story.all_come()
    assert story.numbers() == [[0, 2], [1, 3]]
    story.ends(story.crew.hands[0])
    assert story.numbers() == [[2, 4], [1, 3]]
    assert len(story.crew.refs()) == 4


def test_a_second_job_is_taken_back_for_who_is_idle() -> None:
    story = Story(number=3)
    story.after(0)
    story.all_come()
    assert story.numbers() == [[0, 2], [1]]
    story.crew.call_in(all_of_them=False)
    assert not story.world.recalled
    story.ends(story.crew.hands[1])
    story.crew.call_in(all_of_them=False)
    story.crew.call_in(all_of_them=False)
    assert len(story.world.recalled) == 1


def test_asked_to_stop_all_second_jobs_are_taken_back() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.crew.call_in(all_of_them=True)
    assert [ref[2] for ref in story.world.recalled] == [2, 3]


def test_nodes_that_join_are_used_and_those_that_leave_are_missed() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.world.nodes_there.append(Node("n2", "two", 3.0))
    story.after(5)
    assert len(story.crew.hands) == 5
    story.all_come(["n2"] * 3)
    del story.world.nodes_there[0]
    back = story.after(5)
    assert sorted(one.job.number for one in back) == [0, 1, 2, 3]
    assert {one.job.number: one.losses for one in back} == {0: 1, 1: 1, 2: 0, 3: 0}  # those that were under way
    assert all(one.tries == 0 for one in back)
    assert sorted(story.world.dismissed) == [1, 2]
    assert [hand.node for hand in story.crew.hands] == ["n2"] * 3


def test_who_is_too_many_for_what_is_left_is_let_go() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.world.nodes_there[0] = Node("n1", "one", 1.0)
    back = story.after(5)
    assert len(story.crew.hands) == 1
    assert all(one.losses == 0 and one.again for one in back)


def test_an_unavailable_worker_is_asked_the_same_again_until_it_answers() -> None:
    story = Story(workers=1)
    story.after(0)
    story.all_come()
    (hand,) = story.crew.hands
    story.crew.unavailable(hand, hand.errands[0])
    story.crew.unavailable(hand, hand.errands[1])
    story.after(0.1)
    assert story.world.sent == [(1, 0, False), (1, 1, False)]  # not at once: it would spin
    story.after(2)
    assert story.world.sent[2:] == [(1, 0, True), (1, 1, True)]
    story.ends(hand)
    assert hand.present
    assert story.numbers() == [[1, 2]]


def test_an_unavailable_worker_is_given_up_after_half_a_minute() -> None:
    story = Story(workers=1)
    story.after(0)
    story.all_come()
    back: list[Errand] = []
    for _ in range(20):
        (hand, *_rest) = story.crew.hands
        for errand in hand.errands:
            story.crew.unavailable(hand, errand)
        back = story.after(2)
        if back:
            break
    assert 30 <= story.world.now <= 36
    assert [one.job.number for one in back] == [0, 1]
    assert len(story.crew.hands) == 1  # another one
    assert len(story.world.sent) < 40


def test_a_death_is_told_apart_from_the_loss_of_a_node() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    first, second = story.crew.hands
    errands, with_node = story.crew.died(first)
    assert not with_node
    assert [one.job.number for one in errands] == [0, 2]
    story.world.nodes_there.clear()
    assert story.crew.died(second)[1]


def test_after_actors_that_cannot_be_made_it_waits_longer_and_longer() -> None:
    story = Story(workers=1)
    made = []
    for _ in range(600):
        story.after(1)
        for hand in list(story.crew.hands):
            made.append(story.world.now)
            story.crew.died(hand)
        if len(made) == 8:
            break
    pauses = [later - earlier for earlier, later in pairwise(made)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 3
    assert 60 <= pauses[-1] <= 63


def test_a_head_that_is_lost_ends_the_crew_before_ray_ends_the_process() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.world.head = False
    with pytest.raises(
        CrewLostError, match=r"head of the Ray cluster \(10.0.0.1:6379\) could not be reached for 2\d s"
    ):
        story.passes(60)
    assert story.world.now < 40
    assert story.crew.lost_head


def test_a_head_that_comes_back_in_time_is_forgiven() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    for _ in range(5):
        story.world.head = False
        story.after(15)
        story.world.head = True
        story.after(2)
    assert not story.crew.lost_head
    assert len(story.crew.hands) == 2


def test_without_a_head_nobody_is_to_blame_and_it_is_not_asked() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.world.head = False
    assert story.crew.died(story.crew.hands[0])[1]


def test_a_crew_that_nobody_comes_to_ends_after_five_minutes() -> None:
    story = Story()
    story.after(0)
    story.all_come()
    story.world.nodes_there.clear()
    with pytest.raises(CrewLostError, match="no worker has come"):
        story.passes(400)
    assert 300 <= story.world.now <= 310


def test_who_does_not_come_for_long_is_given_up_for_another() -> None:
    story = Story(workers=1)
    story.crew._patience = 10_000
    for _ in range(160):
        story.after(2)
    assert story.world.dismissed == [1]
    assert len(story.crew.hands) == 1


def test_the_line_takes_no_more_from_the_list_than_is_asked_for() -> None:
    taken = []
    line = Line(taken.append(job.number) or job for job in jobs(9))  # type: ignore[func-returns-value]  # notes it
    assert line.holds(2)
    assert taken == [0, 1]
    first = next(line)
    line.back([first])
    assert next(line) is first
    assert first.again
    assert not Line([]).holds(1)
    assert list(Line([])) == []


def test_a_job_that_ray_calls_cancelled_is_asked_after_before_it_goes_to_somebody_else() -> None:
    story = Story(number=3)
    story.after(0)
    story.all_come()
    hand = story.crew.hands[0]
    errand = hand.errands[1]
    story.crew.call_in(all_of_them=True)
    story.crew.doubt(hand, errand)
    assert story.crew.refs()[errand.ref] == (hand, errand)
    assert story.crew.busy
    story.crew.unavailable(hand, errand)
    assert not errand.doubted  # it will be asked for the job itself again, which does nothing twice
