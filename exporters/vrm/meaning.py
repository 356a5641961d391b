"""What a VRM says of its mesh: who may use it, what its expressions are called, how it looks at something."""

from collections.abc import Mapping, Sequence

import numpy as np

from facecraft4d.exporters.body import head_joint
from facecraft4d.exporters.expression_sets import VRM_PRESETS
from facecraft4d.exporters.gltf.glb import Json
from facecraft4d.exporters.rights import Rights
from facecraft4d.toolkit.core.asset import Provenance
from facecraft4d.toolkit.core.datatypes import Rig
from facecraft4d.toolkit.core.ingredients import Commercial

LICENCE = "https://vrm.dev/licenses/1.0/"
"""The one licence document of VRM 1.0; the fields beside it fill it in."""
CLEARED = {
    "avatarPermission": "onlySeparatelyLicensedPerson",
    "commercialUsage": "corporation",
    "allowRedistribution": True,
    "modification": "allowModificationRedistribution",
}
"""Where every ingredient may be used commercially. Who may appear as the person shown is still for that person to say."""
STRICT = {
    "avatarPermission": "onlyAuthor",
    "commercialUsage": "personalNonProfit",
    "allowRedistribution": False,
    "modification": "prohibited",
}
"""Where any may not, or is in doubt: the least that VRM can permit."""
NEVER = (
    "allowExcessivelyViolentUsage",
    "allowExcessivelySexualUsage",
    "allowPoliticalOrReligiousUsage",
    "allowAntisocialOrHateUsage",
)
"""An avatar is somebody's likeness, and no ingredient's licence answers for that."""

MAKER = "facecraft4d"
"""Who made the model, as its version; provenance says which release."""
NEUTRAL = "neutral"
EYES = ("eye_left", "eye_right")
EYE_OFFSET = (0.0, 0.06, 0.0)
"""From the head's bone to between the eyes, metres, where no joints say: VRM's own default."""
GAZE_DEGREES = {
    "rangeMapHorizontalInner": 15,
    "rangeMapHorizontalOuter": 15,
    "rangeMapVerticalDown": 11,
    "rangeMapVerticalUp": 10,
}
"""How far the default head's eyes are turned by ARKit's gaze at weight 1 (measured)."""  # fmt: skip
MOST_DEGREES = {
    "rangeMapHorizontalInner": 30,
    "rangeMapHorizontalOuter": 35,
    "rangeMapVerticalDown": 30,
    "rangeMapVerticalUp": 25,
}
"""How far eyes turn that are joints: about what people's do before the head follows."""  # fmt: skip


def meta(rights: Rights, provenance: Provenance) -> Json:
    """VRM's record of who made it and of what it permits: generous only where the verdict is yes."""
    return {
        "name": rights.title,
        "version": f"{MAKER} {provenance.versions.get(MAKER, '')}".strip(),
        "authors": [rights.creator],
        "copyrightInformation": rights.rights,
        "references": list(rights.source),
        "thirdPartyLicenses": rights.license,
        "licenseUrl": LICENCE,
        "creditNotation": "required",
        **(CLEARED if provenance.verdict is Commercial.YES else STRICT),
        **dict.fromkeys(NEVER, False),
    }


def expressions(names: Sequence[str], mesh_node: int) -> Json:
    """VRM's presets as mixtures of the rig's expressions, and every expression under its own name.

    A preset is left out where the rig has none of its expressions. One of the rig's that is called like a preset is that preset.
    """
    own = {name: {name: 1.0} for name in names}
    presets = {name: own.pop(name, mixture) for name, mixture in VRM_PRESETS.items()}
    found = {name: _expression(names, mixture, mesh_node) for name, mixture in presets.items()}
    present = {name: each for name, each in found.items() if each["morphTargetBinds"]}
    present[NEUTRAL] = _expression(names, own.pop(NEUTRAL, {}), mesh_node)
    return {
        "preset": present,
        "custom": {name: _expression(names, mixture, mesh_node) for name, mixture in own.items()},
    }


def _expression(names: Sequence[str], mixture: Mapping[str, float], mesh_node: int) -> Json:
    binds = [
        {"node": mesh_node, "index": names.index(name), "weight": weight}
        for name, weight in mixture.items()
        if name in names
    ]
    return {"isBinary": False, "morphTargetBinds": binds}


def look_at(rig: Rig) -> Json:
    """How the eyes follow a point: by ARKit's gaze, which moves the lids with them, where the rig has it, else by their joints."""
    gaze = {name for preset in VRM_PRESETS if preset.startswith("look") for name in VRM_PRESETS[preset]}
    by_expression = gaze <= set(rig.expression_names)
    ranges = GAZE_DEGREES if by_expression else MOST_DEGREES
    return {
        "type": "expression" if by_expression else "bone",
        "offsetFromHeadBone": _eye_offset(rig),
        **{
            key: {"inputMaxValue": degrees, "outputScale": 1 if by_expression else degrees}
            for key, degrees in ranges.items()
        },
    }


def _eye_offset(rig: Rig) -> list[float]:
    """From the head's bone to between the eyes."""
    if not set(EYES) <= set(rig.joint_names):
        return list(EYE_OFFSET)
    eyes = rig.joint_positions[[rig.joint_names.index(name) for name in EYES]].astype(np.float64).mean(0)
    offset: list[float] = (eyes - rig.joint_positions[head_joint(rig)]).round(6).tolist()
    return offset
