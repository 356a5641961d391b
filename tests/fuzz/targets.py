"""What is fuzzed: each reader of files from elsewhere, with sound files to begin with and what is done with those it accepts."""

import io
import json
import pickle
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
import panohead_cases
import sdxl_cases
import synthetic_flame
import torch
from fuzz import kept, packets, splats
from fuzz.children import forked
from fuzz.mutations import Random, as_json, changed_cells, changed_json, damaged
from glb_cases import join, split
from liveportrait_cases import safetensors, weight
from PIL import Image
from places import DATA, PORTRAITS, TINY

from facecraft4d.cli_inspect import rows
from facecraft4d.exporters.gltf.reading import read_gltf
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.motions import audio2expression, find_motion, livelink_csv
from facecraft4d.exporters.options import Character, ExportOptions, GltfOptions, Purpose
from facecraft4d.runtime.camera import OrbitCamera
from facecraft4d.runtime.drivers.protocols import PROTOCOLS
from facecraft4d.runtime.drivers.retarget import read_retarget
from facecraft4d.runtime.summary import AvatarSummary, summarize
from facecraft4d.runtime.viewer.memory import Remembered, recall
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import Provenance, provenance_from_json
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import Pose, Sound
from facecraft4d.toolkit.core.motion import COLUMNS, builtin_clip, on_rig, read_clip
from facecraft4d.toolkit.core.stages import silent
from facecraft4d.toolkit.core.text import harmless
from facecraft4d.toolkit.core.untrusted.door import at_the_border
from facecraft4d.toolkit.core.untrusted.media import read_sound, video_frames
from facecraft4d.toolkit.core.untrusted.tensors import read_tensors


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    suffix: str
    sound: Callable[[], list[bytes]]
    """Files that are read."""
    mutate: Callable[[bytes, Random], bytes]
    read: Callable[[Path], None]
    """Read a file, and do with it what comes next where it is accepted. UserError is the one way to refuse."""


def inputs(target: Target, seed: int) -> Iterator[tuple[int, bytes]]:
    """Numbered damaged files without end; each follows from the seed and its number."""
    sound, number = target.sound(), 0
    while True:
        random = np.random.default_rng((seed, number))
        yield number, target.mutate(sound[random.integers(len(sound))], random)
        number += 1


# ---- avatars


def _avatars() -> list[bytes]:
    """The sample, and what else the exporter writes: for players alone; with morphs of splats, a character and levels."""
    avatar = read_gltf(TINY.read_bytes(), "tiny")
    levelled = replace(avatar, levels=(avatar.level(100).splats,))
    everything = GltfOptions(splat_morphs=True, character=Character.KHR)
    options = (ExportOptions(gltf=GltfOptions(purpose=Purpose.PLAYER)), ExportOptions(gltf=everything))
    return [TINY.read_bytes(), *(export_gltf(levelled, each) for each in options)]


