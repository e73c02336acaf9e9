"""What is left of removed rows beside a store: in run folders, plans, copies. Looked for, told, and not touched.

A run's folder or a holder's copy is brought up to date by `rebuild`, `dataset apply` or removal, not by a purge, which
cannot know what each of its files is for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crawler.dataset.diffs import Uids, among
from crawler.errors import InputError
from workers.dataset.columns import Table, uids_of


def remains_in(folder: Path, uids: Uids) -> Iterator[Path]:
    """Tables below a folder that hold rows of these ids, which are sorted, and tables that cannot be looked into.

    Tars, stats and reports stand beside their table, and are not listed by themselves.

    Raises:
        InputError: there is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder")
    for path in sorted(folder.rglob("*.parquet")):
        try:
            table = Table.open(path)
            if table.id_columns and any(among(uids_of(part), uids).any() for part in table.batches(table.id_columns)):
                yield path
        except InputError:
            yield path
