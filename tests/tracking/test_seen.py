"""What the network sees of a face that moves, without what it sees wrongly of the same face at rest."""

import numpy as np

from facecraft4d.toolkit.landmarks import FaceBox, FaceLandmarker, FaceLandmarks
from facecraft4d.toolkit.tracking.seen import Sightings, relative


class Biased(FaceLandmarker):
    """Sees every landmark at its place, but for a bias of its own; in dark pictures nothing."""

    def __init__(self, seen: np.ndarray) -> None:
        self._seen = np.concatenate([seen, np.zeros((478, 1))], 1).astype(np.float32)

    def detect(self, rgb: np.ndarray) -> list[FaceBox]:
        return [FaceBox(np.zeros(2), 1.0, 0.0, 1.0)] if rgb.any() else []

    def landmarks(self, rgb: np.ndarray, box: FaceBox) -> FaceLandmarks:
        return FaceLandmarks(self._seen, np.zeros(52, np.float32), 1.0, box)


def test_what_is_seen_wrongly_at_rest_is_taken_off_in_every_frame_of_that_view() -> None:
    rng = np.random.default_rng(3)
    there, bias, motion = rng.uniform(40, 200, (478, 2)), rng.normal(size=(478, 2)), rng.normal(size=(5, 2, 478, 2))
    landmarks = np.concatenate([there + bias + motion, rng.normal(size=(5, 2, 478, 1))], -1).astype(np.float32)
    seen = np.ones((5, 2), bool)
    seen[3] = False
    before = Sightings(landmarks, np.zeros((5, 2, 52), np.float32), seen)
    stills = [np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)]
    after = relative(before, Biased(there + bias), stills, [there, there])
    assert np.allclose(after.landmarks[seen[:, 0], 0, :, :2], there + motion[seen[:, 0], 0], atol=1e-3)
    assert np.array_equal(after.landmarks[:, 1], landmarks[:, 1]), "no face in the still picture: nothing is known"
    assert np.array_equal(after.landmarks[3], landmarks[3]) and np.array_equal(
        after.landmarks[..., 2], landmarks[..., 2]
    )
    assert np.array_equal(before.landmarks, landmarks)
