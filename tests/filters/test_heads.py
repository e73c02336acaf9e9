from __future__ import annotations

import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from crawler.errors import SettingsError
from filters.heads import ACTIVATIONS, NUMBER, HeadFile, load_head
from tests.fakes.vectors import a_head, unit_vectors

VECTORS = unit_vectors(37)


def sigmoid(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(1 / (1 + np.exp(-values)))


def a_network(folder: Path, *widths: int, places: tuple[int, ...] = (), **metadata: str) -> Path:
    """A head with layers of these widths, from random weights."""
    rng = np.random.default_rng(1)
    tensors = {}
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        place = places[number] if places else number
        tensors[f"{place}.weight"] = rng.standard_normal((outputs, inputs)).astype(np.float32)
        tensors[f"{place}.bias"] = rng.standard_normal(outputs).astype(np.float32)
    save_file(tensors, folder / "network.safetensors", metadata=metadata)
    return folder / "network.safetensors"


def test_a_linear_head_is_the_sigmoid_of_weights_times_vector(tmp_path: Path) -> None:
    weights = np.linspace(-3, 3, 8)
    head = load_head(a_head(tmp_path, weights), Path())
    assert head.scores(VECTORS, "model") == pytest.approx(sigmoid(VECTORS @ weights).tolist(), abs=1e-6)


def test_one_number_more_than_the_vector_has_is_the_bias(tmp_path: Path) -> None:
    weights = np.linspace(-3, 3, 9)
    head = load_head(a_head(tmp_path, weights), Path())
    expected = sigmoid(VECTORS @ weights[:8] + weights[8])
    assert head.scores(VECTORS, "model") == pytest.approx(expected.tolist(), abs=1e-6)


def test_of_several_outputs_the_recipe_says_which_counts(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((8, 3))
    path = a_head(tmp_path, weights)
    powers = np.exp(VECTORS @ weights)
    for output in range(3):
        head = load_head(HeadFile(path, output=output), Path())
        expected = powers[:, output] / powers.sum(axis=1)
        assert head.scores(VECTORS, "model") == pytest.approx(expected.tolist(), abs=1e-6)
    for wrong in (None, 3):
        with pytest.raises(SettingsError, match="gives 3 numbers; say which of them is the score with output = 0 to 2"):
            load_head(HeadFile(path, output=wrong), Path())


def test_laions_detector_of_unsafe_pictures_can_be_written_down(tmp_path: Path) -> None:
    """Normalisation, three layers with ReLU between, sigmoid: widths of its ViT-B/32 version, a sixteenth of its input."""
    rng = np.random.default_rng(3)
    mean, variance = rng.standard_normal(8) / 10, rng.uniform(0.01, 0.1, 8)
    layers = [
        (rng.standard_normal((32, 8)), rng.standard_normal(32)),
        (rng.standard_normal((32, 32)), rng.standard_normal(32)),
        (rng.standard_normal((1, 32)), rng.standard_normal(1)),
    ]
    values = (VECTORS - mean) / np.sqrt(variance)
    for number, (weight, bias) in enumerate(layers):
        values = values @ weight.T + bias
        values = np.maximum(values, 0) if number < 2 else sigmoid(values)
    # as docs/decisions/0018-safety.md says: the normalisation goes into the first layer
    weight, bias = layers[0]
    layers[0] = (weight / np.sqrt(variance), bias - weight @ (mean / np.sqrt(variance)))
    tensors: dict[str, NDArray[Any]] = {}
    for number, (weight, bias) in enumerate(layers, 1):
        tensors |= {
            f"linear_{number}.weight": weight.astype(np.float32),
            f"linear_{number}.bias": bias.astype(np.float32),
        }
    save_file(tensors, tmp_path / "nsfw.safetensors", metadata={"activation": "relu"})
    head = load_head("nsfw.safetensors", tmp_path)
    assert head.scores(VECTORS, "model") == pytest.approx(values[:, 0].tolist(), abs=1e-4)


def test_laions_later_detector_can_be_written_down(tmp_path: Path) -> None:
    """Its last two layers have nothing between them, and its last number is cut, for it was trained without sigmoid."""
    path = a_network(tmp_path, 8, 6, 5, 4, 1, places=(0, 3, 6, 7))
    head = load_head(HeadFile(str(path), activation="relu relu none", link="clip"), Path())
    values = VECTORS.astype(np.float64)
    for number, layer in enumerate(head.layers):
        assert layer.bias is not None
        values = values @ layer.weight.T + layer.bias
        values = np.maximum(values, 0) if number < 2 else values
    assert head.scores(VECTORS, "model") == pytest.approx(np.clip(values[:, 0], 0, 1).tolist(), abs=1e-6)


def test_laions_predictors_of_beauty_can_be_written_down(tmp_path: Path) -> None:
    save_file(
        {"weight": np.full((1, 8), 2.0, np.float32), "bias": np.full(1, 5.0, np.float32)}, tmp_path / "v1.safetensors"
    )
    first = load_head("v1.safetensors", tmp_path, NUMBER)
    assert first.scores(VECTORS, "model") == pytest.approx((5 + 2 * VECTORS.sum(axis=1)).tolist(), abs=1e-5)
    second = load_head(HeadFile(str(a_network(tmp_path, 8, 16, 4, 1)), activation="none"), Path(), NUMBER)
    assert second.link == "none"


def test_what_a_file_says_of_itself_need_not_be_said_and_cannot_be_contradicted(tmp_path: Path) -> None:
    path = str(a_network(tmp_path, 8, 4, 2, activation="tanh", link="softmax", output="1"))
    head = load_head(path, Path())
    assert (head.activations, head.link, head.output) == (("tanh",), "softmax", 1)
    assert load_head(HeadFile(path, activation="tanh", output=1), Path()).output == 1
    with pytest.raises(SettingsError, match="activation = 'relu', but the file itself says 'tanh'"):
        load_head(HeadFile(path, activation="relu"), Path())
    with pytest.raises(SettingsError, match="output = '0', but the file itself says '1'"):
        load_head(HeadFile(path, output=0), Path())


def test_layers_without_a_word_about_what_is_between_them_are_refused(tmp_path: Path) -> None:
    path = a_network(tmp_path, 8, 4, 4, 1)
    with pytest.raises(
        SettingsError, match=r"has 3 layers and does not say what is between them.*activation = \"relu\""
    ):
        load_head(path.name, tmp_path)
    with pytest.raises(SettingsError, match="activation = 'rleu' is not one of relu, gelu"):
        load_head(HeadFile(path.name, activation="rleu"), tmp_path)
    with pytest.raises(SettingsError, match="activation names 3, but 2 gaps"):
        load_head(HeadFile(path.name, activation="relu, relu, relu"), tmp_path)


def test_a_link_that_makes_no_sense_of_the_score_is_refused(tmp_path: Path) -> None:
    path = a_head(tmp_path, np.ones(8))
    with pytest.raises(SettingsError, match="link = 'none': this score's is one of sigmoid, softmax, clip"):
        load_head(HeadFile(path, link="none"), Path())
    with pytest.raises(SettingsError, match="of one output is always 1"):
        load_head(HeadFile(path, link="softmax"), Path())


@pytest.mark.parametrize("length", [4, 6, 10])
def test_a_head_of_another_model_is_refused_with_both_lengths(tmp_path: Path, length: int) -> None:
    head = load_head(a_head(tmp_path, np.ones(8)), Path())
    with pytest.raises(SettingsError, match=f"head head.npy@sha256:.* of 8 numbers, but ViT-X makes such of {length}"):
        head.scores(unit_vectors(2, length), "ViT-X")


def test_a_bias_of_its_own_is_not_looked_for_among_the_weights(tmp_path: Path) -> None:
    head = load_head(HeadFile(str(a_network(tmp_path, 8, 1))), Path())
    with pytest.raises(SettingsError, match="reads vectors of 8 numbers"):
        head.scores(unit_vectors(2, 7), "model")


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.sampled_from(sorted(ACTIVATIONS)), st.integers(0, 1000))
def test_a_score_is_the_same_alone_as_in_any_batch(
    tmp_path_factory: pytest.TempPathFactory, count: int, activation: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("heads")
    head = load_head(HeadFile(str(a_network(folder, 48, 33, 17, 1)), activation=activation), Path())
    vectors = unit_vectors(count, 48, seed)
    together = head.scores(vectors, "model")
    assert len(together) == count
    assert all(0 <= score <= 1 for score in together)
    assert [head.scores(row[np.newaxis], "model")[0] for row in vectors] == together
    assert head.scores(vectors[::-1], "model") == together[::-1]
    assert pickle.loads(pickle.dumps(head)).scores(vectors, "model") == together


def test_a_vector_without_numbers_has_no_score_and_harms_no_neighbour(tmp_path: Path) -> None:
    head = load_head(HeadFile(str(a_network(tmp_path, 8, 4, 1)), activation="relu"), Path())
    vectors = VECTORS.copy()
    vectors[1] = np.nan
    scores = head.scores(vectors, "model")
    assert math.isnan(scores[1])
    clean = head.scores(VECTORS, "model")
    assert scores[:1] + scores[2:] == clean[:1] + clean[2:]


def test_extreme_weights_make_probabilities_all_the_same(tmp_path: Path) -> None:
    head = load_head(a_head(tmp_path, [1e30, -1e30]), Path())
    assert head.scores(np.eye(2, dtype=np.float32), "model") == [1.0, 0.0]


def test_activations_are_what_their_names_say() -> None:
    values = np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]])
    erf = np.array([[math.erf(value / math.sqrt(2)) for value in values[0]]])
    expected = {
        "relu": np.maximum(values, 0),
        "gelu": values * (1 + erf) / 2,
        "silu": values * sigmoid(values),
        "tanh": np.tanh(values),
        "sigmoid": sigmoid(values),
        "none": values,
    }
    assert ACTIVATIONS.keys() == expected.keys()
    for name, function in ACTIVATIONS.items():
        np.testing.assert_allclose(function(values), expected[name], atol=1e-12)
