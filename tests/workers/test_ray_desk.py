"""The desk that the actors of a run share: its protocol without Ray, and then with Ray."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from crawler.courtesy.desk import FileState, SiteFiles
from crawler.errors import DeskLostError
from crawler.settings import Manners
from tests.contract_desk import CONTRACT_MANNERS, GUARD, STORIES, Story, Visits, some_files
from workers.desk_actor import Ask, DeskActor, Leave, decode_calls, encode_wishes
from workers.ray_cluster import joined
from workers.ray_desk import RayDesk, start_desk

pytestmark = pytest.mark.ray  # for its errors, at least
pytest.importorskip("ray")

FREE = Manners(requests_at_once=1, seconds_between_requests=0)


class Handle:
    """An actor's handle without Ray: calls run in this loop. It can die, come back empty, or lose its answers."""

    def __init__(self, manners: Manners, hold_seconds: float = 600.0) -> None:
        self._new = partial(DeskActor, msgspec.json.encode(manners), hold_seconds)
        self.actor: DeskActor = self._new()
        self.dead = False
        self.answers_lost = 0
        self.calls: list[str] = []

    def restart(self) -> None:
        self.actor = self._new()
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        return _Method(self, name)


class _Method:
    def __init__(self, handle: Handle, name: str) -> None:
        self._handle = handle
        self._name = name

    def remote(self, *args: Any) -> Awaitable[Any]:
        return asyncio.ensure_future(self._call(*args))

    async def _call(self, *args: Any) -> Any:
        from ray.exceptions import RayActorError

        handle, actor = self._handle, self._handle.actor
        handle.calls.append(self._name)
        await asyncio.sleep(0)
        if handle.dead:
            raise RayActorError
        answer = await getattr(actor, self._name)(*args)
        if handle.dead or handle.actor is not actor:
            raise RayActorError
        if self._name == "post" and handle.answers_lost:
            handle.answers_lost -= 1
            raise RayActorError
        return answer


def run(story: Callable[[], Any]) -> None:
    async def inner() -> None:
        async with asyncio.timeout(GUARD):
            await story()

    asyncio.run(inner())


@pytest.mark.parametrize("story", STORIES)
def test_a_shared_desk_keeps_the_contract(story: Story) -> None:
    asyncio.run(story(RayDesk(Handle(CONTRACT_MANNERS))))


def test_two_workers_share_the_places_of_a_host() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        async with RayDesk(handle).open() as one, RayDesk(handle).open() as other:
            first, second = Visits(one, "a.test"), Visits(other, "a.test")
            first.come("1")
            await first.entering(1)
            second.come("2")
            await other.rules.of("http://b.test:80", _make)  # by now the desk has heard of it
            assert not second.entered
            await first.go("1")
            await second.entering(1)
            await second.go("2")

    run(story)


async def _make() -> SiteFiles:
    return some_files()


def test_many_wishes_travel_in_few_calls() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        async with RayDesk(handle).open() as opened:

            async def visit(number: int) -> None:
                async with opened.turns.turn(f"host-{number}.test"):
                    pass

            await asyncio.gather(*(visit(number) for number in range(500)))
        assert len(handle.calls) < 50

    run(story)


def test_one_worker_makes_the_rules_for_all() -> None:
    async def story() -> None:
        handle, made = Handle(FREE), []

        async def make() -> SiteFiles:
            made.append("made")
            await asyncio.sleep(0.01)
            return some_files()

        async with RayDesk(handle).open() as one, RayDesk(handle).open() as other:
            both = await asyncio.gather(*(each.rules.of("http://a.test:80", make) for each in (one, other)))
        assert made == ["made"]
        assert both[0] == both[1]

    run(story)


def test_a_worker_asks_the_desk_once_for_rules_that_it_has_met() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        desk = RayDesk(handle)
        for _ in range(3):
            async with desk.open() as opened:
                assert (await opened.rules.of("http://a.test:80", _make)).robots.state is FileState.FOUND
        assert handle.calls.count("claim") == 1

    run(story)


