"""Plays avatars: animation, sorting, drawing with OpenGL or on the processor, recording. Never imports torch.

avatar = facecraft4d.exporters.load(Path("avatar.glb"))
play(avatar, clip_sources((find_clip("face_cap"),), avatar.rig))
record(avatar, find_clip("face_cap"), Path("clip.mp4"), RecordOptions(size=512))
render_still(avatar, pose_from_weights(avatar.rig, {"jawOpen": 0.8}), Path("still.png"), RenderOptions(yaw=30))

Piece by piece, for programs of your own: a `Player` of `PoseSource`s says which pose is due, a `Renderer` for one or more avatars draws poses.
"""

from facecraft4d.runtime.options import Backend, PlayOptions, RecordOptions, RenderOptions
from facecraft4d.runtime.player import Player
from facecraft4d.runtime.record import record
from facecraft4d.runtime.renderer import Renderer, open_renderer
from facecraft4d.runtime.sources import ClipSource, PoseSource, clip_sources
from facecraft4d.runtime.still import render_image, render_still
from facecraft4d.runtime.summary import AvatarSummary, summarize, summarize_avatar
from facecraft4d.runtime.window import play
from facecraft4d.toolkit.core.motion import find_clip
from facecraft4d.toolkit.core.rigging import pose_from_weights

__all__ = [
    "AvatarSummary",
    "Backend",
    "ClipSource",
    "PlayOptions",
    "Player",
    "PoseSource",
    "RecordOptions",
    "RenderOptions",
    "Renderer",
    "clip_sources",
    "find_clip",
    "open_renderer",
    "play",
    "pose_from_weights",
    "record",
    "render_image",
    "render_still",
    "summarize",
    "summarize_avatar",
]
