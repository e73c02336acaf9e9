"""The models' vectors of a run, as `clip-retrieval` reads them: one folder an engine, parts numbered from 0.

They lie beside the shards already, a part a shard, under the shards' names. clip-retrieval wants parts without holes in
their numbers, of one length; what changes is the name, so files are linked where the disk allows it, else copied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from crawler.errors import InputError
from workers.export.linking import link_or_copy
from workers.export.parts import Pin, open_output, write_pin
from workers.export.places import Place

_KINDS = (("img_emb", ".npy"), ("text_emb", ".npy"), ("metadata", ".parquet"))


def export_vectors(place: Place, folder: Path, engine: str, *, told: Callable[[int], None]) -> Mapping[str, int]:
    """Lay out the vectors of one engine as `clip-retrieval index` and `clip-retrieval back` take them.

    Returns counts: parts. `engine` may be "" where there is only one.

    Raises:
        InputError: there are none, or several engines and none is named.
        RunFolderError: the folder holds something else.
        OSError: the disk is full.
    """
    source = _engine(place, engine)
    pin = Pin("clip-retrieval", place.identity, {"engine": source.name})
    open_output(folder, pin)
    names = [shard.name for shard in place.shards()]
    there = [name for name in names if (source / "img_emb" / f"img_emb_{name}.npy").exists()]
    digits = len(str(max(len(there) - 1, 0)))
    for kind, ending in _KINDS:
        (folder / kind).mkdir(exist_ok=True)
        for number, name in enumerate(there):
            target = folder / kind / f"{kind}_{number:0{digits}d}{ending}"
            link_or_copy(source / kind / f"{kind}_{name}{ending}", target)
    told(len(names))
    done = {"parts": len(there)}
    write_pin(folder, Pin(pin.form, pin.place, pin.options, done))
    return done


def _engine(place: Place, engine: str) -> Path:
    folder = place.vectors()
    there = sorted(one.name for one in folder.iterdir() if one.is_dir()) if folder is not None else []
    if folder is None or not there:
        raise InputError(
            f"{place.name}: has no vectors; a run keeps them with output.keep_embeddings = true, in its shards' folder"
        )
    if engine not in there and (engine or len(there) > 1):
        raise InputError(f"{place.name}: name one of its engines with --engine: {', '.join(there)}")
    return folder / (engine or there[0])
