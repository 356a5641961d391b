"""Who may open a file with which library. Whoever is not on the list reads through toolkit/core/untrusted."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("toolkit", "exporters", "runtime", "facecraft4d")

ALLOWED: dict[str, set[str]] = {
    # what decodes; each is behind the door, or reads what we made or pinned
    "numpy.load": set(),
    "numpy.fromfile": set(),
    "numpy.memmap": set(),
    "numpy.loadtxt": {"toolkit/core/tables.py"},
    "PIL.Image.open": {
        "toolkit/core/untrusted/picture_child.py",  # the child
        "exporters/gltf/pictures.py",  # PNG and JPEG inside of a GLB
        "toolkit/face_model/makehuman.py",  # of a pinned archive
    },
    "cv2.imread": {"toolkit/images.py"},  # frames that a stage of ours wrote
    "cv2.imdecode": set(),
    "torch.load": {"toolkit/training/checkpoint.py"},  # after its hash was compared, weights only
    "safetensors.safe_open": {"toolkit/image_prior/sdxl/loading.py"},  # after every name, shape and place was compared
    "pickle.load": set(),
    "pickle.loads": set(),
    "pickle.Unpickler": set(),
    "marshal.loads": set(),
    "shelve.open": set(),
    "zipfile.ZipFile": {
        "toolkit/core/untrusted/npz.py",
        "toolkit/core/untrusted/torch_zip.py",
        "toolkit/training/checkpoint.py",
        "toolkit/weights/archives.py",
        "toolkit/weights/trial_child.py",
        "toolkit/landmarks/detector.py",  # a pinned file, or one that was tried in a child
        "toolkit/face_model/makehuman.py",
        "exporters/lam/writing.py",  # to write
        "exporters/archive.py",  # to write
    },
    "zlib.decompressobj": {"exporters/stills/spz_reading.py"},  # bounded by the count in the header
    "zlib.decompress": set(),
    "gzip.decompress": {"toolkit/face_model/makehuman.py"},  # of a pinned archive
    "gzip.open": set(),
    "zstandard.ZstdDecompressor": {"exporters/stills/spz_reading.py"},  # the same
    "tarfile.open": {"toolkit/weights/archives.py"},
    "av.open": {
        "runtime/recording.py",  # to write
        "toolkit/core/untrusted/media_child.py",  # the child
    },
    "eval": set(),
    "exec": set(),
    "os.system": set(),
    "xml.etree.ElementTree.parse": set(),
    "subprocess.Popen": {"toolkit/core/untrusted/pictures.py", "toolkit/core/untrusted/media.py"},
    "subprocess.run": {
        "runtime/speech/synthesis.py",  # espeak-ng, which gets its text on its standard input
        "toolkit/weights/trial.py",
        "toolkit/weights/clients.py",
        "toolkit/weights/reach.py",
    },
    "urllib.request.urlopen": set(),
    "urllib.request.OpenerDirector": {"toolkit/weights/index.py"},
    "socket.socket": {
        "runtime/drivers/udp.py",
        "runtime/drivers/protocols.py",
    },  # bound to loopback unless told; to send
}
"""By the callable's full name: the modules that may use it."""


