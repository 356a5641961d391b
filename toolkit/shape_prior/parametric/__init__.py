"""The embedded shape prior: fits, wraps and paints the face model."""

from facecraft4d.toolkit import face_model
from facecraft4d.toolkit.needs import Needs, joined


def needs() -> Needs:
    """The head model, and the network that compares pictures of it."""
    return joined((face_model.needs(), Needs(weights=("lpips_alexnet",))))
