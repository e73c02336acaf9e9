"""Pictures and captions to vectors: ours beside `clip-retrieval inference`, on the same shard with the same weights.

    python benchmarks/scoring.py [--model pairtrawl-tiny] [--pictures 1024] [--corpus ../shared/corpus] [--python PEER/bin/python]

Both sides read one webdataset shard and write float16 vectors in clip-retrieval's layout; both have one torch thread.
What is counted is CPU time from the end of the first batch to the end of the last: reading, decoding, preparing, both
towers. Imports, loading and warming up are in the totals, which are those of all processes of a side. clip-retrieval
reads in its main process here (`--num_prepro_workers 0`), so that its clock sees that; its two logging processes are not
counted. The vectors of both sides are compared, so that it is the same work. clip-retrieval 2.45 is installed from the
registry into an environment of its own, because it wants numpy 1 and open_clip 2. If that cannot be done, the script
says why and leaves with 1: there is no figure then.

`--model` is pairtrawl-tiny, or a name of open_clip, which then gets random weights from one file for both sides.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.corpus_pairs import Pair, jpeg, on_white, pairs_of, unpacked_web  # noqa: E402 - the repository's own folder comes first
from benchmarks.peer_environment import NoPeerError, peer_environment, versions  # noqa: E402 - as above

PEER = "clip-retrieval==2.45.0"
EMBEDDED = "pairtrawl-tiny"
BATCH = 64
#: two steps of float16, in which both sides write, at the largest values that such unit vectors have
SAME = 1e-3
_ALONE = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
    "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled", "TOKENIZERS_PARALLELISM": "false",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """One model for both sides."""

    ours: tuple[str, str]  # `model` and `pretrained` of our filters
    peer: str  # what clip-retrieval is told as --clip_model
    config: str  # JSON file that tells the peer's open_clip of the architecture, or ""


@dataclass(frozen=True, slots=True)
class Side:
    """What one side needed, and what it made."""

    total_seconds: float  # CPU of all its processes, start-up included
    clock: tuple[float, ...]  # CPU seconds of the process that works, at the end of each batch
    batch: int
    images: NDArray[np.float16]
    texts: NDArray[np.float16]

    @property
    def per_core_second(self) -> float:
        """Pairs per core-second, from the end of the first batch on."""
        return (len(self.images) - self.batch) / (self.clock[-1] - self.clock[0])


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides on one shard."""

    model: str
    pairs: int
    ours: Side
    peer: Side

    @property
    def difference(self) -> float:
        """The largest difference of any element of any vector."""
        sides = ((self.ours.images, self.peer.images), (self.ours.texts, self.peer.texts))
        return max(float(np.abs(one.astype(np.float32) - other.astype(np.float32)).max()) for one, other in sides)

    @property
    def faster(self) -> float:
        """How many times as many pairs our side does in a core-second."""
        return self.ours.per_core_second / self.peer.per_core_second


def compare(model: str, pairs: Sequence[Pair], work: Path, peer: Path, batch: int = BATCH) -> Compared:
    """Score these pairs with both sides, in turns; `pairs` must be more than one batch.

    Raises:
        NoPeerError: clip-retrieval did not do it; the message has the end of what it printed.
    """
    weights = prepare_weights(model, work)
    shard = write_shard(work / f"{model}.tar", pairs)
    sides = {}
    for side, words in (
        ("peer", peer_words(peer, shard, weights, len(pairs), batch)),
        ("ours", our_words(shard, weights, batch)),
    ):
        output, clock = work / f"{model}-{side}", work / f"{model}-{side}-clock.json"
        seconds = cpu_seconds([{"OUTPUT": str(output), "CLOCK": str(clock)}.get(word, word) for word in words])
        sides[side] = Side(seconds, tuple(json.loads(clock.read_bytes())), batch, *vectors_of(output))
    check_order(work / f"{model}-peer", pairs)
    return Compared(model, len(pairs), sides["ours"], sides["peer"])


def prepare_weights(model: str, work: Path) -> Weights:
    """The embedded model as it is, or an architecture of open_clip with random weights in a file."""
    from filters.models.choice import ModelChoice
    from filters.models.open_clip_border import import_open_clip

    if model == EMBEDDED:
        choice = ModelChoice(EMBEDDED)
        assert choice.model_folder is not None
        config = work / f"{EMBEDDED}.json"  # open_clip takes the model's name from the file's
        description = json.loads((choice.model_folder / "open_clip_config.json").read_bytes())
        config.write_text(json.dumps(description["model_cfg"]))
        return Weights((EMBEDDED, ""), f"open_clip:{EMBEDDED}/{choice.local_weights}", str(config))
    import torch
    from safetensors.torch import save_file

    file = work / f"{model}.safetensors"
    torch.manual_seed(0)
    made = import_open_clip().create_model(model)
    save_file({name: tensor.contiguous() for name, tensor in made.state_dict().items()}, file)
    return Weights((model, str(file)), f"open_clip:{model}/{file}", "")


