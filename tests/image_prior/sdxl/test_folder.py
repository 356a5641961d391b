"""SDXL's folder: what is there is read by its exact name and must fit; everything else is one line that says what to bring."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from sdxl_cases import NAME, options, write_folder

from facecraft4d.toolkit import image_prior
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial
from facecraft4d.toolkit.core.stages import Progress, silent
from facecraft4d.toolkit.image_prior.sdxl import loading
from facecraft4d.toolkit.image_prior.sdxl.folder import PARTS, Folder, find
from facecraft4d.toolkit.image_prior.sdxl.loading import load_networks, load_text_networks
from facecraft4d.toolkit.weights.matching import OtherArchitecture

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """The tiny folder, to be damaged."""
    return Path(shutil.copytree(tiny, tmp_path / NAME))


def checked(folder: Path) -> None:
    image_prior.check(options(folder), silent)


def rewrite(file: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    file.write_text(json.dumps(change(json.loads(file.read_text()))))


def resave(file: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    save_file(change(load_file(file)), file)


@pytest.mark.slow
def test_networks_have_the_numbers_of_their_files(found: Folder) -> None:
    networks = load_networks(found, "cpu", offload=False)
    read = load_text_networks(found, "cpu", offload=False)
    for name, network in zip(PARTS, (networks.unet, networks.vae, *read.encoders), strict=True):
        stored = load_file(found.weights[name])
        for key, tensor in network.state_dict().items():
            assert torch.equal(tensor, stored[key]), (name, key)
        assert not network.training and not any(each.requires_grad for each in network.parameters())
    assert networks.pixels_per_cell == 8


@pytest.mark.slow
def test_nothing_is_asked_of_the_network(found: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("somebody connects")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_networks(found, "cpu", offload=False)
    load_text_networks(found, "cpu", offload=False)


@pytest.mark.slow
def test_names_of_other_versions_are_the_same_tensors(copy: Path, found: Folder) -> None:
    """Text encoders with their prefix and an unread table of positions; the VAE's attention under its older names."""
    resave(
        copy / TEXT,
        lambda state: (
            {f"text_model.{name}": each for name, each in state.items()}
            | {"text_model.embeddings.position_ids": torch.arange(77)[None]}
        ),
    )
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        for new, old in older.items():
            state = {name.replace(f".{new}.", f".{old}."): each for name, each in state.items()}
        return state

    resave(copy / VAE, renamed)
    assert not any("to_q" in name for name in load_file(copy / VAE))
    again = find(options(copy).sdxl)
    for name, one, other in zip(
        ("vae", "text"),
        (load_networks(found, "cpu", False).vae, load_text_networks(found, "cpu", False).encoders[0]),
        (load_networks(again, "cpu", False).vae, load_text_networks(again, "cpu", False).encoders[0]),
        strict=True,
    ):
        for key, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[key]), (name, key)


@pytest.mark.slow
def test_half_precision_is_found_under_its_name(copy: Path) -> None:
    for name, part in PARTS.items():
        file = copy / name / f"{part.stem}.safetensors"
        save_file(
            {key: each.half() for key, each in load_file(file).items()}, copy / name / f"{part.stem}.fp16.safetensors"
        )
        file.unlink()
    checked(copy)
    assert load_networks(find(options(copy).sdxl), "cpu", False).unet.dtype is torch.float32


