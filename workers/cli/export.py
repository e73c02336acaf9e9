"""`pairtrawl export`: a run, a rebuild or a version in the forms that other tools read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from workers.export.choice import Choice
    from workers.progress import Display, Phase

export = typer.Typer(
    help="Write a run, a rebuild or a version of a data set in the forms that other tools read.", no_args_is_help=True
)

_Place = Annotated[
    str,
    typer.Argument(
        metavar="PLACE",
        help="Folder of a run, of a rebuild or of img2dataset's shards; or a store of versions: a folder or s3://...",
    ),
]
_Version = Annotated[
    str, typer.Option("--version", help="Of a store: a line of versions, a tag, or an id. Default: main.")
]
_File = Annotated[Path, typer.Option("--output", "-o", help="The file; one that is there is replaced.")]
_Folder = Annotated[
    Path, typer.Option("--output", "-o", help="The folder. The same export into it again goes on where it stopped.")
]
_Where = Annotated[
    str,
    typer.Option(
        metavar="CONDITION", help="Only rows for which this holds: similarity >= 0.3 and language in ('en', 'de')."
    ),
]
_AllRows = Annotated[bool, typer.Option("--all-rows", help="Rejected rows, too; else only those that have a picture.")]


@export.command("urls")
def urls(
    place: _Place, *, output: _File, version: _Version = "", where: _Where = "", all_rows: _AllRows = False
) -> None:
    """Write a plain list of addresses, one a line, in the order of the rows; FILE.gz is compressed."""
    from workers.export.tables import export_urls
    from workers.export.versions import open_place

    with _shown("Addresses", "shards") as (display, phase):
        done = export_urls(open_place(place, version), output, _choice(where, all_rows), told=phase.advance)
    display.say(f"{output}: {done['lines']:,} addresses; {done['without']:,} rows had none")


@export.command("laion")
def laion(
    place: _Place,
    *,
    output: _Folder,
    like: Annotated[
        Literal["joined", "joined-multi", "aesthetic", "400m"],
        typer.Option(
            help="Which of LAION's tables: the joined ones of LAION-5B (multi: with LANGUAGE), or LAION-400M's."
        ),
    ] = "joined",
    version: _Version = "",
    where: _Where = "",
    all_rows: _AllRows = False,
) -> None:
    """Write parquet as LAION's. WIDTH is the width and HEIGHT the height: not swapped, as they are in LAION-400M."""
    from workers.export.laion import LIKE

    _table(place, version, output, LIKE[like], _choice(where, all_rows))


@export.command("coyo")
def coyo(
    place: _Place, *, output: _Folder, version: _Version = "", where: _Where = "", all_rows: _AllRows = False
) -> None:
    """Write parquet as COYO-700M's."""
    from workers.export.coyo import COYO

    _table(place, version, output, COYO, _choice(where, all_rows))


@export.command("img2dataset")
def img2dataset(
    place: _Place,
    *,
    output: _Folder,
    verify: Annotated[
        Literal["sha256", "md5", "none"],
        typer.Option("--hash", help="The hash that img2dataset is to verify, as the column of this name."),
    ] = "sha256",
    column: Annotated[
        list[str] | None, typer.Option("--column", help="A further column to carry along; may be repeated.")
    ] = None,
    version: _Version = "",
    where: _Where = "",
    all_rows: _AllRows = False,
) -> None:
    """Write parquet that img2dataset takes as its input, and say with which options."""
    from workers.export.img2dataset_list import img2dataset_list
    from workers.export.tables import column_types
    from workers.export.versions import open_place

    more = column_types(open_place(place, version), column or ())
    form = img2dataset_list("" if verify == "none" else verify, more)
    _table(place, version, output, form, _choice(where, all_rows))


