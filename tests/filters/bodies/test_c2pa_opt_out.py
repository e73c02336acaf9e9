from __future__ import annotations

import asyncio
import importlib
import io
import json
import random
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import filters
from crawler.errors import MissingPackageError, SettingsError
from crawler.records import Verdict
from filters.bodies.c2pa_opt_out import build, refused_uses
from tests.builders import a_fetched, image_bytes
from tests.fakes.credentials import NOT_ALLOWED, needs_c2pa, signed_picture
from tests.fakes.web import a_web

KEPT = Verdict(keep=True)


def verdict(body: bytes, **settings: Any) -> Verdict:
    return build(**settings).judge([a_fetched(body)])[0]


# checklist 50
@needs_c2pa
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_a_picture_that_says_no_to_training_goes(kind: str) -> None:
    body = signed_picture({"c2pa.ai_training": NOT_ALLOWED}, kind=kind)
    assert verdict(body) == Verdict(keep=False, detail="ai_training")


@needs_c2pa
@pytest.mark.parametrize(
    ("label", "entries", "refused"),
    [
        ("c2pa.training-mining", {"c2pa.data_mining": NOT_ALLOWED}, "data_mining"),
        ("cawg.training-mining", {"cawg.ai_generative_training": NOT_ALLOWED}, "ai_generative_training"),
        (
            "cawg.training-mining",
            {f"cawg.{one}": NOT_ALLOWED for one in ("data_mining", "ai_training", "ai_inference")},
            "ai_training, data_mining",
        ),
        ("cawg.training-mining", {"cawg.ai_inference": NOT_ALLOWED}, ""),
        ("c2pa.training-mining", {"c2pa.ai_training": {"use": "allowed"}}, ""),
        ("c2pa.training-mining", {"c2pa.ai_training": {"use": "constrained", "constraint_info": "ask us"}}, ""),
        ("c2pa.training-mining", {}, ""),
        ("org.example.training-mining", {"c2pa.ai_training": NOT_ALLOWED}, ""),
        ("c2pa.training-mining", None, ""),
    ],
)
def test_only_a_clear_no_to_these_uses_counts(label: str, entries: dict[str, Any] | None, refused: str) -> None:
    assert verdict(signed_picture(entries, label)) == Verdict(not refused, detail=refused)


@needs_c2pa
def test_a_recipe_says_which_uses_count() -> None:
    body = signed_picture({"cawg.ai_inference": NOT_ALLOWED, "cawg.data_mining": NOT_ALLOWED}, "cawg.training-mining")
    assert verdict(body, entries=("ai_inference",)) == Verdict(keep=False, detail="ai_inference")
    assert verdict(body, entries=("ai_training",)) == KEPT
    with pytest.raises(SettingsError, match="entries"):
        filters.load("bodies.c2pa_opt_out", {"entries": ["training"]})


@needs_c2pa
def test_other_bodies_stay() -> None:
    for body in (b"", image_bytes(), b"jumb", b"c2pa jumb" * 1_000, b"<html>jumb", b"\xff\xd8\xff\xe0jumb"):
        assert verdict(body) == KEPT


# checklist 50
@needs_c2pa
def test_neither_manifests_nor_certificates_make_us_ask_an_address() -> None:
    async def inner() -> None:
        async with a_web(address="127.0.0.3") as inside:
            where = f"http://127.0.0.3:{inside.port}"
            entries = {"c2pa.ai_training": NOT_ALLOWED}
            elsewhere = await asyncio.to_thread(
                lambda: signed_picture(entries, remote=f"{where}/manifest.c2pa", embedded=False)
            )
            both = await asyncio.to_thread(
                lambda: signed_picture(entries, remote=f"{where}/manifest.c2pa", ocsp=f"{where}/ocsp")
            )
            inside.asked.clear()
            # "jumb" is what gets a body to the library at all
            for body in (elsewhere, elsewhere + b"jumb"):
                assert await asyncio.to_thread(verdict, body) == KEPT
            assert not (await asyncio.to_thread(verdict, both)).keep
            assert (inside.asked, inside.connections) == ([], 0)
            await asyncio.to_thread(_read_as_shipped, elsewhere)
            assert [asked.path for asked in inside.asked] == ["/manifest.c2pa"]  # without our settings it would ask

    asyncio.run(inner())


