"""Packets in, pixels of the mouth move: over a real socket, through listener, shaping, player and renderer."""

import time

import numpy as np
import pytest
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.runtime import Backend, Player, open_renderer
from facecraft4d.runtime.camera import framing
from facecraft4d.runtime.drivers.live import Live
from facecraft4d.runtime.drivers.protocols import PROTOCOLS, Sender
from facecraft4d.runtime.drivers.udp import Listener
from facecraft4d.toolkit.core.rigging import pose_from_weights

SIZE = 96


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_mouth_follows_and_the_hair_does_not(name: str) -> None:
    avatar = load(TINY)
    listener = Listener(PROTOCOLS[name].decoder(), port=0)
    sender = Sender(f"{name}:127.0.0.1:{listener.address[1]}")
    player = Player(avatar, {"live": Live(listener, avatar.rig)}, framing(avatar))
    renderer = open_renderer((avatar,), SIZE, SIZE, Backend.SOFTWARE)
    camera = player.camera.camera(SIZE, SIZE)
    rest = renderer.draw((player.pose(),), camera)
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        sender.send(pose_from_weights(avatar.rig, {"jawOpen": 1.0}), avatar.rig)
        player.advance(0.02)
        moved = player.pose()
        time.sleep(0.02)
    change = np.abs(renderer.draw((moved,), camera) - rest).max(-1)
    assert change[SIZE // 2 :].max() > 0.2 and change[: SIZE // 4].max() < 0.02
    sender.close()
    listener.close()
    renderer.close()
