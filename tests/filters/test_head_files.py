from __future__ import annotations

import contextlib
import hashlib
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import save_file

from crawler.errors import SettingsError
from filters.head_files import read_head_file


def weights(outputs: int, inputs: int) -> NDArray[np.float32]:
    return np.arange(outputs * inputs, dtype=np.float32).reshape(outputs, inputs)


def saved(folder: Path, tensors: dict[str, NDArray[Any]], **metadata: str) -> Path:
    save_file(tensors, folder / "head.safetensors", metadata=metadata or None)
    return folder / "head.safetensors"


def test_the_layers_of_a_file_come_in_the_order_of_their_numbers_with_what_the_file_says_of_itself(
    tmp_path: Path,
) -> None:
    tensors = {
        "layers.10.weight": weights(1, 3),
        "layers.10.bias": weights(1, 1)[0],
        "layers.2.weight": weights(3, 5),
        "layers.2.bias": weights(1, 3)[0],
    }
    path = saved(tmp_path, tensors, activation="relu")
    stored = read_head_file(path)
    assert [layer.place for layer in stored.layers] == [2, 10]
    assert [layer.weight.shape for layer in stored.layers] == [(3, 5), (1, 3)]
    assert stored.metadata == {"activation": "relu"}
    assert stored.name == f"head.safetensors@sha256:{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


@pytest.mark.parametrize("prefix", ["", "0.", "fc.", "linear_1.", "model.layers.0.", "module.head.classifier."])
def test_a_lone_layer_may_be_called_as_any_library_calls_it(tmp_path: Path, prefix: str) -> None:
    stored = read_head_file(saved(tmp_path, {f"{prefix}weight": weights(1, 4), f"{prefix}bias": weights(1, 1)[0]}))
    assert stored.layers[0].weight.tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_an_array_is_one_layer_whose_bias_is_not_told_apart_yet(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "head.npy", np.arange(4, dtype=np.float64).reshape(shape))
    (layer,) = read_head_file(tmp_path / "head.npy").layers
    assert (layer.weight.tolist(), layer.bias) == ([[0, 1, 2, 3]], None)


@pytest.mark.parametrize(
    "name", ["head.pt", "head.PTH", "head.bin", "prompts.p", "head.pkl", "head.pickle", "head.ckpt", "head.joblib"]
)
def test_a_pickle_is_refused_unread_and_the_message_says_how_to_convert_it(tmp_path: Path, name: str) -> None:
    # checklist: safety.md 1.5, weights that are pickles; the file does not even exist
    with pytest.raises(SettingsError, match=r"is a pickle.*weights_only=True.*save_file"):
        read_head_file(tmp_path / name)


@pytest.mark.parametrize("name", ["head.h5", "head.hdf5", "head.keras", "saved_model.pb"])
def test_a_keras_file_is_refused_and_the_message_says_how_to_convert_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"is a Keras file.*transposed"):
        read_head_file(tmp_path / name)


