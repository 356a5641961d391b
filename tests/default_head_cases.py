"""What the tests of the default head share: its joints, its regions, and poses of it."""

import numpy as np

from facecraft4d.toolkit.core.rigging import in_regions, neutral_pose, pose_vertices
from facecraft4d.toolkit.face_model import FaceModel, personalized_rig

ROOT, NECK, JAW, EYE_LEFT, EYE_RIGHT = range(5)
FLIP = np.array([-1, 1, 1], np.float32)


def vertices_of(head: FaceModel, region: str) -> np.ndarray:
    return np.unique(head.triangles[in_regions(head, region)])


def posed_head(
    head: FaceModel, expression: dict[str, float] | None = None, joints: dict[int, list[float]] | None = None
) -> np.ndarray:
    rig = personalized_rig(head)
    pose = neutral_pose(rig)
    for name, weight in (expression or {}).items():
        pose.expression[head.expression_names.index(name)] = weight
    for joint, rotation in (joints or {}).items():
        pose.joint_rotations[joint] = rotation
    return pose_vertices(rig, pose)


def random_pose(head: FaceModel, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    identity = 0.2 * rng.standard_normal(len(head.identity_names))
    return identity, rng.random(52) * 0.5, 0.3 * rng.standard_normal((5, 3)), 0.01 * rng.standard_normal(3)