@export.command("uids")
def uids(
    place: _Place, *, output: _File, version: _Version = "", where: _Where = "", all_rows: _AllRows = False
) -> None:
    """Write the uids of rows as DataComp publishes subsets: numpy, two u8 each, sorted."""
    from workers.export.uid_writing import export_uids
    from workers.export.versions import open_place

    with _shown("Uids", "shards") as (display, phase):
        done = export_uids(open_place(place, version), output, _choice(where, all_rows), told=phase.advance)
    display.say(f"{output}: {done['uids']:,} uids of {done['rows']:,} rows")


@export.command("datacomp")
def datacomp(
    place: _Place,
    *,
    subset: Annotated[
        Path, typer.Option(help="Sorted uids, as DataComp publishes subsets or `export uids` writes them.")
    ],
    output: _Folder,
    samples: Annotated[int, typer.Option(min=1, help="Samples of a tar, at most.")] = 10_000,
    version: _Version = "",
) -> None:
    """Write the samples of a uid file as new tars, as DataComp's resharder does, without reading whole tars."""
    from workers.export.datacomp import Survey, export_subset
    from workers.export.versions import open_place

    with _shown("Samples", "samples") as (display, phase):

        def say(found: Survey) -> None:
            display.say(
                f"{found.wanted:,} uids: {int(found.samples.sum()):,} samples are here, {found.absent:,} uids are not "
                f"in the data set, {found.without_picture:,} have no picture in it ({output / 'missing.npy'})"
            )

        done = export_subset(
            open_place(place, version), subset, output, told=phase.advance, say=say, samples_per_tar=samples
        )
    display.say(f"{output}: {done['samples']:,} samples in {done['tars']:,} tars")


@export.command("hf")
def hugging_face(
    place: _Place,
    *,
    output: _Folder,
    version: _Version = "",
    where: _Where = "",
    kept_only: Annotated[
        bool, typer.Option("--kept-only", help="Tables without rejected rows; samples are then numbered anew.")
    ] = False,
) -> None:
    """Lay out a folder for the Hugging Face Hub: card, Croissant, statistics, shards in folders of a thousand."""
    from workers.export.hub import export_hub
    from workers.export.versions import open_place

    with _shown("Shards", "shards") as (display, phase):
        done = export_hub(open_place(place, version), output, _choice(where, not kept_only), told=phase.advance)
    display.say(f"{output}: {done['shards']:,} shards, {done['rows']:,} rows, {done['samples']:,} samples")


@export.command("clip-retrieval")
def clip_retrieval(
    place: _Place,
    *,
    output: _Folder,
    engine: Annotated[str, typer.Option(help="Whose vectors, where a run kept those of several engines.")] = "",
) -> None:
    """Lay out the vectors that a run kept, as `clip-retrieval index` takes them."""
    from workers.export.vectors import export_vectors
    from workers.export.versions import open_place

    with _shown("Vectors", "shards") as (display, phase):
        done = export_vectors(open_place(place), output, engine, told=phase.advance)
    display.say(f"{output}: {done['parts']:,} parts")


def _table(place: str, version: str, output: Path, form: object, choice: Choice) -> None:
    from workers.export.forms import Form
    from workers.export.tables import export_table
    from workers.export.versions import open_place

    assert isinstance(form, Form)
    with _shown("Rows", "shards") as (display, phase):
        done = export_table(open_place(place, version), output, form, choice, told=phase.advance)
    display.say(f"{output}: {done['rows']:,} rows in {done['parts']:,} files, {done['written']:,} of them written now")
    for text in form.notes.values():
        display.say(text)
    if form.unknown:
        display.say(f"null in every row, for it is not known here: {', '.join(form.unknown)}")


def _choice(where: str, all_rows: bool) -> Choice:
    from workers.export.choice import Choice

    return Choice(kept_only=not all_rows, where=where)


@contextmanager
def _shown(title: str, unit: str) -> Iterator[tuple[Display, Phase]]:
    from workers.progress import Display
    from workers.sitting_told import a_console

    display = Display(a_console())
    with display.phase(title, None, unit) as phase:
        yield display, phase