class _Trap:
    """Unpickled, it writes a file: what a hostile head would do."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.sentinel, "ran")


@pytest.mark.parametrize("kind", ["bare", "object array"])
def test_a_pickle_that_calls_itself_npy_is_refused_and_never_runs(tmp_path: Path, kind: str) -> None:
    trap, sentinel = tmp_path / "head.npy", tmp_path / "sentinel"
    if kind == "bare":
        trap.write_bytes(pickle.dumps(_Trap(sentinel)))
    else:
        np.save(trap, np.array([_Trap(sentinel)], dtype=object), allow_pickle=True)
    with pytest.raises(SettingsError, match="is not an array of numbers"):
        read_head_file(trap)
    assert not sentinel.exists()


def test_a_header_that_claims_more_than_the_file_holds_takes_no_memory(tmp_path: Path) -> None:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    (tmp_path / "head.npy").write_bytes(out.getvalue() + bytes(16))
    with pytest.raises(SettingsError, match="is not an array of numbers"):
        read_head_file(tmp_path / "head.npy")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2, 2)),
        np.zeros(4, np.int64),
        np.zeros(0),
        np.zeros(()),
        np.array(["a"]),
        np.zeros(3, [("a", "f4")]),
    ],
)
def test_an_array_that_is_no_matrix_of_floats_is_refused(tmp_path: Path, array: NDArray[Any]) -> None:
    np.save(tmp_path / "head.npy", array)
    with pytest.raises(SettingsError, match="must be one array of floats"):
        read_head_file(tmp_path / "head.npy")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    np.save(tmp_path / "head.npy", np.array([1.0, bad]))
    with pytest.raises(SettingsError, match="layer 0 has weights that are no numbers"):
        read_head_file(tmp_path / "head.npy")
    layer = {"0.weight": weights(1, 2), "0.bias": np.array([bad], dtype=np.float32)}
    with pytest.raises(SettingsError, match="layer 0 has weights that are no numbers"):
        read_head_file(saved(tmp_path, layer))


ONE = {"0.weight": weights(3, 4), "0.bias": weights(1, 3)[0]}
WRONG_FILES: list[tuple[dict[str, NDArray[Any]], str]] = [
    ({}, "holds no layer"),
    ({"0.weight": weights(1, 4)}, "layer 0 has no bias"),
    ({"0.bias": weights(1, 4)[0]}, "layer 0 has no weight"),
    (ONE | {"4.weight": weights(1, 9), "4.bias": weights(1, 1)[0]}, "layer 4 reads 9 numbers, but the layer before it gives 3; is a layer missing"),
    ({"0.weight": weights(3, 4), "0.bias": weights(1, 2)[0]}, "layer 0: weight must be outputs x inputs"),
    ({"0.weight": np.zeros(3, np.float32), "0.bias": weights(1, 3)[0]}, "layer 0: weight must be outputs x inputs"),
    ({"0.weight": np.zeros((0, 4), np.float32), "0.bias": np.zeros(0, np.float32)}, "layer 0: weight must be"),
    ({"0.weight": np.zeros((3, 4), np.int32), "0.bias": weights(1, 3)[0]}, "'0.weight' .int32. is no part of a head"),
    (ONE | {"norm.mean": weights(1, 4)[0]}, "'norm.mean' .float32. is no part of a head.*folded into the first"),
    (ONE | {"a.0.weight": weights(3, 4)}, "is not the only weight of layer 0"),
]  # fmt: skip


@pytest.mark.parametrize(("tensors", "message"), WRONG_FILES)
def test_a_file_that_is_no_head_is_refused_with_what_is_wrong(
    tmp_path: Path, tensors: dict[str, NDArray[Any]], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        read_head_file(saved(tmp_path, tensors))


def test_a_missing_file_another_kind_and_a_whole_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_head_file(tmp_path / "absent.npy")
    with pytest.raises(SettingsError, match=r"is a \.npy or a \.safetensors file"):
        read_head_file(tmp_path / "head.onnx")
    with (tmp_path / "large.npy").open("wb") as stream:
        stream.truncate(257 * 1024 * 1024)  # sparse: takes no disk
    with pytest.raises(SettingsError, match="is it a whole model"):
        read_head_file(tmp_path / "large.npy")


def test_a_kind_of_float_that_numpy_has_not_is_refused_with_the_remedy(tmp_path: Path) -> None:
    header = b'{"0.weight":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}'
    (tmp_path / "head.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(2))
    with pytest.raises(SettingsError, match="cannot be read as safetensors of float32"):
        read_head_file(tmp_path / "head.safetensors")


@pytest.mark.parametrize("after", [bytes(19) + b"(", b"'" + bytes(3), b"(" * 60, b"\t1\n 2", b"{**1}", b"+ 1L"])
def test_an_array_whose_head_is_no_python_is_refused(tmp_path: Path, after: bytes) -> None:
    np.save(tmp_path / "good.npy", np.zeros(4))
    content = (tmp_path / "good.npy").read_bytes()[:90]
    (tmp_path / "head.npy").write_bytes((content + after).ljust(128, b"("))
    with pytest.raises(SettingsError, match="is not an array of numbers"):
        read_head_file(tmp_path / "head.npy")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".npy", ".safetensors"]), st.binary(max_size=200), st.integers(0, 200))
def test_whatever_a_file_holds_it_is_a_head_or_refused(tmp_path: Path, kind: str, noise: bytes, cut: int) -> None:
    good = tmp_path / f"good{kind}"
    if kind == ".npy":
        np.save(good, np.zeros(4))
    else:
        save_file({"0.weight": weights(1, 2), "0.bias": weights(1, 1)[0]}, good)
    path = tmp_path / f"head{kind}"
    for content in (noise, good.read_bytes()[:cut] + noise):
        path.write_bytes(content)
        with contextlib.suppress(SettingsError):
            assert read_head_file(path).layers
