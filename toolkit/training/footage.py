"""Training pictures, cameras and posed triangles where training runs, each fetched when first needed and kept while memory allows."""

import functools
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float32, Float64, UInt8
from torch import Tensor

from facecraft4d.toolkit.core.datatypes import Camera, FrameSet, Head, Pose, View, ViewSet
from facecraft4d.toolkit.core.geometry import resized_camera
from facecraft4d.toolkit.core.pixels import to_bytes
from facecraft4d.toolkit.core.rigging import neutral_pose, pose_vertices
from facecraft4d.toolkit.images import read_frame
from facecraft4d.toolkit.meshes.raster import rasterize
from facecraft4d.toolkit.training.frames import TriangleFrames, frames_of
from facecraft4d.toolkit.training.initial import Opening
from facecraft4d.toolkit.training.pictures import Pictures, budget_on
from facecraft4d.toolkit.training.schedule import STATIC, Sample
from facecraft4d.toolkit.training.shown import shown_areas

OPENING = ("jawOpen", "tongueOut", "eyeBlinkLeft", "eyeBlinkRight", "mouthUpperUpLeft", "mouthLowerDownLeft")
"""Expressions that show what a photograph usually hides."""
POSE_CACHE_ENTRIES = 256


class Target(NamedTuple):
    """A target and the camera that took it."""

    image: Float32[Tensor, "h w 3"]
    """sRGB on white."""
    mask: Float32[Tensor, "h w 1"]
    camera_from_world: Float32[Tensor, "1 4 4"]
    intrinsics: Float32[Tensor, "1 3 3"]


class Footage:
    """Static views in the photograph's pose and animated frames in their track's poses."""

    def __init__(self, views: ViewSet, frames: FrameSet, head: Head, device: str) -> None:
        self._views, self._frames, self._head, self._device = views, frames, head, device
        self.posed = functools.lru_cache(POSE_CACHE_ENTRIES)(self._posed)
        self.pictures = Pictures(self._load, device, budget_on(device))
        self._camera_tensors = functools.cache(self._resized_camera)
        self._triangles = torch.from_numpy(head.rig.triangles.astype(np.int64)).to(device)

    def neutral(self) -> TriangleFrames:
        """Triangle frames of the head at rest."""
        return self._frames_in(neutral_pose(self._head.rig))

    def shown(self) -> Float64[np.ndarray, " f"]:
        """How much of each triangle anybody can see, square metres (shown_areas)."""
        return shown_areas(self._views, self._frames, self._head)

    def opening_frames(self) -> tuple[int, ...]:
        """The strongest moment of each of `OPENING`, in order."""
        track, names = self._frames.known_track, self._head.rig.expression_names
        if not self._frames.view_indices or not len(track.expressions):
            return ()
        return tuple(
            sorted({int(track.expressions[:, names.index(name)].argmax()) for name in OPENING if name in names})
        )

    def openings(self) -> tuple[Opening, ...]:
        """What the reference camera sees at these moments."""
        return tuple(self._opening(frame) for frame in self.opening_frames())

    def _opening(self, frame: int) -> Opening:
        pixels = self._frame_pixels(Sample(self._frames.view_indices[0], 0, frame)).astype(np.float32) / 255
        camera = resized_camera(self._frames.cameras[0], pixels.shape[1], pixels.shape[0])
        vertices = pose_vertices(self._head.rig, self._frames.known_track.pose(frame))
        depth = rasterize(camera, vertices, self._head.rig.triangles).depth
        view = View(camera, np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]), depth)
        return Opening(view, vertices[self._head.rig.triangles].astype(np.float64))

    def _posed(self, frame: int) -> TriangleFrames:
        """Triangle frames under a frame of the track, or under the photograph's pose for STATIC (cached)."""
        return self._frames_in(self._head.pose if frame == STATIC else self._frames.known_track.pose(frame))

    def _frames_in(self, pose: Pose) -> TriangleFrames:
        return frames_of(torch.from_numpy(pose_vertices(self._head.rig, pose)).to(self._device)[self._triangles])

    def expect(self, sample: Sample, size: int) -> None:
        """Say that `picture` will be asked for this one: a thread reads it meanwhile."""
        self.pictures.expect(sample, size)

    def picture(self, sample: Sample, size: int) -> Target:
        """The target of a sample, at most `size` pixels high; pictures are never enlarged."""
        pixels = self.pictures.show(sample, size)
        values, (height, width) = pixels.float() / 255, pixels.shape[:2]
        cameras = self._camera_tensors(sample.view, sample.camera, width, height)
        return Target(values[..., :3], values[..., 3:], *cameras)

    def _resized_camera(
        self, view: int, camera: int, width: int, height: int
    ) -> tuple[Float32[Tensor, "1 4 4"], Float32[Tensor, "1 3 3"]]:
        """As `camera_tensors`; there are few cameras, and copying one to a GPU waits for all that it was asked to do."""
        source = self._views.views[view].camera if camera == STATIC else self._frames.cameras[camera]
        return camera_tensors(resized_camera(source, width, height), self._device)

    def _load(self, sample: Sample, size: int) -> UInt8[np.ndarray, "h w 4"]:
        pixels = self._static_pixels(sample.view) if sample.camera == STATIC else self._frame_pixels(sample)
        height, width = pixels.shape[:2]
        if height <= size:
            return pixels
        return np.asarray(
            cv2.resize(pixels, (round(width * size / height), size), interpolation=cv2.INTER_AREA), np.uint8
        )

    def _static_pixels(self, view: int) -> UInt8[np.ndarray, "h w 4"]:
        source = self._views.views[view]
        values = np.concatenate([source.image, source.mask[..., None]], -1)
        return to_bytes(values)

    def _frame_pixels(self, sample: Sample) -> UInt8[np.ndarray, "h w 4"]:
        return read_frame(self._frames.path(sample.view, sample.frame))


def camera_tensors(camera: Camera, device: str) -> tuple[Float32[Tensor, "1 4 4"], Float32[Tensor, "1 3 3"]]:
    """camera_from_world and intrinsics as `rasterization` takes them."""
    intrinsics = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    pair = (camera.camera_from_world, intrinsics)
    view, matrix = (torch.from_numpy(np.asarray(m, np.float32))[None].to(device) for m in pair)
    return view, matrix
