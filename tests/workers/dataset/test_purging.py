"""After a purge no byte of the rows is anywhere in the store, and every version still verifies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crawler.dataset.manifest import Shard, Stored
from crawler.dataset.merkle import root_of
from crawler.dataset.row_digests import Salter, digests, leaf_data
from crawler.dataset.store import open_store
from crawler.dataset.tar_index import read_index
from crawler.errors import SettingsError
from tests.fakes.moto import ENVIRONMENT, moto_server
from tests.removable import Site, a_row, a_site, everything_in
from workers.dataset.commits.committing import commit_shards
from workers.dataset.commits.verifying import verify
from workers.dataset.describing.gathering import cache_of
from workers.dataset.removed.register import TakedownError
from workers.dataset.takedown.purging import purge
from workers.dataset.takedown.reissue_plan import Plan
from workers.dataset.takedown.reissuing import reissue
from workers.dataset.takedown.remains import remains_in
from workers.dataset.takedown.removing import cut

REAL = (2, 7, 21)  # 7 has no picture


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return taken_down(a_site(tmp_path))


def taken_down(site: Site) -> Site:
    site.take_down("\n".join(a_row(number)["url"] for number in REAL), "urls")
    return site


def published(site: Site) -> str:
    """A re-issue; returns the name of the takedown."""
    cut(site.publisher, site.register, ())
    reissue(site.publisher, site.register, Plan(burial=3, so_many=True))
    return site.register.takedowns()[0].id


def needles(row: dict[str, Any]) -> Iterator[bytes]:
    """Everything by which a row could be told: as text, and as what hex stands for."""
    for name in ("url", "caption", "page_url", "final_url", "md5", "sha1", "sha256", "pdq", "phash"):
        if row[name]:
            yield row[name].encode()
            if name in ("md5", "sha1", "sha256", "pdq"):
                yield bytes.fromhex(row[name])
    if row["image"]:
        yield row["image"][:64]
        yield row["image"][-32:]


def found_in(folder: Path, numbers: tuple[int, ...] = REAL) -> list[str]:
    wanted = [one for number in numbers for one in needles(a_row(number))]
    return [f"{path.name}: {one[:40]!r}" for path, content in everything_in(folder) for one in wanted if one in content]


def test_nothing_is_left_of_purged_rows_and_every_version_verifies(site: Site) -> None:  # invariant 32
    first, _ = site.store.read_commit("main")
    assert found_in(site.folder / "store")  # the search can find them
    done = purge(site.publisher, site.register, (published(site),))
    assert found_in(site.folder / "store") == []
    assert found_in(site.folder / "cache") == []
    told = verify(site.store, "main", history=True)
    assert told.problems == []
    assert first in told.versions
    assert sum(told.purged.values()) == done.rows > 3 * len(REAL)
    assert set(told.purged) == {site.register.reissues()[0].id}
    # what was not purged is there, in old versions as in new ones
    kept = set(site.uids())
    assert kept == set(site.uids(first))
    assert found_in(site.folder / "store", (next(n for n in range(60) if a_row(n)["content_id"] in kept),))


def test_a_redaction_points_at_real_rows_and_decoys_alike(site: Site) -> None:
    first = site.store.read_commit("main")[1]
    shards = list(site.store.shards(first))
    purge(site.publisher, site.register, (published(site),))
    gone = set()
    for number, shard in enumerate(shards):
        if redaction := site.store.redaction(shard.table.sha256):
            gone |= {number * 20 + row for row in redaction.rows}
    assert set(REAL) < gone
    assert len(gone) >= 4 * len(REAL)


def test_what_no_re_issue_has_buried_is_purged_only_when_asked(site: Site) -> None:
    name = site.register.takedowns()[0].id
    with pytest.raises(TakedownError, match="still has rows"):
        purge(site.publisher, site.register, (name,), unburied=True)
    cut(site.publisher, site.register, ())
    with pytest.raises(TakedownError, match="--unburied"):
        purge(site.publisher, site.register, (name,))
    assert found_in(site.folder / "store")
    assert purge(site.publisher, site.register, (name,), unburied=True).name == name
    assert found_in(site.folder / "store") == []
    assert verify(site.store, "main", history=True).problems == []
    with pytest.raises(SettingsError, match="no takedown"):
        purge(site.publisher, site.register, ("T-1999-01-01-1",))


def test_a_purge_of_rows_of_a_shard_that_was_purged_before(site: Site) -> None:
    first, _ = site.store.read_commit("main")
    purge(site.publisher, site.register, (published(site),))
    left = [number for number in range(20) if a_row(number)["content_id"] in set(site.uids(first))]
    more = (left[0], left[1])
    site.take_down("\n".join(a_row(number)["url"] for number in more), "urls")
    cut(site.publisher, site.register, ())
    purge(site.publisher, site.register, (site.register.takedowns()[1].id,), unburied=True)
    assert found_in(site.folder / "store", (*REAL, *more)) == []
    assert verify(site.store, first, history=True).problems == []
    assert purge(site.publisher, site.register, (site.register.takedowns()[1].id,), unburied=True).objects == 0


def test_all_that_versions_have_beside_one_table_is_purged(site: Site) -> None:
    """A later pyarrow writes another index of the same tar, and a new key folder makes other salts."""
    at, commit = site.store.read_commit("main")
    shards = list(site.store.shards(commit))
    others = []
    for shard in shards:
        assert shard.index is not None
        index = pa.BufferOutputStream()
        pq.write_table(read_index(site.store.objects.open_local(shard.index)), index, compression="none")
        salts, leaves, root = salted_anew(site, shard)
        others.append(
            msgspec.structs.replace(
                shard,
                index=site.store.objects.put_bytes(index.getvalue().to_pybytes()),
                salts=salts,
                leaves=leaves,
                root=root,
            )
        )
    commit_shards(site.store, site.keys, others, parents=[at], ref="main", at=at, message="by other tools")
    assert verify(site.store, "main", history=True).looked_at == 2 * len(shards)
    first = purge(site.publisher, site.register, (published(site),))
    assert first.rows == sum(verify(site.store, at).purged.values())
    assert found_in(site.folder / "store") == []
    assert verify(site.store, "main", history=True).problems == []


def salted_anew(site: Site, shard: Shard) -> tuple[Stored, Stored, str]:
    """Salts, leaves and root of a shard by another secret."""
    assert shard.index is not None
    objects, salter = site.store.objects, Salter(b"another secret")
    told = list(digests(objects.open_local(shard.table), read_index(objects.open_local(shard.index))))
    salts = [salter.salt(one) for one in told]
    leaves = [leaf_data(salt, one) for salt, one in zip(salts, told, strict=True)]
    return objects.put_bytes(b"".join(salts)), objects.put_bytes(b"".join(leaves)), root_of(leaves).hex()


def test_what_was_counted_of_a_purged_table_goes_though_the_purge_was_killed_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts name sites."""
    tables = {one.table.sha256 for one in site.store.shards(site.store.read_commit("main")[1])}
    name = published(site)

    class KilledError(Exception):
        pass

    def fail(place: str) -> None:
        if place == "purge.shard_done":
            raise KilledError

    for _ in tables:
        with monkeypatch.context() as patch:
            patch.setattr("workers.dataset.takedown.purging.failpoint", fail)
            with pytest.raises(KilledError):
                purge(site.publisher, site.register, (name,))
    counted = cache_of(site.store)
    assert tables & {path.name.partition("-")[0] for path in counted.iterdir()}
    purge(site.publisher, site.register, (name,))
    assert not tables & {path.name.partition("-")[0] for path in counted.iterdir()}


