"""What strangers send: long, deep, packed, slow, broken, or meant for a shell, a page, a terminal, a path."""

from __future__ import annotations

import ast
import asyncio
import gzip
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.workers.tracker.web.campaigns import Client, a_campaign, a_registration, running
from workers.tracker.web.table import table

HOSTILE = {
    "shell": "$(touch hacked); `id` | cat & rm -rf ~ '\"",
    "path": "../../../../etc/passwd",
    "absolute": "/etc/passwd",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "template": "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "sql": "'; DROP TABLE jobs; --",
    "bidi": "\u202egnp.exe\u2066",
    "invisible": "a\u200bb\ufeff",
    "control": "\x1b[2J\x07\r\nSet-Cookie: a=b",
    "nul": "a\x00b",
    "long": "A" * 60_000,
    "longer": "A" * 70_000,
    "emoji": "\U0001f525" * 100,
    "percent": "%00%2e%2e%2f%n%s",
}


def _texts(body: Any, kind: type[msgspec.Struct]) -> list[tuple[Any, ...]]:
    """The way to every text of a message."""
    found: list[tuple[Any, ...]] = []
    for name, value in body.items():
        if isinstance(value, str):
            found.append((name,))
        elif isinstance(value, dict):
            found += [(name, *rest) for rest in _texts(value, kind)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found += [(name, 0, *rest) for rest in _texts(value[0], kind)]
        elif isinstance(value, list) and value and isinstance(value[0], str):
            found.append((name, 0))
    return found


def _with(body: Any, way: tuple[Any, ...], text: str) -> Any:
    copy = msgspec.json.decode(msgspec.json.encode(body))
    place = copy
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = text
    return copy


def _bodies(client: Client, lease: str) -> dict[str, dict[str, Any]]:
    """One good body for every POST of a volunteer, with every text in it."""
    machine = {"cpus": 1, "memory_bytes": 1, "disk_bytes": 1, "gpus": ["one"], "system": "Linux"}
    artefact = {"name": "a.parquet", "bytes": 1, "sha256": "0" * 64}
    manifest = {
        "lease": lease, "job": 1, "fence": 1, "kind": "crawl", "number": 0, "recipe": "r", "version": "1.0",
        "environment": "e" * 64, "artefacts": [artefact], "counts": {"found": 1}, "engines": {"a": "b"},
    }  # fmt: skip
    return {
        "/v1/accounts": {"name": "a name", "invitation": "none"},
        "/v1/workers": a_registration(client) | {"machine": machine, "name": "a name"},
        "/v1/workers/me/selftest": {"version": "1.0", "environment": "e" * 64, "answers": {"a": "b"}},
        "/v1/leases": {"kinds": ["crawl"], "version": "1.0"},
        f"/v1/leases/{lease}/heartbeat": {"stage": "fetch"},
        f"/v1/leases/{lease}/fail": {"fault": "bug", "detail": "it broke"},
        f"/v1/leases/{lease}/release": {"why": "night"},
        f"/v1/leases/{lease}/uploads": {"file": artefact},
        f"/v1/leases/{lease}/result": {"manifest": manifest, "signature": "0" * 128},
    }


def test_hostile_texts_are_refused_or_stay_texts(tmp_path: Path) -> None:
    # checklist 34; invariant 25
    folder, admin = a_campaign(tmp_path / "c", jobs=20)
    before = set(tmp_path.rglob("*"))

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            statuses = []
            for path, body in _bodies(client, leased.lease).items():
                token = "" if path == "/v1/accounts" else client.token
                for way in _texts(body, msgspec.Struct):
                    for text in HOSTILE.values():
                        said = await client.ask("POST", path, _with(body, way, text), token=token)
                        statuses.append(said.status)
                        assert said.status < 500, (path, way, text[:50], said.body)
                        assert said.headers["Content-Type"].startswith("application/json") or said.status == 204
            assert len(statuses) > 250
            for page in ("/", "/leaderboard", f"/w/{client.worker}", "/v1/stats", "/metrics"):
                said = await client.ask("GET", page, token="")
                assert b"<script>alert" not in said.body
                assert b"onerror=alert" not in said.body.replace(b"&lt;img src=x onerror=alert", b"")

    asyncio.run(life())
    new = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(folder.tracker) for path in new)
    assert not list(tmp_path.rglob("hacked"))


