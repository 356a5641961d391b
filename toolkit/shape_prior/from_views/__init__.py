"""A head from views: the face model fitted to pictures and depths from all around, dressed in the surface they show, for priors without a rig."""

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import FaceModelConfig
from facecraft4d.toolkit.needs import Needs, joined


def needs(chosen: FaceModelConfig) -> Needs:
    """The head model, the network that finds its face in the views, and the one that compares pictures of it."""
    return joined((face_model.needs(chosen), Needs(weights=("lpips_alexnet", "face_landmarker"))))
