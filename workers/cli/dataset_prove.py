"""`pairtrawl dataset prove`: proofs about versions, and the check of one.

Addresses that people ask for are no arguments: command lines end in histories and in lists of processes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from workers.cli.dataset_options import Cache, KeysFolder, StoreAddress, Version

if TYPE_CHECKING:
    from crawler.dataset.proofs import AbsenceProof, RowProof

prove = typer.Typer(
    help="Proofs that a row is in a version, or not, or that a version is a part of another (docs/proofs.md).",
    no_args_is_help=True,
)

_Asked = Annotated[
    Path, typer.Option("--asked", help="A file whose first line is the address, or the id; - for standard input.")
]
_Of = Annotated[Literal["url", "uid"], typer.Option("--of", help="What is asked by: an address, or an id.")]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Where the proof goes.")]


@prove.command("row")
def row(
    store: StoreAddress,
    asked: _Asked,
    output: _Output,
    *,
    of: _Of = "uid",
    version: Version = "main",
    cache: Cache = None,
) -> None:
    """Prove that a row is in a version. The proof shows this row whole, and nothing of others."""
    import msgspec

    from crawler.commit import write_atomically
    from crawler.dataset.store import open_store
    from crawler.errors import InputError
    from workers.dataset.comparing.proving import prove_rows

    proofs = prove_rows(open_store(store, cache=cache), version, of, _line(asked))
    if not proofs:
        raise InputError(f"{version}: no row has this {of}; `prove absent` proves that")
    for number, proof in enumerate(proofs):
        path = output if not number else output.with_name(f"{output.stem}-{number + 1}{output.suffix}")
        write_atomically(path, msgspec.json.encode(proof) + b"\n")
    typer.echo(f"{output}: {len(proofs):,} rows of version {version} have this {of}")


@prove.command("absent")
def absent(
    store: StoreAddress,
    keys: KeysFolder,
    asked: _Asked,
    output: _Output,
    *,
    of: _Of = "url",
    version: Version = "main",
    cache: Cache = None,
) -> None:
    """Prove that no row of a version has an address, or an id. The whole version is read: a minute for ten million."""
    import msgspec

    from crawler.commit import write_atomically
    from crawler.dataset.keys import open_keys
    from crawler.dataset.store import open_store
    from workers.dataset.comparing.proving import prove_absence
    from workers.progress import Display
    from workers.sitting_told import a_console

    opened = open_store(store, cache=cache)
    with Display(a_console()).phase("read", None, "shards") as phase:
        proof = prove_absence(opened, open_keys(keys), version, of, _line(asked), phase=phase)
    write_atomically(output, msgspec.json.encode(proof) + b"\n")
    typer.echo(f"{output}: no row of version {proof.statement.version} has this {of}")


@prove.command("subset")
def subset(
    store: StoreAddress,
    whole: Annotated[str, typer.Argument(help="The version that has more.")],
    part: Annotated[str, typer.Argument(help="The one that is a part of it.")],
    output: _Output,
    *,
    cache: Cache = None,
) -> None:
    """Prove that every row of a version is a row of another one, without showing any."""
    from crawler.dataset.store import open_store
    from crawler.dataset.subset_proofs import check_subset
    from workers.dataset.comparing.proving_subset import prove_subset

    prove_subset(open_store(store, cache=cache), whole, part, output)
    shown = check_subset(output)
    typer.echo(f"{output}: {shown.part} is a part of {shown.whole}; {shown.cut:,} of {shown.shards:,} shards were cut")


@prove.command("check")
def check(
    proof: Annotated[Path, typer.Argument(help="Of any kind, or the receipt of a holder.")],
    *,
    author: Annotated[
        str,
        typer.Option(help="The public key, as you know it from elsewhere: the publisher's; of a receipt the holder's."),
    ],
) -> None:
    """Check a proof, or a holder's receipt; nothing of the data set is needed. 0 if it shows what it says."""
    from crawler.dataset.subset_proofs import check_subset
    from crawler.errors import InputError

    try:
        with proof.open("rb") as file:
            is_text = file.read(1) == b"{"
    except OSError as error:
        raise InputError(f"{proof}: cannot be read: {error.strerror}") from error
    if is_text:
        _check_text(proof, author)
        return
    shown = check_subset(proof, author)
    typer.echo(f"true: version {shown.part} ({shown.rows:,} rows) is a part of version {shown.whole}")


def _check_text(path: Path, author: str) -> None:
    import msgspec

    from crawler.dataset.proofs import AbsenceProof, RowProof, check_absence, check_row
    from crawler.errors import InputError
    from workers.dataset.holders.receipts import SignedReceipt

    kinds: tuple[type[RowProof], type[AbsenceProof], type[SignedReceipt]] = (RowProof, AbsenceProof, SignedReceipt)
    for kind in kinds:
        try:
            proof: RowProof | AbsenceProof | SignedReceipt = msgspec.json.decode(path.read_bytes(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if isinstance(proof, RowProof):
            version, text = check_row(proof, author)
            typer.echo(f"true: version {version} has this row, in cells of docs/versions.md:")
            typer.echo(text.decode("utf-8", "backslashreplace"))
        elif isinstance(proof, AbsenceProof):
            said = check_absence(proof, author)
            typer.echo(f"true: none of the {said.keys:,} {said.of} keys of version {said.version} is {proof.key}")
        else:
            _check_receipt(path, author)
        return
    raise InputError(f"{path}: is no proof that is known here")


def _check_receipt(path: Path, holder: str) -> None:
    """Raises ProofError for a receipt of a copy that did not become the later version."""
    from crawler.dataset.proofs import ProofError
    from workers.dataset.holders.receipts import read_receipt

    told = read_receipt(path, holder).receipt
    if not told.complete:
        raise ProofError(
            f"{path}: the holder signed it, and says that {len(told.to_fetch):,} shards had still to be fetched, and "
            f"that {len(told.unfinished):,} could not be read"
        )
    typer.echo(
        f"signed by the holder: a copy of version {told.from_version} became version {told.to_version}, by the diff "
        f"{told.diff} of {told.publisher}"
    )
    typer.echo(f"{told.rows_before:,} rows before, {told.rows_after:,} after; {len(told.shards):,} shards were changed")
    if told.missing:
        typer.echo(f"{len(told.missing):,} shards of the diff were not in the copy")
    if told.left:
        # the holder's own names: what is no letter must not reach a terminal
        names = ", ".join(ascii(one)[1:-1] for one in told.left)
        typer.echo(f"may still name removed rows, or describe the version before: {names}")


def _line(asked: Path) -> str:
    from crawler.errors import InputError

    try:
        text = sys.stdin.read() if str(asked) == "-" else asked.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{asked}: cannot be read as a line of text: {error}") from None  # it may hold an address
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        raise InputError(f"{asked}: has to hold one line: an address, or an id; it holds {len(lines)}")
    return lines[0]