def test_a_desk_that_comes_back_empty_is_told_who_waits() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        async with RayDesk(handle).open() as opened:
            visits = Visits(opened, "a.test")
            visits.come("1", "2", "3")
            await visits.entering(1)
            handle.restart()
            await visits.entering(2)  # the new desk does not know of the first
            await visits.go("1")
            await visits.go("2")
            await visits.entering(3)
            await visits.go("3")

    run(story)


def test_turns_wait_while_the_desk_is_away() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        handle.dead = True
        async with RayDesk(handle).open() as opened:
            visits = Visits(opened, "a.test")
            visits.come("1")
            await asyncio.sleep(0.02)
            assert not visits.entered
            handle.restart()
            await visits.entering(1)
            await visits.go("1")

    run(story)


def test_an_answer_that_is_lost_costs_no_place() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        handle.answers_lost = 1
        async with RayDesk(handle).open() as opened:
            visits = Visits(opened, "a.test")
            visits.come("1", "2")
            for number in (1, 2):
                await visits.entering(number)
                await visits.go(visits.entered[-1])
            assert visits.most_inside == 1

    run(story)


def test_a_desk_that_stays_away_ends_the_job() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        handle.dead = True
        async with RayDesk(handle, patience=0.0).open() as opened:
            for _ in range(2):
                with pytest.raises(DeskLostError, match="could not be reached"):
                    async with opened.turns.turn("a.test"):
                        raise AssertionError
            with pytest.raises(DeskLostError):
                await opened.rules.of("http://a.test:80", _make)

    run(story)


def test_a_bug_in_the_desk_reaches_whoever_waits() -> None:
    async def story() -> None:
        handle = Handle(FREE)
        handle.actor = None  # type: ignore[assignment] # this is the bug
        async with RayDesk(handle).open() as opened:
            with pytest.raises(AttributeError):
                async with opened.turns.turn("a.test"):
                    raise AssertionError
            handle.restart()

    run(story)


# the actor by itself


async def _posted(actor: DeskActor, worker: str, *wishes: Any) -> list[tuple[int, Any]]:
    return decode_calls(await actor.post(worker, encode_wishes(wishes))).calls


def test_saying_it_again_changes_nothing() -> None:
    async def story() -> None:
        actor = DeskActor(msgspec.json.encode(FREE), 600.0)
        assert await _posted(actor, "w", Ask(1, "a.test"), Ask(2, "a.test")) == [(1, None)]
        assert await _posted(actor, "w", Ask(1, "a.test"), Ask(2, "a.test")) == [(1, None)]
        assert await _posted(actor, "w", Leave(1, None), Leave(1, None)) == [(2, None)]

    run(story)


def test_a_worker_that_says_good_bye_leaves_its_places_to_others() -> None:
    async def story() -> None:
        actor = DeskActor(msgspec.json.encode(FREE), 600.0)
        await _posted(actor, "gone", Ask(1, "a.test"))
        assert await actor.claim("gone", "http://a.test:80") == ("yours", b"")
        assert await _posted(actor, "here", Ask(1, "a.test")) == []
        waiting = asyncio.create_task(actor.collect("here"))
        await actor.bye("gone", encode_wishes([]))
        assert decode_calls(await waiting).calls == [(1, None)]
        assert await actor.claim("here", "http://a.test:80") == ("yours", b"")

    run(story)


def test_a_worker_that_falls_silent_loses_its_places() -> None:
    async def story() -> None:
        actor = DeskActor(msgspec.json.encode(FREE), 600.0)
        await _posted(actor, "dead", Ask(1, "a.test"))
        session = decode_calls(await actor.post("dead", encode_wishes([]))).session
        actor._members["dead"].heard_at -= 31.0
        assert await _posted(actor, "here", Ask(1, "a.test")) == [(1, None)]
        # it was only asleep: the other session tells it so
        assert decode_calls(await actor.post("dead", encode_wishes([]))).session != session

    run(story)


