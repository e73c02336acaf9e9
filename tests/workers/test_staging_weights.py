"""Weights on the node's own disk: copied once, checked always, and no other model for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from crawler.errors import SettingsError
from crawler.job import JobKind
from crawler.settings import FilterChoice, Recipe
from filters.models import engine as engine_module
from filters.models import self_test
from filters.models.choice import EMBEDDED, ModelChoice
from filters.models.engine import OpenClipEngine, preparation_for
from filters.models.open_clip_border import import_open_clip
from workers.assemble import assemble, engines_of
from workers.staging import weights as staging_weights
from workers.staging.weights import stage_weights, staging

WEIGHTS = "open_clip_model.safetensors"


@dataclass(frozen=True)
class Disks:
    shared: Path
    node: Path


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disks]:
    """A folder that machines share and one of a node, on two disks where this machine has two."""
    memory = Path("/dev/shm")
    if memory.is_dir() and memory.stat().st_dev != tmp_path.stat().st_dev:
        with TemporaryDirectory(dir=memory) as name:
            yield Disks(tmp_path, Path(name))
    else:
        monkeypatch.setattr(staging_weights, "is_on", lambda _file, _folder: False)
        (tmp_path / "node").mkdir(mode=0o700)
        yield Disks(tmp_path, tmp_path / "node")


def a_model(folder: Path, name: str = "model") -> Path:
    """A copy of the embedded model, as a checkpoint on a shared disk."""
    source = ModelChoice(EMBEDDED).model_folder
    assert source is not None
    (folder / name).mkdir()
    for file in ("open_clip_config.json", WEIGHTS):
        shutil.copy(source / file, folder / name / file)
    return folder / name


def a_recipe(model: Path | str, **settings: str) -> Recipe:
    name = model if isinstance(model, str) else f"local-dir:{model}"
    return Recipe(filters=(FilterChoice(use="pictures.clip_similarity", settings={"model": name, **settings}),))


def the_engine(recipe: Recipe, node: Path | None) -> OpenClipEngine:
    (engine,) = stage_weights(recipe, node).values()
    assert isinstance(engine, OpenClipEngine)
    return engine


def copies(node: Path) -> list[Path]:
    return sorted(node.rglob(WEIGHTS))


def similarity(engine: OpenClipEngine) -> float:
    one = preparation_for(engine.choice)(self_test.drawing("red disc"), "red circle")
    images, texts = engine.embed(one.image[None], one.tokens[None])
    return float((images * texts).sum())


def test_a_copy_is_on_the_node_and_everything_that_is_written_of_it_is_as_before(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared))
    (plain,), engine = engines_of(recipe).values(), the_engine(recipe, disks.node)
    assert engine.choice.staged is not None
    assert engine.choice.staged.weights == copies(disks.node)[0]
    assert (engine, engine.name, engine.provenance) == (plain, plain.name, plain.provenance)
    assert str(disks.node) not in engine.provenance + engine.name


def test_the_copy_can_be_read_by_nobody_else(disks: Disks) -> None:
    the_engine(a_recipe(a_model(disks.shared)), disks.node)
    (copy,) = copies(disks.node)
    folder = next(one for one in copy.parents if one.parent == disks.node)
    assert folder.stat().st_mode & 0o077 == 0


def test_without_a_disk_of_the_node_everything_is_read_from_where_it_is(disks: Disks) -> None:
    assert the_engine(a_recipe(a_model(disks.shared)), None).choice.staged is None


def test_the_model_that_comes_with_the_program_is_where_the_program_is(disks: Disks) -> None:
    assert the_engine(a_recipe(EMBEDDED), disks.node).choice.staged is None
    assert copies(disks.node) == []


def test_weights_that_are_on_that_disk_already_are_not_copied(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert the_engine(a_recipe(a_model(tmp_path)), tmp_path).choice.staged is None


def test_the_second_process_finds_what_the_first_has_copied(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared))
    the_engine(recipe, disks.node)
    (copy,) = copies(disks.node)
    before = copy.stat().st_ino
    the_engine(recipe, disks.node)
    assert copy.stat().st_ino == before


def test_other_weights_under_the_same_name_are_copied_anew(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared))
    first = the_engine(recipe, disks.node).provenance
    weights = disks.shared / "model" / WEIGHTS
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert the_engine(recipe, disks.node).provenance != first
    assert len(copies(disks.node)) == 2


@pytest.mark.parametrize("how", ["flipped", "cut", "gone", "unreadable mark"])
def test_a_copy_that_somebody_spoilt_is_made_again(disks: Disks, how: str) -> None:
    recipe = a_recipe(a_model(disks.shared))
    right = the_engine(recipe, disks.node).provenance
    (copy,) = copies(disks.node)
    content = copy.read_bytes()
    match how:
        case "flipped":
            copy.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            copy.write_bytes(content[:1000])
        case "gone":
            copy.unlink()
        case _:
            (copy.parent / "copied.json").write_text("{")
    assert the_engine(recipe, disks.node).provenance == right
    assert copy.read_bytes() == content


def test_a_full_disk_of_the_node_is_said_and_the_shared_file_serves(
    disks: Disks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, target: Path) -> str:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(staging_weights, "_written", full)
    said: list[str] = []
    (engine,) = engines_of(a_recipe(a_model(disks.shared))).values()
    swap = staging(disks.node, said.append)
    for _ in range(3):  # three filters may ask the same engine
        swapped = swap(engine)
        assert isinstance(swapped, OpenClipEngine)
        assert swapped.choice.staged is None
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert copies(disks.node) == []
    assert list(disks.node.rglob("*.partial")) == []


def test_a_disk_that_gives_back_something_else_is_not_trusted(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_weights, "_written", lambda _source, target: str(target.write_bytes(b"other")))
    said: list[str] = []
    (engine,) = engines_of(a_recipe(a_model(disks.shared))).values()
    staging(disks.node, said.append)(engine)
    assert "is not what was written there" in said[0]
    assert copies(disks.node) == []


def test_a_folder_of_somebody_else_ends_the_run_instead_of_being_used(disks: Disks) -> None:
    disks.node.chmod(0o1777)
    (disks.node / f"pairtrawl-{os.getuid()}").mkdir()
    (disks.node / f"pairtrawl-{os.getuid()}").chmod(0o777)
    with pytest.raises(SettingsError, match="open to other users"):
        the_engine(a_recipe(a_model(disks.shared)), disks.node)


def test_the_filters_of_a_process_get_their_engines_from_the_node(disks: Disks, tmp_path: Path) -> None:
    recipe = a_recipe(a_model(disks.shared))
    tools = assemble(recipe, tmp_path / "scratch", kind=JobKind.CRAWL, swap=staging(disks.node))
    ((_name, judge),) = tools.embedding_filters
    (engine,) = judge.engines
    assert isinstance(engine, OpenClipEngine)
    assert engine.choice.staged is not None


_ONE_OF_MANY = """
import sys
import msgspec
from pathlib import Path
from crawler.settings import Recipe
from workers.staging import weights

