"""A head among meshes, each hiding what is behind it: python samples/embedding/behind.py avatar.glb picture.png

The bars of a cage stand before and behind the head. Those before it are drawn first: the head is hidden by what the depth buffer says is nearer.
Those behind it are drawn last, after `draw_depth` has put the head into the depth buffer.
"""

import sys
from pathlib import Path
from typing import Any

import moderngl
import numpy as np
from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.runtime import Look, Player
from facecraft4d.runtime.gl.matrices import matrices_of_camera
from facecraft4d.runtime.opengl import offscreen_context

SIZE, BARS, RADIUS = (800, 800), 9, 0.2
VERTEX = """#version 330
uniform mat4 clip_from_world;
in vec3 position;
in float shade;
out float light;
void main() { light = shade; gl_Position = clip_from_world * vec4(position, 1.0); }
"""
FRAGMENT = """#version 330
in float light;
out vec4 color;
void main() { color = vec4(vec3(0.35, 0.4, 0.5) * light, 1.0); }
"""


def bars(middle: np.ndarray, radius: float, angles: np.ndarray) -> np.ndarray:
    """Triangles [n, 4]: position in metres and shade, of upright bars around a point."""
    corners = np.array([(x, y) for y in (-0.4, 0.4) for x in (-0.006, 0.006)])[[0, 1, 2, 2, 1, 3]]
    found = []
    for angle in angles:
        outwards, along = np.array([np.sin(angle), 0, np.cos(angle)]), np.array([np.cos(angle), 0, -np.sin(angle)])
        places = middle + radius * outwards + corners[:, :1] * along + corners[:, 1:] * [0, 1, 0]
        found.append(np.column_stack([places, np.full(len(places), 0.75 + 0.25 * np.cos(angle))]))
    return np.concatenate(found).astype("f4")


context = offscreen_context()
target = context.simple_framebuffer(SIZE)
player = Player(load(Path(sys.argv[1])))
player.expression["mouthSmileLeft"] = player.expression["mouthSmileRight"] = 0.8
camera, look = player.camera.turned(20.0, 10.0).camera(*SIZE), Look()
view, projection = matrices_of_camera(camera, look.clip)

program: Any = context.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)
program["clip_from_world"].write((projection @ view).T.astype("f4").tobytes())
middle, turn = np.array(player.camera.target), 2 * np.pi / BARS
front = bars(middle, RADIUS, turn * np.arange(-2, 3))
back = bars(middle, RADIUS, turn * np.arange(3, BARS - 2))

target.use()
target.clear(0.93, 0.93, 0.95, 1.0)
context.enable(moderngl.DEPTH_TEST)
for part, after in ((front, True), (back, False)):
    context.vertex_array(program, [(context.buffer(part), "3f 1f", "position", "shade")]).render()
    if after:
        player.draw(camera, look)
        player.draw_depth(camera, look)
Image.frombytes("RGB", SIZE, target.read()).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(sys.argv[2])
