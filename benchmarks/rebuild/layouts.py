"""Every layout, option and form of a list, through img2dataset 1.47.0 and through pairtrawl: what users would notice."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.figures import Figures, title
from benchmarks.rebuild.golden import SAME_LOOKS, apart, pixels
from benchmarks.rebuild.ours import run_rebuild
from benchmarks.rebuild.peer import run_all
from tests.fakes.golden_web import GoldenWeb, answers, golden_web

READERS = Path(__file__).with_name("peer_readers.py")
#: rows of the list: path, caption. Every row is there in both outputs: repeated, empty and broken ones, too
ROWS: tuple[tuple[str | None, str | None], ...] = (
    ("/jpg.jpg", "a plain picture"),
    ("/rgba.png", "schön, größer & 日本"),
    ("/gone.jpg", "not there"),
    ("/a,comma.jpg", 'with, commas and "quotes"'),
    ("/html.jpg", "a page"),
    ("/wide.jpg", None),
    (None, "no address"),
    ("/gray.jpg", ""),
    ("/robots-noai.jpg", "kept back"),
    ("/plain.avif", "line\nbreak"),
    ("/jpg.jpg", "the same picture with another caption"),
    ("/jpg.jpg", "a plain picture"),
    ("/tiny.jpg", "forty pixels"),
)
PER_SHARD = 5
#: of each row of a table, beside what is compared as text
_COMPARED = (
    "key",
    "status",
    "error_message",
    "width",
    "height",
    "original_width",
    "original_height",
    "caption",
    "number",
)
_HASHES = ("md5", "sha256", "sha512")


@dataclass(frozen=True, slots=True)
class Run:
    """One set of options, for both sides."""

    name: str
    options: Mapping[str, object] = field(default_factory=dict)
    form: str = "parquet"
    #: what differs on purpose: (path, or "" for all, and field) to the name of the difference
    differs: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(slots=True)
class Side:
    """Everything that a user finds in an output folder."""

    files: list[str]
    rows: list[dict[str, Any]]  # in the order of their keys
    members: dict[str, dict[str, bytes]]  # key -> extension -> content
    order: dict[str, list[str]]  # key -> names of the members, in order
    columns: list[tuple[str, str]]  # name and type
    stats: list[dict[str, Any]]


#: with `disable_all_reencoding` img2dataset calls whatever came a picture, and does not look at it
_RAW = {
    ("", "width"): "sizes", ("", "height"): "sizes", ("", "original_width"): "sizes", ("", "original_height"): "sizes",
    ("", "json"): "sizes", ("", "statistics"): "not a picture", ("/html.jpg", "status"): "not a picture",
    ("/html.jpg", "error_message"): "not a picture", ("/html.jpg", "members"): "not a picture",
    ("/html.jpg", "txt"): "not a picture", ("/rgba.png", "members"): "members", ("/html.jpg", "sha256"): "not a picture",
    ("/plain.avif", "looks"): "not a picture", ("/plain.avif", "members"): "not a picture",
}  # fmt: skip
_ORDER = {("", "members"): "members"}
#: what is told of rows that failed after they had come
_KNOWN = ("original_width", "original_height", "md5", "sha256", "sha512")
RUNS: tuple[Run, ...] = (
    *(Run(f"output_format {one}", {"output_format": one}) for one in ("webdataset", "files", "parquet", "tfrecord", "dummy")),
    *(
        Run(f"resize_mode {one}", {"resize_mode": one})
        for one in ("no", "keep_ratio", "keep_ratio_largest", "center_crop")
    ),
    Run("resize_only_if_bigger", {"resize_only_if_bigger": True, "resize_mode": "keep_ratio_largest", "image_size": 300}),
    Run("encode_format png", {"encode_format": "png", "encode_quality": 3}, differs=_ORDER),
    Run("encode_format webp", {"encode_format": "webp", "encode_quality": 90}, differs=_ORDER),
    Run("cubic both ways", {"upscale_interpolation": "cubic", "downscale_interpolation": "cubic"}),
    Run("skip_reencode", {"skip_reencode": True, "resize_mode": "no"}),
    Run("disable_all_reencoding", {"disable_all_reencoding": True}, differs=_RAW),
    Run("min_image_size, max_aspect_ratio", {"min_image_size": 100, "max_aspect_ratio": 3}),
    Run("max_image_area", {"max_image_area": 100_000}),
    Run("compute_hash md5", {"compute_hash": "md5"}),
    Run("compute_hash sha512", {"compute_hash": "sha512"}),
    Run("verify_hash", {"compute_hash": "md5", "verify_hash": ["recorded", "md5"]}),
    Run("no extract_exif", {"extract_exif": False}),
    Run("X-Robots-Tag ignored", {"disallowed_header_directives": []}),
    Run("no caption_col", {"caption_col": None}),
    Run("oom_shard_count 8, 7 a shard", {"oom_shard_count": 8, "number_sample_per_shard": 7}),
    *(Run(f"input_format {one}", {}, form=one) for one in ("csv", "tsv", "json", "jsonl", "csv.gz", "txt", "txt.gz")),
)  # fmt: skip


def prove_layouts(work: Path, figures: Figures, python: Path, only: Sequence[str] = ()) -> None:
    """Each run on both sides, field by field."""
    title("layouts, options and forms of lists, beside img2dataset")
    folder = work / "layouts"
    folder.mkdir()
    runs = [run for run in RUNS if not only or run.name in only]
    with golden_web(folder / "requests.log") as web:
        asked = [(run, options_of(run, web, folder / f"{number:02d}")) for number, run in enumerate(runs)]
        raised = run_all(
            python, [options | {"output_folder": str(at(options) / "peer")} for _, options in asked], folder
        )
        for (run, options), said in zip(asked, raised, strict=True):
            ran = run_rebuild(options | {"output_folder": str(at(options) / "ours")}, web.ports.values())
            wrong = [f"img2dataset: {said}"] if said else []
            if ran.exit_code:
                wrong.append(f"pairtrawl left with {ran.exit_code}: {ran.printed.strip()[-300:]}")
            if not wrong:
                theirs, mine = (read_side(at(options) / side, python, options) for side in ("peer", "ours"))
                wrong = differences(run, theirs, mine, web)
            for line in wrong[:12]:
                print(f"  {run.name}: {line}", flush=True)
            figures.add(f"layouts: {run.name}", f"{len(wrong)} differences that nobody has explained" if wrong else "equal"
                        + (f", but for: {', '.join(sorted(set(run.differs.values())))}" if run.differs else ""), good=not wrong)  # fmt: skip


def at(options: Mapping[str, object]) -> Path:
    """The folder of a run: that of its list."""
    return Path(str(options["url_list"])).parent


def options_of(run: Run, web: GoldenWeb, folder: Path) -> dict[str, object]:
    """The options of a run, with a list of its form."""
    folder.mkdir()
    options: dict[str, object] = {
        "url_list": str(folder / f"list.{run.form}"), "input_format": run.form, "output_format": "webdataset",
        "number_sample_per_shard": PER_SHARD, "thread_count": 4, "processes_count": 1, "timeout": 10,
    }  # fmt: skip
    if not run.form.startswith("txt"):
        options |= {"url_col": "link", "caption_col": "words", "save_additional_columns": ["number"]}
    options |= run.options
    write_list(Path(str(options["url_list"])), run.form, web)
    return {name: value for name, value in options.items() if value is not None}


def write_list(path: Path, form: str, web: GoldenWeb) -> None:
    """The rows in one of the forms. Those that carry no null or line break leave such rows out, as their writers must."""
    rows = [
        {
            "link": None if link is None else web.address(link),
            "words": words,
            "number": number,
            "recorded": _recorded(link),
        }
        for number, (link, words) in enumerate(ROWS)
    ]
    plain, _, packed = form.partition(".")
    if plain in {"csv", "tsv", "txt"}:
        rows = [row for row in rows if row["link"] and row["words"] and "\n" not in str(row["words"])]
    text = _written(rows, plain) if plain != "parquet" else ""
    if plain == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif packed:
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")


def _recorded(link: str | None) -> str:
    """What the list says of the picture's bytes: right, but for the picture with an alpha channel."""
    body = answers()[link].body if link in answers() else b""
    return hashlib.md5(b"older" if link == "/rgba.png" else body).hexdigest()  # noqa: S324 - the lists' own hash


