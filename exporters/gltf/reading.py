"""avatar.glb read back, in format 2 or 1: hostile until checked, then every array as `export_gltf` was given it.

Also after tools in between have worked on it, as long as nothing is lost; what cannot be understood is refused with what was done to it.
"""

from typing import Any

import numpy as np

from facecraft4d.exporters.gltf.character import POINTER
from facecraft4d.exporters.gltf.glb import MAX_ELEMENTS, GlbReader, Json
from facecraft4d.exporters.gltf.rig import UNLIT
from facecraft4d.exporters.gltf.rig_reading import exact_array, first_primitive, read_rig
from facecraft4d.exporters.gltf.splats import BINDINGS, EXTENSION
from facecraft4d.exporters.gltf.writing import BLOCK, FORMAT_VERSION, LOD_EXTENSION, MAX_LEVELS, RIG, SPLATS, level_name
from facecraft4d.exporters.options import Purpose
from facecraft4d.toolkit.core.asset import Avatar, check_avatar, provenance_from_json
from facecraft4d.toolkit.core.checks import check_range
from facecraft4d.toolkit.core.datatypes import BoundSplats
from facecraft4d.toolkit.core.untrusted.door import at_the_border

QUANTIZATION = "KHR_mesh_quantization"
UNDERSTOOD = {EXTENSION, LOD_EXTENSION, UNLIT, POINTER, QUANTIZATION}
"""Extensions that a file may require; another one means that a tool has packed the arrays in a way that is not read here."""


def read_gltf(data: bytes, name: str) -> Avatar:
    """The avatar in a file that `export_gltf` wrote; `name` stands in the messages. Raises UserError for any other file."""
    reader = GlbReader(data, name)
    block = _block(reader)
    with at_the_border(name, "a sound avatar"):
        _check_extensions(reader)
        rig, texture = read_rig(reader, block)
        splats, *levels = (_read_splats(reader, name) for name in _set_names(reader))
        avatar = Avatar(rig, splats, provenance_from_json(block["provenance"]), tuple(levels), texture)
        check_avatar(avatar)
    return avatar


def _block(reader: GlbReader) -> Json:
    """The facecraft4d block, its version and purpose checked."""
    block = next((found for found in _blocks(reader) if isinstance(found, dict)), None)
    if block is None:
        raise reader.fail("a glTF file, but not an avatar that facecraft4d wrote, or a tool dropped the extras of it")
    version = block.get("format_version")
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise reader.fail(
            f"expected avatar format 1 to {FORMAT_VERSION}, found {version!r}; a newer facecraft4d may read it"
        )
    if block.get("purpose") == Purpose.ENGINE:
        raise reader.fail(
            "was exported for engines (--for engine): what binds its splats is not in it; give the avatar.glb that it was made from"
        )
    return dict(block)


def _blocks(reader: GlbReader) -> list[Any]:
    """What stands where the block may: in the asset's extras, and in those of the rig's node, which more tools keep."""
    nodes = reader.document.get("nodes")
    rigs = (
        [each for each in nodes if isinstance(each, dict) and each.get("name") == RIG]
        if isinstance(nodes, list)
        else []
    )
    holders = [reader.document.get("asset"), *rigs]
    extras = [holder.get("extras") for holder in holders if isinstance(holder, dict)]
    return [each.get(BLOCK) for each in extras if isinstance(each, dict)]


def _check_extensions(reader: GlbReader) -> None:
    required = reader.document.get("extensionsRequired", [])
    unknown = [name for name in required if name not in UNDERSTOOD]
    if unknown:
        raise reader.fail(
            f"a tool packed it with {unknown[0]}, which is not read here; use the file from before that step"
        )


def _set_names(reader: GlbReader) -> list[str]:
    """Meshes of the whole and of the levels, in order; by their names where a tool has dropped the extension that lists them."""
    wholes = [node for node in reader.document["nodes"] if node.get("name") == SPLATS]
    listed = [level for node in wholes for level in node.get("extensions", {}).get(LOD_EXTENSION, {}).get("ids", [])]
    check_range("number of levels of detail", float(len(listed) + 1), 1.0, float(MAX_LEVELS))
    meshes = [mesh.get("name") for mesh in reader.document["meshes"]]
    count = len(listed)
    while not listed and count + 1 < MAX_LEVELS and level_name(count + 1) in meshes:
        count += 1
    return [level_name(level) for level in range(count + 1)]


def _read_splats(reader: GlbReader, mesh: str) -> BoundSplats:
    attributes = first_primitive(reader, mesh)[1]["attributes"]
    if missing := [key for key in BINDINGS if key not in attributes]:
        raise reader.fail(f"mesh {mesh} lacks {missing[0]}: a tool dropped what binds the splats")
    count = reader.item("accessors", attributes[BINDINGS[0]]).get("count")
    mean, rotation, scale, color = (exact_array(reader, attributes[key], "VEC4", key, count) for key in BINDINGS)
    if not ((mean[:, 3] >= 0) & (mean[:, 3] < MAX_ELEMENTS) & (mean[:, 3] % 1 == 0)).all():
        raise reader.fail("a splat's triangle is not a whole number")
    return BoundSplats(
        means=mean[:, :3].copy(),
        rotations_wxyz=rotation,
        log_scales=scale[:, :3].copy(),
        opacity_logits=scale[:, 3].copy(),
        colors=color[:, :3].copy(),
        triangles=mean[:, 3].astype(np.int32),
    )
