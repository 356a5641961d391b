"""The program of the child that tries networks (trial.py): loads one as the stages do, and runs it once on nothing."""

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from facecraft4d.toolkit.core.untrusted.limits import limit_memory, limit_seconds

MEMORY_BYTES, SECONDS = 6 << 30, 60.0
"""Address space, most of which libraries reserve and never use, and processor time."""
MOST_INPUT = 1 << 26
"""Numbers that a network may be given: 1024 x 1024 colours are 3 million."""


def main(name: str, path: Path) -> None:
    """Try the file in place of the weights of that name; whatever is raised ends the process."""
    limit_memory(MEMORY_BYTES)
    limit_seconds(SECONDS)
    TRIALS[name](path)


def _bundle(path: Path) -> None:
    with zipfile.ZipFile(path) as bundle:
        for member in bundle.namelist():
            if member.endswith(".tflite"):
                _lite(bundle.read(member))


def _lite(content: bytes) -> None:
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(model_content=content, num_threads=1)
    network.allocate_tensors()
    for each in network.get_input_details():
        network.set_tensor(each["index"], _nothing(tuple(each["shape"]), each["dtype"]))
    network.invoke()


def _onnx(path: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    shape = tuple(side if isinstance(side, int) else 1 for side in given.shape)
    session.run(None, {given.name: _nothing(shape, np.float16 if "16" in given.type else np.float32)})


def _yunet(path: Path) -> None:
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    cv2.FaceDetectorYN.create(str(path), "", (320, 320)).detect(np.zeros((320, 320, 3), np.uint8))


def _sface(path: Path) -> None:
    import cv2

    cv2.FaceRecognizerSF.create(str(path), "").feature(np.zeros((112, 112, 3), np.uint8))


def _nothing(shape: tuple[int, ...], kind: type) -> np.ndarray:
    if not 0 < np.prod(shape, dtype=np.float64) <= MOST_INPUT:
        raise ValueError(f"a network whose input has the shape {shape}")
    return np.zeros(shape, kind)


TRIALS: dict[str, Callable[[Path], None]] = {
    "face_landmarker": _bundle,
    "selfie_segmentation": lambda path: _lite(path.read_bytes()),
    "isnet": _onnx,
    "yunet": _yunet,
    "sface": _sface,
}
"""By the weights' name."""


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
