"""VRM 1.0 of the textured rig, for the apps of VTubers and virtual worlds, and the splats beside it.

https://github.com/vrm-c/vrm-specification/tree/master/specification/VRMC_vrm-1.0; docs/formats/vrm.md.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import PurePath

import numpy as np

from facecraft4d.exporters.body import EAR_HEIGHT, lost_correctives, standing
from facecraft4d.exporters.format import File
from facecraft4d.exporters.gltf.glb import GlbWriter, Json
from facecraft4d.exporters.gltf.rig import add_material, rig_mesh, rig_skin, surface_of
from facecraft4d.exporters.gltf.writing import RIG, export_gltf
from facecraft4d.exporters.gltf.xmp import add_rights
from facecraft4d.exporters.options import ExportOptions
from facecraft4d.exporters.order import splat_order
from facecraft4d.exporters.rights import rights_of
from facecraft4d.exporters.vrm.bones import FIRST_JOINT, skeleton
from facecraft4d.exporters.vrm.meaning import expressions, look_at, meta
from facecraft4d.toolkit.core.asset import Avatar
from facecraft4d.toolkit.core.datatypes import Rig

EXTENSION, SPEC_VERSION = "VRMC_vrm", "1.0"
SIDECAR = ".splats.glb"
"""Ending of the file beside it."""
MOST_INFLUENCES = 4
"""Joints that a vertex follows at most: VRM's implementations read one group of influences."""


def vrm_files(avatar: Avatar, name: str, options: ExportOptions) -> Iterator[File]:
    """The VRM and, beside it, the canonical GLB with the splats and their binding: NAME.splats.glb.

    Raises what `export_gltf` does.
    """
    sidecar = PurePath(name).stem + SIDECAR
    splats = export_gltf(avatar, options)
    yield name, export_vrm(avatar, sidecar, options)
    yield sidecar, splats


def export_vrm(avatar: Avatar, sidecar: str, options: ExportOptions) -> bytes:
    """The rig of a sound avatar as VRM; `sidecar` is the name of the file that has its splats."""
    rig = _four_influences(standing(avatar.rig))
    writer = GlbWriter({"extensionsUsed": [EXTENSION], "scene": 0})
    body = skeleton(rig)
    writer.document |= {
        "scenes": [{"name": "Head", "nodes": [0, body.bones["hips"]]}],
        "nodes": [{"name": RIG, "mesh": 0, "skin": 0, "extras": {"splats": _splats(avatar, sidecar)}}, *body.nodes],
        "meshes": [rig_mesh(writer, RIG, rig, surface_of(rig, avatar.texture))],
        "skins": [rig_skin(writer, rig, FIRST_JOINT) | {"skeleton": body.bones["hips"]}],
        "asset": {"version": "2.0", "generator": "facecraft4d"},
    }
    add_material(writer, avatar.texture)
    rights = rights_of(avatar.provenance, options)
    add_rights(writer.document, rights)
    writer.document["extensions"][EXTENSION] = {
        "specVersion": SPEC_VERSION,
        "meta": meta(rights, avatar.provenance),
        "humanoid": {"humanBones": {bone: {"node": node} for bone, node in body.bones.items()}},
        "firstPerson": {"meshAnnotations": [{"node": 0, "type": "auto"}]},
        "lookAt": look_at(rig),
        "expressions": expressions(rig.expression_names, mesh_node=0),
    }
    return writer.to_bytes()


def vrm_loses(avatar: Avatar, options: ExportOptions) -> str:
    """What is in the file beside it alone, or nowhere."""
    lost = "the .vrm shows the textured mesh; the splats are in the .splats.glb beside it"
    if (avatar.rig.skin_weights > 0).sum(1).max() > MOST_INFLUENCES:
        lost += f"; vertices follow their {MOST_INFLUENCES} strongest joints"
    lost += lost_correctives(avatar.rig)
    return lost + ("; VRM holds no clips: they are in the .splats.glb" if options.clips else "")


def _splats(avatar: Avatar, sidecar: str) -> Json:
    """Where the splats of this mesh are: which file, where its origin belongs in this one, and the order of its splats."""
    return {"uri": sidecar, "translation": [0.0, EAR_HEIGHT, 0.0], **asdict(splat_order(avatar.splats))}


def _four_influences(rig: Rig) -> Rig:
    """The rig whose vertices follow their strongest joints only, in the same proportion."""
    if rig.skin_weights.shape[1] <= MOST_INFLUENCES:
        return rig
    weights = rig.skin_weights.astype(np.float64)
    weaker = np.argsort(-weights, axis=1, kind="stable")[:, MOST_INFLUENCES:]
    np.put_along_axis(weights, weaker, 0.0, axis=1)
    return replace(rig, skin_weights=(weights / weights.sum(1, keepdims=True)).astype(np.float32))
