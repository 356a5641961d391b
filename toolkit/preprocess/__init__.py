"""Photograph to portrait: load, find the face, align, cut out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from facecraft4d.toolkit import weights
from facecraft4d.toolkit.config import Matting, PreprocessConfig
from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient
from facecraft4d.toolkit.core.stages import Progress, StageContext
from facecraft4d.toolkit.landmarks import head_rotation
from facecraft4d.toolkit.landmarks.points import CHIN
from facecraft4d.toolkit.needs import Needs
from facecraft4d.toolkit.preprocess import align, matte
from facecraft4d.toolkit.preprocess.detect import Face, landmarker
from facecraft4d.toolkit.preprocess.judge import judged
from facecraft4d.toolkit.preprocess.load import Photo, read
from facecraft4d.toolkit.preprocess.upright import find_upright

__all__ = ["check", "needs", "run"]

_WIDE_CENTER, _WIDE_METRES, _WIDE_SIZE = np.array([0.0, -0.02]), 0.68, 1024
"""The first, generous crop in which the head's outline is measured."""
_COVERED = 0.99
"""A pixel whose samples all come from the photograph."""


def check(photo: Path) -> None:
    """UserError for a photograph that cannot be read: known in a moment, before anything is fetched for it."""
    read(photo)


def needs(config: PreprocessConfig) -> Needs:
    """The landmarks' networks and the matte's."""
    if config.matting is Matting.ISNET:
        return Needs(packages=("onnxruntime",), weights=("face_landmarker", "isnet"))
    return Needs(weights=("face_landmarker", "selfie_segmentation"))


def run(photo: Path, config: PreprocessConfig, context: StageContext) -> Portrait:
    """Make the portrait: upright, centred, cut out, on white. UserError in one line where the photograph cannot be used."""
    steps = ("reading", "finding the face", "measuring the head", "matting", "done")

    def tell(step: int) -> None:
        context.report(Progress("preprocess", step, len(steps) - 1, steps[step]))

    tell(0)
    picture = read(photo)
    tell(1)
    face, looks = find_upright(picture, config.face)
    picture = replace(picture, notes=picture.notes + judged(picture.name, looks))
    tell(2)
    probability, extent = _measure(picture, face, config)
    tell(3)
    portrait = _portrait(picture, face, probability, extent, config)
    tell(4)
    return portrait


def _measure(picture: Photo, face: Face, config: PreprocessConfig) -> tuple[Float32[np.ndarray, "w w"], align.Extent]:
    """Person mask on the generous crop, and how far the head with hair or hat reaches."""
    matrix = align.crop_from_photo(face, _WIDE_CENTER, _WIDE_METRES, _WIDE_SIZE)
    covered = align.coverage(picture.rgb.shape[:2], matrix, _WIDE_SIZE) > _COVERED
    if picture.alpha is not None:
        probability = align.warp(picture.alpha, matrix, _WIDE_SIZE)
    else:
        probability = matte.person_probability(align.warp(picture.rgb, matrix, _WIDE_SIZE), covered, config.matting)
    plane = align.head_plane(_WIDE_SIZE, _WIDE_CENTER, _WIDE_METRES)
    region = matte.face_region(_moved(face.found.landmarks, matrix), _WIDE_SIZE)
    return probability, matte.extent(matte.keep_head(probability * covered, plane, region), plane)


def _portrait(
    picture: Photo, face: Face, probability: Float32[np.ndarray, "w w"], extent: align.Extent, config: PreprocessConfig
) -> Portrait:
    size, (center, side) = config.size, align.frame(extent)
    matrix = align.crop_from_photo(face, center, side, size)
    wide = align.crop_from_photo(face, _WIDE_CENTER, _WIDE_METRES, _WIDE_SIZE)
    landmarks = _moved(face.found.landmarks, matrix)
    image, covered = align.warp(picture.rgb, matrix, size), align.coverage(picture.rgb.shape[:2], matrix, size)
    region = matte.face_region(landmarks, size)
    alpha = align.warp(probability, matrix @ np.linalg.inv(wide), size)
    if picture.alpha is None and config.matting is Matting.SELFIE:
        alpha = matte.refine(image, alpha, region)
    colors = matte.foreground(image, alpha)
    head = matte.keep_bust(alpha * covered, align.head_plane(size, center, side), region)
    white = colors * head[..., None] + 1 - head[..., None]
    rotation = head_rotation(landmarks, landmarker().canonical)
    notes = picture.notes + face.notes + _cut_notes(head, covered, float(landmarks[CHIN, 1]))
    return Portrait(
        np.clip(white, 0, 1),
        head,
        landmarks,
        face.found.expression,
        rotation.astype(np.float32),
        matrix.astype(np.float32),
        notes,
        _ingredients(picture, config),
    )


def _ingredients(picture: Photo, config: PreprocessConfig) -> tuple[Ingredient, ...]:
    """The photograph, without its hash if it is to stay unknown, and the networks that read it."""
    credit = "given by the user, who answers for its rights"
    matte_network = "isnet" if config.matting is Matting.ISNET else "selfie_segmentation"
    sha256 = "" if config.anonymous else picture.sha256
    return (
        Ingredient("photograph", "the portrait", "the user's", Commercial.YES, credit, sha256),
        weights.as_ingredient("face_landmarker", "landmarks and expression scores"),
        weights.as_ingredient(matte_network, "matting"),
    )


def _moved(landmarks: Float32[np.ndarray, "478 3"], matrix: Float[np.ndarray, "3 3"]) -> Float32[np.ndarray, "478 3"]:
    """Landmarks under a similarity of the image; depth takes its scale."""
    xy = landmarks[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    return np.column_stack([xy, landmarks[:, 2] * np.hypot(*matrix[:2, 0])]).astype(np.float32)


def _cut_notes(head: Float32[np.ndarray, "s s"], covered: Float32[np.ndarray, "s s"], chin: float) -> tuple[str, ...]:
    """Say where the photograph itself cuts the head, and what is below the chin."""
    inside = np.pad(covered > _COVERED, 2, mode="edge")
    border = (covered > _COVERED) & ~(inside[4:, 2:-2] & inside[:-4, 2:-2] & inside[2:-2, 4:] & inside[2:-2, :-4])
    rows = np.flatnonzero((border & (head > 0.5)).any(1))
    parts = (("head", (rows < chin).any()), ("bust", (rows >= chin).any()))
    return tuple(f"the photo's border cuts the {part}" for part, is_cut in parts if is_cut)
