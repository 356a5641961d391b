"""KHR_character and Dublin Core: what the words in the file point to is there, and does what they say."""

import numpy as np
import pytest
from avatar_cases import KINDS, random_avatar
from gltf_play import Viewer
from hypothesis import given, settings

from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.expression_sets import VISEMES, VRM_PRESETS
from facecraft4d.exporters.gltf.writing import export_gltf
from facecraft4d.exporters.options import Character, GltfOptions
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.asset import Avatar

FAMILY = "KHR_character"
OPTIONS = ExportOptions(title="Größe 表情", creator="Ada", gltf=GltfOptions(character=Character.KHR))


@pytest.fixture(scope="module")
def character(tiny_avatar: Avatar) -> Viewer:
    return Viewer(export_gltf(tiny_avatar, OPTIONS))


def test_other_sets_are_mixtures_of_arkit() -> None:
    assert len(VISEMES) == 15 and len(VRM_PRESETS) == 17
    for mixture in (*VISEMES.values(), *VRM_PRESETS.values()):
        assert set(mixture) <= set(ARKIT_NAMES) and all(0 < weight <= 1 for weight in mixture.values())
    for name in ("blink", "lookUp", "lookDown"):
        mirrored = {
            each.replace("Left", "*").replace("Right", "Left").replace("*", "Right") for each in VRM_PRESETS[name]
        }
        assert mirrored == set(VRM_PRESETS[name]) and len(mirrored) == 2
    assert VRM_PRESETS["lookLeft"] == {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}


def test_every_expression_is_an_animation_of_its_own_weight(character: Viewer) -> None:
    document = character.document
    expressions = document["extensions"][f"{FAMILY}_expression"]["expressions"]
    assert [each["expression"] for each in expressions] == document["meshes"][0]["extras"]["targetNames"]
    shared = set()
    for index, each in enumerate(expressions):
        animation = document["animations"][each["animation"]]
        assert each["extensions"] == {f"{FAMILY}_expression_morphtarget": {"channels": [0]}}
        target = animation["channels"][0]["target"]
        assert target == {
            "path": "pointer",
            "extensions": {"KHR_animation_pointer": {"pointer": f"/nodes/0/weights/{index}"}},
        }
        shared.add((animation["samplers"][0]["input"], animation["samplers"][0]["output"]))
    (accessors,) = shared
    assert [character.values(each)[:, 0].tolist() for each in accessors] == [[0.0, 1.0]] * 2
    assert document["animations"][0]["name"] == "greeting"  # viewers play the first


def test_names_of_others_are_mapped(character: Viewer) -> None:
    sets = character.document["extensions"][f"{FAMILY}_expression_mapping"]["expressionSetMappings"]
    assert set(sets["vrm"]) == set(VRM_PRESETS) and set(sets["oculusVisemes"]) == set(VISEMES) - {"sil"}
    assert sets["vrm"]["blinkLeft"] == [{"source": "eyeBlinkLeft", "weight": 1.0}]
    bones = character.document["extensions"][f"{FAMILY}_skeleton_mapping"]["skeletalRigMappings"]["vrmHumanoid"]
    named = {bone: character.document["nodes"][each["node"]]["name"] for bone, each in bones.items()}
    assert named == {"head": "neck", "jaw": "jaw", "leftEye": "eye_left", "rightEye": "eye_right"}
    assert named == {bone: each["name"] for bone, each in bones.items()}


def test_the_root_is_above_all_and_moves_nothing(character: Viewer, tiny_avatar: Avatar) -> None:
    document = character.document
    root = document["extensions"][FAMILY]["rootNode"]
    assert document["scenes"][0]["nodes"] == [root] and document["nodes"][root]["mesh"] == 0
    found = character.vertices({})[: len(tiny_avatar.rig.vertices)]
    np.testing.assert_allclose(found, tiny_avatar.rig.vertices, atol=1e-6)


def test_what_is_a_draft_is_not_required(character: Viewer) -> None:
    document = character.document
    assert "extensionsRequired" not in document
    used = document["extensionsUsed"]
    assert len(set(used)) == len(used) and {each for each in document["extensions"]} <= set(used)
    assert {"KHR_xmp_json_ld", "KHR_animation_pointer", f"{FAMILY}_expression_morphtarget"} <= set(used)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(kind=KINDS)
def test_a_head_without_arkits_names_claims_nothing_that_it_cannot_do(kind: dict) -> None:
    avatar = random_avatar(**kind)
    found = Viewer(export_gltf(avatar, OPTIONS)).document["extensions"]
    assert f"{FAMILY}_expression_mapping" not in found
    assert (f"{FAMILY}_expression" in found) == bool(avatar.rig.expression_names)


def test_rights_stand_where_xmp_has_them(character: Viewer, tiny_avatar: Avatar) -> None:
    document = character.document
    packet = document["extensions"]["KHR_xmp_json_ld"]["packets"][
        document["asset"]["extensions"]["KHR_xmp_json_ld"]["packet"]
    ]
    assert packet["@context"]["dc"] == "http://purl.org/dc/elements/1.1/"
    assert packet["dc:title"]["rdf:_1"] == {"@language": "x-default", "@value": "Größe 表情"}
    assert packet["dc:creator"] == {"@list": ["Ada"]}
    assert packet["dc:source"] == "tiny head (rig and splats)" and packet["dc:license"] == "CC0-1.0"
    assert packet["dc:rights"]["rdf:_1"]["@value"].startswith("commercial use: yes; ")
    assert all(isinstance(value, str | dict) for value in packet.values())  # XMP in glTF knows no bare lists
