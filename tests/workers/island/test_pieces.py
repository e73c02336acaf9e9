"""What the launcher decides before it does anything."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.errors import RunFolderError, SettingsError
from tests.workers.island.tasks import variables
from workers.island.addresses import own_address, split_port, with_port
from workers.island.asked import Ask, Asked
from workers.island.launch import verb
from workers.island.memory import allowed_bytes, limit_files
from workers.island.node_local import LONGEST, fitting, own_folder, sweep
from workers.island.ports import can_bind, free_ports, window
from workers.island.pulse import Pulse
from workers.island.ray_node import Share, head_words, worker_words
from workers.island.ray_node import variables as ray_variables
from workers.island.rendezvous import meet
from workers.island.surroundings import surroundings, wishes
from workers.island.tails import keep_tails

GIB = 1 << 30


# ---------------------------------------------------------------------------------------------- surroundings


def test_a_task_of_a_step_knows_its_rank_and_its_share() -> None:
    told = variables(rank=1, nodes=2, job="33", restart=2) | {"SLURM_CPUS_PER_TASK": "4", "SLURM_MEM_PER_NODE": "1500"}
    found = surroundings(told)
    assert (found.key, found.rank, found.nodes, found.is_head) == ("33.2.0", 1, 2, False)
    assert (found.cpus, found.memory_bytes, found.gpus, found.node) == (4, 1500 << 20, 0, "node1")


def test_memory_for_each_cpu_is_counted_for_the_cpus_of_the_node() -> None:
    told = variables(0, 1) | {"SLURM_MEM_PER_CPU": "500", "SLURM_CPUS_ON_NODE": "8"}
    assert surroundings(told).memory_bytes == 4000 << 20


def test_no_memory_in_slurms_words_is_all_of_the_node() -> None:
    assert surroundings(variables(0, 1) | {"SLURM_MEM_PER_NODE": "0"}).memory_bytes is None


@pytest.mark.parametrize(
    ("told", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "0,1,3"}, 3),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, 0),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"ROCR_VISIBLE_DEVICES": "0,1"}, 2),
        ({"SLURM_GPUS_ON_NODE": "4"}, 4),
        ({}, 0),
    ],
)
def test_gpus_are_those_that_the_task_sees(told: dict[str, str], gpus: int) -> None:
    assert surroundings(variables(0, 1) | told).gpus == gpus


def test_in_a_heterogeneous_job_all_meet_under_the_number_of_its_first_part() -> None:
    told = variables(1, 2, job="12") | {"SLURM_JOB_ID_HET_GROUP_0": "11"}
    assert surroundings(told).key == "11.0.0"


def test_a_batch_script_without_srun_is_alone_however_many_nodes_it_has() -> None:
    found = surroundings({"SLURM_JOB_ID": "5", "SLURM_NNODES": "4", "SLURM_PROCID": "0", "SLURM_CPUS_ON_NODE": "2"})
    assert (found.key, found.rank, found.nodes) == ("5.0.batch", 0, 1)


def test_outside_slurm_each_island_is_alone_and_has_a_name_of_its_own() -> None:
    one, other = surroundings({}), surroundings({})
    assert one.is_head
    assert one.nodes == 1
    assert one.key != other.key
    assert (one.cpus, one.memory_bytes, one.gpus) == (None, None, None)


def test_two_tasks_on_a_node_are_refused_with_the_flag_that_helps() -> None:
    with pytest.raises(SettingsError, match="--ntasks-per-node=1"):
        surroundings(variables(0, 2) | {"SLURM_STEP_NUM_TASKS": "4"})


@pytest.mark.parametrize("wrong", ["two", "-1", "1.5", "٣"])
def test_a_number_that_is_none_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="SLURM_PROCID="):
        surroundings(variables(0, 1) | {"SLURM_PROCID": wrong})


def test_the_sites_wishes_are_read() -> None:
    found = wishes(
        {
            "PAIRTRAWL_RUN": "/runs/a",
            "PAIRTRAWL_NET_SUFFIX": "i",
            "PAIRTRAWL_MIN_NODES": "3",
            "PAIRTRAWL_DRAIN_TERM_S": "0",
        }
    )
    assert (found.run, found.net_suffix, found.min_nodes, found.drain_seconds) == (Path("/runs/a"), "i", 3, 0)
    assert wishes({}).run is None


# ---------------------------------------------------------------------------------------------- memory


def test_limits_of_both_versions_are_looked_for_up_to_the_root() -> None:
    assert limit_files("9:cpu:/x\n4:memory:/slurm/job_1\n0::/user\n") == [
        Path("/sys/fs/cgroup/memory/slurm/job_1/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/slurm/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/user/memory.max"),
        Path("/sys/fs/cgroup/memory.max"),
    ]


def test_the_least_limit_counts_and_no_limit_is_none() -> None:
    limits = {"/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": f"{3 * GIB}\n"}
    assert allowed_bytes("0::/a/b\n", lambda path: limits.get(str(path)), 64 * GIB) == 3 * GIB
    assert allowed_bytes("0::/a/b\n", lambda _path: "9223372036854771712", 64 * GIB) == 64 * GIB


@given(st.text(max_size=200))
def test_no_text_of_control_groups_leads_out_of_their_folder(text: str) -> None:
    assert all(path.is_relative_to("/sys/fs/cgroup") and ".." not in path.parts for path in limit_files(text))


# ---------------------------------------------------------------------------------------------- ports and addresses


@given(st.text(max_size=30))
def test_a_window_has_100_ports_that_neither_ray_nor_linux_gives_away(key: str) -> None:
    ports = window(key)
    assert len(ports) == 100
    assert ports[0] >= 20_000
    assert ports[-1] < 32_768
    assert window(key) == ports


def test_islands_rarely_share_a_window() -> None:
    assert len({window(f"{job}.0.0")[0] for job in range(100)}) > 60


def test_ports_that_are_taken_are_passed_over() -> None:
    ports = window("7.0.0")
    assert free_ports("7.0.0", "10.0.0.1", 2, lambda _ip, port: port not in (ports[0], ports[2])) == [
        ports[1],
        ports[3],
    ]


def test_no_free_port_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(SettingsError, match="submit again"):
        free_ports("7.0.0", "10.0.0.1", 1, lambda _ip, _port: False)


def test_a_port_that_somebody_holds_at_another_address_of_this_machine_is_not_free() -> None:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.3", 0))
        one.listen()
        assert not can_bind("127.0.0.4", one.getsockname()[1])


def test_a_node_is_its_name_with_the_suffix_and_ipv4_goes_first() -> None:
    names = {"jwb1i": ["fd00::1", "10.0.0.1"]}
    assert (
        own_address("jwb1", alone=False, suffix="i", lookup=lambda name: names[name], is_here=lambda _ip: True)
        == "10.0.0.1"
    )
    assert (
        own_address("jwb1", alone=False, suffix="i", lookup=lambda _name: ["fd00::1"], is_here=lambda _ip: True)
        == "fd00::1"
    )


@pytest.mark.parametrize("found", [[], ["127.0.1.1"], ["::1"], ["10.9.9.9"]])
def test_an_address_that_others_cannot_reach_is_refused(found: list[str]) -> None:
    with pytest.raises(SettingsError, match="--net-suffix"):
        own_address("n1", alone=False, lookup=lambda _name: found, is_here=lambda ip: ip != "10.9.9.9")


@pytest.mark.parametrize("ip", ["0.0.0.0", "::", "n1", "192.0.2.1", "300.1.1.1"])
def test_an_address_by_hand_must_be_one_of_this_machines(ip: str) -> None:
    with pytest.raises(SettingsError):
        own_address("n1", alone=False, ip=ip, is_here=lambda one: one.startswith("127."))


def test_alone_it_needs_no_network() -> None:
    assert own_address("nowhere", alone=True, is_here=lambda _ip: True) == "127.0.0.2"


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(1, 65535))
def test_address_and_port_come_apart_as_they_were_put_together(ip: object, port: int) -> None:
    assert split_port(with_port(str(ip), port)) == (str(ip), port)


# ---------------------------------------------------------------------------------------------- Ray's words


def test_ray_is_told_all_that_it_would_ask_the_machine_for() -> None:
    share = Share(cpus=4, memory_bytes=1000, object_store_bytes=100, gpus=2, role="download")
    words = head_words("10.0.0.1", (1, 2, 3), Path("/l/pt-x"), share)
    for one in (
        "--head", "--block", "--disable-usage-stats", "--node-ip-address=10.0.0.1", "--port=1", "--dashboard-port=2",
        "--dashboard-agent-listen-port=3", "--temp-dir=/l/pt-x", "--num-cpus=4", "--num-gpus=2", "--memory=800",
        "--object-store-memory=100", '--resources={"pairtrawl_download": 1000}', "--min-worker-port=0",
    ):  # fmt: skip
        assert one in words
    joins = worker_words("10.0.0.1:1", "10.0.0.2", 3, Path("/l/pt-x"), Share(1, 1000, 100))
    assert "--address=10.0.0.1:1" in joins
    assert not [one for one in joins if one.startswith(("--head", "--port", "--num-gpus", "--resources"))]


def test_somebody_elses_ray_and_its_secret_do_not_reach_ours() -> None:
    inherited = {"RAY_ADDRESS": "1.2.3.4:5", "RAY_AUTH_TOKEN": "theirs", "RAY_AUTH_MODE": "disabled", "HOME": "/h"}
    found = ray_variables(inherited, Path("/r/token"), Path("/l"))
    assert "RAY_ADDRESS" not in found
    assert "theirs" not in found.values()
    assert found["RAY_AUTH_MODE"] == "token"
    assert found["RAY_AUTH_TOKEN_PATH"] == "/r/token"
    assert found["HOME"] == "/h"


def test_a_verb_is_run_on_the_islands_ray() -> None:
    words = list(verb(["fetch", "-o", "R", "--slice", "0/4"])("10.0.0.1:1"))
    assert words[1:] == [
        "-m",
        "workers",
        "fetch",
        "-o",
        "R",
        "--slice",
        "0/4",
        "--place",
        "ray",
        "--ray-address",
        "10.0.0.1:1",
    ]


@pytest.mark.parametrize("words", [[], ["plan"], ["rm", "-rf"]])
def test_what_is_no_verb_with_jobs_is_refused(words: list[str]) -> None:
    with pytest.raises(SettingsError, match="an island runs extract, fetch, score, crawl"):
        verb(words)


# ---------------------------------------------------------------------------------------------- pulse and signals


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_silence_must_last_to_be_death() -> None:
    clock, answers = Clock(), iter([True, False, True, False, False, False])
    pulse = Pulse(lambda: next(answers), patience=12, now=clock)
    seen = []
    for _ in range(6):
        seen.append(pulse.is_dead)
        clock.now += 6
    assert seen == [False, False, False, False, False, True]


def test_it_asks_no_oftener_than_it_should() -> None:
    clock, asked = Clock(), list[int]()

    def answers() -> bool:
        asked.append(1)
        return True

    pulse = Pulse(answers, patience=12, now=clock)
    for _ in range(10 * 12):
        assert not pulse.is_dead
        clock.now += 0.1
    assert len(asked) == 6


def test_a_launcher_that_slept_for_an_hour_does_not_take_the_head_for_dead_at_once() -> None:
    clock, answers = Clock(), iter([True, False, True])
    pulse = Pulse(lambda: next(answers), patience=30, now=clock)
    assert not pulse.is_dead
    clock.now = 3600
    assert not pulse.is_dead
    clock.now = 3605
    assert not pulse.is_dead


def test_a_second_ctrl_c_gives_up_and_giving_up_goes_first() -> None:
    asked = Asked()
    asked.hear(signal.SIGINT)
    assert (asked.peek(), asked.to_stop, asked.to_give_up) == (Ask.DRAIN, True, False)
    asked.hear(signal.SIGINT)
    assert asked.take() is Ask.GIVE_UP
    assert asked.peek() is None
    assert asked.to_give_up


# ---------------------------------------------------------------------------------------------- folders and logs


def test_a_path_too_long_for_a_socket_is_passed_over(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    assert fitting([long, Path("/tmp")]) == Path("/tmp")
    with pytest.raises(SettingsError, match="too long for the path of a socket"):
        fitting([long])
    with pytest.raises(SettingsError, match="cannot be written"):
        fitting([Path("/nowhere")])


def test_rays_longest_socket_fits_below_the_longest_folder() -> None:
    socket = "/0/session_2026-11-22_07-35-42_599900_4194304/sockets/plasma_store"
    assert LONGEST + len(socket) <= 107


def test_the_folder_is_private_and_goes_away() -> None:
    with own_folder([Path("/tmp")]) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "x").write_text("x")
    assert not folder.exists()


def test_what_a_killed_launcher_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    dead, alive, young, foreign = (tmp_path / name for name in ("pt-deadbeef", "pt-alivexyz", "pt-youngone", "pt-else"))
    long_ago = time.time() - 3600
    for folder in (dead, alive, young, foreign):
        folder.mkdir()
        (folder / "lock").touch()
        if folder is not young:
            os.utime(folder, (long_ago, long_ago))
    with (alive / "lock").open("r") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert sweep(tmp_path) == [dead]
    assert alive.exists()
    assert young.exists()
    assert foreign.exists()


def test_what_is_published_is_read_by_the_others(tmp_path: Path) -> None:
    mine, theirs = meet(tmp_path, "7.0.0"), meet(tmp_path, "7.0.0")
    assert theirs.read("address") is None
    mine.publish("address", address="10.0.0.1:1")
    assert theirs.read("address") == {"address": "10.0.0.1:1"}
    theirs.publish("joined-3", node="n3")
    assert mine.ranks("joined") == [3]
    mine.close(rc=0)
    assert json.loads((tmp_path / "islands" / "7.0.0" / "done").read_text()) == {"rc": 0}
    assert [one.name for one in mine.path.iterdir()] == ["done"]


def test_a_run_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RunFolderError, match="a folder that all nodes see"):
        meet(tmp_path / "run", "7.0.0")


def test_a_meeting_that_somebody_else_scribbled_in_is_named(tmp_path: Path) -> None:
    meeting = meet(tmp_path, "7.0.0")
    (meeting.path / "address").write_text("[1")
    with pytest.raises(RunFolderError, match="address"):
        meeting.read("address")


def test_the_ends_of_logs_are_kept_the_telling_ones_first(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_text("other\n")
    (logs / "raylet.out").write_text("x" * 20_000 + "the end")
    (logs / "gcs_server.err").write_text("")
    (tmp_path / "start.log").write_text("started")
    kept = keep_tails(tmp_path / "run" / "kept.log", [tmp_path / "start.log"], [logs])
    assert kept is not None
    text = kept.read_text()
    assert text.index("start.log") < text.index("raylet.out, its last 16384 of 20007 bytes") < text.index("a.log")
    assert "the end\n==> a.log" in text
    assert "gcs_server" not in text
    assert keep_tails(tmp_path / "run" / "none.log", [], []) is None