def _read_as_shipped(body: bytes) -> None:
    c2pa: Any = importlib.import_module("c2pa")
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader(io.BytesIO(body))


@needs_c2pa
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_no_broken_manifest_raises(kind: str) -> None:
    whole = signed_picture({"c2pa.ai_training": NOT_ALLOWED}, kind=kind)
    start = whole.index(b"jumb")
    dice = random.Random(50)
    bodies = [whole[: dice.randrange(start, len(whole))] for _ in range(30)]
    for _ in range(70):
        broken = bytearray(whole)
        for _ in range(dice.choice((1, 5, 50))):
            broken[dice.randrange(start, min(start + 3_000, len(broken)))] = dice.randrange(256)
        bodies.append(bytes(broken))
    verdicts = build().judge([a_fetched(body) for body in bodies])
    assert {one.detail for one in verdicts} <= {"", "ai_training"}


@needs_c2pa
def test_a_manifest_of_a_hundred_thousand_levels_is_a_broken_one() -> None:
    body = bytearray(signed_picture({"c2pa.ai_training": {"use": "A" * 100_000}}))
    start = body.index(b"A" * 1_000)
    body[start - 5 : start + 100_000] = b"\x81" * 100_005  # CBOR: an array of one array of one array
    assert verdict(bytes(body)) == KEPT


def test_without_the_package_the_filter_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'pairtrawl\[c2pa\]'"):
        filters.load("bodies.c2pa_opt_out", {})


# What c2pa tells of a file, without c2pa


def a_manifest(**entries: str) -> dict[str, Any]:
    data = {"entries": {f"c2pa.{name}": {"use": use} for name, use in entries.items()}}
    return {"assertions": [{"label": "c2pa.training-mining", "data": data}]}


def a_store(active: str | None = "own", **manifests: Any) -> str:
    return json.dumps({"active_manifest": active, "manifests": manifests})


NOTHING_SAID = {"assertions": [{"label": "c2pa.actions", "data": {"entries": {"x": {"use": "notAllowed"}}}}]}


@pytest.mark.parametrize(
    ("store", "uses"),
    [
        (a_store(own=a_manifest(ai_training="notAllowed", data_mining="allowed")), {"ai_training"}),
        # a picture keeps what its originals said, unless it speaks for itself
        (a_store(own=NOTHING_SAID, original=a_manifest(ai_training="notAllowed")), {"ai_training"}),
        (a_store(own=a_manifest(ai_training="allowed"), original=a_manifest(ai_training="notAllowed")), set()),
        (a_store(None, original=a_manifest(ai_training="notAllowed")), {"ai_training"}),
        (a_store("lost", original=a_manifest(ai_training="notAllowed")), {"ai_training"}),
        # labels of versions and of second assertions
        (a_store(own={"assertions": [{"label": "cawg.training-mining.v1.1__2", "data": {"entries": {"cawg.ai_training": NOT_ALLOWED}}}]}), {"ai_training"}),
        (a_store(own={"assertions": [{"label": "cawg.training-mining-not", "data": {"entries": {"cawg.ai_training": NOT_ALLOWED}}}]}), set()),
        # other shapes
        (a_store(own={"assertions": [{}, {"label": 1}, {"label": "c2pa.training-mining"}, {"label": "c2pa.training-mining", "data": []}]}), set()),
        (a_store(own={"assertions": [{"label": "c2pa.training-mining", "data": {"entries": [1]}}]}), set()),
        (a_store(own={"assertions": [{"label": "c2pa.training-mining", "data": {"entries": {"a": 1, "b": {}, "c": {"use": []}}}}]}), set()),
        (a_store(own={"assertions": None}), set()),
        (a_store(own=[]), set()),
        ("{}", set()),
        ("[" * 100_000, set()),
        ("", set()),
    ],
)  # fmt: skip
def test_the_uses_that_a_files_manifests_refuse(store: str, uses: set[str]) -> None:
    assert refused_uses(store) == uses


@given(
    st.text()
    | st.recursive(
        st.none() | st.text(),
        lambda kids: (
            st.dictionaries(st.sampled_from(["manifests", "own", "assertions", "data", "label"]), kids) | st.lists(kids)
        ),
    ).map(json.dumps)
)
def test_no_description_raises(store: str) -> None:
    assert refused_uses(store) == frozenset()