def _glb(data: bytes, random: Random) -> bytes:
    """Bytes anywhere, values of the JSON, or numbers of the arrays."""
    if random.random() < 0.3:
        return damaged(data, random)
    document, blob = split(data)
    if random.random() < 0.6:
        document = changed_json(document, random)
    if random.random() < 0.5:
        floats = np.frombuffer(blob[: len(blob) // 4 * 4], np.float32).copy()
        places = random.integers(len(floats), size=random.integers(1, 20))
        floats[places] = random.choice(
            np.array([0, 1e-30, 1, -1, 5, -30, 99, 1e4, 1e30, np.nan, np.inf], np.float32), len(places)
        )
        blob = floats.tobytes() + blob[len(blob) // 4 * 4 :]
    try:
        return join(document, blob)
    except ValueError:
        return damaged(data, random)


def _play(path: Path) -> None:
    from facecraft4d.runtime import RenderOptions, render_image
    from facecraft4d.runtime.options import Backend

    avatar = read_gltf(path.read_bytes(), path.name)
    for _, text in rows(summarize(path)):
        assert harmless(text).isprintable()
    options = RenderOptions(size=32, backend=Backend.SOFTWARE)
    names, joints = len(avatar.rig.expression_names), len(avatar.rig.joint_names)
    for size in (0.0, 1.0, 10.0):
        pose = Pose(
            np.full(names, size, np.float32), np.full((joints, 3), 0.3 * size, np.float32), np.zeros(3, np.float32)
        )
        render_image(avatar.level(200), pose, options)


# ---- pictures


@cache
def _pictures() -> list[bytes]:
    rgb = Image.open(PORTRAITS / "astronaut.png").convert("RGB").resize((96, 80))
    found = []
    kinds = (
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("PNG", {"icc_profile": b"profile" * 20}), ("WEBP", {}), ("BMP", {}), ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "jpeg"}), ("GIF", {}), ("PPM", {}), ("AVIF", {}),
        ("GIF", {"save_all": True, "append_images": [rgb.rotate(9)]}), ("TIFF", {"save_all": True, "append_images": [rgb.rotate(9)]}),
        ("PNG", {"save_all": True, "append_images": [rgb.rotate(9)]}), ("WEBP", {"save_all": True, "append_images": [rgb.rotate(9)]}),
    )  # fmt: skip
    for kind, options in kinds:
        buffer = io.BytesIO()
        rgb.save(buffer, kind, **options)
        found.append(buffer.getvalue())
    for mode in ("L", "LA", "RGBA", "P", "1", "I;16"):
        buffer = io.BytesIO()
        rgb.convert("L").convert("I").convert(mode).save(buffer, "PNG") if mode == "I;16" else rgb.convert(mode).save(
            buffer, "PNG"
        )
        found.append(buffer.getvalue())
    return found


def _photograph(path: Path) -> None:
    from facecraft4d.toolkit.preprocess.load import read

    photo = read(path)
    assert photo.rgb.dtype == np.uint8 and photo.rgb.ndim == 3 and photo.rgb.shape[2] == 3


# ---- clips


@cache
def _clips() -> list[bytes]:
    random = np.random.default_rng(0)
    table = np.round(random.random((12, len(COLUMNS))), 3)
    table[:, 0] = np.arange(12) / 30
    lines = [",".join(COLUMNS), *(",".join(f"{value:g}" for value in row) for row in table)]
    return ["\n".join(lines).encode(), b"time,jawOpen\n0,0\n0.1,1\n0.2,0.5\n"]


@cache
def _takes() -> list[bytes]:
    return [livelink_csv.written(builtin_clip("visemes"))]


@cache
def _lines() -> list[bytes]:
    return [audio2expression.written(builtin_clip("greeting"))]


@cache
def _animations() -> list[bytes]:
    return [export_gltf(read_gltf(TINY.read_bytes(), "tiny"), ExportOptions(clips=(builtin_clip("greeting"),)))]


def _foreign_clip(path: Path) -> None:
    motion = on_rig(find_motion(str(path)), _rig())
    assert np.isfinite(motion.expressions).all() and np.isfinite(motion.joint_rotations).all()


def _csv(data: bytes, random: Random) -> bytes:
    return changed_cells(data, random) if random.random() < 0.7 else damaged(data, random)


@cache
def _rig() -> object:
    return read_gltf(TINY.read_bytes(), "tiny").rig


def _clip(path: Path) -> None:
    motion = on_rig(read_clip(path), _rig())
    for seconds in (0.0, 0.5, 1e6):
        assert np.isfinite(motion.at(seconds).expression).all()


# ---- FLAME


@cache
def _flames() -> list[bytes]:
    arrays = synthetic_flame.small()
    return [synthetic_flame.old_style(arrays), *(pickle.dumps(arrays, protocol=protocol) for protocol in (0, 2, 4, 5))]


@cache
def _flame_archives() -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **synthetic_flame.small())
        found.append(buffer.getvalue())
    return found


def _flame(path: Path) -> None:
    from facecraft4d.toolkit.face_model.flame import load_flame

    model = load_flame(path)
    assert np.isfinite(model.vertices).all()


# ---- generators


@cache
def _generators() -> list[bytes]:
    """A small network in the layout of PanoHead's files, beside a critic."""
    layers = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softplus(), torch.nn.Conv2d(2, 2, 3))
    return [panohead_cases.published(layers, {"z_dim": 3}, "#" * 300)]


