"""Other standards' expressions as mixtures of ARKit's weights: the one table for every format that names them.

Names are those of VRM 1.0 (https://github.com/vrm-c/vrm-specification/blob/master/specification/VRMC_vrm-1.0/expressions.md) and of the
fifteen visemes of Oculus LipSync, which Meta's and others' avatars share. The mixtures are ours: chosen by eye on the default head.
"""

from collections.abc import Mapping

from facecraft4d.toolkit.core.arkit import ARKIT_NAMES

Mixture = Mapping[str, float]
"""Weights of ARKit's expressions."""


def both(name: str, value: float = 1.0) -> dict[str, float]:
    """The left and the right expression of a pair."""
    return {f"{name}Left": value, f"{name}Right": value}


def gaze(right: float, up: float) -> dict[str, float]:
    """Both eyes towards the subject's right and up, each -1 to 1."""
    side = {"eyeLookInLeft": right, "eyeLookOutRight": right} if right > 0 else {}
    side |= {"eyeLookOutLeft": -right, "eyeLookInRight": -right} if right < 0 else {}
    return side | (both("eyeLookUp", up) if up > 0 else {}) | (both("eyeLookDown", -up) if up < 0 else {})


VISEMES: Mapping[str, Mixture] = {
    "sil": {},
    "PP": both("mouthPress", 0.85) | {"mouthRollLower": 0.55, "mouthRollUpper": 0.85},
    "FF": {"mouthRollLower": 0.9, "jawOpen": 0.08} | both("mouthUpperUp", 0.3),
    "TH": {"tongueOut": 0.45, "jawOpen": 0.22} | both("mouthLowerDown", 0.2),
    "DD": {"jawOpen": 0.15} | both("mouthLowerDown", 0.3) | both("mouthUpperUp", 0.15),
    "kk": {"jawOpen": 0.25} | both("mouthStretch", 0.25),
    "CH": {"mouthFunnel": 0.85, "mouthPucker": 0.2, "jawOpen": 0.08, "mouthShrugUpper": 0.3},
    "SS": {"jawOpen": 0.05} | both("mouthStretch", 0.4) | both("mouthSmile", 0.25) | both("mouthDimple", 0.3),
    "nn": {"jawOpen": 0.12} | both("mouthLowerDown", 0.2) | both("mouthStretch", 0.15),
    "RR": {"jawOpen": 0.12, "mouthFunnel": 0.45, "mouthPucker": 0.3} | both("mouthLowerDown", 0.15),
    "aa": {"jawOpen": 0.65} | both("mouthLowerDown", 0.4) | both("mouthUpperUp", 0.25),
    "E": {"jawOpen": 0.2} | both("mouthSmile", 0.5) | both("mouthStretch", 0.35) | both("mouthLowerDown", 0.3),
    "ih": {"jawOpen": 0.3} | both("mouthSmile", 0.25) | both("mouthUpperUp", 0.2),
    "oh": {"jawOpen": 0.45, "mouthFunnel": 0.7, "mouthPucker": 0.2},
    "ou": {"jawOpen": 0.1, "mouthPucker": 0.95, "mouthFunnel": 0.3},
}
"""Mouth shapes of speech sounds. `sil` is silence: the mouth at rest."""

VRM_PRESETS: Mapping[str, Mixture] = {
    "happy": both("mouthSmile", 0.8) | both("cheekSquint", 0.5) | both("eyeSquint", 0.3) | both("mouthDimple", 0.2),
    "angry": both("browDown", 0.9) | both("noseSneer", 0.4) | both("mouthPress", 0.4) | both("eyeSquint", 0.4)
    | both("mouthFrown", 0.3),
    "sad": {"browInnerUp": 0.8, "mouthShrugLower": 0.4} | both("mouthFrown", 0.7) | both("eyeLookDown", 0.2)
    | both("eyeBlink", 0.15),
    "relaxed": both("eyeBlink", 0.25) | both("mouthSmile", 0.3) | {"browInnerUp": 0.1},
    "surprised": {"browInnerUp": 0.8, "jawOpen": 0.35} | both("browOuterUp", 0.8) | both("eyeWide", 0.7),
    "aa": VISEMES["aa"],
    "ih": VISEMES["ih"],
    "ou": VISEMES["ou"],
    "ee": VISEMES["E"],
    "oh": VISEMES["oh"],
    "blink": both("eyeBlink"),
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
    "lookUp": gaze(0.0, 1.0),
    "lookDown": gaze(0.0, -1.0),
    "lookLeft": gaze(-1.0, 0.0),
    "lookRight": gaze(1.0, 0.0),
}  # fmt: skip
"""Presets of VRM 1.0 but `neutral`, which is the head at rest. Left and right are the subject's, there as here."""

VRM_0: Mapping[str, str] = {
    "a": "aa", "i": "ih", "u": "ou", "e": "ee", "o": "oh", "blink_l": "blinkLeft", "blink_r": "blinkRight", "joy": "happy",
    "sorrow": "sad", "fun": "relaxed", "surprise": "surprised",
}  # fmt: skip
"""Presets of VRM 0 in small letters, and what VRM 1.0 calls them."""


def mixture_of(name: str) -> Mixture | None:
    """What a name means, as programs write it: any case, `_L` and `_R` for the sides, VRM's presets; None for what nobody knows."""
    return _SPELLINGS.get(name.strip().lower())


def summed(named: Mapping[str, float]) -> dict[str, float]:
    """Weights by ARKit's names of weights by anybody's; unknown names are left out."""
    total: dict[str, float] = {}
    for name, weight in named.items():
        for target, share in (mixture_of(name) or {}).items():
            total[target] = total.get(target, 0.0) + share * weight
    return total


def _spellings() -> dict[str, Mixture]:
    """Names in small letters. jawLeft is the jaw to the left and has no side: so has no name of a word that stands alone with its side."""
    found: dict[str, Mixture] = {name.lower(): mixture for name, mixture in VRM_PRESETS.items()}
    found |= {old: VRM_PRESETS[new] for old, new in VRM_0.items()}
    for name in ARKIT_NAMES:
        short = name.removesuffix("Left").removesuffix("Right")
        spellings = {name} if short == name else {name, f"{short}_{name[len(short)]}", short + name[len(short)]}
        found |= {spelling.lower(): {name: 1.0} for spelling in spellings}
    return found


_SPELLINGS = _spellings()
