"""The workers of a pool as they come and go: hired where there is room, given up when they or their nodes are lost.

A hand is one worker actor, from the moment when it is asked for. It is given jobs when it has said hello, at most two:
it begins the second while the driver still looks at the outcome of the first. What Ray makes of a lost node (2.60,
seen): calls fail with `ActorUnavailableError` after 1 to 2 seconds, and again when they are repeated; 12 to 15 seconds
later the node is dead for the head, too, and they fail with `ActorDiedError` at once. So an actor that is unavailable
is asked the same again until it answers, dies, or has been away for too long.

Whoever looks at a cluster whose head is gone hangs; so the head is knocked at before every look.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from workers.ray_errands import Agency, Errand, Hand
from workers.ray_room import Need, Node, Room, room

#: between two looks at the cluster, in seconds
_LOOK = 2.0
#: a head that cannot be reached for so long, in seconds, is lost; Ray itself ends the process after 60
_HEADLESS = 20.0
#: an unavailable actor has so long to come back, in seconds; a dead node is known to be dead after 15
_AWAY = 30.0
#: an actor that has not said hello for so long, in seconds, never will: a start from a slow disk takes minutes
_COMING = 300.0
#: a pool that no worker has been at work in for so long, in seconds, ends
_NOBODY = 300.0
#: longest pause after actors that could not be made, in seconds; the first is one second
_LONGEST_PAUSE = 60.0
#: jobs at an actor: the one that it does, and the next
_AHEAD = 2


class CrewLostError(Exception):
    """Nobody is left to do the jobs; the text says why, for people."""


class Cluster(Protocol):
    """What a crew asks the cluster (`ray_cluster.RayCluster`)."""

    @property
    def address(self) -> str:
        """Of its head."""
        ...

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""
        ...

    def beats(self) -> bool:
        """Whether the head answers."""
        ...


class Crew:
    """The hands of a pool. Looked after by its driver, in one thread; `clock` in seconds."""

    def __init__(
        self,
        cluster: Cluster,
        agency: Agency,
        need: Need,
        *,
        patience: float = _NOBODY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._agency = agency
        self._need = need
        self._patience = max(patience, _NOBODY)
        self._clock = clock
        self.hands: list[Hand] = []
        self.nodes: list[Node] = []
        self._looked_at = float("-inf")
        self._head_heard_at = self._anyone_at = clock()
        self._failed = 0  # actors in a row that could not be made
        self._hire_from = 0.0

    @property
    def lost_head(self) -> bool:
        """Whether the head did not answer when it was last asked: nothing may be asked of it then."""
        return self._head_heard_at < self._looked_at

    def look(self, waiting: Callable[[int], bool]) -> list[Errand]:
        """Now and then: give up who is lost, hire for whom there is room and work; the jobs of those given up.

        `waiting(n)`: whether at least so many jobs are not handed out.

        Raises:
            CrewLostError: the head is lost, or nobody has been at work for too long.
        """
        now = self._clock()
        back: list[Errand] = []
        if now >= self._looked_at + _LOOK:
            self._looked_at = now
            if self._cluster.beats():
                self._head_heard_at = now
                self.nodes = self._cluster.nodes()
                fits = room(self.nodes, self._need)
                back = self._give_up(fits, now)
                self._hire(fits, waiting, now)
            elif now - self._head_heard_at > _HEADLESS:
                raise CrewLostError(f"the head of the Ray cluster ({self._cluster.address}) could not be reached "
                                    f"for {now - self._head_heard_at:.0f} s")  # fmt: skip
            if any(one.node for one in self.hands):
                self._anyone_at = now
            elif now - self._anyone_at > self._patience:
                raise CrewLostError(f"no worker has come to the Ray cluster for {now - self._anyone_at:.0f} s "
                                    f"({len(self.nodes)} nodes are there)")  # fmt: skip
        self._send(now)
        return back

    def hand_out(self, errands: Iterator[Errand]) -> None:
        """Give jobs to who is free, then second ones, as far as they go."""
        for depth in range(_AHEAD):
            for hand in self.hands:
                if hand.present and len(hand.errands) == depth:
                    errand = next(errands, None)
                    if errand is None:
                        break
                    hand.errands.append(errand)
        self._send(self._clock())

    def call_in(self, *, all_of_them: bool) -> None:
        """Take back second jobs that are not begun: as many as hands are idle, or all of them."""
        idle = sum(one.present and not one.errands for one in self.hands)
        for hand in self.hands:
            for errand in hand.errands[1:]:
                if errand.ref is not None and not errand.recalled and (all_of_them or idle > 0):
                    errand.recalled = True
                    self._agency.recall(errand.ref)
                    idle -= 1

    def refs(self) -> dict[Any, tuple[Hand, Errand | None]]:
        """What is waited for: hellos, and outcomes of jobs."""
        found: dict[Any, tuple[Hand, Errand | None]] = {}
        for hand in self.hands:
            if hand.hello is not None:
                found[hand.hello] = hand, None
            for errand in hand.errands:
                if errand.ref is not None:
                    found[errand.ref] = hand, errand
        return found

    def dismiss(self) -> None:
        """End all of them."""
        for hand in self.hands:
            self._agency.dismiss(hand.actor)

    @property
    def busy(self) -> bool:
        """Whether any hand has a job."""
        return any(one.errands for one in self.hands)

    def came(self, hand: Hand, node: str) -> None:
        """It has said hello."""
        hand.hello, hand.node, hand.away_since = None, node, None
        self._failed = 0

    def answered(self, hand: Hand, errand: Errand) -> None:
        """A job has come back."""
        hand.away_since = None
        hand.errands.remove(errand)

    def doubt(self, hand: Hand, errand: Errand) -> None:
        """A job was taken back, says Ray, which says so of one that had just begun as well.

        A worker does one thing after another: when it says hello, the job has ended, or was never begun.
        """
        errand.ref, errand.doubted = self._agency.greet(hand.actor), True

    def unavailable(self, hand: Hand, errand: Errand | None) -> None:
        """It does not answer, for now: it will be asked the same again."""
        now = self._clock()
        hand.away_since = now if hand.away_since is None else hand.away_since
        hand.not_before = now + _LOOK / 2
        if errand is None:
            hand.hello = None
        else:
            errand.ref, errand.again, errand.doubted = None, True, False

    def died(self, hand: Hand) -> tuple[list[Errand], bool]:
        """Its jobs, the one that it did first; and whether its node has gone with it."""
        if not hand.node:
            self._failed += 1
            self._hire_from = self._clock() + min(_LONGEST_PAUSE, 2.0 ** (self._failed - 1))
        # without a head all die, and nobody is to blame
        with_node = not self._cluster.beats() or hand.node not in {one.id for one in self._cluster.nodes()}
        return self._lose(hand), with_node

    def _lose(self, hand: Hand) -> list[Errand]:
        self.hands.remove(hand)
        self._agency.dismiss(hand.actor)
        for errand in hand.errands:
            errand.ref, errand.again, errand.recalled, errand.doubted = None, True, False, False
        return hand.errands

    def _give_up(self, fits: Room, now: float) -> list[Errand]:
        """Who is lost, and who is too many for what is left of the cluster: scorers that come back need their room."""
        alive = {one.id for one in self.nodes}
        back: list[Errand] = []
        for hand in list(self.hands):
            gone = bool(hand.node) and hand.node not in alive
            if gone or (hand.away_since is not None and now - hand.away_since > _AWAY):
                back += _counted(self._lose(hand))
            elif not hand.node and now - hand.since > _COMING:
                back += self.died(hand)[0]
        for hand in self._fewest_jobs_first()[: max(0, len(self.hands) - fits.workers)]:
            back += self._lose(hand)
        return back

    def _fewest_jobs_first(self) -> Sequence[Hand]:
        return sorted(self.hands, key=lambda one: (bool(one.node), len(one.errands)))

    def _hire(self, fits: Room, waiting: Callable[[int], bool], now: float) -> None:
        free = sum(not one.errands for one in self.hands)
        while len(self.hands) < fits.workers and now >= self._hire_from and waiting(free + 1):
            self.hands.append(Hand(self._agency.hire(), now))
            free += 1

    def _send(self, now: float) -> None:
        """Ask who is not asked yet, or has to be asked again."""
        for hand in self.hands:
            if now < hand.not_before:
                continue
            if not hand.node:
                hand.hello = hand.hello if hand.hello is not None else self._agency.greet(hand.actor)
                continue
            for errand in hand.errands:
                if errand.ref is None:
                    errand.ref = self._agency.send(hand.actor, errand, hand.node)
                    errand.again = True


def _counted(errands: Sequence[Errand]) -> Sequence[Errand]:
    """The first of them was under way on a node that was lost."""
    for errand in errands[:1]:
        errand.losses += 1
    return errands