def _generator(path: Path) -> None:
    from facecraft4d.toolkit.core.untrusted.torch_pickles import read_network

    for name, array in read_network(path, "G_ema", "a checkpoint", 1 << 20).tensors.items():
        assert isinstance(name, str) and array.dtype.kind in "fiub" and array.nbytes < 1 << 20


# ---- networks


@cache
def _networks() -> list[bytes]:
    """As torch writes them, in two dicts, as it did before 1.6, and as safetensors."""
    arrays = {f"mlp.{k}.{name}": weight("lp.lip", name, (4, k + 1)) for k in range(3) for name in ("weight", "bias")}
    found = [safetensors(arrays)]
    for zipped in (True, False):
        buffer, tensors = io.BytesIO(), {name: torch.from_numpy(array) for name, array in arrays.items()}
        torch.save({"retarget_mouth": tensors}, buffer, _use_new_zipfile_serialization=zipped)
        found.append(buffer.getvalue())
    return found


def _network(data: bytes, random: Random) -> bytes:
    """Bytes anywhere, or of a zip's pickle with a checksum that fits."""
    if data[:2] != b"PK" or random.random() < 0.3:
        return damaged(data, random)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(buffer, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            after.writestr(name, damaged(content, random) if name.endswith(".pkl") else content)
    return buffer.getvalue()


def _tensors(path: Path) -> None:
    for name, array in read_tensors(path, "a checkpoint", 1 << 20).items():
        assert isinstance(name, str) and array.dtype.kind in "fiub"
        if array.size < 1 << 20:  # one that repeats a number takes no memory of its own, but time
            array.sum()


# ---- SDXL's folder


@cache
def _sdxl_files() -> list[bytes]:
    """A file of each kind, its name in the folder before it."""
    with TemporaryDirectory() as place:
        folder = sdxl_cases.write_folder(Path(place))
        names = (
            "unet/config.json",
            "text_encoder/config.json",
            "scheduler/scheduler_config.json",
            "tokenizer/vocab.json",
        )
        names += (
            "tokenizer/merges.txt",
            "tokenizer_2/tokenizer_config.json",
            "model_index.json",
            "vae/diffusion_pytorch_model.safetensors",
        )
        return [f"{name}\n".encode() + (folder / name).read_bytes() for name in names]


@cache
def _sdxl_folder() -> Path:
    return sdxl_cases.write_folder(Path(mkdtemp()))


def _sdxl_file(data: bytes, random: Random) -> bytes:
    name, _, content = data.partition(b"\n")
    return name + b"\n" + (_json(content, random) if name.endswith(b".json") else damaged(content, random))


def _sdxl(path: Path) -> None:
    """The folder with one file changed is checked; networks of it are not filled, which takes their size."""
    from facecraft4d.toolkit import image_prior

    name, _, content = path.read_bytes().partition(b"\n")
    file = _sdxl_folder() / name.decode()
    before = file.read_bytes()
    try:
        file.write_bytes(content)
        image_prior.check(sdxl_cases.options(_sdxl_folder()), silent)
    finally:
        file.write_bytes(before)


# ---- networks that measure


def _clips_sizes() -> list[bytes]:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "image_size": 48, "patch_size": 16}
    return [
        as_json({"model_type": "clip", "projection_dim": 24, "vision_config": sizes}),
        as_json({"model_type": "clip_vision_model", **sizes}),
    ]


def _clip_sizes(path: Path) -> None:
    from facecraft4d.toolkit.evaluation.paper.clip import BOUNDS, read_sizes

    sizes = read_sizes(path)
    assert all(low <= sizes[name] <= high for name, (low, high) in BOUNDS.items())


def _scripts() -> list[bytes]:
    numbers = b64encode(bytes(range(256)) * 4).decode()
    entry = '{name:"%s",shape:[4,128],dtype:"float32",quantization:{min:-.5,scale:.004,dtype:"uint8"}}'
    return [f'x={{weightsManifest:[{{weights:[{entry % "a/kernel"},{entry % "b/kernel"}]}}]}};"{numbers}"'.encode()]


