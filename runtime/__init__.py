"""Plays avatars: animation, sorting, drawing with OpenGL or on the processor, recording. Never imports torch.

avatar = facecraft4d.exporters.load(Path("avatar.glb"))
play(avatar, clip_sources((find_motion("face_cap"),), avatar.rig))
record(avatar, find_motion("face_cap"), Path("clip.mp4"), RecordOptions(size=512))
render_still(avatar, pose_from_weights(avatar.rig, {"jawOpen": 0.8}), Path("still.png"), RenderOptions(yaw=30))

Piece by piece, for programs of your own: a `Player` of `PoseSource`s says which pose is due and draws it in your OpenGL context, a `Stage`
draws several heads there, sorted together; a `Renderer` for one or more avatars draws poses off screen.

A name is imported when it is first asked for (PEP 562): who only reads an avatar waits for no compiler, window or video library.
"""

from typing import TYPE_CHECKING

from facecraft4d.toolkit.core.later import names_later

if TYPE_CHECKING:
    from facecraft4d.exporters.motions import find_motion
    from facecraft4d.runtime.gl.drawing import Look
    from facecraft4d.runtime.gl.matrices import camera_of_matrices, matrices_of_camera
    from facecraft4d.runtime.gl.shaders import Clip
    from facecraft4d.runtime.gl.stage import Stage
    from facecraft4d.runtime.idle import Idle
    from facecraft4d.runtime.options import Backend, PlayOptions, RecordOptions, RenderOptions
    from facecraft4d.runtime.player import Player
    from facecraft4d.runtime.recording import record
    from facecraft4d.runtime.renderer import Renderer, open_renderer
    from facecraft4d.runtime.sources import ClipSource, PoseSource, clip_sources
    from facecraft4d.runtime.still import render_image, render_still
    from facecraft4d.runtime.summary import AvatarSummary, summarize, summarize_avatar
    from facecraft4d.runtime.viewer.loop import play
    from facecraft4d.toolkit.core.rigging import pose_from_weights

HOMES = {
    "facecraft4d.runtime.gl.drawing": ("Look",),
    "facecraft4d.runtime.gl.matrices": ("camera_of_matrices", "matrices_of_camera"),
    "facecraft4d.runtime.gl.shaders": ("Clip",),
    "facecraft4d.runtime.gl.stage": ("Stage",),
    "facecraft4d.runtime.idle": ("Idle",),
    "facecraft4d.runtime.options": ("Backend", "PlayOptions", "RecordOptions", "RenderOptions"),
    "facecraft4d.runtime.player": ("Player",),
    "facecraft4d.runtime.recording": ("record",),
    "facecraft4d.runtime.renderer": ("Renderer", "open_renderer"),
    "facecraft4d.runtime.sources": ("ClipSource", "PoseSource", "clip_sources"),
    "facecraft4d.runtime.still": ("render_image", "render_still"),
    "facecraft4d.runtime.summary": ("AvatarSummary", "summarize", "summarize_avatar"),
    "facecraft4d.runtime.viewer.loop": ("play",),
    "facecraft4d.exporters.motions": ("find_motion",),
    "facecraft4d.toolkit.core.rigging": ("pose_from_weights",),
}
"""Module: the names of this package that live there."""

__all__ = [
    "AvatarSummary",
    "Backend",
    "Clip",
    "ClipSource",
    "Idle",
    "Look",
    "PlayOptions",
    "Player",
    "PoseSource",
    "RecordOptions",
    "RenderOptions",
    "Renderer",
    "Stage",
    "camera_of_matrices",
    "clip_sources",
    "find_motion",
    "matrices_of_camera",
    "open_renderer",
    "play",
    "pose_from_weights",
    "record",
    "render_image",
    "render_still",
    "summarize",
    "summarize_avatar",
]

__getattr__ = names_later(__name__, HOMES)
