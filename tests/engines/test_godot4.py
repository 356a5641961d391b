"""Godot's files as text: bindings, names of files and parameters fit each other. No Godot 4 runs here."""

import re

from deform_runners import ENGINES, godot_glsl

GODOT = ENGINES / "godot4"
SCRIPT = (GODOT / "avatar.gd").read_text(encoding="utf-8")
CANVAS = (GODOT / "splats.gdshader").read_text(encoding="utf-8")
PASSES = (GODOT / "deform_passes.glsl").read_text(encoding="utf-8")


def test_buffers_are_bound_in_the_order_of_the_shader() -> None:
    declared = re.findall(r"binding = (\d+), std430\) (?:readonly )?buffer \w+ \{ \w+ (\w+)\[\];", PASSES)
    listed = re.search(r"const BUFFERS[^=]*= \[(.*?)\]", SCRIPT, re.S)
    assert listed and re.findall(r'"(\w+)"', listed[1]) == [name for _, name in declared]
    assert [int(binding) for binding, _ in declared] == list(range(12))


def test_counts_fill_the_push_constants() -> None:
    pushed = re.search(r"uint ([^;]*);[^}]*\} counts;", PASSES)
    sent = re.search(r"PackedInt32Array\(\[(.*?)\]\)\.to_byte_array", SCRIPT)
    assert pushed and sent
    names, values = pushed[1].split(", "), sent[1].split(", ")
    assert names[:5] == ["stage", "expressions", "joints", "vertices", "splats"]
    assert len(values) == len(names) == 8 and values[0] == "stage" and values[4:] == ["splats", "0", "0", "0"]


def test_parameters_and_files_exist() -> None:
    for name in re.findall(r'set_shader_parameter\("(\w+)"', SCRIPT):
        assert re.search(rf"uniform \w+ {name}\b", CANVAS), name
    for name in re.findall(r'load\("res://([\w.]+)"\)', SCRIPT):
        assert (GODOT / name).is_file(), name
    assert "#include" not in godot_glsl()


def test_the_canvas_has_the_numbers_of_the_picture() -> None:
    from facecraft4d.toolkit.splatting.settings import Settings

    settings = Settings(1, 1)
    for name, value in (
        ("NEAR", settings.near_plane),
        ("LOW_PASS", settings.eps2d),
        ("CUTOFF", settings.alpha_cutoff),
        ("ALPHA_MAX", settings.alpha_max),
        ("MARGIN", 1 + settings.sigma_clamp),
    ):
        found = re.search(rf"const float {name} = ([\d.]+);", CANVAS)
        assert found and abs(float(found[1]) - value) < 1e-9, name