def _weights_of_scripts(path: Path) -> None:
    from facecraft4d.toolkit.evaluation.paper.keras_js import read_weights

    assert all(array.dtype == np.float32 and array.size < 1 << 20 for array in read_weights(path).values())


# ---- meshes


MESH = (
    "mtllib some.mtl\n" + "".join(f"v {x:.6f} {y:.6f} {x * y:.6f}\n" for x in range(6) for y in range(6))
    + "".join(f"vt {x / 5:.4f} {y / 5:.4f}\n" for x in range(6) for y in range(6))
    + "".join(f"f {a}/{a} {a + 1}/{a + 1} {a + 7}/{a + 7} {a + 6}/{a + 6}\n" for a in range(1, 30) if a % 6)
).encode()  # fmt: skip


def _mesh(path: Path) -> None:
    from facecraft4d.toolkit.face_model.obj_files import read_obj, read_obj_vertices, uvs_for

    mesh = read_obj(path, "a mesh")
    assert np.isfinite(mesh.vertices).all() and mesh.triangles.max() < len(mesh.vertices)
    if mesh.corner_uvs is not None:
        assert uvs_for(mesh, mesh.triangles).shape == mesh.corner_uvs.shape
    read_obj_vertices(path, "a mesh", len(mesh.vertices))


# ---- cameras


CAMERAS = {
    "camera_angle_x": 0.4, "w": 96, "h": 80,
    "frames": [
        {"file_path": "a.png", "transform_matrix": np.eye(4).tolist(), "expression": {"jawOpen": 0.5}, "group": "front"},
        {"file_path": "a.png", "transform_matrix": np.eye(4).tolist(), "fl_x": 200.0, "cx": 48, "joints": {"jaw": [0.1, 0, 0]}, "translation": [0, 0, 0]},
    ],
}  # fmt: skip


def _json(data: bytes, random: Random) -> bytes:
    return as_json(changed_json(json.loads(data), random)) if random.random() < 0.8 else damaged(data, random)


def _cameras(path: Path) -> None:
    from facecraft4d.toolkit.evaluation.truth import of_folder

    folder = path.parent / "truth"
    folder.mkdir(exist_ok=True)
    if not (folder / "a.png").exists():
        (folder / "a.png").write_bytes(_pictures()[2])
    (folder / "transforms.json").write_bytes(path.read_bytes())
    for truth in of_folder(folder, _rig(), 64):
        assert np.isfinite(truth.view().camera.camera_from_world).all()


def _film_cameras(path: Path) -> None:
    from facecraft4d.toolkit.tracking.films import fixed_cameras

    for camera in fixed_cameras(path, (Path("a.png"),)):
        assert np.isfinite(camera.camera_from_world).all()


# ---- provenance


@cache
def _provenances() -> list[bytes]:
    made = read_gltf(TINY.read_bytes(), "tiny").provenance
    return [as_json(asdict(made)), as_json(asdict(Provenance()))]


def _provenance(path: Path) -> None:
    with at_the_border(path, "a provenance"):
        made = provenance_from_json(json.loads(path.read_bytes()))
    summary = AvatarSummary(**{field: () for field in AvatarSummary.__dataclass_fields__} | _facts(made))  # type: ignore[arg-type]
    assert all(harmless(text).isprintable() for _, text in rows(summary))
    json.dumps(asdict(made), allow_nan=False)


def _facts(made: Provenance) -> dict[str, object]:
    numbers = dict.fromkeys(("file_bytes", "splats", "carrying_triangles", "triangles", "vertices"), 0)
    return {
        **numbers,
        "provenance": made,
        "extent": (0.0, 0.0, 0.0),
        "region_triangles": {},
        "verdict": made.verdict,
        "reason": made.reason,
    }


# ---- sounds and videos


@cache
def _sounds() -> list[bytes]:
    from facecraft4d.runtime.speech.sounds import written_wav

    noise = np.random.default_rng(0).integers(-9999, 9999, (1600, 2)).astype(np.int16)
    return [written_wav(Sound(noise, 16000)), (DATA / "five_brave_mothers.flac").read_bytes()]