def _written(rows: Sequence[Mapping[str, Any]], plain: str) -> str:
    import io

    if plain == "txt":  # img2dataset reads these as CSV without a header: a comma ends its run
        return "".join(f"{row['link']}\n" for row in rows if "," not in str(row["link"]))
    if plain == "json":
        return json.dumps(list(rows))
    if plain == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter="\t" if plain == "tsv" else ",", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read_side(folder: Path, python: Path, options: Mapping[str, object]) -> Side:
    """Everything in an output folder, whatever its layout."""
    layout = options["output_format"]
    files = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*")
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(("_", "."))
    )  # fmt: skip
    rows: list[dict[str, Any]] = []
    columns: list[tuple[str, str]] = []
    for table in sorted(folder.glob("*.parquet")):
        read = pq.read_table(table)
        columns = [(one.name, str(one.type)) for one in read.schema]
        rows += read.to_pylist()
    rows.sort(key=lambda row: str(row["key"]))
    members, order = _MEMBERS[str(layout)](folder, rows, python)
    stats = [json.loads(path.read_bytes()) for path in sorted(folder.glob("*_stats.json"))]
    return Side(files, rows, members, order, columns, stats)


_Members = tuple[dict[str, dict[str, bytes]], dict[str, list[str]]]


def _of_tars(folder: Path, _rows: Sequence[Mapping[str, Any]], _python: Path) -> _Members:
    members: dict[str, dict[str, bytes]] = {}
    order: dict[str, list[str]] = {}
    for tar in sorted(folder.glob("*.tar")):
        with tarfile.open(tar) as opened:
            for member in opened:
                key, _, extension = member.name.partition(".")
                file = opened.extractfile(member)
                assert file is not None
                members.setdefault(key, {})[extension] = file.read()
                order.setdefault(key, []).append(extension)
    return members, order


