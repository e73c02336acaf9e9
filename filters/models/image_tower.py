"""CLIP's own picture tower, a vision transformer, without what no answer needs.

A picture's vector is made of its first token alone, so the last block is asked for that token and no other: a sixteenth
of the work of ViT-B/32. The other tokens are still looked at by its attention. docs/decisions/0006-clip-border.md has
the numbers.
"""

from __future__ import annotations

from typing import Any


def image_features(visual: Any, pixels: Any) -> Any:  # noqa: ANN401 - untyped torch
    """What open_clip's VisionTransformer gives for N x 3 x H x W pixels: an N x D tensor."""
    import torch  # noqa: PLC0415 - takes seconds

    patches = visual.conv1(pixels).flatten(2).transpose(1, 2)
    first = visual.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
    x = visual.ln_pre(torch.cat([first, patches], dim=1) + visual.positional_embedding.to(patches.dtype))
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        x = _seen(block, x, x.shape[1])
    vectors = visual.ln_post(_seen(last, x, 1)[:, 0])
    return vectors if visual.proj is None else vectors @ visual.proj


def _seen(block: Any, x: Any, count: int) -> Any:  # noqa: ANN401 - untyped torch
    """The first `count` tokens of each picture after a block, in which they look at all tokens."""
    asking = x[:, :count]
    asking = asking + block.ls_1(_attention(block.attn, block.ln_1(x), count))
    return asking + block.ls_2(block.mlp(block.ln_2(asking)))


def _attention(attention: Any, x: Any, count: int) -> Any:  # noqa: ANN401 - untyped torch
    import torch  # noqa: PLC0415 - takes seconds

    functions = torch.nn.functional
    pictures, tokens, width = x.shape
    heads = attention.num_heads
    rows = functions.linear(x, attention.in_proj_weight, attention.in_proj_bias)
    query, key, value = rows.view(pictures, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    # all tokens ask: of a single one the bits would depend on how many threads share its sum, and on its neighbours
    seen = functions.scaled_dot_product_attention(query, key, value)
    return attention.out_proj(seen.transpose(1, 2)[:, :count].reshape(pictures, count, width))