def _listen(path: Path) -> None:
    from facecraft4d.runtime.speech.loudness import heard, loudness

    with forked():
        sound = read_sound(path)
    assert np.isfinite(loudness(heard(sound), np.arange(20) / 60)).all()


@cache
def _videos() -> list[bytes]:
    from facecraft4d.runtime.recording import video_sink

    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.mp4"
        with video_sink(path, (64, 64), 25.0, Sound(np.zeros((4000, 1), np.int16), 16000)) as sink:
            for grey in range(0, 200, 40):
                sink(np.full((64, 64, 3), grey, np.uint8))
        return [path.read_bytes()]


def _watch(path: Path) -> None:
    with forked():
        frames = list(video_frames(path, 48))
    for seconds, frame in frames:
        assert np.isfinite(seconds) and frame.dtype == np.uint8 and max(frame.shape[:2]) <= 48


# ---- retarget tables


def _retarget(path: Path) -> None:
    table = read_retarget(path)
    assert np.isfinite(table.matrix(ARKIT_NAMES, ARKIT_NAMES)).all()


# ---- the viewer's settings


def _settings() -> list[bytes]:
    return [
        as_json(asdict(Remembered())),
        as_json(asdict(Remembered(900, 700, False, -30.0, 12.0, 2.5, (0.1, 0.0, -0.2)))),
    ]


def _recall(path: Path) -> None:
    seen = recall(path)
    seen.camera(OrbitCamera((0.0, 0.1, 0.0), 1.2)).camera(seen.width, seen.height)


TARGETS = (
    Target("glb", ".glb", _avatars, _glb, _play),
    Target("picture", ".png", _pictures, damaged, _photograph),
    Target("clip", ".csv", _clips, _csv, _clip),
    Target("live link recording", ".csv", _takes, _csv, _foreign_clip),
    Target("audio2expression", ".json", _lines, damaged, _foreign_clip),
    Target("animation", ".glb", _animations, _glb, _foreign_clip),
    Target("sound", ".wav", _sounds, damaged, _listen),
    Target("video", ".mp4", _videos, damaged, _watch),
    Target(
        "retarget table",
        ".csv",
        lambda: [b"from,to,gain\njawOpen,jawOpen,0.8\neyeBlink_L,eyeBlinkLeft,1.2\n"],
        _csv,
        _retarget,
    ),
    Target("flame pickle", ".pkl", _flames, damaged, _flame),
    Target("flame npz", ".npz", _flame_archives, damaged, _flame),
    Target("generator", ".pkl", _generators, damaged, _generator),
    Target("networks", ".pth", _networks, _network, _tensors),
    Target("sdxl folder", ".bin", _sdxl_files, _sdxl_file, _sdxl),
    Target("sizes of CLIP", ".json", _clips_sizes, _json, _clip_sizes),
    Target("weights in scripts", ".js", _scripts, damaged, _weights_of_scripts),
    Target("mesh", ".obj", lambda: [MESH], damaged, _mesh),
    Target("cameras", ".json", lambda: [as_json(CAMERAS)], _json, _cameras),
    Target("cameras of films", ".json", lambda: [as_json(CAMERAS)], _json, _film_cameras),
    Target("provenance", ".json", _provenances, _json, _provenance),
    Target("viewer's settings", ".json", _settings, _json, _recall),
    Target("kept result", ".npz", kept.results, kept.damaged_result, kept.recall),
    Target("ply", ".ply", splats.plys, splats.changed_ply, splats.show),
    Target("spz", ".spz", splats.spzs, splats.changed_spz, splats.show),
    Target("gaussian avatar", ".ply", lambda: splats.plys()[-1:], splats.changed_ply, splats.carry),
    Target("flame parameters", ".npz", splats.parameters, damaged, splats.pose),
    Target("checkpoint", ".pt", kept.checkpoints, kept.damaged_checkpoint, kept.resume),
    *(Target(f"{name} packet", ".bin", packets.sound(name), damaged, packets.heard(name)) for name in PROTOCOLS),
)
"""All of them."""

__all__ = ["TARGETS", "Target", "UserError", "inputs"]
