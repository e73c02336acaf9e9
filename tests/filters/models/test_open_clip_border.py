from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crawler.errors import MissingPackageError, SettingsError
from filters.models import self_test
from filters.models.choice import EMBEDDED, ModelChoice, choose
from filters.models.engine import OpenClipEngine, preparation_for

pytestmark = pytest.mark.clip

TINY = ModelChoice(EMBEDDED)


def model_folder(tmp_path: Path) -> Path:
    """A copy of the embedded model that may be spoilt."""
    source = TINY.model_folder
    assert source is not None
    folder = tmp_path / "model"
    folder.mkdir()
    for file in ("open_clip_config.json", "open_clip_model.safetensors"):
        shutil.copy(source / file, folder / file)
    return folder


def ask(choice: ModelChoice, **changes: Any) -> np.ndarray[Any, Any]:
    """The similarity of one picture and its caption."""
    one = preparation_for(choice)(self_test.drawing("red disc"), "red circle")
    images, texts = OpenClipEngine(choice, batch_size=1, **changes).embed(one.image[None], one.tokens[None])
    return np.asarray((images * texts).sum(axis=1))


@pytest.mark.slow  # a new process imports torch and open_clip
def test_torchvision_can_be_imported_after_the_border_and_is_left_alone_where_it_works() -> None:
    program = (
        "from filters.models.open_clip_border import import_open_clip\n"
        "assert import_open_clip() is import_open_clip()\n"
        "import torch, torchvision.ops\n"
        "torch.ops.torchvision.nms\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_serves_like_the_embedded_model(tmp_path: Path) -> None:
    choice = choose(f"local-dir:{model_folder(tmp_path)}", "", Path())
    assert ask(choice) == ask(TINY)


def test_weights_that_are_cut_short_are_an_error_that_names_the_model(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    weights = folder / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(SettingsError, match="local-dir:model: its weights and its description do not fit"):
        ask(choose(f"local-dir:{folder}", "", Path()))


def test_a_pickle_with_a_program_in_it_is_refused_and_not_run(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    (folder / "open_clip_model.safetensors").unlink()
    trap = tmp_path / "sprung"
    # what pickle.dumps gives for an object that asks for os.mkdir(trap) when it is read
    program = b"cposix\nmkdir\n(V" + str(trap).encode() + b"\ntR."
    (folder / "open_clip_pytorch_model.bin").write_bytes(program)
    with pytest.raises(SettingsError, match="do not fit"):
        ask(choose(f"local-dir:{folder}", "", Path()))
    assert not trap.exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model_cfg": 3}', '{"model_cfg": {"vision_cfg": 1}}', "\x00"])
def test_a_description_that_is_none_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    folder = model_folder(tmp_path)
    (folder / "open_clip_config.json").write_text(text)
    with pytest.raises(SettingsError, match=r"open_clip_config\.json"):
        ask(choose(f"local-dir:{folder}", "", Path()))


@pytest.mark.parametrize(
    "wish", [{"interpolation": "nearest"}, {"resize_mode": "stretch"}, {"mean": 0.5}, {"std": [1]}]
)
def test_a_preprocessing_that_open_clip_does_not_have_is_refused(tmp_path: Path, wish: dict[str, Any]) -> None:
    folder = model_folder(tmp_path)
    description = json.loads((folder / "open_clip_config.json").read_text())
    (folder / "open_clip_config.json").write_text(json.dumps(description | {"preprocess_cfg": wish}))
    with pytest.raises(SettingsError, match="local-dir:model: describes no preprocessing"):
        ask(choose(f"local-dir:{folder}", "", Path()))


def test_a_description_of_another_model_does_not_fit(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    description = json.loads((folder / "open_clip_config.json").read_text())
    description["model_cfg"]["embed_dim"] = 64
    (folder / "open_clip_config.json").write_text(json.dumps(description))
    with pytest.raises(SettingsError, match="do not fit"):
        ask(choose(f"local-dir:{folder}", "", Path()))


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("ViT-B-23", "openai", "no model 'ViT-B-23'; did you mean .*ViT-B-32"),
        ("ViT-B-32", "laion3b", "no weights 'laion3b' of ViT-B-32; it knows .*laion2b_s34b_b79k"),
    ],
)
def test_a_misspelt_model_is_told_what_there_is(model: str, pretrained: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        ask(ModelChoice(model, pretrained))


@pytest.mark.parametrize("choice", [ModelChoice("hf-hub:nobody/nothing"), ModelChoice("ViT-B-32", "laion2b_s34b_b79k")])
def test_weights_that_cannot_be_downloaded_are_an_error_that_says_how_to_get_them(
    choice: ModelChoice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    # its own switch for working without a network, so that a test never touches one
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    for ask_something in (lambda: OpenClipEngine(choice).provenance, lambda: ask(choice)):
        with pytest.raises(SettingsError, match=r"cannot be downloaded from it.*local-dir:FOLDER") as caught:
            ask_something()
        assert choice.identity in str(caught.value)


def test_a_device_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no CUDA device"):
        ask(TINY, device="cuda")


def test_an_environment_that_computes_something_else_is_refused() -> None:
    def slightly_wrong(images: Any, tokens: Any) -> Any:
        of_images, of_texts = OpenClipEngine(TINY, batch_size=4).embed(images, tokens)
        return of_images * np.float32(1.003), of_texts

    with pytest.raises(MissingPackageError, match="known to give"):
        self_test.run(preparation_for(TINY), slightly_wrong, "float32")
    self_test.run(preparation_for(TINY), slightly_wrong, "bfloat16")


def test_a_broken_environment_is_refused_whatever_model_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filters.models import engine

    other = choose(f"local-dir:{model_folder(tmp_path)}", "", Path())
    right = self_test.KNOWN
    monkeypatch.setattr(self_test, "KNOWN", tuple((name, text, answer + 0.01) for name, text, answer in right))
    engine._test.cache_clear()  # as in a new process
    with pytest.raises(MissingPackageError, match="no score of any model could be trusted"):
        ask(other)
    monkeypatch.setattr(self_test, "KNOWN", right)
    assert ask(other) == ask(TINY)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_known_answers_are_asked_for_in_the_precision_of_the_recipe_once_a_process(
    precision: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filters.models import engine

    asked = []
    monkeypatch.setattr(self_test, "run", lambda _prepare, _embed, precision: asked.append(precision))
    engine._test.cache_clear()
    for rows in (101, 102):  # engines that no test before had
        OpenClipEngine(TINY, precision, "cpu", rows).embed_texts(["boat"])
    engine._test.cache_clear()
    assert asked == [precision]


def test_captions_that_no_page_should_have_are_tokenised_all_the_same() -> None:
    tokenizer = preparation_for(TINY).tokenizer
    for caption in ("", "\ud83d half a pair", "x" * 2_000, "船" * 500, "<start_of_text>", "\x00", "🚀" * 99):
        tokens = tokenizer(caption)
        assert tokens.shape == (32,)
        assert tokens.dtype == np.int32
        assert tokens[0] == 49406
        assert 49407 in tokens


def test_a_tokeniser_that_is_shared_by_threads_gives_each_its_own() -> None:
    tokenizer = preparation_for(TINY).tokenizer
    captions = [f"boat {number} on lake {number * 7}" for number in range(200)]
    alone = [tokenizer(caption).tolist() for caption in captions]
    with ThreadPoolExecutor(4) as pool:
        assert [tokens.tolist() for tokens in pool.map(tokenizer, captions)] == alone


def test_a_tokeniser_forgets_words_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from filters.models import open_clip_border

    monkeypatch.setattr(open_clip_border, "_WORDS_REMEMBERED", 50)
    tokenizer = open_clip_border.CaptionTokenizer(TINY)
    before = tokenizer("a red boat").tolist()
    for number in range(100):
        tokenizer(f"word{chr(0x4E00 + number)}")
        assert len(tokenizer._words) < 60
    assert tokenizer("a red boat").tolist() == before
    assert tokenizer("<end_of_text>").tolist()[:2] == [49406, 49407]


def test_trimmed_captions_give_what_open_clips_own_text_tower_gives() -> None:
    import torch

    from filters.models.open_clip_border import load_model
    from filters.models.towers import Towers

    model = load_model(TINY, "float32", "cpu")
    preparation = preparation_for(TINY)
    captions = [
        "boat",
        "",
        "a red boat on a lake",
        "lake " * 12,
        "boat " * 99,
        "船在湖上",
        "<end_of_text> boat and lake",
    ]
    tokens = np.stack([preparation.tokenizer(caption) for caption in captions])
    images = np.stack([preparation.preprocessing.pixels(self_test.drawing("red disc"))] * len(captions))
    our_images, our_texts = Towers(model, preparation.preprocessing, "cpu", torch.float32, 8).embed(images, tokens)
    with torch.inference_mode():
        image = model.encode_image(torch.from_numpy(_normalised(images)), normalize=True)
        text = model.encode_text(torch.from_numpy(tokens).long(), normalize=True)
    assert np.abs(our_images - image.numpy()).max() < 1e-6
    assert np.abs(our_texts - text.numpy()).max() < 1e-6


def _normalised(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    preprocessing = preparation_for(TINY).preprocessing
    floats = images.astype(np.float32).transpose(0, 3, 1, 2) / np.float32(255)
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    return np.asarray((floats - mean) / std)


def test_a_text_tower_of_another_kind_is_used_whole() -> None:
    """A CLIP whose text tower stands apart (as with Hugging Face models), with weights by chance."""
    import torch

    from filters.models.open_clip_border import import_open_clip
    from filters.models.towers import Towers

    torch.manual_seed(0)
    small = {"vision_cfg": {"image_size": 64, "layers": 1, "width": 64, "patch_size": 16}, "embed_dim": 16}
    texts = {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    model = import_open_clip().CustomTextCLIP(**small, text_cfg=texts).eval()
    preparation = preparation_for(TINY)
    tokens = np.stack([preparation.tokenizer(caption) for caption in ("boat", "a red boat on a lake")])
    images = np.stack([preparation.preprocessing.pixels(self_test.drawing("blue square"))] * 2)
    our_images, our_texts = Towers(model, preparation.preprocessing, "cpu", torch.float32, 4).embed(images, tokens)
    with torch.inference_mode():
        image = model.encode_image(torch.from_numpy(_normalised(images)), normalize=True)
        text = model.encode_text(torch.from_numpy(tokens).long(), normalize=True)
    assert np.abs(our_images - image.numpy()).max() < 1e-6
    assert np.abs(our_texts - text.numpy()).max() < 1e-6


def test_images_and_captions_must_come_in_pairs() -> None:
    engine = OpenClipEngine(TINY, batch_size=4)
    with pytest.raises(ValueError, match="2 images and 1 captions"):
        engine.embed(np.zeros((2, 64, 64, 3), np.uint8), np.zeros((1, 32), np.int32))
    assert [len(one) for one in engine.embed(np.zeros((0, 64, 64, 3), np.uint8), np.zeros((0, 32), np.int32))] == [0, 0]
    assert len(engine.embed_texts([])) == 0


def test_texts_alone_have_the_vectors_that_they_have_as_captions() -> None:
    engine = OpenClipEngine(TINY)
    texts = ["red circle", "a red boat on a lake", "🚀"]
    tokens = np.stack([preparation_for(TINY).tokenizer(text) for text in texts])
    images = np.stack([preparation_for(TINY).preprocessing.pixels(self_test.drawing("red disc"))] * 3)
    of_images, of_texts = engine.embed(images, tokens)
    assert np.array_equal(engine.embed_texts(texts), of_texts)
    for vectors in (of_images, of_texts):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)


@pytest.mark.parametrize(
    "caption", ["", "a red boat", "boat " * 99, "Ampersand &amp; straße  ÅÄ", "<end_of_text> a", "👩‍🚀" * 20]
)
def test_tokens_are_those_of_open_clips_own_call(caption: str) -> None:
    tokenizer = preparation_for(TINY).tokenizer
    assert tokenizer(caption).tolist() == tokenizer._tokenizer([caption])[0].tolist()


def test_a_tokeniser_that_drops_words_by_a_rule_of_its_own_is_called_as_it_is(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    description = json.loads((folder / "open_clip_config.json").read_text())
    description["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"reduction_mask": "shuffle"}
    (folder / "open_clip_config.json").write_text(json.dumps(description))
    tokenizer = preparation_for(choose(f"local-dir:{folder}", "", Path())).tokenizer
    whole = preparation_for(TINY).tokenizer
    long = " ".join(f"boat {number}" for number in range(40))
    assert tokenizer("a red boat").tolist() == whole("a red boat").tolist()
    assert tokenizer(long).tolist() != whole(long).tolist()
