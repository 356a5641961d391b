"""CLIP's image encoder from a folder: what transformers writes is read, and a picture comes to it as CLIP's own preparation brings it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from paper_networks import picture
from PIL import Image

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.evaluation.paper.clip import load
from facecraft4d.toolkit.weights.matching import OtherArchitecture

transformers = pytest.importorskip("transformers", reason="the extra [sdxl] is not installed")
SIZES: dict[str, Any] = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "image_size": 48, "patch_size": 16,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Both encoders, as transformers saves them."""
    torch.manual_seed(0)
    text = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "vocab_size": 20,
    }
    config = transformers.CLIPConfig(text_config=text, vision_config=SIZES | {"projection_dim": 24}, projection_dim=24)
    transformers.CLIPModel(config).save_pretrained(tmp_path / "clip")
    return tmp_path / "clip"


@pytest.mark.slow
def test_both_encoders_or_one_in_each_form(folder: Path, tmp_path: Path) -> None:
    whole = load(folder)
    expected = transformers.CLIPModel.from_pretrained(folder, local_files_only=True)
    processor = transformers.CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48})
    image = picture(1, 96)
    with torch.no_grad():
        values = processor(Image.fromarray(to_bytes(image)), return_tensors="pt")["pixel_values"]
        found = expected.get_image_features(pixel_values=values)
        vector = (found.pooler_output if hasattr(found, "pooler_output") else found)[0].numpy()
    np.testing.assert_allclose(whole.embedded(image), vector / np.linalg.norm(vector), atol=1e-5)
    assert whole.name == "ViT-32/16, 48 pixels" and whole.side == 48
    alone = transformers.CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True)
    alone.save_pretrained(tmp_path / "alone")
    np.testing.assert_array_equal(load(tmp_path / "alone").embedded(image), whole.embedded(image))
    (tmp_path / "alone" / "model.safetensors").unlink()
    torch.save(expected.state_dict(), tmp_path / "alone" / "pytorch_model.bin")
    np.testing.assert_array_equal(load(tmp_path / "alone").embedded(image), whole.embedded(image))


def test_the_published_encoder_has_its_size() -> None:
    with torch.device("meta"):
        network = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig())
    assert sum(each.numel() for each in network.parameters()) == 87_849_216  # ViT-B/32


def test_a_wide_picture_is_cut_to_its_middle(folder: Path) -> None:
    clip, image = load(folder), picture(2, 96)
    wide = np.concatenate([np.ones((96, 30, 3), np.float32), image, np.zeros((96, 30, 3), np.float32)], 1)
    np.testing.assert_array_equal(clip.embedded(wide), clip.embedded(image))
    assert float(clip.embedded(image) @ clip.embedded(picture(3, 96))) < 0.9999


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model_type": "llama"}, "another model"),
        ({"vision_config": {**SIZES, "hidden_size": 10**9}}, "hidden_size 1000000000"),
        ({"vision_config": {**SIZES, "num_hidden_layers": "2"}}, "num_hidden_layers"),
        ({"vision_config": {**SIZES, "hidden_act": "os.system"}}, "hidden_act"),
        ({"vision_config": {**SIZES, "layer_norm_eps": float("nan")}}, "layer_norm_eps"),
        ({"vision_config": [1]}, "TypeError"),
        ({"vision_config": {**SIZES, "num_attention_heads": 5}}, "heads|divisible"),
    ],
)
def test_other_configurations_are_refused(folder: Path, change: dict[str, Any], match: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(UserError, match=match) as caught:
        load(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_sizes_and_weights_must_agree(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["hidden_size"] = 64
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(OtherArchitecture, match="of another shape"):
        load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors or pytorch_model\.bin, found neither"):
        load(folder)
