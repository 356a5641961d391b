"""What lies in SDXL's folder, as diffusers lays it out, and in that of another UNet: every file by its exact name, before a library sees one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facecraft4d.toolkit import cache, weights
from facecraft4d.toolkit.config import SdxlConfig
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.untrusted.door import open_untrusted
from facecraft4d.toolkit.image_prior.sdxl.documents import read_json

SDXL, COSMICMAN = "sdxl", "cosmicman"
"""Names of their rows in the table of weights."""
GIVEN_OUT_AS = {SDXL: "stable-diffusion-xl-base", COSMICMAN: "cosmicman-sdxl"}
"""What is in the name of the folder, in small letters, or in one of the two above it, where a client of the hub keeps it."""
INDEX, CONFIG = "model_index.json", "config.json"
SCHEDULER = "scheduler/scheduler_config.json"
PIPELINES = ("StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline")
LARGEST_WEIGHTS = 16 << 30
"""Bytes: the UNet has 10.3 GB in single precision."""
PICKLES = (".bin", ".ckpt", ".pt", ".pth")


@dataclass(frozen=True, slots=True)
class Part:
    """A network of the folder."""

    words: str
    kind: str
    """Its class in diffusers or transformers."""
    stem: str
    """Of its file of weights."""


PARTS = {
    "unet": Part("the UNet", "UNet2DConditionModel", "diffusion_pytorch_model"),
    "vae": Part("the VAE", "AutoencoderKL", "diffusion_pytorch_model"),
    "text_encoder": Part("the first text encoder", "CLIPTextModel", "model"),
    "text_encoder_2": Part("the second text encoder", "CLIPTextModelWithProjection", "model"),
}
"""By the name of its folder."""
TOKENIZERS = {"tokenizer": "the first tokenizer", "tokenizer_2": "the second tokenizer"}
TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")
SUFFIXES = (".safetensors", ".fp16.safetensors")
"""Single precision before half."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files that were found."""

    place: Path
    """SDXL's folder."""
    unet: Path | None
    """That of another UNet."""
    configs: Mapping[str, Path]
    """By the names of PARTS."""
    weights: Mapping[str, Path]
    tokenizers: Mapping[str, tuple[Path, ...]]
    """By the names of TOKENIZERS; files in the order of TOKENIZER_FILES."""

    @property
    def scheduler(self) -> Path:
        """The configuration of the noise."""
        return self.place / SCHEDULER

    @property
    def files(self) -> tuple[Path, ...]:
        """All that decides what the networks give."""
        tokenizers = (file for files in self.tokenizers.values() for file in files)
        return (*self.configs.values(), *self.weights.values(), *tokenizers, self.scheduler)

    def ingredients(self) -> tuple[Ingredient, ...]:
        """The user's checkpoints with their licences, which are known by the folders' names."""
        own = [] if self.unet is None else [self.configs["unet"], self.weights["unet"]]
        rest = [file for file in self.files if file not in own]
        networks = "VAE and text encoders" if own else "UNet, VAE and text encoders"
        base = _ingredient(SDXL, f"image prior: {networks}", self.place, rest)
        return (base, *((_ingredient(COSMICMAN, "image prior: UNet", self.unet, own),) if self.unet else ()))

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the licences."""
        given = [(SDXL, self.place)] + ([(COSMICMAN, self.unet)] if self.unet else [])
        return tuple(
            f"{folder}: its name does not say that it is {GIVEN_OUT_AS[name]}, so its licence is unknown to the avatar"
            for name, folder in given
            if not is_as_given_out(name, folder)
        )


def find(config: SdxlConfig) -> Folder:
    """The files that the options, or the variables of the rows, point to.

    UserError that names the first that is not there or too large, and for a folder of something else than SDXL.
    """
    place, unet = weights.path(SDXL, config.folder), weights.own_path(COSMICMAN, config.unet)
    _check_index(place / INDEX)
    homes = {name: place / name for name in PARTS} | ({"unet": unet} if unet else {})
    asks = {name: weights.row(COSMICMAN if home == unet else SDXL).credit for name, home in homes.items()}
    found = Folder(
        place,
        unet,
        {name: _there(home / CONFIG, f"the sizes of {PARTS[name].words}", asks[name]) for name, home in homes.items()},
        {name: _weights(home, PARTS[name], asks[name]) for name, home in homes.items()},
        {
            name: tuple(_there(place / name / file, f"a file of {words}", asks["vae"]) for file in TOKENIZER_FILES)
            for name, words in TOKENIZERS.items()
        },
    )
    _there(found.scheduler, "the configuration of SDXL's noise", asks["vae"])
    for file in found.weights.values():
        with open_untrusted(file, "weights of SDXL", LARGEST_WEIGHTS):
            pass  # a regular file, and no larger than such a one may be
    return found


def _check_index(path: Path) -> None:
    found = read_json(path, "a list of the parts of SDXL").get("_class_name")
    if found not in PIPELINES:
        raise UserError(
            f"{path}: expected {PIPELINES[0]}, found {found}; --image-prior sdxl needs a folder of Stable Diffusion XL"
        )


def _there(path: Path, what: str, whole: str) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: expected {what}, found no such file; it is part of {whole}")
    return path


def _weights(home: Path, part: Part, whole: str) -> Path:
    """The file of weights. UserError where there is none, or one that may run code when it is read."""
    for suffix in SUFFIXES:
        if (path := home / f"{part.stem}{suffix}").exists():
            return path
    pickles = sorted(file.name for file in home.glob("*") if file.suffix in PICKLES)
    path, what = home / f"{part.stem}{SUFFIXES[0]}", f"the weights of {part.words}"
    if pickles:
        raise UserError(
            f"{path}: expected {what}, found only {pickles[0]}, a pickle, which may run code; bring the same weights as safetensors"
        )
    return _there(path, what, whole)


def _ingredient(name: str, role: str, folder: Path, files: list[Path]) -> Ingredient:
    row = weights.row(name)
    sha256 = cache.digest_of([(file.name, weights.content_sha256(file)) for file in files])
    if not is_as_given_out(name, folder):
        return Ingredient(name, role, "unknown", Commercial.UNKNOWN, f"the user's own, not called {row.name}", sha256)
    return Ingredient(name, role, row.licence, row.commercial_use, f"{row.credit}; the user's own copy", sha256)


def is_as_given_out(name: str, folder: Path) -> bool:
    """Whether the folder's name says that it holds what the row is of."""
    return any(GIVEN_OUT_AS[name] in part.lower() for part in folder.absolute().parts[-3:])
