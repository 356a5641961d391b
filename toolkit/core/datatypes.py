"""The data that stages, exporters and players hand to each other: frozen, numpy, with shapes in the annotations.

World frame: metres, right-handed, +Y up, the face looks along +Z, the subject's left is +X, origin between the ears.
Images: float32 in [0, 1], sRGB as displayed, on white. See docs/conventions.md.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int16, Int32, UInt8

from facecraft4d.toolkit.core.ingredients import Ingredient


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera with OpenCV axes (x right, y down, z forward); pixel centres at +0.5."""

    camera_from_world: Float[np.ndarray, "4 4"]
    """Rigid transform, metres."""
    fx: float
    """Focal length in pixels."""
    fy: float
    cx: float
    """Principal point in pixels."""
    cy: float
    width: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One picture of the head with what is known of its geometry."""

    camera: Camera
    image: Float32[np.ndarray, "h w 3"]
    """sRGB in [0, 1], composited on white."""
    mask: Float32[np.ndarray, "h w"]
    """Foreground alpha in [0, 1]."""
    depth: Float32[np.ndarray, "h w"]
    """Camera z in metres; 0 where there is no surface."""


@dataclass(frozen=True, slots=True, eq=False)
class ViewSet:
    """Views around the head; view 0 is the photograph's."""

    views: tuple[View, ...]
    yaws_degrees: tuple[float, ...]
    """Azimuth of each camera about +Y, relative to view 0; positive moves the camera towards the subject's left (+X)."""
    ingredients: tuple[Ingredient, ...] = ()
    """What went into the pictures beside what they were made from."""


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """What moves a rig: expression weights, joint rotations, translation."""

    expression: Float32[np.ndarray, " k"]
    """Weights of the rig's named expressions, usually 0..1."""
    joint_rotations: Float32[np.ndarray, "j 3"]
    """Axis-angle in radians, local to the parent joint, about the joint's position."""
    translation: Float32[np.ndarray, "3"]
    """Metres, world."""

    def towards(self, other: "Pose", weight: float) -> "Pose":
        """This pose at weight 0, `other` at 1, linear between; axis-angle vectors are mixed as they are, fit for nearby poses."""
        a, b = np.float32(1 - weight), np.float32(weight)
        return Pose(
            a * self.expression + b * other.expression,
            a * self.joint_rotations + b * other.joint_rotations,
            a * self.translation + b * other.translation,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """A personalised head mesh that expressions and joints move: linear deltas, pose correctives, then linear blend skinning."""

    vertices: Float32[np.ndarray, "v 3"]
    """Neutral bind pose, metres, world frame."""
    triangles: Int32[np.ndarray, "f 3"]
    """Vertex indices, counter-clockwise seen from outside."""
    triangle_regions: UInt8[np.ndarray, " f"]
    """Index into `region_names`."""
    region_names: tuple[str, ...]
    expression_names: tuple[str, ...]
    """ARKit's 52 names in camelCase for the default head; flame_expr_000... for FLAME."""
    expression_deltas: Float32[np.ndarray, "k v 3"]
    """Vertex displacement at weight 1, metres."""
    joint_names: tuple[str, ...]
    """root, neck, jaw, eye_left, eye_right."""
    joint_parents: tuple[int, ...]
    """-1 for the root; a parent comes before its children."""
    joint_positions: Float32[np.ndarray, "j 3"]
    """Bind-pose position of each joint, metres, world frame; bind rotations are the identity."""
    skin_weights: Float32[np.ndarray, "v j"]
    """Rows sum to 1."""
    pose_deltas: Float32[np.ndarray, "p v 3"] | None = None
    """Pose correctives: displacement per entry of (rotation - identity) of the joints after the root, row-major; p = 9 (j - 1).
    FLAME has them, the default head does not."""
    joint_deltas: Float32[np.ndarray, "k j 3"] | None = None
    """How far an expression at weight 1 moves the joints' bind positions, metres; None where they stay (FLAME's do not)."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A textured triangle mesh at rest."""

    vertices: Float32[np.ndarray, "v 3"]
    triangles: Int32[np.ndarray, "f 3"]
    corner_uvs: Float32[np.ndarray, "f 3 2"]
    """Texture coordinates of each corner, origin at the image's top left, in [0, 1]."""
    texture: Float32[np.ndarray, "th tw 3"]
    """sRGB in [0, 1]."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """The photograph made ready: face centred, roll removed, background white, seen by the fixed 13.4 degree camera."""

    image: Float32[np.ndarray, "s s 3"]
    alpha: Float32[np.ndarray, "s s"]
    landmarks: Float32[np.ndarray, "478 3"]
    """x, y in pixels of `image`; z in the same unit, smaller is nearer (MediaPipe face mesh order with irises)."""
    expression: Float32[np.ndarray, "52"]
    """ARKit scores in the order of arkit.ARKIT_NAMES, in [0, 1]."""
    head_rotation: Float32[np.ndarray, "3 3"]
    """camera_from_head rotation estimated from the landmarks (OpenCV camera, world-frame head)."""
    crop_from_photo: Float32[np.ndarray, "3 3"]
    """Similarity from photograph pixels to `image` pixels."""
    notes: tuple[str, ...] = ()
    """What was decided on the way, for the report (several faces, weak matte, ...)."""
    ingredients: tuple[Ingredient, ...] = ()
    """The photograph and what made it ready."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """One person: a personalised rig, its texture, and the pose of the photograph."""

    rig: Rig
    mesh: Mesh
    """`rig`'s own vertices and triangles with a texture; `mesh.vertices` is the neutral face."""
    pose: Pose
    """Expression and joints that the photograph shows; the head itself stays in the world frame (root at rest)."""


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """The shape prior's result: how the whole head looks from all around, and the rig that stands for it."""

    views: ViewSet
    """24 views on the horizon orbit, 15 degrees apart, with the photograph's pose; view 0 has the photograph's camera."""
    head: Head
    """A prior without a mesh fits a face model to its own views (toolkit/fitting)."""
    ingredients: tuple[Ingredient, ...] = ()
    """The prior, its weights and its face model."""
    notes: tuple[str, ...] = ()
    """What the report says of how it came about."""
    folder: Path | None = None
    """The surface that the views show as shape.glb and shape.obj, in metres and the head's world, for priors that have one."""


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A run of poses with names and times: a recorded or authored clip, a clip laid out for a rig, the track of a set of frames."""

    name: str
    fps: float
    """Frames per second."""
    expression_names: tuple[str, ...]
    expressions: Float32[np.ndarray, "t k"]
    joint_names: tuple[str, ...]
    joint_rotations: Float32[np.ndarray, "t j 3"]
    """Axis-angle, radians."""
    translations: Float32[np.ndarray, "t 3"]
    """Metres."""

    @property
    def duration(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return len(self.expressions) / self.fps

    def pose(self, frame: int) -> Pose:
        """The pose of one frame, in the motion's own order of names: a rig's where motion.on_rig laid it out."""
        return Pose(self.expressions[frame], self.joint_rotations[frame], self.translations[frame])

    def at(self, seconds: float) -> Pose:
        """The pose at that time, interpolated between frames; the motion repeats, its end leading over to its beginning."""
        frame = seconds * self.fps % len(self.expressions)
        first = int(frame) % len(self.expressions)
        after, weight = (first + 1) % len(self.expressions), frame - int(frame)
        return self.pose(first).towards(self.pose(after), weight)


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What is heard."""

    samples: Int16[np.ndarray, "n c"]
    """A row per moment, a column per channel."""
    rate: int
    """Rows a second."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.rate


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """A view x time set of pictures on disk, all views driven by the same track."""

    folder: Path
    """Holds view_VV/frame_TTTT.png (RGBA, straight alpha, colours of the white composite); VV is an entry of `view_indices`."""
    cameras: tuple[Camera, ...]
    view_indices: tuple[int, ...]
    """Which view of the static ViewSet each camera belongs to."""
    track: Motion | None
    """The motion that all views follow, laid out for the rig; None where the prior invented it and tracking has yet to find it."""
    clip_starts: tuple[int, ...] = (0,)
    """Frames that do not follow in time what stands before them, ascending: the first of each driving clip, and moments chosen apart."""
    ingredients: tuple[Ingredient, ...] = ()
    """The prior, its weights, the driving clips."""

    @property
    def known_track(self) -> Motion:
        """The track. ValueError where it is not known."""
        if self.track is None:
            raise ValueError("frames must have a track, got None: tracking has not found their motion")
        return self.track

    def path(self, view: int, frame: int) -> Path:
        """The picture of a view (an entry of `view_indices`) at a frame of the track."""
        return self.folder / f"view_{view:02d}" / f"frame_{frame:04d}.png"


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """What tracking finds of frames whose motion nobody knows."""

    track: Motion
    """Laid out for the head's rig."""
    head: Head
    """The head, its neutral face refined."""
    ingredients: tuple[Ingredient, ...] = ()
    """The networks that saw the faces."""


@dataclass(frozen=True, slots=True, eq=False)
class BoundSplats:
    """Gaussians in the frames of the triangles that carry them (geometry.triangle_frames), in units of the triangle's scale."""

    means: Float32[np.ndarray, "n 3"]
    rotations_wxyz: Float32[np.ndarray, "n 4"]
    log_scales: Float32[np.ndarray, "n 3"]
    opacity_logits: Float32[np.ndarray, " n"]
    colors: Float32[np.ndarray, "n 3"]
    """sRGB as displayed; may leave [0, 1]; negative values are clamped when drawn."""
    triangles: Int32[np.ndarray, " n"]
    """Index of the triangle that carries each splat."""


@dataclass(frozen=True, slots=True, eq=False)
class Splats:
    """Gaussians in the world frame."""

    means: Float32[np.ndarray, "n 3"]
    rotations_wxyz: Float32[np.ndarray, "n 4"]
    scales: Float32[np.ndarray, "n 3"]
    """Standard deviations, metres."""
    opacities: Float32[np.ndarray, " n"]
    colors: Float32[np.ndarray, "n 3"]
