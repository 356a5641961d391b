"""The embedded shape prior: fits, wraps and paints the face model."""

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.config import FaceModelConfig
from facecraft4d.toolkit.needs import Needs, joined


def needs(chosen: FaceModelConfig) -> Needs:
    """The head model, and the network that compares pictures of it."""
    return joined((face_model.needs(chosen), Needs(weights=("lpips_alexnet",))))
