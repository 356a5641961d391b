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
WALK_STEP = 0.001
"""Between two looks along a ray: about a pixel of the usual portrait, 0.38 m over 512 of them."""
WALK = np.arange(0.0, 0.32, WALK_STEP)
"""Metres beyond the skin at which a sheet's reach in the picture is looked up: wide hair and shoulders end before."""
CROWN_CENTER = 0.45
"""The rays of hair fan out from this part of the scalp's height."""
LEAST_REACH, FULL = 0.002, 0.5
"""Metres of reach from which a side has hair, and part of it that must be hair: gaps belong to the background."""
MATTE_BLUR = 0.005
"""Width of the smoothing of a segment's border, as a fraction of the picture."""
FIT_ROUNDS, INSIDE_PIXELS = 12, 0.25
"""Rounds in which a sheet is drawn into the matte, and how far inside its points come to lie."""
TORSO_DROP, RAYS, TORSO_ROWS = 0.075, 96, 22
"""Metres below the neck's base from which the rays of the bust fan out: all of neck, shoulders and chest is seen from there; rays in each
column that look for the body; rows of the sheet, about 8 mm apart."""
UPPER_END, LOWER_END = 82.0, -45.0
"""Elevations of the first and the last of these rays, degrees: inside the neck, and below any edge."""
HEM = (0.3, 0.25)
"""Presence of the first row, inside the neck, and what each row adds: skin is tucked in from the second row on, so that none gapes at the hem."""
COLLAR_GAP = 0.004
"""Metres that clothes stand off the body."""
MOST_LIFT, LIFT_BLUR = 0.06, 0.006
"""The most metres by which shoulders are raised or lowered to the photograph's outline, and the width of the smoothing of that."""
UNDER_JAW = 0.01
"""Metres above the neck's base up to which an outline tells how high the shoulders are: beside the neck it is too steep for that."""
SKIN_ABOVE, SKIN_FADE = 0.015, 0.03
"""Metres above the neck's base from which the head's skin begins to follow the shoulders, and over which that grows."""
COLLAR_SEEN = 0.3
"""Cosine to the line of sight from which a column tells where skin ends on cloth: nearer to the outline a pixel is a centimetre."""
COLLAR_RANGE, COLLAR_UNDER = (-0.05, 0.07), 0.012
"""Metres below and above the neck's base between which collars lie, and that the neck's skin goes on below them."""
COLLAR_MEDIAN, COLLAR_BLUR = 5, 1.5
"""Columns of which the middle one in height counts, and smoothing of the collar in columns."""
SIDE_POWER = 12.0
"""Exponent of the superellipse by which shoulders that are wider than the bust end at its sides: the rounding is a centimetre wide."""
EDGE_BLUR, HALF_BUST = 0.006, 0.25
"""Metres: width of the smoothing of the lower edge, and half of the widest bust."""

HEAD_RADIUS, CROWN_DEGREES = 0.1, 87.0
"""Radius of a head, by which the angle between rays above the centre becomes the distance between rows; elevation of the first row."""
GAP_ROUNDS = 60
"""Rounds of smoothing over rays that hit no skin: as many as leave no step in the widest gap."""
