"""Marks in the texts beside a picture: PNG text chunks, JPEG comments, EXIF user comments.

Keywords that are everyday words count only if the text looks like what the generator writes under them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from crawler.picture.made_by.generators import generator_in
from crawler.picture.made_by.parts import Text
from crawler.picture.made_by.tc260 import label_in

# What generators write: "Steps: 20, Sampler: Euler a, CFG scale: 7" (Stable Diffusion web UI and its kin), or JSON.
_STEPS = re.compile(r"\bSteps: \d{1,4}\b")
_WITH_STEPS = re.compile(r"\b(?:Sampler|CFG scale|Seed): ")
_NEGATIVE = re.compile(r"(?:^|\n)Negative prompt: ")
_JSON_KEY = re.compile(
    r'"(?:prompt|negative_?prompt|base_model|sui_image_params|class_type|v4_prompt|uncond_scale'
    r'|use_stable_diffusion_model|extraMetadata)\\?"\s{0,8}:'
)
_DREAM = re.compile(r"\s-[sSWHCA] ?[\w.]")
_MIDJOURNEY_JOB = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


def is_parameters(text: str) -> bool:
    """Whether a text is the settings of a generator."""
    if text.lstrip()[:1] == "{":
        return bool(_JSON_KEY.search(text))
    return bool(_NEGATIVE.search(text) or (_STEPS.search(text) and _WITH_STEPS.search(text)))


def is_midjourney_job(text: str) -> bool:
    """Whether a description ends in the number of a job of Midjourney, as its downloads do."""
    return bool(_MIDJOURNEY_JOB.search(text))


def _is_workflow(text: str) -> bool:
    return text.lstrip()[:1] == "{" and '"nodes"' in text


def _is_dream(text: str) -> bool:
    return bool(_DREAM.search(text))


def _says_anything(text: str) -> bool:
    return bool(text.strip())


#: keyword in lower case -> its mark, and what its text must look like.
_KEYWORDS: dict[str, tuple[str, Callable[[str], bool]]] = {
    # Stable Diffusion web UI (modules/images.py), Forge, SD.Next, SwarmUI (its docs: Image Metadata Format), Fooocus
    "parameters": ("parameters", is_parameters),
    # ComfyUI (nodes.py, SaveImage): the graph that was run, and as it was drawn
    "prompt": ("prompt", _says_anything),
    "workflow": ("workflow", _is_workflow),
    "negative_prompt": ("negative_prompt", _says_anything),
    # InvokeAI, its three forms, newest first
    "invokeai_metadata": ("invokeai_metadata", _says_anything),
    "invokeai_graph": ("invokeai_graph", _says_anything),
    "sd-metadata": ("sd-metadata", _says_anything),
    "dream": ("Dream", _is_dream),
    # as sd-metadata (github.com/enslo) finds them: TensorArt, Stability Matrix, Fooocus, Easy Diffusion, Civitai
    "generation_data": ("generation_data", _says_anything),
    "smproj": ("smproj", _says_anything),
    "fooocus_scheme": ("fooocus_scheme", _says_anything),
    "use_stable_diffusion_model": ("use_stable_diffusion_model", _says_anything),
    "extrametadata": ("extraMetadata", _is_workflow),
    # NovelAI, and converters from PNG
    "comment": ("Comment", is_parameters),
    "description": ("Midjourney", is_midjourney_job),
}
#: keywords whose text names the tool or the source
_TOOLS = frozenset(("software", "source", "credit"))


def marks(texts: Sequence[Text]) -> Iterator[str]:
    """The marks in texts with keywords."""
    for where, keyword, text in texts:
        word = keyword.lower()
        known = _KEYWORDS.get(word)
        if known is not None and known[1](text):
            yield f"{where}: {known[0]}"
        elif word in _TOOLS and (name := generator_in(text)):
            yield f"{where}: {name}"
        elif word == "aigc" and (label := label_in(text)):
            yield f"tc260: {label}"
