"""Pictures of an avatar in Blender: run.py calls it in an environment that has bpy, with a job in JSON on standard input."""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from import_avatar import Head, import_avatar, pose, show

SAMPLES = 4
"""Rays a pixel; Cycles' own filter of 1.5 pixels smooths as much as our 0.3 square pixels."""
LAYERS = 1024
"""Most surfaces that a ray passes."""
SURE_LAYERS = 128
"""So many it passes by all means: Cycles' lottery, which ends rays that carry little, would be noise before."""


def main(job: dict[str, Any]) -> dict[str, Any]:
    """`glb`, `size`, `camera` (position, fov), `shots` (file, pose, splats, and `instances`: a .npy for the splats' matrices, or null)."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    head = import_avatar(Path(job["glb"]))
    _set_up(job["size"], job["camera"])
    seconds = [_shoot(head, shot) for shot in job["shots"]]
    times = [_milliseconds(head, shot["pose"]) for shot in job["shots"]]
    return {
        "version": bpy.app.version_string,
        "render_seconds": seconds,
        "milliseconds": sorted(times)[len(times) // 2],
    }


def _shoot(head: Head, shot: dict[str, Any]) -> float:
    """One picture, and where Blender has put the splats; seconds that it took to draw."""
    pose(head, **shot["pose"])
    show(head, shot["splats"])
    # splats are blended as displayed: their numbers go through untouched; the mesh's picture is sRGB that Blender turns to light and back
    bpy.context.scene.view_settings.view_transform = "Raw" if shot["splats"] else "Standard"
    bpy.context.scene.render.filepath = shot["file"]
    if shot["instances"] is not None:
        np.save(shot["instances"], _instances())
    start = time.perf_counter()
    bpy.ops.render.render(write_still=True)
    return time.perf_counter() - start


def _instances() -> np.ndarray:
    """world_from_splat [n, 4, 4] of every splat, in their order."""
    graph = bpy.context.evaluated_depsgraph_get()
    return np.array([np.array(each.matrix_world) for each in graph.object_instances if each.is_instance], np.float32)


def _milliseconds(head: Head, to: dict[str, Any]) -> float:
    """Time to move head and splats to a pose, without drawing them."""
    start = time.perf_counter()
    pose(head, **to)
    bpy.context.view_layer.update()
    return 1000 * (time.perf_counter() - start)


def _set_up(size: int, camera: dict[str, Any]) -> None:
    """Our portrait camera, a white background that lights nothing, Cycles on the processor."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_denoising = scene.cycles.use_adaptive_sampling = False
    scene.cycles.transparent_max_bounces = LAYERS
    scene.cycles.min_transparent_bounces = SURE_LAYERS
    scene.cycles.max_bounces = 0
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.film_transparent = False
    scene.render.image_settings.file_format = "PNG"
    scene.world = bpy.data.worlds.new("White")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (1, 1, 1, 1)
    x, y, z = camera["position"]
    lens = bpy.data.cameras.new("Portrait")
    lens.sensor_fit, lens.angle = "VERTICAL", math.radians(camera["fov"])
    placed = bpy.data.objects.new("Portrait", lens)
    placed.location, placed.rotation_euler = (x, -z, y), (math.pi / 2, 0, 0)
    scene.collection.objects.link(placed)
    scene.camera = placed


if __name__ == "__main__":
    answer = main(json.load(sys.stdin))
    print("\n" + json.dumps(answer))
