"""Videos that tests write, of a sample photograph and of nobody."""

from pathlib import Path

import av
import numpy as np
from photographs import ASTRONAUT, HOPPER, pixels
from PIL import Image


def write_video(path: Path, pictures: np.ndarray) -> None:
    """An MP4 of RGB pictures [t, h, w, 3], 25 a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.height, stream.width = pictures.shape[1:3]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())


def face(smiles: bool, side: int = 256) -> np.ndarray:
    """Somebody who smiles, or somebody who does not, their faces in the same place."""
    whole = Image.fromarray(pixels(ASTRONAUT)[4:244, 105:345] if smiles else pixels(HOPPER)[11:455, 43:487])
    return np.array(whole.resize((side, side), Image.Resampling.LANCZOS))


def nobody(side: int = 256) -> np.ndarray:
    """A grey wall."""
    return np.full((side, side, 3), 120, np.uint8)