def _of_files(folder: Path, _rows: Sequence[Mapping[str, Any]], _python: Path) -> _Members:
    members: dict[str, dict[str, bytes]] = {}
    for path in sorted(path for path in folder.glob("[0-9]*/*") if path.is_file()):
        members.setdefault(path.stem, {})[path.suffix[1:]] = path.read_bytes()
    return members, {key: sorted(found) for key, found in members.items()}


def _of_table(_folder: Path, rows: Sequence[Mapping[str, Any]], _python: Path) -> _Members:
    found = {str(row["key"]): {"jpg": row["jpg"]} for row in rows if row["jpg"] is not None}
    return found, {key: ["jpg"] for key in found}


def _of_tfrecord(folder: Path, _rows: Sequence[Mapping[str, Any]], python: Path) -> _Members:
    """By TensorFlow itself. The features of an example are the members, but for those that only we have."""
    words = [str(python), str(READERS), "tfrecord", *map(str, sorted(folder.glob("*.tfrecord")))]
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    members: dict[str, dict[str, bytes]] = {}
    order: dict[str, list[str]] = {}
    for example in json.loads(told.splitlines()[-1]):
        key = base64.b64decode(example["key"][1][0]).decode()
        members[key] = {
            name: base64.b64decode(values[0]) if kind == "bytes_list" else json.dumps(values).encode()
            for name, (kind, values) in example.items()
        }
        order[key] = sorted(f"{name}: {kind}" for name, (kind, _) in example.items())
    return members, order


def _of_nothing(_folder: Path, _rows: Sequence[Mapping[str, Any]], _python: Path) -> _Members:
    return {}, {}


_MEMBERS: Mapping[str, Callable[[Path, Sequence[Mapping[str, Any]], Path], _Members]] = {
    "webdataset": _of_tars, "files": _of_files, "parquet": _of_table, "tfrecord": _of_tfrecord, "dummy": _of_nothing,
}  # fmt: skip


