"""Marks in Content Credentials (C2PA 2.2): how a picture came into being, and the program that says so.

A store holds the manifests of a picture's history, its own last. Each manifest has a claim, which names the program,
and assertions: actions (created, opened, edited) and ingredients, the pictures that it was made from. What a manifest
says counts for the picture if it is its own, or that of the picture that it was edited from (an ingredient that is its
parent), and so on; other ingredients were placed in it, and say something of a part. Signatures are not checked, and a
manifest that lies elsewhere is not fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crawler.picture.made_by.boxes import BrokenError, box_at, labelled, read_cbor
from crawler.picture.made_by.generators import generator_in
from crawler.picture.made_by.source_types import source_type

_CREATED = "c2pa.created"
#: source types of what no model made, whatever program signs it
_MADE_OTHERWISE = frozenset((
    "digitalCapture", "computationalCapture", "multiFrameComputationalCapture", "compositeCapture", "screenCapture",
    "negativeFilm", "positiveFilm", "print", "digitalCreation", "digitalArt", "humanEdits", "algorithmicMedia",
))  # fmt: skip
#: CBOR of one assertion or claim that is read, and of all in a file: each byte may be a value that costs a microsecond
_CBOR_BYTES, _MOST_CBOR_BYTES = 65_536, 524_288
#: actions of one assertion that are looked at
_MOST_ACTIONS = 256
#: characters of a program's name
_LONGEST_NAME = 48


@dataclass(slots=True)
class _Manifest:
    label: str
    claims: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    ingredients: list[dict[str, Any]] = field(default_factory=list)


def marks(store: bytes) -> Iterator[str]:
    """The marks in a manifest store, its own before those of its ingredients."""
    manifests = _manifests(store)
    if not manifests:
        return
    own = _with_parents(manifests)
    for manifest in own:
        yield from _own_marks(manifest)
    for manifest in manifests:
        if manifest not in own:
            for action in manifest.actions:
                if _is_created(action) and (term := _source_type(action)):
                    yield f"c2pa ingredient: {term}"
    if name := _program(own[0]):
        yield f"c2pa tool: {name}"


def _own_marks(manifest: _Manifest) -> Iterator[str]:
    for action in manifest.actions:
        if term := _source_type(action):
            yield f"c2pa: {term}" if _is_created(action) else f"c2pa edit: {term}"
    # the program that signs is a maker only where something was made: Firefly fills holes in photographs, too
    made = [one for one in manifest.actions if _is_created(one) and _source_type(one) not in _MADE_OTHERWISE]
    is_alone = not manifest.actions and not manifest.ingredients
    for name in (*(_agent(action) for action in made), _program(manifest) if made or is_alone else ""):
        if known := generator_in(name):
            yield f"c2pa model: {known}"


def _manifests(store: bytes) -> list[_Manifest]:
    """The manifests of a store in its order, which ends with the picture's own."""
    manifests: list[_Manifest] = []
    left = _MOST_CBOR_BYTES
    for box in labelled(store):
        if box.depth == 1:
            manifests.append(_Manifest(box.label))
        kind = box.label.partition("__")[0]
        if (
            box.depth < 2
            or not manifests
            or left < 0
            or not kind.startswith(("c2pa.claim", "c2pa.actions", "c2pa.ingredient"))
        ):
            continue
        left -= min(box.end - box.start, _CBOR_BYTES)
        content = _map_in(store, box.start, box.end)
        if kind.startswith("c2pa.claim"):
            manifests[-1].claims.append(content)
        elif kind.startswith("c2pa.ingredient"):
            manifests[-1].ingredients.append(content)
        else:
            manifests[-1].actions += _maps(content.get("actions"))[:_MOST_ACTIONS]
    return manifests


def _map_in(store: bytes, start: int, end: int) -> dict[str, Any]:
    """The CBOR map that a labelled box holds; empty where there is none that can be read."""
    found = box_at(store, start, end)
    if found is None or found[0] != b"cbor":
        return {}
    try:
        value = read_cbor(store[found[1] : min(found[2], found[1] + _CBOR_BYTES)])
    except BrokenError:
        return {}
    return value if isinstance(value, dict) else {}


def _with_parents(manifests: list[_Manifest]) -> list[_Manifest]:
    """The picture's own manifest, then those of the pictures that it was edited from."""
    by_label = {manifest.label: manifest for manifest in manifests}
    own, to_do = [manifests[-1]], [manifests[-1]]
    while to_do:
        for ingredient in to_do.pop().ingredients:
            if ingredient.get("relationship") != "parentOf":
                continue
            parent = by_label.get(_named_manifest(ingredient))
            if parent is not None and parent not in own:
                own.append(parent)
                to_do.append(parent)
    return own


def _named_manifest(ingredient: dict[str, Any]) -> str:
    """The label of the manifest that an ingredient points to: "self#jumbf=/c2pa/LABEL"."""
    for name in ("activeManifest", "c2pa_manifest"):
        link = ingredient.get(name)
        address = link.get("url") if isinstance(link, dict) else None
        if isinstance(address, str):
            return address.partition("/c2pa/")[2].partition("/")[0]
    return ""


def _program(manifest: _Manifest) -> str:
    """The name of the program that made a claim, as written, without its version."""
    for claim in manifest.claims:
        info = claim.get("claim_generator_info")
        for one in _maps(info) or _maps([info]):
            if name := _text(one.get("name")):
                return name
        if name := _text(claim.get("claim_generator")).partition("/")[0]:  # as "Adobe_Photoshop/25.0 c2pa-rs/0.9"
            return name
    return ""


def _agent(action: dict[str, Any]) -> str:
    agent = action.get("softwareAgent")
    return _text(agent.get("name") if isinstance(agent, dict) else agent)


def _is_created(action: dict[str, Any]) -> bool:
    return action.get("action") == _CREATED


def _source_type(action: dict[str, Any]) -> str:
    return source_type(_text(action.get("digitalSourceType"), 300))


def _text(value: object, length: int = _LONGEST_NAME) -> str:
    return value.strip()[:length] if isinstance(value, str) else ""


def _maps(values: object) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
