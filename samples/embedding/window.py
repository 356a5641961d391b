"""A head that lives in your own window: python samples/embedding/window.py avatar.glb [SECONDS]

The arrow keys turn the camera, the space bar opens the mouth.
"""

import sys
from pathlib import Path

import glfw
import moderngl

from facecraft4d.exporters import load
from facecraft4d.runtime import Idle, Player

glfw.init()
glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, True)  # macOS wants it
window = glfw.create_window(640, 480, "a head of my own", None, None)
glfw.make_context_current(window)
context = moderngl.create_context()
avatar = load(Path(sys.argv[1]))
player = Player(avatar, life=Idle(avatar.rig))
ends = float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")


def pressed(key: int) -> bool:
    return bool(glfw.get_key(window, key) == glfw.PRESS)


last = glfw.get_time()
while not glfw.window_should_close(window) and last < ends:
    now = glfw.get_time()
    player.advance(now - last)
    turn = 90.0 * (now - last) * (pressed(glfw.KEY_RIGHT) - pressed(glfw.KEY_LEFT))
    player.camera = player.camera.turned(turn, 0.0)
    player.expression["jawOpen"] = 0.6 if pressed(glfw.KEY_SPACE) else 0.0
    size = glfw.get_framebuffer_size(window)
    context.screen.use()
    context.viewport = (0, 0, *size)
    context.clear(0.15, 0.16, 0.2)
    if min(size) > 0:  # a minimised window has no pixels
        player.draw(player.camera.camera(*size))
    glfw.swap_buffers(window)
    glfw.poll_events()
    last = now
glfw.terminate()
