from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from filters.models.choice import EMBEDDED, ModelChoice
from filters.models.engine import preparation_for
from filters.models.preparation import Preprocessing
from filters.models.text_tower import pack

PREPROCESSING = Preprocessing(32, 32, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
CONTEXT = 40


@given(st.lists(st.integers(1, CONTEXT), min_size=1, max_size=60), st.integers(CONTEXT, 200))
def test_each_token_of_each_caption_is_in_one_place_and_attention_sees_it_among_its_own(
    lengths: list[int], size: int
) -> None:
    tokens = np.arange(1, len(lengths) * CONTEXT + 1, dtype=np.int32).reshape(len(lengths), CONTEXT)
    seen: dict[int, list[int]] = {}
    for one in pack(tokens, np.array(lengths), size):
        assert one.tokens.shape == one.positions.shape == one.gathered.shape == (size,)
        start = 0
        rows = [row for count, length in one.shapes for row in [length] * count]
        for caption, last, length in zip(one.captions, one.last, rows, strict=True):
            own = lengths[caption]
            assert length % 8 == 0
            assert own <= length < own + 8
            places = one.spread[start : start + own]
            assert places.tolist() == list(range(last + 1 - own, last + 1))
            assert one.gathered[places].tolist() == list(range(start, start + own))
            assert one.positions[places].tolist() == list(range(own))
            seen[int(caption)] = one.tokens[places].tolist()
            start += length
        assert start == len(one.spread)
    assert seen == {caption: tokens[caption, :own].tolist() for caption, own in enumerate(lengths)}


def a_clip(**changes: Any) -> Any:
    """A CLIP with weights by chance, whose vectors differ where anything does."""
    import torch

    from filters.models.open_clip_border import import_open_clip

    torch.manual_seed(1)
    vision = {"image_size": 32, "layers": 3, "width": 64, "head_width": 16, "patch_size": 8, "ls_init_value": 0.7}
    texts = {"context_length": CONTEXT, "vocab_size": 49408, "width": 48, "heads": 3, "layers": 3, "ls_init_value": 0.6}
    vision |= changes.pop("vision", {})
    texts |= changes.pop("texts", {})
    model = import_open_clip().CLIP(embed_dim=24, vision_cfg=vision, text_cfg=texts, **changes).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn_like(one) * 0.05)
    return model


def towers(model: Any, rows: int = 8) -> Any:
    import torch

    from filters.models.towers import Towers

    return Towers(model, PREPROCESSING, "cpu", torch.float32, rows)


def some_tokens(number: int) -> NDArray[np.int32]:
    tokenizer = preparation_for(ModelChoice(EMBEDDED)).tokenizer
    captions = [f"a {'very ' * (one * 7 % 45)}small boat, number {one}" for one in range(number - 2)]
    tokens = np.zeros((number, CONTEXT), np.int32)
    tokens[:, :32] = [tokenizer(caption) for caption in (*captions, "", captions[0])]
    return tokens


def some_pictures(number: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (number, 32, 32, 3), dtype=np.uint8)


def open_clips_own(model: Any, images: NDArray[np.uint8], tokens: NDArray[np.int32]) -> list[NDArray[np.float32]]:
    import torch

    from filters.models.towers import normalised

    with torch.inference_mode():
        pixels = normalised(images, PREPROCESSING, "cpu")
        texts = torch.from_numpy(tokens).long()
        return [
            model.encode_image(pixels, normalize=True).numpy(),
            model.encode_text(texts, normalize=True).numpy(),
        ]


@pytest.mark.clip
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"quick_gelu": True},
        {"texts": {"proj_type": "none", "width": 24, "heads": 2}},
        {"texts": {"proj_bias": True}},
        {"texts": {"pool_type": "eos", "eos_id": 49407}},
        {"vision": {"no_ln_pre": True, "final_ln_after_pool": True}},
        {"vision": {"pool_type": "avg"}},
        {"vision": {"qk_norm": True}, "texts": {"scale_fc": True}},
        {"texts": {"no_causal_mask": True}},
    ],
    ids=str,
)
def test_vectors_are_those_of_open_clips_own_towers(changes: dict[str, Any]) -> None:
    model, images, tokens = a_clip(**changes), some_pictures(11), some_tokens(30)
    found = towers(model).embed(np.concatenate([images] * 3)[:30], tokens)
    for ours, theirs in zip(found, open_clips_own(model, np.concatenate([images] * 3)[:30], tokens), strict=True):
        assert np.abs(ours - theirs).max() < 1e-6


@pytest.mark.clip
def test_towers_that_are_clips_own_are_known_as_such() -> None:
    from filters.models.plain import has_plain_image_tower, has_plain_text_tower

    assert has_plain_image_tower(a_clip())
    assert has_plain_text_tower(a_clip())
    for other in ({"pool_type": "avg"}, {"qk_norm": True}, {"attentional_pool": True}):
        assert not has_plain_image_tower(a_clip(vision=other)), other
    for other in ({"scale_fc": True}, {"no_causal_mask": True}, {"pool_type": "last"}):
        assert not has_plain_text_tower(a_clip(texts=other)), other


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets how many threads torch has, until the test ends."""
    import torch

    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.clip
@pytest.mark.parametrize("number", [1, 2])
def test_a_vector_has_the_same_bits_in_any_company(number: int, threads: Callable[[int], None]) -> None:
    threads(number)
    model, images, tokens = a_clip(), some_pictures(40), some_tokens(40)
    together = towers(model).embed(images, tokens)
    order = np.random.default_rng(2).permutation(40)
    shuffled = towers(model).embed(images[order], tokens[order])
    some = range(0, 40, 3)
    alone = [towers(model).embed(images[one : one + 1], tokens[one : one + 1]) for one in some]
    for which in (0, 1):
        assert np.array_equal(shuffled[which], together[which][order])
        assert np.array_equal(np.concatenate([one[which] for one in alone]), together[which][some])
