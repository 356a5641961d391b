"""The zip of LAM (Large Avatar Model), which its web player and OpenAvatarChat show: splats carried by morph targets and one bone.

Layout as the published player reads it, npm gaussian-splat-renderer-for-lam 0.0.8 (MIT), https://github.com/aigc3d/LAM; docs/formats/lam.md.
"""

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict

import numpy as np

from facecraft4d.exporters.archive import NO_CLOCK
from facecraft4d.exporters.body import HIP_POSITION, head_position, lost_correctives, raised, turned_by_head
from facecraft4d.exporters.format import File
from facecraft4d.exporters.gltf.glb import ELEMENT_ARRAY_BUFFER, GlbWriter, Json
from facecraft4d.exporters.gltf.splats import morph_target
from facecraft4d.exporters.gltf.xmp import add_rights
from facecraft4d.exporters.lam.motion import body_clips, bone_nodes
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.rights import Rights, rights_of
from facecraft4d.exporters.stills.ply_table import COLOR, ply_bytes, splat_columns
from facecraft4d.toolkit.core.asset import Avatar, check_avatar
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.datatypes import BoundSplats, Rig, Splats
from facecraft4d.toolkit.core.rigging import place_splats

FOLDER = "avatar/"
"""The one folder of the zip: the player takes the only directory entry's name as the path of all files, so it must be there as an entry."""
TEXELS = 4096 * 2048
"""Of the player's texture that holds each splat's rest position and its displacement by each expression."""
MOST_EXPRESSIONS = 432
"""The player's texture of weights has 4 x 32 texels of four floats, the first 80 of which are for bones."""
LEAST_OPACITY = 1e-3
"""Opacities are kept this far from 0 and 1, as LAM's own files are: below 1/255 nothing is drawn anyway."""
LEAST_SCALE = 1e-9
"""Metres: a splat on a triangle without area has no finite logarithm of its size."""
NO_EXPRESSION = "rest"
"""Morph target of a rig without expressions: the player fails on a mesh without any."""
UNIX = 3
"""A zip's number for the system whose file modes an entry bears."""
FOLDER_MODE, FILE_MODE = 0o40755, 0o100644
MESH = "Splats"


def export_lam(avatar: Avatar, options: ExportOptions) -> bytes:
    """The avatar as LAM's zip: splat i is vertex i of skin.glb, row i of offset.ply, row i of every morph target.

    Raises ValueError for an unsound avatar, UserError for more splats or expressions than the player holds.
    """
    check_avatar(avatar)
    check_size(len(avatar.splats.means), len(avatar.rig.expression_names))
    world = place_splats(avatar.splats, avatar.rig.vertices, avatar.rig)
    files = {
        "skin.glb": _skin(avatar, world, rights_of(avatar.provenance, options)),
        "offset.ply": _offsets(world),
        "animation.glb": body_clips(head_position(avatar.rig)),
        "vertex_order.json": json.dumps(list(range(len(world.means)))).encode(),
    }
    return _zipped(files.items())


def lam_loses(avatar: Avatar) -> str:
    """What the player does not do."""
    lost = "splats move with expressions but neither turn nor stretch; the whole bust turns with the head; jaw and eyes are no joints"
    return lost + "; colours are cut to 0..1" + lost_correctives(avatar.rig)


def check_size(splats: int, expressions: int) -> None:
    """UserError where the player's textures have no room for so many."""
    if expressions > MOST_EXPRESSIONS:
        raise UserError(f"lam: the player holds at most {MOST_EXPRESSIONS} expressions, this avatar has {expressions}")
    most = TEXELS // (max(expressions, 1) + 1)
    if splats > most:
        raise UserError(
            f"lam: the player holds at most {most:,} splats with {expressions} expressions, this avatar has {splats:,}; "
            f"write fewer with --splats {most}"
        )


