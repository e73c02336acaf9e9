"""The old API's other addresses, and what strangers write into it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fakes import crawlingathome_client as cah
from tests.workers.tracker.legacy.wats import Server, served, wat

EVIL = "<script>alert(1)</script>\x00'; DROP TABLE jobs; --\u202e$(reboot)"


def test_data_and_the_page_of_a_client_have_the_old_fields(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        client.new_job()
        client.log("half way")
        status, text = client.s.get(f"worker/cpu/{client.display_name}/data")
        assert status == 200
        assert json.loads(text) == {
            "display_name": client.display_name, "shard_number": 1, "progress": "half way", "jobs_completed": 0,
            "first_seen": int(server.clock.now), "last_seen": int(server.clock.now), "user_nickname": "Ada",
            "type": "CPU",
        }  # fmt: skip
        assert json.loads(client.s.get("data")[1]) == {
            "completion_str": "0 / 4", "completion_float": 0.0, "total_connected_workers": 1,
            "total_pairs_scraped": 0, "total_multilanguage_pairs_scraped": 0, "eta": "Calculating...",
        }  # fmt: skip
        assert client.s.get("worker/cpu/nobody-here-1/data") == (404, "Worker not found.")
        assert client.s.get("worker/tpu/x-y-1")[0] == 400
        for page in ("", "install", "leaderboard", f"worker/cpu/{client.display_name}"):
            assert client.s.get(page)[0] == 200
        client.complete_job("rsync x")
        told = json.loads(client.s.get(f"worker/CPU/{client.display_name}/data")[1])
        assert (told["shard_number"], told["jobs_completed"]) == ("N/A", 1)

    served(tmp_path, life)


def test_what_strangers_write_is_shown_as_text_and_breaks_nothing(tmp_path: Path) -> None:
    # invariant 25; defect 5: nicknames were keys of the leaderboard
    def life(server: Server) -> None:
        client = cah.init(server.url, EVIL, "CPU")
        client.new_job()
        client.log(EVIL * 40)
        page = client.s.get(f"worker/cpu/{client.display_name}")[1]
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        told = json.loads(client.s.get(f"worker/cpu/{client.display_name}/data")[1])
        assert len(told["progress"]) == 255
        assert "\u202e" not in told["user_nickname"]
        client.complete_job(EVIL)
        status, text = client.s.post("api/updateProgress", {"token": EVIL, "progress": "\ud800", "type": "CPU"})
        assert status in {404, 422}, text
        assert client.s.post("api/newJob", {"token": client.token, "type": EVIL})[0] == 400
        assert client.job_count() == 3

    served(tmp_path, life)


def test_a_nickname_takes_nobodys_name(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        for nickname in ("Ada", "Ada", "", "Bob"):
            cah.init(server.url, nickname, "CPU")
        rows = server.do(lambda tx: tx.all("SELECT name, legacy FROM accounts ORDER BY id"))
        assert [(row["name"], row["legacy"]) for row in rows] == [
            ("Ada (old client)", 1), ("anonymous (old client)", 1), ("Bob (old client)", 1),
        ]  # fmt: skip

    served(tmp_path, life)


def test_what_took_a_password_is_off(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        session = cah.Session(server.url)
        for told in (
            session.get("admin/set-banner", {"password": "x", "text": "y"}),
            session.post("admin/ban-shard", {"password": "x", "count": 1}),
            session.post("admin/reset-shard", {"password": "x", "count": 1}),
            session.post("custom/markasdone", {"password": "x", "shards": [1], "count": 1, "nickname": "z"}),
        ):
            assert told[0] == 200
            assert json.loads(told[1])["status"] == "failed"

    served(tmp_path, life)


def test_both_halves_are_claimed_by_somebody_known_or_not_at_all(tmp_path: Path) -> None:
    # defect 1: one loop could mark all jobs as done, without a token
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        for body in (
            {"shards": [1, 2], "urls": {}, "nickname": "Ada"},
            {"shards": [1, 2], "urls": {}, "nickname": "Ada", "token": "made up"},
            {"shards": [1, 3], "urls": {}, "nickname": "Ada", "token": client.token},
            {"shards": [1, 2, 3, 4], "urls": {}, "nickname": "Ada", "token": client.token},
            {"shards": [], "urls": {}, "nickname": "Ada", "token": client.token},
            {"shards": [1, 2], "urls": {}, "nickname": "Ada", "token": client.token},  # never offered to anybody
        ):
            status, text = client.s.post("custom/markasdone-cpu", body)
            assert (status, json.loads(text)["status"]) == (200, "failed"), body
        assert client.job_count() == 4

    served(tmp_path, life)


def test_staging_may_remove_what_no_job_waits_with(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        cpu, gpu = cah.init(server.url, "Ada", "CPU"), cah.init(server.url, "Bob", "GPU")
        cpu.new_job()
        cpu.complete_job("rsync one")
        asked = {"addresses": ["rsync one", "rsync unknown"]}
        assert json.loads(cpu.s.post("api/isCompleted", asked)[1]) == ["rsync unknown"]
        gpu.new_job()
        gpu.complete_job(3)
        assert json.loads(cpu.s.post("api/isCompleted", asked)[1]) == ["rsync one", "rsync unknown"]

    served(tmp_path, life)


def test_a_wat_is_looked_up_only_as_long_as_both_halves_are_open(tmp_path: Path) -> None:
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "HYBRID")
        assert client.s.get("custom/get-cpu-wat") == (200, wat(0))
        assert json.loads(client.s.post("custom/lookup-wat", {"url": wat(0)})[1])["status"] == "success"
        client.new_job()
        told = json.loads(client.s.post("custom/lookup-wat", {"url": wat(0)})[1])
        assert (told["status"], "detail" in told) == ("failed", True)
        assert json.loads(client.s.post("custom/lookup-wat", {"url": EVIL})[1])["status"] == "failed"

    served(tmp_path, life)


def test_the_upload_address_resolves_nowhere(tmp_path: Path) -> None:
    # defect 4: everybody could overwrite everybody's shard by a shared rsync module
    def life(server: Server) -> None:
        client = cah.init(server.url, "Ada", "CPU")
        told = client.upload_address
        client.update_upload_server()
        assert client.upload_address == told
        assert ".invalid::" in told

    served(tmp_path, life)
