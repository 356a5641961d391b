"""How the tests draw synthetic people: pixels of a picture and of a texture, frames of an expression, and the camera in front."""

from facecraft4d.toolkit.core.geometry import orbit_camera
from facecraft4d.toolkit.subjects.people import RADIUS_METRES, TARGET

SIZE, TEXTURE, FRAMES = 96, 512, 2
FRONT = orbit_camera(0.0, 0.0, RADIUS_METRES, SIZE, TARGET)
