"""How many actors a cluster has room for, and what is said where it has none."""

from __future__ import annotations

import pytest

from workers.ray_room import Need, Node, Room, room, share_of_a_gpu, shortage


def nodes(*sizes: tuple[float, float]) -> list[Node]:
    """Nodes of so many cores and GPUs."""
    return [Node(f"id-{number}", f"node-{number}", *size) for number, size in enumerate(sizes)]


SCORED = Need(workers=0, worker_cpus=1.0, scorers=1, scorer_cpus=0.5, scorer_gpus=1.0)


@pytest.mark.parametrize(
    ("cluster", "need", "fits"),
    [
        (nodes((4, 0), (2, 0)), Need(0, 1.0), Room(6, 0)),
        (nodes((4, 0), (2, 0)), Need(3, 1.0), Room(3, 0)),
        (nodes((1.5, 0), (1.5, 0)), Need(0, 1.0), Room(2, 0)),  # no worker is half on one node and half on another
        (nodes((3, 0)), Need(0, 0.1), Room(30, 0)),
        (nodes((4, 0), (4, 1)), SCORED, Room(7, 1)),
        (nodes((4, 0)), SCORED, Room(0, 0)),
        (nodes((4, 2)), Need(0, 1.0, 3, 0.5, 1.0), Room(3, 2)),
        (nodes((4, 1)), Need(0, 1.0, 4, 0.5, 0.25), Room(2, 4)),
        (nodes((0, 0), (0.5, 0)), Need(2, 1.0), Room(0, 0)),
        ([], Need(1, 1.0), Room(0, 0)),
    ],
)
def test_scorers_come_first_and_workers_fill_the_rest(cluster: list[Node], need: Need, fits: Room) -> None:
    assert room(cluster, need) == fits


def test_scorers_are_spread() -> None:
    assert room(nodes((1, 2), (1, 2)), Need(0, 1.0, 2, 0.5, 1.0)).workers == 0
    assert room(nodes((1, 2), (1, 0)), Need(0, 1.0, 2, 0.5, 1.0)).workers == 1


@pytest.mark.parametrize(
    ("cluster", "need", "said"),
    [
        (nodes((4, 0)), Need(4, 1.0), ""),
        (nodes((4, 1)), SCORED, ""),
        ([], Need(0, 1.0), "the Ray cluster has no node with no core and no GPU; 1 worker of 1 core each do not fit"),
        (
            nodes((4, 0), (4, 0)),
            SCORED,
            "the Ray cluster has 2 nodes with 8 cores and no GPU; "
            "1 scoring actor of 0.5 cores and 1 GPU each and 1 worker of 1 core each do not fit",
        ),
        (
            nodes((1, 0)),
            Need(5, 0.5),
            "the Ray cluster has 1 node with 1 core and no GPU; 5 workers of 0.5 cores each do not fit",
        ),
    ],
)
def test_what_a_cluster_lacks_is_said_with_what_it_has(cluster: list[Node], need: Need, said: str) -> None:
    assert shortage(cluster, need) == said


def test_scorers_share_gpus_that_are_fewer_than_they() -> None:
    assert share_of_a_gpu(nodes((4, 0)), 2) == 0
    assert share_of_a_gpu(nodes((4, 4), (4, 4)), 3) == 1
    assert share_of_a_gpu(nodes((4, 1)), 2) == 0.5
    share = share_of_a_gpu(nodes((4, 3)), 4)
    assert room(nodes((4, 3)), Need(0, 1.0, 4, 0.5, share)).scorers == 4


def test_an_autoscaler_is_told_each_actor() -> None:
    assert Need(2, 1.0, 1, 0.5, 1.0).bundles() == [{"CPU": 0.5, "GPU": 1.0}, {"CPU": 1.0}, {"CPU": 1.0}]
    assert Need(0, 1.0).bundles() == [{"CPU": 1.0}]


def test_workers_with_a_role_fit_on_nodes_that_have_it_and_scorers_anywhere() -> None:
    fetching, scoring = (
        Node("a", "a", 3.0, 0.0, frozenset(("download",))),
        Node("b", "b", 4.0, 1.0, frozenset(("gpu",))),
    )
    need = Need(0, 1.0, 1, 0.5, 1.0, "download")
    assert room([fetching, scoring], need) == Room(3, 1)
    assert room([scoring], need).workers == 0
    assert shortage([scoring], need).endswith("1 worker of 1 core each on nodes with the role download do not fit")
    assert need.bundles()[-1] == {"CPU": 1.0, "pairtrawl_download": 0.001}
