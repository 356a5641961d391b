"""A picture of a head from your own OpenGL context: python samples/embedding/still.py avatar.glb still.png"""

import sys
from pathlib import Path

from PIL import Image

from facecraft4d.exporters import load
from facecraft4d.runtime import Player
from facecraft4d.runtime.opengl import offscreen_context

context = offscreen_context()  # or any context of moderngl that you have
target = context.simple_framebuffer((800, 600))
target.use()
target.clear(0.9, 0.9, 0.92, 1.0)
player = Player(load(Path(sys.argv[1])))
player.expression["jawOpen"] = 0.4
player.joints["neck"] = (0.0, 0.4, 0.0)  # radians: to the subject's left
player.draw(player.camera.camera(800, 600))
picture = Image.frombytes("RGB", target.size, target.read())  # OpenGL's row 0 is the lowest
picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(sys.argv[2])
