"""A camera of this machine, frame by frame."""

from collections.abc import Iterator

import cv2
import numpy as np
from jaxtyping import UInt8

from facecraft4d.toolkit.core.checks import UserError


def camera_frames(number: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """What the camera of that number sees, RGB, until it is taken away. UserError where there is none."""
    cv2.utils.logging.setLogLevel(
        cv2.utils.logging.LOG_LEVEL_ERROR
    )  # what it says of cameras that are not there we say too
    camera = cv2.VideoCapture(number)
    try:
        taken, frame = camera.read()
        if not taken:
            raise UserError(
                f"--live webcam:{number}: no camera answers; is it plugged in, and may this program use it?"
            )
        while taken:
            yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            taken, frame = camera.read()
    finally:
        camera.release()
