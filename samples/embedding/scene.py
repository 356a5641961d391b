"""Two heads and a mesh in a scene of moderngl-window (pip install moderngl-window):

python samples/embedding/scene.py --avatar avatar.glb [--avatar other.glb]
python samples/embedding/scene.py --avatar avatar.glb --window headless --backend egl --picture scene.png

A ball circles around the heads, before and behind them. The heads belong to one stage: their splats are sorted together, so that they may
overlap. Drag to look from elsewhere.
"""

import math
from pathlib import Path

import moderngl
import moderngl_window
import numpy as np
from moderngl_window import geometry
from moderngl_window.scene.camera import OrbitCamera
from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.runtime import Look, Player, Stage
from facecraft4d.runtime.gl.matrices import camera_of_matrices

VERTEX = """#version 330
uniform mat4 view, projection;
uniform vec3 center;
in vec3 in_position, in_normal;
out vec3 normal;
void main() { normal = in_normal; gl_Position = projection * view * vec4(center + in_position, 1.0); }
"""
FRAGMENT = """#version 330
in vec3 normal;
out vec4 color;
void main() { color = vec4(vec3(0.8, 0.45, 0.25) * (0.45 + 0.55 * max(dot(normalize(normal), normalize(vec3(1, 2, 2))), 0.0)), 1.0); }
"""
APART, AROUND = 0.16, 0.3  # metres from the middle: each head, the ball


class Scene(moderngl_window.WindowConfig):
    """A loop of its own."""

    gl_version, title, window_size, resizable = (3, 3), "two heads and a ball", (960, 540), True
    clear_color = (0.16, 0.17, 0.2, 1.0)

    @classmethod
    def add_arguments(cls, parser):
        """What the command line takes beside the window's own."""
        parser.add_argument("--avatar", type=Path, action="append", required=True)
        parser.add_argument("--picture", type=Path, help="write what is seen after a second, and end")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        files = [*self.argv.avatar, self.argv.avatar[0]][:2]
        self.players = [Player(load(path)) for path in files]
        for player, side in zip(self.players, (-1, 1), strict=True):
            player.position = (side * APART, 0.0, 0.0)
        self.stage = Stage(self.ctx, [player.avatar for player in self.players])
        self.camera = OrbitCamera(
            (0.0, -0.05, 0.0), 2.2, (90.0, 85.0), fov=12.0, aspect_ratio=self.wnd.aspect_ratio, near=0.1, far=20.0
        )
        self.ball = geometry.sphere(radius=0.05)
        self.program = self.ctx.program(vertex_shader=VERTEX, fragment_shader=FRAGMENT)

    def on_render(self, time, frame_time):
        """One frame."""
        view, projection = (np.array(m, "f8") for m in (self.camera.matrix, self.camera.projection.matrix))
        self.ctx.enable_only(moderngl.DEPTH_TEST | moderngl.CULL_FACE)
        for name, matrix in (("view", view), ("projection", projection)):
            self.program[name].write(matrix.T.astype("f4").tobytes())
        self.program["center"] = AROUND * math.cos(time + 2.6), 0.0, AROUND * math.sin(time + 2.6)
        self.ball.render(self.program)
        self.players[0].expression["jawOpen"] = 0.4 - 0.4 * math.cos(6 * time)
        self.players[1].expression["mouthSmileLeft"] = self.players[1].expression["mouthSmileRight"] = 0.8
        camera, clip = camera_of_matrices(view, projection, *self.wnd.buffer_size)
        self.stage.draw([player.pose() for player in self.players], camera, Look(clip=clip))
        if self.argv.picture and time > 1:
            size, pixels = self.wnd.fbo.size, self.wnd.fbo.read(components=3)
            Image.frombytes("RGB", size, pixels).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(self.argv.picture)
            self.wnd.close()

    def on_resize(self, width, height):
        """Keep the heads as they are in a window of another shape."""
        self.camera.projection.update(aspect_ratio=width / max(height, 1))

    def on_mouse_drag_event(self, x, y, dx, dy):
        """Go around."""
        self.camera.rot_state(dx, dy)


if __name__ == "__main__":
    moderngl_window.run_window_config(Scene)
