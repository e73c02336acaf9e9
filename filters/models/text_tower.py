"""CLIP's own text tower without padding: captions lie one behind the other, and only attention knows them apart.

A caption has 10 tokens where the tower has place for 77. What looks at single tokens, nine tenths of the work, is done
for a fixed number of tokens at once, of whichever captions; attention, which looks at whole captions, is done for those
of one length together, rounded up to a multiple of 8. So every matrix has a shape that does not depend on a caption's
neighbours, and neither do the bits of its vector: docs/decisions/0006-clip-border.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LENGTH_STEP = 8

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Packed:
    """Captions in one block of tokens."""

    captions: Places  # which, of those that were given
    tokens: Places  # of the whole block; what no caption fills is 0
    positions: Places  # of each token in its caption
    last: Places  # where each caption's last token lies
    spread: Places  # where attention takes each of its rows from: captions of one rounded length after the other
    shapes: tuple[tuple[int, int], ...]  # how many captions of which rounded length follow each other there
    gathered: Places  # where each token of the block lies in what attention gives


def pack(tokens: NDArray[np.int32], lengths: Places, size: int) -> Iterator[Packed]:
    """All captions, N x L of which `lengths` tokens count, in blocks of `size` tokens; none may be longer than that.

    The shortest come first, so that a block has few lengths.
    """
    order = np.argsort(lengths, kind="stable")
    block: list[int] = []
    used = 0
    for caption in order:
        if used + lengths[caption] > size:
            yield _packed(tokens, lengths, np.array(block), size)
            block, used = [], 0
        block.append(caption)
        used += lengths[caption]
    if block:
        yield _packed(tokens, lengths, np.array(block), size)


def _packed(tokens: NDArray[np.int32], lengths: Places, captions: Places, size: int) -> Packed:
    own = lengths[captions]
    ends = np.cumsum(own)
    starts = ends - own
    rounded = -(-own // _LENGTH_STEP) * _LENGTH_STEP
    shapes = tuple(
        (int(count), int(length)) for length, count in zip(*np.unique(rounded, return_counts=True), strict=True)
    )
    padded_starts = np.cumsum(rounded) - rounded
    filled = int(ends[-1])
    caption_of = np.repeat(np.arange(len(own)), own)
    positions, block = np.zeros(size, np.int64), np.zeros(size, np.int64)
    positions[:filled] = np.arange(filled) - starts[caption_of]
    block[:filled] = tokens[captions[caption_of], positions[:filled]]
    gathered = np.zeros(size, np.int64)
    gathered[:filled] = padded_starts[caption_of] + positions[:filled]
    # behind a caption's end stands any token: what comes later changes nothing before it
    spread = np.zeros(int(rounded.sum()), np.int64)
    spread[gathered[:filled]] = np.arange(filled)
    return Packed(captions, block, positions, ends - 1, spread, shapes, gathered)


def token_features(model: Any, packed: Packed, device: str, dtype: Any) -> Any:  # noqa: ANN401 - untyped torch
    """A row for each token of the block: that of a caption's last is what open_clip's CLIP.encode_text gives for it."""
    import torch  # noqa: PLC0415 - takes seconds

    def there(places: Places) -> Any:  # noqa: ANN401 - untyped torch
        return torch.from_numpy(places).to(device)

    spread, gathered = there(packed.spread), there(packed.gathered)
    x = model.token_embedding(there(packed.tokens)).to(dtype)
    x = x + model.positional_embedding[there(packed.positions)].to(dtype)
    for block in model.transformer.resblocks:
        x = x + block.ls_1(_attention(block.attn, block.ln_1(x), packed.shapes, spread, gathered))
        x = x + block.ls_2(block.mlp(block.ln_2(x)))
    x = model.ln_final(x)
    if isinstance(model.text_projection, torch.nn.Linear):
        return model.text_projection(x)
    return x if model.text_projection is None else x @ model.text_projection


def _attention(attention: Any, x: Any, shapes: tuple[tuple[int, int], ...], spread: Any, gathered: Any) -> Any:  # noqa: ANN401 - untyped torch
    """Each token sees those of its caption up to itself."""
    import torch  # noqa: PLC0415 - takes seconds

    functions = torch.nn.functional
    width, heads = attention.embed_dim, attention.num_heads
    rows = functions.linear(x, attention.in_proj_weight, attention.in_proj_bias)[spread]
    seen, start = [], 0
    for count, length in shapes:
        own = rows[start : start + count * length].view(count, length, 3, heads, width // heads)
        query, key, value = own.permute(2, 0, 3, 1, 4)
        one = functions.scaled_dot_product_attention(query, key, value, is_causal=True)
        seen.append(one.transpose(1, 2).reshape(count * length, width))
        start += count * length
    return attention.out_proj(torch.cat(seen)[gathered])