def write_shard(file: Path, pairs: Sequence[Pair]) -> Path:
    """A webdataset shard of these pairs: JPEG, for transparency is read in as many ways as there are readers."""
    with tarfile.open(file, "w") as tar:
        for number, pair in enumerate(pairs):
            for kind, content in (("jpg", jpeg(on_white(pair.file))), ("txt", pair.text.encode())):
                member = tarfile.TarInfo(f"{number:06d}.{kind}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return file


def peer_words(python: Path, shard: Path, weights: Weights, pairs: int, batch: int) -> list[str]:
    """clip-retrieval's command. It reads in its main process, whose clock is looked at."""
    return [
        str(python), str(ROOT / "benchmarks" / "clip_retrieval_peer.py"), "CLOCK", weights.config, "inference",
        "--input_dataset", str(shard), "--output_folder", "OUTPUT", "--input_format", "webdataset",
        "--clip_model", weights.peer, "--batch_size", str(batch), "--num_prepro_workers", "0", "--enable_metadata", "False",
        "--wds_number_file_per_input_file", str(pairs),
    ]  # fmt: skip


def our_words(shard: Path, weights: Weights, batch: int) -> list[str]:
    """The same by our engine."""
    return [
        sys.executable,
        str(ROOT / "benchmarks" / "score_shard.py"),
        "CLOCK",
        str(shard),
        "OUTPUT",
        *weights.ours,
        "float32",
        str(batch),
    ]


def _environment() -> dict[str, str]:
    """One thread, no network; and compiled files may be kept, or each of the peer's processes compiles for 15 s."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | _ALONE


def cpu_seconds(words: Sequence[str]) -> float:
    """Run a command; the CPU seconds of its process and of all that it waited for.

    Raises:
        NoPeerError: it failed; the message has the end of what it printed.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(words, stdout=said, stderr=subprocess.STDOUT, env=_environment())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        told = said.read().decode(errors="replace")
    if process.returncode:
        raise NoPeerError(f"{Path(words[1]).name} left with {process.returncode}: {told.strip()[-1500:]}")
    if told.startswith("peer: "):
        print(f"  {told.partition(chr(10))[0]}", flush=True)
    return usage.ru_utime + usage.ru_stime


def vectors_of(output: Path) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """The vectors of pictures and of captions in a folder of clip-retrieval's layout.

    Raises:
        NoPeerError: they are not there.
    """
    found = []
    for name in ("img_emb", "text_emb"):
        files = sorted((output / name).glob("*.npy"))
        if len(files) != 1:
            raise NoPeerError(f"{output.name}: {len(files)} files of {name}, not one")
        found.append(np.load(files[0], allow_pickle=False))
    return found[0], found[1]


def check_order(output: Path, pairs: Sequence[Pair]) -> None:
    """Whether the peer wrote what it was given, in order.

    Raises:
        NoPeerError: it did not; nothing can be compared then.
    """
    (file,) = sorted((output / "metadata").glob("*.parquet"))
    if pq.read_table(file).column("caption").to_pylist() != [pair.text for pair in pairs]:
        raise NoPeerError("clip-retrieval wrote other pairs, or in another order, than it was given")


def install_peer(folder: Path) -> Path:
    """clip-retrieval in an environment of its own; its Python.

    Raises:
        NoPeerError: it cannot be installed here; the message says why.
    """
    return peer_environment(folder, PEER)


def told(one: Compared) -> list[str]:
    """The figures, a line each."""
    lines = [f"{one.model}: {one.pairs:,} pairs; largest difference of the vectors {one.difference:.1e}"]
    for name, side in (("pairtrawl", one.ours), ("clip-retrieval", one.peer)):
        lines.append(
            f"  {name:15} {side.per_core_second:8.1f} pairs per core-second (CPU seconds with start, of all its "
            f"processes: {side.total_seconds:.1f})"
        )
    return [*lines, f"  pairtrawl does {one.faster:.2f} times as many"]


def main(words: Sequence[str]) -> int:
    """Measure and print; 0 when both sides made the same vectors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared" / "corpus")
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--pictures", type=int, default=1024)
    parser.add_argument(
        "--python", type=Path, help="Python of an environment that has clip-retrieval; default: make one"
    )
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="scoring-") as name:
        work = Path(name)
        pairs = pairs_of(unpacked_web(work, asked.corpus), "emoji-en.test", "emoji-de.test", "emoji-fr.test")
        try:
            python = asked.python or install_peer(work / "peer")
            print("peer: " + ", ".join(f"{one} {number}" for one, number in versions(
                python, "clip-retrieval", "torch", "torchvision", "open-clip-torch", "numpy").items()))  # fmt: skip
            one = compare(asked.model, pairs[: asked.pictures], work, python)
        except NoPeerError as error:
            print(f"NO FIGURE: {error}")
            return 1
    print("\n".join(told(one)))
    return 0 if one.difference <= SAME else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
