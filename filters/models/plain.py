"""Which towers are CLIP's own, as open_clip builds them: `text_tower` and `image_tower` know these, and no others."""

from __future__ import annotations

from typing import Any

from filters.models.open_clip_border import import_open_clip


def has_plain_text_tower(model: Any) -> bool:  # noqa: ANN401 - an untyped torch module
    """Whether the text tower is CLIP's own: causal, so that what follows the last token that counts changes nothing.

    Towers of Hugging Face, CoCa and SigLIP look at all tokens or count from the end.
    """
    if type(model) is not import_open_clip().CLIP or model.attn_mask is None:
        return False
    return model.text_pool_type in {"argmax", "eos"} and _has_plain_blocks(model.transformer)


def has_plain_image_tower(model: Any) -> bool:  # noqa: ANN401 - an untyped torch module
    """Whether the picture tower is CLIP's own vision transformer, whose first token stands for the whole picture."""
    visual: Any = getattr(model, "visual", None)
    if type(visual) is not import_open_clip().transformer.VisionTransformer:
        return False
    is_first_alone = visual.attn_pool is None and visual.pool_type == "tok" and not visual.output_tokens
    return is_first_alone and _has_plain_blocks(visual.transformer)


def _has_plain_blocks(transformer: Any) -> bool:  # noqa: ANN401 - an untyped torch module
    """Whether its blocks are all CLIP's own: attention and perceptron, each behind a norm, each added to what was."""
    plain = import_open_clip().transformer.ResidualAttentionBlock
    return all(type(block) is plain for block in transformer.resblocks)