def _skin(avatar: Avatar, world: Splats, rights: Rights) -> bytes:
    """skin.glb: a skinned mesh with a vertex at each splat and a morph target for each expression, never drawn."""
    writer = GlbWriter({"scene": 0, "scenes": [{"nodes": [0, 1]}], "extensionsUsed": []})
    head = head_position(avatar.rig)
    inverse_binds = np.tile(np.eye(4, dtype=np.float32), (2, 1, 1))
    inverse_binds[:, 3, :3] = -np.stack([HIP_POSITION, head])
    writer.document |= {
        "nodes": [{"name": MESH, "mesh": 0, "skin": 0}, *bone_nodes(head, first=1)],
        "meshes": [_mesh(writer, avatar, world)],
        "skins": [
            {"joints": [1, 2], "inverseBindMatrices": writer.accessor(inverse_binds.reshape(-1, 16), "MAT4", None)}
        ],
        "asset": {
            "version": "2.0",
            "generator": "facecraft4d",
            "extras": {"splats": asdict(splat_order(avatar.splats))},
        },
    }
    add_rights(writer.document, rights)
    return writer.to_bytes()


def _mesh(writer: GlbWriter, avatar: Avatar, world: Splats) -> Json:
    rig, count = avatar.rig, len(world.means)
    joints, weights = _influences(rig, avatar.splats)
    one_triangle = np.array([0, count // 2, count - 1], np.uint32)  # for the sake of being a mesh of triangles
    primitive: Json = {
        "attributes": {
            "POSITION": writer.accessor(raised(world.means), "VEC3", bounds=True),
            "JOINTS_0": writer.accessor(joints, "VEC4"),
            "WEIGHTS_0": writer.accessor(weights, "VEC4"),
        },
        "indices": writer.accessor(one_triangle, "SCALAR", ELEMENT_ARRAY_BUFFER),
        "targets": _targets(writer, avatar),
    }
    names = list(rig.expression_names) or [NO_EXPRESSION]
    return {
        "name": MESH,
        "primitives": [primitive],
        "weights": [0.0] * len(names),
        "extras": {"targetNames": names},
    }


def _targets(writer: GlbWriter, avatar: Avatar) -> list[Json]:
    """Displacement of every splat's mean by each expression; at least one target, the player fails on a mesh without."""
    count = len(avatar.rig.expression_names)
    if not count:
        return [{"POSITION": writer.sparse_accessor(np.zeros_like(avatar.splats.means), "VEC3")}]
    return [morph_target(writer, avatar.rig, avatar.splats, expression) for expression in range(count)]


def _influences(rig: Rig, splats: BoundSplats) -> tuple[np.ndarray, np.ndarray]:
    """Joints uint8 [n, 4] (0 hip, 1 head) and weights [n, 4]: the mean of the corners' of each splat's triangle. The player turns all by
    the head; others may do better."""
    share = turned_by_head(rig)[rig.triangles].mean(1)[splats.triangles]
    weights = np.zeros((len(share), 4), np.float32)
    weights[:, 1] = share
    weights[:, 0] = 1 - weights[:, 1]
    return (np.array([0, 1, 0, 0]) * (weights > 0)).astype(np.uint8), weights


def _offsets(world: Splats) -> bytes:
    """offset.ply: place relative to the vertex (none: the vertex is there), raw colour, logit, logarithms, wxyz."""
    opacities = np.clip(world.opacities.astype(np.float64), LEAST_OPACITY, 1 - LEAST_OPACITY)
    logits, log_scales = np.log(opacities / (1 - opacities)), np.log(np.maximum(world.scales, LEAST_SCALE))
    columns = splat_columns(np.zeros_like(world.means), world.colors, logits, log_scales, world.rotations_wxyz)
    return ply_bytes(columns | dict(zip(COLOR, world.colors.T, strict=True)), ())


def _zipped(files: Iterable[File]) -> bytes:
    """A zip of these in FOLDER, without a clock in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry(FOLDER, FOLDER_MODE), b"")
        for name, data in files:
            archive.writestr(_entry(FOLDER + name, FILE_MODE), data)
    return buffer.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    """An entry that is the same whatever system wrote it."""
    entry = zipfile.ZipInfo(name, NO_CLOCK)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, UNIX, mode << 16
    return entry