@pytest.mark.slow
@pytest.mark.parametrize("bears_half", [True, False])
def test_only_a_vae_that_bears_half_precision_runs_in_it(
    copy: Path, bears_half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(copy / "vae/config.json", lambda config: config | {"force_upcast": not bears_half})
    monkeypatch.setattr(loading, "quick_type", lambda device: torch.float16)
    networks = load_networks(find(options(copy).sdxl), "cpu", offload=False)
    assert networks.unet.dtype is torch.float16
    assert networks.vae.dtype is (torch.float16 if bears_half else torch.float32)


@pytest.mark.slow
def test_what_else_lies_there_is_not_looked_at(copy: Path) -> None:
    """Neither a list of shards, which would name other files, nor a ready-made tokenizer, nor pickles."""
    (copy / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "/etc/passwd"}}'
    )
    (copy / "tokenizer" / "tokenizer.json").write_text("{}")
    (copy / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04evil")
    (copy / "text_encoder" / "pytorch_model.bin").write_bytes(b"\x80\x04evil")
    checked(copy)
    load_networks(find(options(copy).sdxl), "cpu", False)


@pytest.mark.slow
def test_another_unet_takes_the_place_of_the_folders_own(tiny: Path, other_unet: Path, tmp_path: Path) -> None:
    bare = write_folder(tmp_path, unet=False)
    found = find(options(bare, unet=other_unet).sdxl)
    stored = load_file(other_unet / "diffusion_pytorch_model.safetensors")
    state = load_networks(found, "cpu", False).unet.state_dict()
    assert all(torch.equal(each, state[name]) for name, each in stored.items())
    assert [each.name for each in found.ingredients()] == ["sdxl", "cosmicman"]
    assert "UNet" not in found.ingredients()[0].role and "UNet" in found.ingredients()[1].role
    with pytest.raises(UserError, match=r"unet/config\.json.*no such file"):
        find(options(bare).sdxl)


@pytest.mark.slow
def test_licences_are_known_by_the_folders_names(tiny: Path, other_unet: Path, tmp_path: Path) -> None:
    named = find(options(tiny, unet=other_unet).sdxl)
    base, unet = named.ingredients()
    assert (base.licence, base.commercial_use) == ("OpenRAIL++-M", Commercial.YES)
    assert (unet.licence, unet.commercial_use) == ("CC-BY-4.0 AND OpenRAIL++-M", Commercial.YES)
    assert named.notes() == () and len({base.sha256, unet.sha256}) == 2
    snapshot = tmp_path / "models--stabilityai--stable-diffusion-xl-base-1.0" / "snapshots" / "0123abcd"
    shutil.copytree(tiny, snapshot)
    assert find(options(snapshot).sdxl).notes() == ()
    shutil.copytree(tiny, tmp_path / "my_turbo")
    found = find(options(tmp_path / "my_turbo").sdxl)
    assert found.ingredients()[0].commercial_use is Commercial.UNKNOWN and "my_turbo" in found.notes()[0]
    assert str(tmp_path) not in repr(found.ingredients())


def test_every_file_that_decides_is_one_of_the_needs(tiny: Path) -> None:
    needs = image_prior.needs(options(tiny))
    assert {"diffusers", "transformers"} <= set(needs.packages)
    assert {file.relative_to(tiny).as_posix() for file in needs.files} == {
        file.relative_to(tiny).as_posix()
        for file in tiny.rglob("*")
        if file.is_file() and file.name not in ("model_index.json", "generation_config.json")
    }


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no second text encoder": (lambda at: shutil.rmtree(at / "text_encoder_2"), r"text_encoder_2.config\.json: expected the sizes of the second"),
    "no weights of it": (lambda at: (at / "text_encoder_2/model.safetensors").unlink(), "the weights of the second text encoder"),
    "no vocabulary": (lambda at: (at / "tokenizer_2/vocab.json").unlink(), "a file of the second tokenizer"),
    "no scheduler": (lambda at: shutil.rmtree(at / "scheduler"), "SDXL's noise"),
    "no index": (lambda at: (at / "model_index.json").unlink(), r"model_index\.json"),
    "Stable Diffusion 1.5": (
        lambda at: (at / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}'),
        "expected StableDiffusionXLPipeline, found StableDiffusionPipeline",
    ),
    "its UNet": (
        lambda at: rewrite(at / "unet/config.json", lambda c: {n: v for n, v in c.items() if n != "addition_embed_type"}),
        "the UNet of SDXL",
    ),
    "an inpainting UNet": (lambda at: rewrite(at / "unet/config.json", lambda c: c | {"in_channels": 9}), "in_channels 9"),
    "pickled weights alone": (
        lambda at: (at / UNET).rename(at / "unet/diffusion_pytorch_model.bin"),
        r"found only diffusion_pytorch_model\.bin, a pickle",
    ),
    "pickles under the name": (lambda at: torch.save({"a": torch.zeros(2)}, at / UNET), "which is a pickle; save it as safetensors"),
    "a bare pickle": (lambda at: (at / UNET).write_bytes(b"\x80\x02}q\x00."), "a bare pickle"),
    "a web page": (lambda at: (at / UNET).write_text("<!doctype html><html></html>"), "a web page; download the file itself"),
    "a pointer": (lambda at: (at / TEXT).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a pointer of Git LFS"),
    "a web page for the index": (lambda at: (at / "model_index.json").write_text("<html>"), r"model_index\.json.*a web page"),
    "truncated": (lambda at: (at / UNET).write_bytes((at / UNET).read_bytes()[:-1000]), "do not fill the file"),
    "truncated in the header": (lambda at: (at / UNET).write_bytes((at / UNET).read_bytes()[:1000]), "a header of"),
    "empty": (lambda at: (at / VAE).write_bytes(b""), "an empty file"),
    "one tensor less": (lambda at: resave(at / UNET, lambda s: dict(list(s.items())[1:])), r"1 missing \("),
    "one tensor more": (lambda at: resave(at / VAE, lambda s: s | {"extra": torch.zeros(1)}), r"1 unexpected \(extra\)"),
    "another shape": (
        lambda at: resave(at / TEXT, lambda s: s | {"embeddings.token_embedding.weight": torch.zeros(3, 4)}),
        r"1 of another shape \(embeddings\.token_embedding\.weight \(3, 4\)",
    ),
    "another vocabulary": (lambda at: rewrite(at / "tokenizer/vocab.json", lambda words: words | {"new": 9999}), "numbers of words"),
    "merges of nothing": (lambda at: (at / "tokenizer/merges.txt").write_text("a nothing\n"), "of what are no words"),
    "endless prompts": (lambda at: rewrite(at / "tokenizer/tokenizer_config.json", lambda c: c | {"model_max_length": 10**30}), "model_max_length"),
    "other text encoders": (lambda at: rewrite(at / "unet/config.json", lambda c: c | {"cross_attention_dim": 32}), "cross_attention_dim 64"),
    "endless layers": (lambda at: rewrite(at / "unet/config.json", lambda c: c | {"layers_per_block": 10**9}), "layers_per_block of 1000000000"),
    "endless layers of text": (lambda at: rewrite(at / "text_encoder/config.json", lambda c: c | {"num_hidden_layers": 10**6}), "num_hidden_layers"),
    "quantised": (lambda at: rewrite(at / "unet/config.json", lambda c: c | {"quantization_config": {}}), "quantised"),
    "no numbers": (lambda at: rewrite(at / "vae/config.json", lambda c: c | {"scaling_factor": float("nan")}), "scaling_factor"),
    "another VAE": (lambda at: rewrite(at / "vae/config.json", lambda c: c | {"latent_channels": 16}), "latent_channels 16"),
    "a list": (lambda at: (at / "vae/config.json").write_text("[1, 2]"), r"vae.config\.json"),
    "an activation that is none": (lambda at: rewrite(at / "unet/config.json", lambda c: c | {"act_fn": "os.system"}), "the sizes of the UNet"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_serve_is_one_line(copy: Path, damage: str) -> None:
    harm, match = DAMAGES[damage]
    harm(copy)
    with pytest.raises(UserError, match=match) as caught:
        checked(copy)
    assert "\n" not in str(caught.value) and str(copy) in str(caught.value)


def test_all_differences_of_another_architecture_are_said(copy: Path) -> None:
    resave(copy / UNET, lambda state: dict(list(state.items())[5:]))
    said: list[Progress] = []
    with pytest.raises(OtherArchitecture, match="5 missing"):
        image_prior.check(options(copy), said.append)
    assert len(said) == 1 and len(said[0].notes) == 5 and all(note.startswith("missing: ") for note in said[0].notes)


@pytest.mark.parametrize("option", ["folder", "unet"])
def test_a_folder_that_is_not_given_or_not_there(
    tiny: Path, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SDXL", "COSMICMAN"):
        monkeypatch.delenv(f"FACECRAFT4D_WEIGHTS_{name}", raising=False)
    with pytest.raises(
        UserError,
        match=r"weights 'sdxl'.* are yours to bring.*huggingface\.co/stabilityai.*--image-prior\.sdxl\.folder FOLDER",
    ):
        find(options(None).sdxl)
    with pytest.raises(UserError, match=f"given by --image-prior.sdxl.{option}"):
        find(
            options(tiny, **{option: tmp_path / "nowhere"}).sdxl
            if option == "unet"
            else options(tmp_path / "nowhere").sdxl
        )
    monkeypatch.setenv("FACECRAFT4D_WEIGHTS_SDXL", str(tiny))
    assert find(options(None).sdxl).place == tiny