def differences(run: Run, peer: Side, ours: Side, web: GoldenWeb) -> list[str]:
    """What a user would notice, but for what the run says on purpose."""
    found = []
    if peer.files != ours.files:
        found.append(f"files: {sorted(set(peer.files) ^ set(ours.files))[:8]}")
    found += _columns_apart(peer, ours)
    found += [] if ("", "statistics") in run.differs else _stats_apart(peer, ours)
    if len(peer.rows) != len(ours.rows):
        return [*found, f"{len(peer.rows)} rows, {len(ours.rows)} rows"]
    for theirs, mine in zip(peer.rows, ours.rows, strict=True):
        path = str(theirs["url"] or "").removeprefix(web.address(""))
        for name, told in _row_apart(peer, ours, theirs, mine):
            if not _explained(run, path, name, theirs):
                found.append(f"{path or 'no address'}: {name}: {told}")
    return found


def _explained(run: Run, path: str, name: str, theirs: Mapping[str, Any]) -> str:
    """The name of the difference that this is, or ""."""
    if not path and name == "error_message":  # img2dataset hands it to urllib as the text "None"
        return "words"
    if theirs["status"] != "success" and name in _KNOWN and theirs[name] is None:
        return "learnt"
    return run.differs.get((path, name), run.differs.get(("", name), ""))


def _columns_apart(peer: Side, ours: Side) -> list[str]:
    """img2dataset's columns are ours, with their types, in their order."""
    names = {name for name, _ in peer.columns}
    shared = [one for one in ours.columns if one[0] in names]
    return [] if shared == peer.columns else [f"columns: {peer.columns} are {shared}"]


def _stats_apart(peer: Side, ours: Side) -> list[str]:
    found = []
    for number, (theirs, mine) in enumerate(zip(peer.stats, ours.stats, strict=False)):
        missing = [name for name in theirs if name not in mine]
        counts = ("count", "successes", "failed_to_download", "failed_to_resize")
        apart_ = [f"{name} {theirs[name]} is {mine.get(name)}" for name in counts if theirs[name] != mine.get(name)]
        if missing or apart_:
            found.append(f"statistics of shard {number}: missing {missing}, {apart_}")
    if len(peer.stats) != len(ours.stats):
        found.append(f"{len(peer.stats)} and {len(ours.stats)} files of statistics")
    return found


def _row_apart(peer: Side, ours: Side, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (name, f"{theirs.get(name)!r} is {mine.get(name)!r}")
        for name in (*_COMPARED, *_HASHES)
        if name in theirs and theirs.get(name) != mine.get(name)
    ]
    key = str(theirs["key"])
    if [one for one in ours.order.get(key, []) if _is_theirs(one, peer)] != peer.order.get(key, []):
        found.append(("members", f"{peer.order.get(key)} are {ours.order.get(key)}"))
    has, have = peer.members.get(key, {}), ours.members.get(key, {})
    for extension in ("jpg", "png", "webp"):
        if extension in has and extension in have and has[extension] != have[extension]:
            far = apart(pixels(has[extension]), pixels(have[extension]))
            if far is None or far > SAME_LOOKS:
                found.append(("looks", f"{far} apart"))
    if "txt" in has and has["txt"] != have.get("txt"):
        found.append(("txt", f"{has['txt']!r} is {have.get('txt')!r}"))
    if "json" in has and "json" in have:
        found += _json_apart(json.loads(has["json"]), json.loads(have["json"]))
    return found


def _is_theirs(member: str, peer: Side) -> bool:
    """Whether img2dataset has a member of this name anywhere: examples of ours have more features."""
    return any(member in names for names in peer.order.values())


def _json_apart(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> list[tuple[str, str]]:
    shared = [name for name in mine if name in theirs]
    found = [("json", f"keys {list(theirs)} are {shared}")] if set(shared) != set(theirs) else []
    return found + [
        ("json", f"{name}: {theirs[name]!r} is {mine[name]!r}") for name in shared
        if name in (*_COMPARED, *_HASHES, "url") and theirs[name] != mine[name]
    ]  # fmt: skip