FAILPOINTS = ("purge.stand_in_stored", "purge.redaction_written", "purge.object_deleted", "purge.shard_done")
PROGRAM = """
import sys
from pathlib import Path
from crawler.dataset.keys import open_keys
from crawler.dataset.store import open_store
from workers.dataset.takedown.purging import purge
from workers.dataset.removed.register import RegisterFolder
from workers.dataset.takedown.removing import Publisher
folder = Path(sys.argv[1])
store = open_store(str(folder / "store"), cache=folder / "cache")
purge(Publisher(store, open_keys(folder / "keys"), folder), RegisterFolder.open(folder / "register"), (sys.argv[2],))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arrival", [f"{name}:{time}" for name in FAILPOINTS[:3] for time in (1, 4)] + ["purge.shard_done:1"]
)
def test_a_purge_that_was_killed_goes_on(tmp_path: Path, arrival: str) -> None:  # invariant 32
    site = taken_down(a_site(tmp_path, shards=2))
    first, _ = site.store.read_commit("main")
    name = published(site)
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), name],
        env=os.environ | {"PAIRTRAWL_FAILPOINT": arrival},
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    purge(site.publisher, site.register, (name,))
    assert found_in(tmp_path / "store") == []
    assert verify(site.store, first, history=True).problems == []
    assert verify(site.store, "main", history=True).problems == []


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with moto_server("takedowns") as address:
        yield address


@pytest.mark.slow
def test_in_a_bucket_that_keeps_versions_nothing_is_left_either(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # invariant 32
    from botocore.session import Session

    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    client = Session().create_client("s3", endpoint_url=s3)
    client.put_bucket_versioning(Bucket="takedowns", VersioningConfiguration={"Status": "Enabled"})
    site = taken_down(a_site(tmp_path, shards=2, rows=12, address="s3://takedowns/boats"))
    first, _ = site.store.read_commit("main")
    assert found_in(tmp_path / "cache")  # what was matched was downloaded
    purge(site.publisher, site.register, (published(site),))
    dump = tmp_path / "dump"
    dump.mkdir()
    for number, one in enumerate(client.list_object_versions(Bucket="takedowns").get("Versions", [])):
        body = client.get_object(Bucket="takedowns", Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        (dump / str(number)).write_bytes(body)
    assert found_in(dump) == []
    assert found_in(tmp_path / "cache") == []
    assert verify(open_store("s3://takedowns/boats", cache=tmp_path / "other"), first).problems == []


def test_what_lies_beside_the_store_is_told(site: Site, tmp_path: Path) -> None:
    name = published(site)
    run = next(tmp_path.glob("run-*"))
    uids = site.register.uids(name)
    assert [path.name for path in remains_in(run, uids)] == ["00000.parquet", "00001.parquet"]
    (run / "00000.parquet").write_bytes(b"PAR1 and no more")
    assert [path.name for path in remains_in(run, uids)] == ["00000.parquet", "00001.parquet"]  # nobody can say
    assert list(remains_in(tmp_path / "keys", uids)) == []
