from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.picture.made_by.generators import editor_in, generator_in
from crawler.picture.made_by.source_types import source_type


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Midjourney", "Midjourney"), ("Jane Doe using MidJourney v6", "Midjourney"), ("Midjourney_6", "Midjourney"),
        ("DALL-E 3", "DALL-E"), ("DALL·E", "DALL-E"), ("dalle3", "DALL-E"), ("OpenAI Media Service API", "OpenAI"),
        ("ChatGPT", "OpenAI"), ("gpt-image-1", "OpenAI"), ("Adobe_Firefly/1.0", "Adobe Firefly"),
        ("Made with Google AI", "Google AI"), ("Imagen 3", "Google AI"), ("Google Gemini", "Google AI"),
        ("Imagined with AI", "Meta AI"), ("Bing Image Creator", "Bing Image Creator"),
        ("stable-diffusion-xl-1024-v1-0", "Stable Diffusion"), ("SDXL", "Stable Diffusion"), ("NovelAI Diffusion V4", "NovelAI"),
        ("ComfyUI", "ComfyUI"), ("Invoke AI", "InvokeAI"), ("Ideogram AI", "Ideogram"), ("Leonardo.Ai", "Leonardo AI"),
        ("FLUX.1 [dev]", "FLUX"), ("flux-schnell", "FLUX"), ("Grok Imagine", "Grok"), ("豆包", "Doubao"),
        ("Recraft", "another generator"), ("Sora 2", "OpenAI"),
        # what only looks like one
        ("", ""), ("Adobe Photoshop 25.0", ""), ("Adobe Lightroom Classic", ""), ("GIMP 2.10", ""), ("Canon EOS R5", ""),
        ("Grok 10.0.1", ""), ("Grok 9.7", ""), ("libgrok", ""), ("Imagen: Reuters", ""), ("f.lux", ""), ("Flux Photos", ""),
        ("Leonardo da Vinci", ""), ("Firefly Photography", ""), ("Gemini Photo Agency", ""), ("Soraya", ""), ("Vandalle", ""),
        ("Dallein", ""), ("Idalle", ""), ("AImeta airport", ""), ("Lumix DC-SDXL2", ""), ("x" * 300 + " Midjourney", ""),
    ],
)  # fmt: skip
def test_generators_are_known_by_whole_names_only(text: str, name: str) -> None:
    assert generator_in(text) == name


def test_an_editor_is_no_maker() -> None:
    assert (editor_in("Edited with Google AI"), generator_in("Edited with Google AI")) == ("Google AI", "")
    assert (editor_in("Made with Google AI"), editor_in("edited by Jane Doe")) == ("", "")


@given(st.text(max_size=400))
def test_no_text_raises(text: str) -> None:
    generator_in(text)
    editor_in(text)
    term = source_type(text)
    assert source_type(term) == term
