"""The names that generators of pictures have in metadata: one table, matched by word."""

from __future__ import annotations

import re

#: characters of a field that are looked at
_LOOKED_AT = 300

# Only fields that name the tool or the source are matched (Software, Make, CreatorTool, Credit, claim generator): a
# description may speak of anything. Words that mean other things as well need company: "Imagen" is Spanish for picture,
# Grok is also a JPEG 2000 codec, Flux and Leonardo are names of agencies and people, Firefly flies.
#
# [P] published by its maker or by IPTC; [S] as public tools that read such files have it (enslo/sd-metadata and
# wiltodelta/remove-ai-watermarks on GitHub); [K] known practice, as products are called: not checked on a file.
_TABLE: tuple[tuple[str, str], ...] = (
    (r"midjourney", "Midjourney"),  # [P] IPTC news, 2023: Midjourney writes IPTC fields; EXIF Make [S]
    (r"dall[-·•. ]?e(?: ?[23])?(?!\w)", "DALL-E"),  # [S] help.openai.com, article 8912793
    (r"openai|chatgpt|gpt-4o|gpt[- ]image(?:-\d)?", "OpenAI"),  # [S] claim generator "OpenAI Media Service API"
    (r"sora(?= by openai| ?2\b)|truepic lens cli in sora", "OpenAI"),  # [S]
    (r"adobe[ _]firefly", "Adobe Firefly"),  # [S] claim generator
    (r"made with google ai|ai[- ]generated with google(?: photos)?", "Google AI"),  # [P] IPTC news, 2024-10: Credit
    (r"google gemini|gemini (?:\d|nano|flash|pro)|nano banana|google imagen|imagen [2-9]", "Google AI"),  # [K]
    (r"imagined with ai|meta ai|imagine with meta", "Meta AI"),  # [K]
    (r"bing image creator|image creator from (?:microsoft )?designer|microsoft[ _]responsible[ _]ai|mai-image",
     "Bing Image Creator"),  # [S] C2PA of Bing and Designer
    (r"stable[ _-]?diffusion|stability ai|dreamstudio|sdxl", "Stable Diffusion"),  # [S]
    (r"novelai", "NovelAI"),  # [S] PNG Software
    (r"comfyui", "ComfyUI"),  # [S]
    (r"invoke ?ai", "InvokeAI"),  # [S]
    (r"swarmui", "SwarmUI"),  # [P] docs of SwarmUI, Image Metadata Format
    (r"(?:ruined)?fooocus", "Fooocus"),  # [S]
    (r"draw things", "Draw Things"),  # [S] XMP CreatorTool
    (r"easy diffusion|diffusionbee|sd\.next|nmkd", "Stable Diffusion"),  # [K]
    (r"leonardo\.? ?ai", "Leonardo AI"),  # [K]
    (r"ideogram(?:\.| )?ai|ideogram \d", "Ideogram"),  # [S] EXIF Make "Ideogram AI"
    (r"flux[. -]?[12](?=\W|_|$)|flux[ -](?:dev|schnell|pro|kontext)|black forest labs", "FLUX"),  # [K]
    (r"xai grok|grok (?:ai|imagine)|(?:made|generated) (?:with|by) grok", "Grok"),  # [K]
    (r"doubao|豆包|jimeng|即梦|seedream", "Doubao"),  # [S] label of TC260
    (r"kling ai|可灵|qwen[- ]image|通义万相|文心一格|hunyuan ?image|混元", "AIGC"),  # [K] as their makers call them
    (r"craiyon|nightcafe|starryai|recraft|krea\.? ?ai|playground ai|civitai|tensor\.?art|pixai|lexica",
     "another generator"),  # [K]
)  # fmt: skip

_NAMES = re.compile("|".join(f"(?P<g{n}>{words})" for n, (words, _) in enumerate(_TABLE)), re.IGNORECASE)
# before and behind a name no letter or digit, so that "Soraya" and "nodallek" are none; "_" is a space to programs
_BEFORE, _BEHIND = re.compile(r"[^\W_]$"), re.compile(r"[^\W_]")

#: [P] IPTC on Google Photos, 2024: the credit of a picture that was edited, not made
_EDITED = re.compile(r"edited with google ai|edited with ai|magic editor", re.IGNORECASE)


def generator_in(text: str) -> str:
    """The generator that a field for tools or sources names, by the name that we give it, or ""."""
    text = text[:_LOOKED_AT]
    for found in _NAMES.finditer(text):
        if not _BEFORE.search(text[: found.start()][-1:]) and not _BEHIND.match(text[found.end() :][:1]):
            return _TABLE[int((found.lastgroup or "g0")[1:])][1]
    return ""


def editor_in(text: str) -> str:
    """The generator that a credit names as an editor of the picture, or ""."""
    return "Google AI" if _EDITED.search(text[:_LOOKED_AT]) else ""