if sys.argv[3] == "one disk":
    weights.is_on = lambda file, folder: False
copy = weights._copy
def told(*words):
    print("copied", flush=True)
    return copy(*words)
weights._copy = told
if sys.argv[4] == "halt":
    def halt(file):
        print("written", flush=True)
        sys.stdin.read()
    weights.sha256_of = halt
print("ready", flush=True)
sys.stdin.readline()
(engine,) = weights.stage_weights(msgspec.json.decode(sys.argv[1], type=Recipe), Path(sys.argv[2])).values()
print(engine.provenance, engine.choice.staged.weights, flush=True)
"""


def a_process(recipe: Recipe, disks: Disks, wish: str = "go") -> subprocess.Popen[str]:
    same = disks.shared.stat().st_dev == disks.node.stat().st_dev
    words = [msgspec.json.encode(recipe).decode(), str(disks.node), "one disk" if same else "two disks", wish]
    return subprocess.Popen(
        [sys.executable, "-c", _ONE_OF_MANY, *words],
        cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def started(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"


@pytest.mark.slow  # eight processes
def test_of_eight_processes_that_start_at_once_one_copies_and_all_use_it(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared))
    children = [a_process(recipe, disks) for _ in range(8)]
    for child in children:
        started(child)
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate()[0] for child in children]
    assert [child.returncode for child in children] == [0] * 8
    assert "".join(told).count("copied") == 1
    assert len({one.splitlines()[-1] for one in told}) == 1
    assert len(copies(disks.node)) == 1


def test_a_process_killed_while_it_copies_leaves_nothing_that_another_would_use(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared))
    child = a_process(recipe, disks, "halt")
    started(child)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert [child.stdout.readline() for _ in range(2)] == ["copied\n", "written\n"]
    child.kill()
    child.communicate()
    assert copies(disks.node) == []
    assert len(list(disks.node.rglob("*.partial"))) == 1
    assert the_engine(recipe, disks.node).choice.staged is not None
    assert len(copies(disks.node)) == 1
    assert list(disks.node.rglob("*.partial")) == []


@pytest.mark.clip
def test_the_copy_is_what_is_loaded_and_the_scores_are_the_same(disks: Disks) -> None:
    recipe = a_recipe(a_model(disks.shared, "of-a-node"))
    engine = the_engine(recipe, disks.node)
    preparation_for(engine.choice)
    (disks.shared / "of-a-node" / WEIGHTS).unlink()
    assert similarity(engine) == similarity(OpenClipEngine(ModelChoice(EMBEDDED)))


@pytest.mark.clip
def test_a_model_of_a_hubs_cache_is_loaded_from_the_node(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    cache = disks.shared / "hub"
    snapshot = cache / "models--tests--tiny" / "snapshots" / ("0" * 40)
    snapshot.parent.mkdir(parents=True)
    a_model(snapshot.parent, snapshot.name)
    (cache / "models--tests--tiny" / "refs").mkdir()
    (cache / "models--tests--tiny" / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    engine = the_engine(a_recipe("hf-hub:tests/tiny"), disks.node)
    preparation_for(engine.choice)
    shutil.rmtree(cache)
    assert engine.provenance.startswith("hf-hub:tests/tiny@sha256:78c59187839c ")
    assert similarity(engine) == similarity(OpenClipEngine(ModelChoice(EMBEDDED)))


@pytest.mark.clip
def test_a_tag_of_open_clip_keeps_its_own_preprocessing(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    import_open_clip()
    from open_clip import factory, pretrained

    folder = a_model(disks.shared)
    description = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    tag = {"file": str(folder / WEIGHTS), "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.25, 0.5), "hf_hub": "", "url": ""}
    monkeypatch.setitem(factory._MODEL_CONFIGS, "tiny-of-a-tag", description)
    monkeypatch.setitem(pretrained._PRETRAINED, "tiny-of-a-tag", {"here": tag})
    recipe = a_recipe("tiny-of-a-tag", pretrained="here")
    (plain,) = engines_of(recipe).values()
    assert isinstance(plain, OpenClipEngine)
    expected, provenance = similarity(plain), plain.provenance
    engine = the_engine(recipe, disks.node)
    assert engine.choice.staged is not None
    engine_module._towers.cache_clear()  # as in a new process
    (folder / WEIGHTS).unlink()
    assert similarity(engine) == expected
    assert engine.provenance == provenance
