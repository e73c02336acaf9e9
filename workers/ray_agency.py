"""Where the workers of a pool come from: Ray's actors, and the calls that they are sent."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from workers.ray_cluster import import_ray, losses
from workers.ray_company import Company
from workers.ray_errands import Errand
from workers.ray_room import Need
from workers.ray_workers import Ground, Worker


class RayAgency:
    """`ray_crew.Agency` in the Ray cluster that this process belongs to."""

    def __init__(self, recipe: bytes, place: Ground, company: Company, need: Need) -> None:
        self._ray = import_ray()
        # Ray does not restart them: the driver must know, to run the job again and to count
        options = {"num_cpus": need.worker_cpus, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        self._worker = self._ray.remote(Worker).options(**options, resources=dict(need.of_a_worker))
        self._words = recipe, place, company
        self._scorer_nodes: list[str] = [""] * len(company.scorers)
        self._asked_where = {one.node.remote(): number for number, one in enumerate(company.scorers)}
        self._sent = 0

    def hire(self) -> Any:  # noqa: ANN401 - Ray's handle
        """See `Agency.hire`."""
        return self._worker.remote(*self._words)

    def greet(self, actor: Any) -> Any:  # noqa: ANN401 - Ray's
        """See `Agency.greet`."""
        return actor.hello.remote()

    def send(self, actor: Any, errand: Errand, node: str) -> Any:  # noqa: ANN401 - Ray's
        """See `Agency.send`."""
        job = msgspec.json.encode(errand.job)
        return actor.work.remote(job, again=errand.again, scorer=self._nearest_scorer(node))

    def recall(self, ref: Any) -> None:  # noqa: ANN401 - Ray's
        """See `Agency.recall`."""
        self._ray.cancel(ref)

    def dismiss(self, actor: Any) -> None:  # noqa: ANN401 - Ray's
        """See `Agency.dismiss`."""
        self._ray.kill(actor)

    def _nearest_scorer(self, node: str) -> int:
        """One of this node, in turn, where there is any; else one of all."""
        if self._asked_where:
            for ref in self._ray.wait(list(self._asked_where), num_returns=len(self._asked_where), timeout=0)[0]:
                number = self._asked_where.pop(ref)
                with suppress(*losses()):
                    self._scorer_nodes[number] = self._ray.get(ref)
        if not self._scorer_nodes:
            return 0
        self._sent += 1
        near = [number for number, where in enumerate(self._scorer_nodes) if where == node]
        choice = near or range(len(self._scorer_nodes))
        return choice[self._sent % len(choice)]
