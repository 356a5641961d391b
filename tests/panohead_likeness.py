"""A known head with a portrait's own outline."""

import numpy as np
from panohead_head import Maps, centres, slices
from scipy.ndimage import gaussian_filter1d

from facecraft4d.toolkit.core.datatypes import Portrait
from facecraft4d.toolkit.shape_prior.panohead.cameras import FOCAL, RADIUS
from facecraft4d.toolkit.shape_prior.panohead.crop import cut_out, picture_from_portrait
from facecraft4d.toolkit.shape_prior.panohead.generator import Architecture

SIDE = 256
THIN = 0.002
"""Half axis, in the box's units, where there is no head."""
CROWN, CHIN, DEEP, NECK = 0.27, -0.2, 0.24, 0.13
"""Box units: where a head begins and ends, its half axis ahead where it is deepest, and the neck's."""
SMOOTH = 2.0
"""Cells by which heights are made alike."""


def maps_of(portrait: Portrait, architecture: Architecture) -> Maps:
    """As wide as the portrait's matte at every height that PanoHead's picture shows."""
    matrix, span = picture_from_portrait(portrait, SIDE), RADIUS / FOCAL
    matte = cut_out(np.repeat(1 - portrait.alpha[..., None], 3, 2), matrix, SIDE)[..., 0] < 0.5
    heights = centres(architecture.grid_side, architecture.sampling.box).numpy()
    rows = np.floor((0.5 - heights / span) * SIDE).astype(int)
    middle, half = np.zeros(len(rows)), np.full(len(rows), THIN)
    for index, row in enumerate(rows):
        columns = np.flatnonzero(matte[row]) if 0 <= row < SIDE else ()
        if len(columns):
            left, right = (columns[[0, -1]] + (0, 1)) / SIDE - 0.5
            middle[index], half[index] = span * (left + right) / 2, max(span * (right - left) / 2, THIN)
    solid = half > THIN
    half[solid] = gaussian_filter1d(half[solid], SMOOTH, mode="nearest")
    apart = (heights - (CROWN + CHIN) / 2) / ((CROWN - CHIN) / 2)
    round_head = DEEP * np.sqrt(np.clip(1 - apart**2, 0, 1))
    deep = np.where(solid, np.maximum(round_head, np.where(heights < 0, NECK, THIN)), THIN)
    return slices(middle, half, deep, architecture.grid_side, architecture.sampling.box)