def test_every_message_is_covered_by_the_hostile_texts(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            covered = set(_bodies(server.client(), "{lease}"))
            asked = {
                route.path for route in table(server.tracker) if route.asks and not route.path.startswith("/v1/admin/")
            }
            assert asked == covered
            for route in table(server.tracker):
                if route.asks is not None and route.path in covered:
                    texts = {name for name, kind in typing.get_type_hints(route.asks).items() if kind is str}
                    assert texts <= set(_bodies(server.client(), "{lease}")[route.path])

    asyncio.run(life())


_NO_MESSAGES = [
    (b'{"why":"' + b"A" * 10_000_000 + b'"}', 413), (b'{"why":"' + b"a" * 70_000 + b'"}', 413),
    (b"", 400), (b"{", 400), (b"[" * 60_000, 422), (b'{"why":' + b"[" * 60_000, 422), (b'{"why":"\xff"}', 400),
    (b'{"why":"\\ud800"}', 400), (b'{"why":NaN}', 400), (b'{"why":1}', 422), (b'{"other":1}', 422), (b"null", 422),
    (b'{"why":"a\\u0000b"}', 400), (b"\x1f\x8b\x08", 400), (b'{"why":"' + b"a" * 300 + b'"}', 422),
]  # fmt: skip


def test_bodies_that_are_no_message_are_refused_and_change_nothing(tmp_path: Path) -> None:
    # invariant 25
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            for content, status in _NO_MESSAGES:
                said = await client.ask("POST", f"/v1/leases/{leased.lease}/release", content=content)
                assert said.status == status, (content[:40], said.body)
            assert (await client.ask("GET", "/v1/leases")).json()["leases"]

    asyncio.run(life())


def test_a_packed_body_is_not_unpacked(tmp_path: Path) -> None:
    folder, admin = a_campaign(tmp_path / "c")

    async def life() -> None:
        async with running(folder, admin) as server:
            client = await server.client().join()
            bomb = gzip.compress(b" " * 10_000_000)
            said = await client.ask("POST", "/v1/leases", content=bomb, headers={"Content-Encoding": "gzip"})
            assert (said.status, said.code) == (415, "packed")

    asyncio.run(life())


def test_a_name_of_an_input_never_leads_out_of_the_run_folder(tmp_path: Path) -> None:
    # invariant 25
    from workers.tracker.moves.jobs import import_jobs
    from workers.tracker.moves.records import NewJob

    folder, admin = a_campaign(tmp_path / "c")
    names = ["../outside", "/etc/passwd", "tracker/secrets.json", "plan/../tracker/key"]
    (tmp_path / "outside").write_text("no")

    async def life() -> None:
        async with running(folder, admin, stage=None) as server:
            client = await server.client().join()
            specs = [NewJob("crawl", number, name, name) for number, name in enumerate(names)]
            await server.tracker.store.do(lambda tx: import_jobs(tx, 0.0, specs))
            for _ in names:
                leased = await client.take()
                assert leased.spec.input_sha256 == ""
                assert (await client.ask("GET", f"/v1/leases/{leased.lease}/input")).code == "no_input"

    asyncio.run(life())


def test_a_log_line_holds_neither_key_nor_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from workers.tracker.web.logs import log_to

    folder, admin = a_campaign(tmp_path / "c")
    log_to(requests=True)

    async def life() -> list[str]:
        async with running(folder, admin) as server:
            client = await server.client().join()
            leased = await client.take()
            await client.finish(leased)
            await client.ask("GET", f"/v1/leases/{leased.lease}/input?token={client.token}")
            reader, writer = await asyncio.open_connection("127.0.0.1", int(server.root.rpartition(":")[2]))
            writer.write(b"GET / NOTHTTP\r\nSecret: " + client.token.encode() + b"\r\n\r\n")
            await reader.read()
            writer.close()
            return [client.token, leased.lease, admin]

    secrets = asyncio.run(life())
    told = capsys.readouterr().err
    lines = [msgspec.json.decode(line) for line in told.splitlines()]
    assert any(line.get("route") == "POST /v1/leases" and line["status"] == 200 for line in lines)
    assert not any(secret in told for secret in (*secrets, "127.0.0.1"))
    log_to()


def test_no_part_of_the_program_gives_a_text_to_a_shell() -> None:
    # checklist 33; invariant 25, defect 3
    root = Path(__file__).parents[4]
    found = []
    for file in (path for part in ("crawler", "filters", "workers") for path in (root / part).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
        named = {node.arg for node in nodes if isinstance(node, ast.keyword)}
        if "shell" in named or {"os.system", "os.popen", "asyncio.create_subprocess_shell"} & calls:
            found.append(file.relative_to(root))
    assert found == []
