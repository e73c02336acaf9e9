"""The old API's moves on both databases."""

from __future__ import annotations

import asyncio

import pytest

from workers.tracker.legacy import clients, halves
from workers.tracker.legacy.accounts import account_for
from workers.tracker.legacy.clients import OldRefusal
from workers.tracker.legacy.half_rows import HalfState
from workers.tracker.legacy.half_rows import counts as half_counts
from workers.tracker.legacy.words import Half, cleaned, halves_of, time_left
from workers.tracker.moves.jobs import content_id, counts, import_jobs
from workers.tracker.moves.records import NewJob
from workers.tracker.store import Store, Tx

NOW = 1_800_000_000.0


def wats(many: int) -> list[NewJob]:
    made = []
    for number in range(many):
        address = f"https://archives.example.org/{number}.wat.gz"
        made.append(NewJob("extract", number, content_id("extract", number, address, "r"), address, form="wat"))
    return made


def joined(tx: Tx, token: str, kind: str) -> str:
    account = account_for(tx, NOW, nickname="Ada", token_digest=f"of {token}", network="")
    return clients.join(
        tx, NOW, account=account, nickname="Ada", kind=kind, token_digest=token, names=["a-b-1", "a-b-2", "a-b-3"]
    )


def whole_life(tx: Tx) -> None:
    import_jobs(tx, NOW, wats(3))
    assert [joined(tx, token, kind) for token, kind in (("c", "CPU"), ("g", "GPU"), ("h", "HYBRID"))] == [
        "a-b-1", "a-b-2", "a-b-3",
    ]  # fmt: skip
    with pytest.raises(OldRefusal):
        joined(tx, "d", "CPU")
    assert clients.new_job(tx, NOW, token_digest="c", kind="CPU") == Half(1, "https://archives.example.org/0.wat.gz")
    with pytest.raises(OldRefusal):
        clients.new_job(tx, NOW, token_digest="c", kind="GPU")
    clients.progress(tx, NOW, token_digest="c", kind="CPU", said="half way")
    clients.done(tx, NOW, token_digest="c", kind="CPU", count=None, note="rsync " + "x" * 5_000)
    assert halves.open_halves(tx, gpu=True) == 1
    assert clients.new_job(tx, NOW, token_digest="g", kind="GPU") is not None
    clients.invalid_download(tx, NOW, token_digest="g", kind="GPU")
    assert clients.new_job(tx, NOW, token_digest="g", kind="GPU") is None
    for number in (2, 1, 3):  # what came back broken is tried after what is fresh
        got = clients.new_job(tx, NOW, token_digest="h", kind="HYBRID")
        assert got is not None
        assert got.number == number
        clients.done(tx, NOW, token_digest="h", kind="HYBRID", count=5, note=None)
    address = halves.offer_wat(tx, NOW)
    assert address == "https://archives.example.org/2.wat.gz"
    assert [half.number for half in halves.halves_at(tx, address)] == [5, 6]
    assert clients.claim_wat(tx, NOW, token_digest="c", shards=[5, 6], notes={"5": "a"}) == 2
    assert halves.offer_wat(tx, NOW) is None
    assert halves.open_halves(tx, gpu=False) == 1
    assert half_counts(tx)[HalfState.CLAIMED] == 3
    told = tx.all("SELECT state, COUNT(*) AS n FROM legacy_halves GROUP BY state")
    assert {row["state"]: row["n"] for row in told} == {
        state.value: many for state, many in half_counts(tx).items() if many
    }
    clients.tidy(tx, NOW + 8_000)
    assert clients.connected(tx) == 0
    assert counts(tx) == {"extract": {"ready": 3}}


def test_a_whole_life_is_the_same_in_both_databases(store: Store) -> None:
    asyncio.run(store.do(whole_life))


def test_a_wat_far_behind_jobs_of_other_kinds_is_found(store: Store) -> None:
    def life(tx: Tx) -> None:
        import_jobs(tx, NOW, [NewJob("fetch", one, f"f{one}", f"plan/{one}") for one in range(5_000)])
        import_jobs(tx, NOW, wats(1))
        joined(tx, "c", "CPU")
        assert clients.new_job(tx, NOW, token_digest="c", kind="CPU") is not None

    asyncio.run(store.do(life))


@pytest.mark.parametrize("archive", [0, 1, 4_284_668])
def test_the_numbers_of_halves_are_the_old_trackers(archive: int) -> None:
    first, second = (Half(number, "") for number in halves_of(archive))
    for half in (first, second):
        assert int(half.end_id) - int(half.start_id) == 1_000_000
        assert half.number == int(half.end_id) // 1_000_000 * 2 - (half.shard == 0)
    assert (first.shard, second.shard) == (0, 1)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "Calculating..."), (0, "Finished"), (1, "1 second"), (61, "1 minute and 1 second"),
        (90_000, "1 day, 1 hour, 0 minutes and 0 seconds"),
    ],
)  # fmt: skip
def test_the_estimate_has_the_old_words(seconds: float | None, words: str) -> None:
    assert time_left(seconds) == words


def test_a_strangers_text_is_one_line_that_any_database_keeps() -> None:
    # invariant 25
    assert cleaned("a\x00b\nc\ud800d\u202ee", 100) == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert cleaned("x" * 1_000, 10) == "x" * 10
