"""The golden pictures' case table: tiny avatar, 128 pixels. `regenerate.py` draws them, runtime/test_golden.py compares."""

from facecraft4d.runtime import RenderOptions

CASES: dict[str, tuple[dict[str, float], RenderOptions]] = {
    "front": ({}, RenderOptions(size=128)),
    "left_open": ({"jawOpen": 1.0}, RenderOptions(size=128, yaw=40.0, pitch=15.0, background="black")),
    "right_blink": ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, RenderOptions(size=128, yaw=-60.0)),
    "back": ({}, RenderOptions(size=128, yaw=180.0, pitch=-10.0, background="#304050")),
    "close_smile": (
        {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "browInnerUp": 1.0},
        RenderOptions(size=128, zoom=2.0, fov=50.0, background="transparent"),
    ),
}
"""Expression weights and options of each picture."""