def uses(path: Path) -> set[str]:
    """Full names of all callables that a module calls, as far as its imports tell."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                (each.asname or each.name.split(".")[0]): (each.name if each.asname else each.name.split(".")[0])
                for each in node.names
            }
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts, head = [], node.func
            while isinstance(head, ast.Attribute):
                parts.append(head.attr)
                head = head.value
            if isinstance(head, ast.Name):
                found.add(".".join([names.get(head.id, head.id), *reversed(parts)]))
    return found


@pytest.mark.slow
def test_every_door_is_on_the_list() -> None:
    found = defaultdict(set)
    for folder in PRODUCT:
        for path in (ROOT / folder).rglob("*.py"):
            if not any(part.is_symlink() for part in [path, *path.parents]):
                for name in uses(path) & ALLOWED.keys():
                    found[name].add(path.relative_to(ROOT).as_posix())
    assert {name: places for name, places in found.items()} == {
        name: places for name, places in ALLOWED.items() if places
    }


def test_the_page_on_security_names_the_limits_that_hold() -> None:
    from facecraft4d.exporters.gltf import glb
    from facecraft4d.exporters.stills import ply_reading, spz_reading
    from facecraft4d.toolkit.core import motion, tables
    from facecraft4d.toolkit.core.untrusted import door, media, pictures, safetensors, torch_pickles, torch_zip
    from facecraft4d.toolkit.core.untrusted.pickles import LARGEST_FILE
    from facecraft4d.toolkit.evaluation import truth
    from facecraft4d.toolkit.evaluation.paper import arcface, clip, inception, keras_js
    from facecraft4d.toolkit.image_prior.sdxl import documents, folder
    from facecraft4d.toolkit.shape_prior.panohead import checkpoint
    from facecraft4d.toolkit.video_prior.liveportrait import checkpoints

    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for words in (
        f"{door.BUDGET_TIMES} times the file's size, {door.LEAST_BUDGET >> 20} MiB at least and {door.MOST_BUDGET >> 30} GiB",
        f"{pictures.MOST_BYTES >> 20} MiB", f"{pictures.MOST_PIXELS // 10**6} megapixels; sides from {pictures.LEAST_SIDE}; aspect to {pictures.MOST_ASPECT}",
        f"{pictures.MOST_SCANS} scans", f"{glb.MAX_FILE_BYTES >> 30} GiB | JSON of {glb.MAX_JSON_BYTES >> 20} MiB", f"{motion.MAX_BYTES >> 20} MiB | {tables.MAX_ROWS:,} rows",
        f"header of {ply_reading.MAX_HEADER_BYTES >> 10} KiB; {ply_reading.MOST_PROPERTIES} properties",
        f"windows of {spz_reading.MAX_WINDOW_BYTES >> 20} MiB; {spz_reading.MAX_RECORD_BYTES >> 20} MiB of others' records",
        f"{media.SOUND_BYTES >> 30} GiB | {media.SOUND_SECONDS / 60:g} minutes", f"{media.VIDEO_BYTES >> 30} GiB | {media.VIDEO_FRAMES:,} frames; sides to {media.MOST_SIDE:,}",
        f"{checkpoints.LARGEST_FILE >> 20} MiB | pickle of {torch_zip.MOST_PICKLE >> 20} MiB, or header of {safetensors.MOST_HEADER >> 20} MiB; {torch_zip.MOST_ENTRIES:,} tensors",
        f"{checkpoint.LARGEST_FILE >> 30} GiB | {torch_pickles.MOST_MEMORY >> 30} GiB of memory; 2^20 steps; {torch_pickles.MOST_TENSORS:,} parts, {torch_pickles.MOST_LEVELS} levels",
        f"{folder.LARGEST_WEIGHTS >> 30} GiB of safetensors a network; JSON of {documents.LARGEST_JSON >> 20} MiB; vocabularies of {documents.LARGEST_VOCABULARY >> 20} MiB",
        f"header of {safetensors.MOST_HEADER >> 20} MiB; {documents.MOST_LAYERS} layers, numbers to 2^{documents.LARGEST_NUMBER.bit_length() - 1}, lists of {documents.LONGEST_LIST}",
        f"{arcface.LARGEST_FILE >> 30} GiB, {inception.LARGEST_FILE >> 20} MiB, {clip.LARGEST_FILE >> 30} GiB", f"{clip.LARGEST_CONFIG >> 20} MiB, every size within bounds",
        f"{keras_js.LARGEST_FILE >> 20} MiB | searched", f"{keras_js.MOST_TENSORS:,} tensors of {keras_js.MOST_SIDES} sides",
        f"{LARGEST_FILE >> 20} MiB", f"{truth.MAX_PICTURES:,} pictures",
    ):  # fmt: skip
        assert words in page, words
