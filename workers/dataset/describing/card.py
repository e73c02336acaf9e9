"""`README.md`: the data set card, with the front matter that the Hugging Face Hub reads. Pure rendering."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workers.dataset.describing.hub_layout import SHARD_LIST, Layout
from workers.dataset.describing.partials import OTHER
from workers.dataset.describing.statistics import SITES_FROM, Bin, Statistics, Value, quantile

#: the Hub's classes of size
_SIZES = (
    (10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"), (10**12, "100B<n<1T"),
)  # fmt: skip
#: a language is one of the data set from this share of the kept rows on
_LANGUAGE_SHARE = 0.001
_ROWS_OF_A_TABLE = 20
_TASKS = ("image-to-text", "text-to-image", "zero-shot-image-classification")


def card(statistics: Statistics, layout: Layout) -> str:
    """The card of a version: the same version gives the same text."""
    return "\n".join((*_front_matter(statistics, layout), "", *_body(statistics, layout))) + "\n"


def summary(statistics: Statistics) -> str:
    """A sentence or two about the version."""
    told = f"{statistics.kept:,} image-text pairs in {statistics.shards:,} shards"
    if statistics.masked:
        told += f" ({statistics.masked:,} further rows are masked: they are not part of this version)"
    if statistics.fetched:
        first, last = statistics.fetched
        told += f", fetched {f'on {first}' if first == last else f'from {first} to {last}'}"
    return f"{told}. Made with pairtrawl."


def _front_matter(statistics: Statistics, layout: Layout) -> Iterator[str]:
    front: dict[str, Any] = {
        "pretty_name": statistics.dataset,
        "license": "other",
        "language": _languages(statistics),
        "task_categories": list(_TASKS),
        "size_categories": [next((name for most, name in _SIZES if statistics.kept < most), "n>1T")],
        "tags": ["image-text-pairs", "webdataset", "croissant", "pairtrawl"],
        # the tables are no second one: of a repository the Hub's loader reads files of one kind
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": layout.tars}]}],
    }
    yield "---"
    for key, value in front.items():
        if value != []:
            # JSON is YAML, and no name of a data set can break out of it
            yield f"{key}: {json.dumps(value)}"
    yield "---"


def _languages(statistics: Statistics) -> list[str]:
    counted = statistics.values.get("caption_language") or statistics.values.get("language") or []
    least = max(1, _LANGUAGE_SHARE * statistics.kept)
    return sorted(one.value for one in counted if 2 <= len(one.value) <= 3 and one.kept >= least)


def _body(statistics: Statistics, layout: Layout) -> Iterator[str]:
    yield f"# {_plain(statistics.dataset)}"
    yield ""
    yield summary(statistics)
    if statistics.root:
        yield ""
        yield f"Merkle root `{statistics.root}`: versions with this root hold the same rows."
    yield from _files(layout)
    yield from _use(layout)
    yield from _numbers(statistics)
    yield from _sites(statistics)
    yield from _removals(statistics)
    yield from _considerations()
    yield from _columns(statistics)


def _files(layout: Layout) -> Iterator[str]:
    yield from ("", "## Files", "")
    yield from _table(
        ("file", "what it is"),
        (
            (f"`{layout.tars}`", "the kept pairs, in webdataset's form: `KEY.jpg`, `KEY.json`, `KEY.txt`"),
            (f"`{layout.tables}`", "a row for each candidate, kept (`status` is `success`) or rejected, and why"),
            (
                f"`{SHARD_LIST}`",
                "the list of shards, with sizes and digests of their files",
            ),
            ("`croissant.json`", "this card for machines (Croissant 1.1)"),
            ("`wids.json`", "index of shards for webdataset's `wids`: samples by number"),
            ("`statistics.json`, `statistics/`", "the figures below, complete, and as parquet tables"),
        ),
    )


def _use(layout: Layout) -> Iterator[str]:
    yield from ("", "## Use", "", "```python", "from datasets import load_dataset", "")
    yield 'pairs = load_dataset("path/to/this/folder", split="train", streaming=True)  # pictures and texts'
    yield f'rows = load_dataset("parquet", data_files="path/to/this/folder/{layout.tables}", split="train")  # tables'
    yield from ("```", "", "```python", "import glob, webdataset", "")
    yield f'pairs = webdataset.WebDataset(sorted(glob.glob("{layout.tars}")), shardshuffle=False).decode("pil")'
    yield "```"


def _numbers(statistics: Statistics) -> Iterator[str]:
    yield from ("", "## What is in it", "")
    yield from _table(
        ("", "rows"),
        (
            ("candidates", f"{statistics.rows:,}"),
            ("kept", f"{statistics.kept:,}"),
            ("bytes received", f"{statistics.body_bytes:,}"),
        ),
    )
    for column, title in (
        ("outcome", "Outcomes of the rebuild"),
        ("reason", "Why rows were rejected"),
        ("caption_language", "Languages of the texts"),
        ("licence", "Licences that pages declare"),
        ("header_opt_outs", "Reservations in answers and on sites"),
        ("page_opt_outs", "Reservations on pages"),
        ("made_by", "Marks of generators"),
    ):
        if counted := statistics.values.get(column):
            yield from ("", f"### {title}", "")
            yield from _value_table(counted)
    yield from ("", "### Sizes, texts and scores of kept rows", "")
    yield from _table(
        ("column", "rows", "a tenth is below", "half is below", "a tenth is above"),
        (
            (_code(name), f"{sum(one.kept for one in bins):,}", *(_edge(bins, share) for share in (0.1, 0.5, 0.9)))
            for name, bins in statistics.numbers.items()
        ),
    )
    yield ""
    yield "Edges of histogram bins; `statistics/numbers.parquet` has the bins."


def _sites(statistics: Statistics) -> Iterator[str]:
    if not statistics.sites:
        return
    yield from ("", "## Sites", "")
    yield f"By registrable domain, from {SITES_FROM} rows on, rounded down to tens."
    yield ""
    yield from _table(
        ("site", "candidates", "kept"),
        ((f"`{one.value}`", f"{one.found:,}", f"{one.kept:,}") for one in statistics.sites[:_ROWS_OF_A_TABLE]),
    )


def _removals(statistics: Statistics) -> Iterator[str]:
    if not statistics.removals:
        return
    yield from ("", "## Removals", "")
    yield "Real removals and neutral ones together; which is which is not told."
    yield ""
    yield from _table(
        ("set", "day", "ids", "policies"),
        (
            (f"`{one.id}`", one.date, f"{one.ids:,}", ", ".join(_plain(policy) for policy in one.policies))
            for one in statistics.removals
        ),
    )


def _considerations() -> Iterator[str]:
    yield from ("", "## Before you use it", "")
    yield "- Texts stood beside the pictures on the web; they were not written as descriptions of them."
    yield "- Scores are those of models, and thresholds let some of what they should stop through."
    yield "- Pictures belong to their owners. A licence is what the page declares, of the page or of the picture."
    yield "- People ask for removals. Ask for the newest version, and bring copies up to date with its diffs."


def _columns(statistics: Statistics) -> Iterator[str]:
    yield from ("", "## Columns of the tables", "")
    yield from _table(("column", "type"), ((_code(name), _code(kind)) for name, kind in statistics.columns.items()))


def _value_table(counted: Sequence[Value]) -> Iterator[str]:
    shown = [one for one in counted if one.value != OTHER][:_ROWS_OF_A_TABLE]
    rest = [one for one in counted if one not in shown]
    rows = [(f"`{one.value}`" if one.value else "none", f"{one.found:,}", f"{one.kept:,}") for one in shown]
    if rest:
        rows.append(("all others", f"{sum(one.found for one in rest):,}", f"{sum(one.kept for one in rest):,}"))
    yield from _table(("value", "candidates", "kept"), rows)


def _edge(bins: Sequence[Bin], share: float) -> str:
    edge = quantile(bins, share)
    return "" if edge is None else f"{edge:,g}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(one.replace("|", "\\|") for one in row) + " |"


def _plain(text: str) -> str:
    """Text that Markdown takes for text: of a name that somebody chose."""
    return "".join(f"\\{one}" if one in "\\`*_[]<>#" else one for one in text.replace("\n", " "))


def _code(text: str) -> str:
    """The name of a column between backticks, which it cannot leave: whoever made the list has chosen it."""
    return "`" + "".join(one if one.isprintable() and one != "`" else "?" for one in text) + "`"