def test_a_claim_that_nobody_redeems_ends() -> None:
    async def story() -> None:
        actor = DeskActor(msgspec.json.encode(FREE), 600.0)
        assert await actor.claim("dead", "http://a.test:80") == ("yours", b"")
        actor._claims["http://a.test:80"].until -= 60.0
        assert await actor.claim("here", "http://a.test:80") == ("yours", b"")
        await actor.give_up("dead", "http://a.test:80")  # too late: it is not its own any more
        assert actor._claims["http://a.test:80"].worker == "here"

    run(story)


# with Ray


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    import ray

    with joined(cpus=2):
        yield ray


@pytest.fixture(scope="module")
def desk(ray: Any) -> Iterator[Any]:
    actor = start_desk(CONTRACT_MANNERS, hold_seconds=600.0)
    yield actor
    ray.kill(actor)


class Visitor:
    """A worker's process, whose jobs have event loops of their own."""

    def __init__(self, desk: Any) -> None:
        self._desk = RayDesk(desk)

    def visit(self, host: str, times: int) -> tuple[float, list[tuple[float, float]]]:
        """Visit this host some times at once. When it began, and when each visit was inside: one clock a machine."""
        return asyncio.run(_visits(self._desk, host, times))


async def _visits(desk: RayDesk, host: str, times: int) -> tuple[float, list[tuple[float, float]]]:
    inside: list[tuple[float, float]] = []

    async def once() -> None:
        async with opened.turns.turn(host):
            entered = time.monotonic()
            await asyncio.sleep(0.02)
            inside.append((entered, time.monotonic()))

    began = time.monotonic()
    async with desk.open() as opened:
        await asyncio.gather(*(once() for _ in range(times)))
    return began, inside


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_a_shared_desk_keeps_the_contract_over_ray(desk: Any, story: Story) -> None:
    asyncio.run(story(RayDesk(desk)))


@pytest.mark.slow
def test_two_actors_keep_places_and_spacing_of_a_host_together(ray: Any) -> None:  # checklist 37
    spacing, times = 0.05, 6
    desk = start_desk(Manners(requests_at_once=1, seconds_between_requests=spacing), hold_seconds=600.0)
    visitors = [ray.remote(Visitor).options(num_cpus=1).remote(desk) for _ in range(2)]
    told = ray.get([one.visit.remote("a.test", times) for one in visitors], timeout=GUARD)
    for actor in (desk, *visitors):
        ray.kill(actor)
    visits = sorted(visit for _, inside in told for visit in inside)
    assert len(visits) == 2 * times
    assert all(left <= entered for (_, left), (entered, _) in pairwise(visits))
    # between the first question and the last turn lie all gaps but for the first, however slowly turns travel
    assert visits[-1][0] - min(began for began, _ in told) >= (len(visits) - 1) * spacing


@pytest.mark.slow
def test_a_desk_whose_process_dies_is_restarted_and_nobody_waits_in_vain(ray: Any) -> None:
    desk = start_desk(FREE, hold_seconds=600.0)

    async def story() -> None:
        async with RayDesk(desk).open() as opened:
            visits = Visits(opened, "a.test")
            visits.come("1", "2")
            await visits.entering(1)
            ray.kill(desk, no_restart=False)
            await visits.entering(2)
            await visits.go("1")
            await visits.go("2")

    run(story)
    ray.kill(desk)


@pytest.mark.slow
def test_a_desk_that_is_gone_for_good_ends_the_job_over_ray(ray: Any) -> None:
    desk = start_desk(FREE, hold_seconds=600.0)
    ray.kill(desk)

    async def story() -> None:
        async with RayDesk(desk, patience=0.0).open() as opened:
            with pytest.raises(DeskLostError):
                async with opened.turns.turn("a.test"):
                    raise AssertionError

    run(story)
