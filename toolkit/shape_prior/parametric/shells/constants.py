"""The numbers behind hair, clothes and glasses.

The photograph shows none of what is behind, and little of how thick things are. Where no other reason stands beside a number it was told
from the two sample portraits and the synthetic subjects. Lengths are metres.
"""

import numpy as np

COLUMNS = 96
"""Rays around the head: about 7 mm apart on its sides."""
SPACING_METRES = 0.007
"""Between the rows of rays."""
UNDER_SKIN_METRES = 0.008
"""How deep a sheet dives below the skin where the photograph shows skin."""
COLLAR_RISE = 0.05
"""Metres above the middle of the neck that a collar may stand up beside the jaw."""
WALK_STEP = 0.001
"""Between two looks along a ray: about a pixel of the usual portrait, 0.38 m over 512 of them."""
WALK = np.arange(0.0, 0.32, WALK_STEP)
"""Metres beyond the skin at which a sheet's reach in the picture is looked up: wide hair and shoulders end before."""
CROWN_CENTER = 0.45
"""The rays of hair fan out from this part of the scalp's height."""
SOFT_EDGE = (0.5, 0.5)
"""Smoothing of where a sheet is, in rows and columns."""
RISE = 1.6
"""A sheet has its full height where presence has gone 1 / 1.6 of the way from one half to 1."""
HAIR_VISIBLE, CLOTHES_VISIBLE = 0.02, 0.05
"""Cosines to the line of sight from which hair, and clothes, are seen at all."""
LEAST_REACH, FULL = 0.002, 0.5
"""Metres of reach from which a side has hair, and part of it that must be hair: gaps belong to the background."""
MATTE_BLUR = 0.005
"""Width of the smoothing of a segment's border, as a fraction of the picture."""
FIT_ROUNDS, INSIDE_PIXELS = 12, 0.25
"""Rounds in which a sheet is drawn into the matte, and how far inside its points come to lie."""
BELOW_PICTURE, LEAST_BUST = 0.03, 0.03
"""Metres that shoulders go on below a picture that cuts them off, and that the sheet of clothes is high at least."""
BUST_DEPTH, DEPTH_SLOPE, MOST_DEPTH = 0.062, 0.35, 0.125
"""Metres from the neck's axis to chest and back: as wide up to the first, then this share of what is wider, to no more than the last."""
SHOULDER_POWER = 2.4
"""Exponent of the superellipse through width and depth: shoulders are squarer than an ellipse."""
NECK_RADIUS, COLLAR_GAP = 0.075, 0.004
"""Metres: skin farther from the axis than the first is chin, not neck; clothes stand off the neck by the second."""
CHECKED_INSIDE = 0.97
"""Part of a clothes' radius at which the picture is looked up, so that its border does not count as background."""
LEAST_SHOULDER = 0.02
"""Metres of reach from which a row of clothes has begun."""

HEAD_RADIUS, CROWN_DEGREES = 0.1, 87.0
"""Radius of a head, by which the angle between rays above the centre becomes the distance between rows; elevation of the first row."""
GAP_ROUNDS = 60
"""Rounds of smoothing over rays that hit no skin: as many as leave no step in the widest gap."""

STRANGE = 0.35
"""Distance of a colour from the face's median above which it is not that of skin."""
WORN = 0.45
"""Share of the skin beside the lids that must be strange before glasses are supposed: brows and shadows cover less."""
