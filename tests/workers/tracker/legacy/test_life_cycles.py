"""The original client's whole lives against our tracker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fakes import crawlingathome_client as cah
from tests.workers.tracker.legacy.wats import Server, served, wat
from workers.tracker.moves import figures
from workers.tracker.moves.jobs import cancel, counts


def nothing(_address: str) -> None:
    """Stands for a download."""


def test_a_hybrid_client_goes_through_all_jobs_and_leaves(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Theo", "HYBRID")
        seen = []
        assert client.job_count() == 4
        while client.job_count() > 0 and client.is_alive():
            client.new_job()
            client.download_shard(nothing)
            client.log("12 / 100 (12%)")
            seen.append((client.shard, client.start_id, client.end_id, client.shard_piece))
            client.complete_job(5)
        assert seen == [
            (wat(0), 0, 1_000_000, 0), (wat(0), 0, 1_000_000, 1),
            (wat(1), 1_000_000, 2_000_000, 0), (wat(1), 1_000_000, 2_000_000, 1),
        ]  # fmt: skip
        with pytest.raises(cah.ZeroJobError):
            client.new_job()
        client.bye()
        assert client.is_alive() is False

    served(tmp_path, life)


def test_numbers_and_ids_are_those_of_the_old_tracker(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Theo", "CPU")
        for number in (1, 2, 3):
            status, text = client.s.post("api/newJob", {"token": client.token, "type": "CPU"})
            told = json.loads(text)
            assert status == 200
            assert set(told) == {"url", "start_id", "end_id", "shard", "number"}
            half = 1 if told["shard"] == 0 else 0
            assert told["number"] == int(told["end_id"]) // 1_000_000 * 2 - half == number
            client.complete_job("rsync abc")

    served(tmp_path, life)


def test_what_a_cpu_client_hands_in_goes_to_no_gpu_client(tmp_path: Path) -> None:
    # defect 3: the text of a CPU client reached os.system of every GPU client
    def life(server: Server) -> None:
        cpu, gpu = cah.init(server.url, "Ada", "CPU"), cah.init(server.url, "Bob", "GPU")
        assert gpu.job_count() == 0
        with pytest.raises(cah.ZeroJobError):
            gpu.new_job()
        cpu.new_job()
        cpu.complete_job("rsync $(touch /tmp/owned); ../../x")
        assert (cpu.job_count(), gpu.job_count()) == (3, 1)
        gpu.new_job()
        assert gpu.shard == wat(0)
        gpu.download_shard(nothing)
        gpu.complete_job(123)
        assert gpu.job_count() == 0
        for client in (cpu, gpu):
            client.bye()

    served(tmp_path, life)


def test_an_invalid_download_sends_the_job_back_to_cpu_clients(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        cpu, gpu = cah.init(server.url, "Ada", "CPU"), cah.init(server.url, "Bob", "GPU")
        cpu.new_job()
        cpu.complete_job("https://images.example.org/1.tar")
        gpu.new_job()
        with pytest.raises(cah.InvalidURLError):
            gpu.invalid_url()
        assert (cpu.job_count(), gpu.job_count()) == (4, 0)
        assert cpu.s.post("api/gpuInvalidDownload", {"token": gpu.token, "type": "GPU"})[0] == 403

    served(tmp_path, life)


def test_a_full_wat_client_takes_both_halves_and_no_two_get_the_same_wat(tmp_path: Path) -> None:
    # defect 16: a random WAT without a lease was work done twice
    def life(server: Server) -> None:
        first, second = cah.FullWatClient(server.url, "Ada"), cah.FullWatClient(server.url, "Bob")
        first.new_job()
        second.new_job()
        assert {first.wat, second.wat} == {wat(0), wat(1)}
        assert first.shards is not None
        assert first.shards[0] == [1, {"url": wat(0), "start_id": "0", "end_id": "1000000", "shard": 0}]
        assert first.complete_job({1: "rsync a", 2: "rsync b"}) == "success"
        assert second.complete_job({3: "rsync c", 4: "rsync d"}) == "success"
        assert (first.completed, second.completed) == (2, 2)
        first.new_job()
        assert first.wat is None  # none is left, and the client says so instead of asking for ever

    served(tmp_path, life)


def test_a_silent_client_is_forgotten_and_comes_back_under_another_name(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        slow = cah.init(server.url, "Ada", "HYBRID")
        slow.new_job()
        server.clock.now += 7_201
        other = cah.init(server.url, "Bob", "HYBRID")
        with pytest.raises(cah.WorkerTimedOutError):
            slow.log("still here")
        assert slow.is_alive() is False
        name = slow.display_name
        slow.recreate()
        assert slow.is_alive()
        assert slow.display_name != name
        other.new_job()
        assert other.shard == slow.shard  # it is handed out again

    served(tmp_path, life)


def test_a_late_result_of_a_forgotten_client_is_heard_unless_another_has_the_job(tmp_path: Path) -> None:
    # defect 8: completed work of a client that was forgotten was answered 404, and thrown away
    def life(server: Server) -> None:
        slow, slower = cah.init(server.url, "Ada", "HYBRID"), cah.init(server.url, "Eve", "HYBRID")
        slow.new_job()
        slower.new_job()
        server.clock.now += 7_201
        other = cah.init(server.url, "Bob", "HYBRID")
        slow.complete_job(7)
        other.new_job()  # takes what the slower one had
        with pytest.raises(cah.WorkerTimedOutError):
            slower.complete_job(7)

    served(tmp_path, life)


def test_a_dumped_client_goes_on_in_another_process(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        client.new_job()
        other = cah.load(**json.loads(json.dumps(client.dump())))
        assert other.is_alive()
        other.complete_job("rsync x")
        with pytest.raises(cah.ZeroJobError):
            client.complete_job("rsync x")

    served(tmp_path, life)


def test_a_lost_answer_to_new_job_loses_no_job(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client, done = cah.init(server.url, "Ada", "HYBRID"), set()
        client.s.lose = True
        while client.job_count() > 0:
            client.new_job()
            done.add((client.start_id, client.shard_piece))
            client.complete_job(1)
        assert len(done) == 4

    served(tmp_path, life)


def test_every_status_is_the_exception_that_the_client_knows(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        cpu, hybrid = cah.init(server.url, "Ada", "CPU"), cah.init(server.url, "Bob", "HYBRID")
        for client, wrong in ((cpu, ""), (cpu, None), (hybrid, 0), (hybrid, None), (hybrid, -3)):
            with pytest.raises(cah.ZeroJobError, match="You do not have an open job"):
                client.complete_job(wrong)
            client.new_job()
            with pytest.raises(ValueError, match="did not submit"):
                client.complete_job(wrong)
            client.s.post("api/bye", {"token": client.token, "type": client.type})
            client.recreate()
        cpu.token = "somebody's"
        with pytest.raises(cah.WorkerTimedOutError):
            cpu.new_job()
        assert cpu.s.get("api/jobCount", {"type": "TPU"})[0] == 400
        assert cpu.s.get("api/new", {"type": "CPU"})[0] == 422
        assert cpu.s.post("api/newJob", [1])[0] == 422

    served(tmp_path, life)


def test_a_half_that_breaks_clients_is_set_aside(tmp_path: Path) -> None:
    # defect 9: a WAT that crashes the parser was handed out for ever
    def life(server: Server) -> None:
        client, other = cah.init(server.url, "Ada", "CPU"), cah.init(server.url, "Bob", "CPU")
        client.new_job()
        other.new_job()
        other.complete_job("rsync x")
        for _ in range(4):
            client.bye()
            client.recreate()
            client.new_job()
            assert client.shard_piece == 0
        client.bye()
        assert other.job_count() == 0
        with pytest.raises(cah.ZeroJobError):
            other.new_job()

    served(tmp_path, life, wats=1)


def test_our_own_jobs_are_neither_closed_nor_blocked_by_what_old_clients_say(tmp_path: Path) -> None:
    # defect 1: any volunteer could close any job; defect 2: by a word in an address; defect 5: and be counted for it
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        client.new_job()
        client.complete_job("postgres")
        full = cah.FullWatClient(server.url)
        full.new_job()
        assert full.complete_job({}, with_token=False) == "failed"
        gpu = cah.init(server.url, "Ada", "GPU")
        gpu.new_job()
        gpu.complete_job(2**50)
        assert server.do(counts) == {"extract": {"ready": 2}}
        seen = server.do(lambda tx: figures.overview(tx, server.clock.now))
        assert (seen.verified_jobs, seen.verified_pairs, seen.done_jobs) == (0, 0, 0)
        assert server.do(lambda tx: figures.leaders(tx, server.clock.now, 10)) == []
        assert server.do(lambda tx: figures.fsck(tx, server.clock.now)) == []
        data = json.loads(client.s.get("data")[1])
        assert (data["completion_str"], data["total_pairs_scraped"]) == ("0 / 4", 0)
        assert "say they have done: 1;" in client.s.get("")[1]
        assert client.job_count() == 3  # of which the full WAT's two were not closed without a token

    served(tmp_path, life)


def test_halves_of_a_job_that_is_over_are_handed_out_no_more(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "HYBRID")
        client.new_job()
        row = server.do(lambda tx: tx.one("SELECT job FROM legacy_halves WHERE number = 1"))
        assert row is not None
        server.do(lambda tx: cancel(tx, server.clock.now, row["job"]))
        client.complete_job(3)
        assert client.job_count() == 2
        client.new_job()
        assert client.shard == wat(1)

    served(tmp_path, life)


def test_warcs_are_not_for_old_clients(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        assert client.job_count() == 0
        with pytest.raises(cah.ZeroJobError):
            client.new_job()

    served(tmp_path, life, wats=0, warcs=3)
