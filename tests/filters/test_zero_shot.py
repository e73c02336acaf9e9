from __future__ import annotations

import math
import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from crawler.errors import SettingsError
from filters.zero_shot import OWN_CLASSES, Finding, Prompts, classes_in, zero_shot
from tests.fakes.vectors import unit_vectors

CLASSES = {
    "flag": Prompts(unsafe=True, prompts=("a flag", "a banner on a pole")),
    "animal": Prompts(unsafe=False, prompts=("a cat", "a dog", "a bird")),
    "boat": Prompts(unsafe=False, prompts=("a boat",)),
}
#: of the prompts, planted
VECTORS = dict(zip(["a flag", "a banner on a pole", "a cat", "a dog", "a bird", "a boat"], np.eye(8, dtype=np.float32)[:6], strict=True))  # fmt: skip


def found(classes: dict[str, Prompts], images: NDArray[np.float32]) -> list[Finding]:
    asked = zero_shot(classes, Path())
    return asked.findings(images, np.array([VECTORS[text] for text in asked.prompts]))


def test_every_prompt_of_our_own_classes_is_an_entry_of_its_own_in_its_own_class() -> None:
    # safety.md, finding 8: of the original's 36 prompts one missing comma made 35, and an index the first unsafe one safe
    text = OWN_CLASSES.read_text(encoding="utf-8")
    literals = re.findall(r'"([^"]*)"', re.sub(r"#.*", "", text))
    classes = classes_in(text, "unsafe_classes.toml")
    assert [prompt for one in classes.values() for prompt in one.prompts] == literals
    assert len(set(literals)) == len(literals)
    for name, section in re.findall(r"\[(\w+)\]\nunsafe = \w+\nprompts = \[\n(.*?)\n\]", text, re.DOTALL):
        assert [f'    "{prompt}",' for prompt in classes[name].prompts] == section.split("\n")
    assert {len(one.prompts) for one in classes.values()} == {3}  # as many each
    assert {name for name, one in classes.items() if one.unsafe} == {"pornography", "nudity", "sexual_drawing", "gore"}


def test_prompts_without_a_comma_between_them_are_an_error_and_never_one_prompt() -> None:
    text = '[flag]\nunsafe = true\nprompts = ["a flag" "a banner"]\n'
    with pytest.raises(SettingsError, match=r"mine\.toml: not valid TOML: .*line 3"):
        classes_in(text, "mine.toml")


def test_every_unsafe_prompt_counts_as_unsafe_and_every_safe_one_as_safe() -> None:
    for name, one in CLASSES.items():
        for prompt in one.prompts:
            ((unsafe, likeliest, share),) = found(CLASSES, VECTORS[prompt][np.newaxis])
            assert likeliest == name
            assert share == pytest.approx(1)
            assert unsafe == pytest.approx(1.0 if one.unsafe else 0.0, abs=1e-6)


def test_the_order_of_classes_and_of_prompts_changes_nothing() -> None:
    images = unit_vectors(50)
    expected = found(CLASSES, images)
    for order in permutations(CLASSES):
        turned = {name: Prompts(CLASSES[name].unsafe, CLASSES[name].prompts[::-1]) for name in order}
        assert found(turned, images) == expected
        assert zero_shot(turned, Path()) == zero_shot(CLASSES, Path())
        assert zero_shot(turned, Path()).made_by == zero_shot(CLASSES, Path()).made_by


def test_a_probability_is_the_softmax_of_a_hundred_times_the_cosine_summed_by_class() -> None:
    image = np.zeros(8, np.float32)
    image[:6] = [0.50, 0.49, 0.50, 0.47, 0.46, 0.30]
    powers = np.exp(100 * (image[:6].astype(np.float64) - 0.5))
    ((unsafe, likeliest, share),) = found(CLASSES, image[np.newaxis])
    assert likeliest == "flag"
    assert unsafe == share == pytest.approx(powers[:2].sum() / powers.sum(), abs=1e-6)


def test_unsafe_classes_count_together_though_a_safe_one_is_the_likeliest() -> None:
    classes = CLASSES | {"pennant": Prompts(unsafe=True, prompts=("a cat",)), "animal": Prompts(unsafe=False, prompts=("a dog",))}  # fmt: skip
    image = np.zeros(8, np.float32)
    image[[0, 2, 3]] = [0.5, 0.5, 0.503]  # flag, pennant, animal
    ((unsafe, likeliest, share),) = found(classes, image[np.newaxis])
    assert likeliest == "animal"
    assert unsafe > 0.5 > share


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_a_finding_is_the_same_alone_as_in_any_company(count: int, seed: int) -> None:
    images = unit_vectors(count, 8, seed)
    together = found(CLASSES, images)
    assert all(0 <= unsafe <= 1 for unsafe, _, _ in together)
    assert [found(CLASSES, row[np.newaxis])[0] for row in images] == together
    assert found(CLASSES, images[::-1]) == together[::-1]


def test_a_vector_without_numbers_is_found_to_be_nothing() -> None:
    images = np.full((1, 8), np.nan, np.float32)
    ((unsafe, likeliest, _),) = found(CLASSES, images)
    assert math.isnan(unsafe)
    assert likeliest == ""


def test_classes_may_be_in_a_file_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[flag]\nunsafe = true\nprompts = ["a flag"]\n[boat]\nunsafe = false\nprompts = ["a boat"]\n'
    )
    assert zero_shot("mine.toml", tmp_path).prompts == ("a boat", "a flag")
    with pytest.raises(SettingsError, match=r"classes: .*absent\.toml cannot be read"):
        zero_shot("absent.toml", tmp_path)


WRONG: list[tuple[str, str]] = [
    ("", "has no class with unsafe = true: all would be safe"),
    ('[boat]\nunsafe = false\nprompts = ["a boat"]', "has no class with unsafe = true: all would be safe"),
    ('[flag]\nunsafe = true\nprompts = ["a flag"]', "has no class with unsafe = false: all would be unsafe"),
    ('[flag]\nunsafe = true\nprompts = []', r"length >= 1.*\$\[\.\.\.\]\.prompts"),
    ('[flag]\nunsafe = true\nprompts = [""]', "length >= 1"),
    ('[flag]\nunsafe = 1\nprompts = ["a flag"]', "Expected `bool`"),
    ('[flag]\nprompts = ["a flag"]', "missing required field `unsafe`"),
    ('[flag]\nunsafe = true\nprompt = ["a flag"]', "unknown field `prompt`|missing required field `prompts`"),
    ('[flag]\nunsafe = true\nprompts = ["a", "b"]\n[boat]\nunsafe = false\nprompts = ["a"]', "the prompt 'a' stands there twice"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_classes_that_leave_no_choice_or_are_misspelt_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        zero_shot("mine.toml", tmp_path)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=120))
def test_any_text_is_classes_or_refused(text: str) -> None:
    try:
        classes_in(text, "mine.toml")
    except SettingsError:
        return
