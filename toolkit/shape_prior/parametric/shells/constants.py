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
LOCK_THICKNESS = 0.008
"""Metres of hair beside ear and jaw that these may hide: a usual lock's."""
MATTE_BLUR = 0.005
"""Width of the smoothing of a segment's border, as a fraction of the picture."""
ABOVE_CUT, UNDER_NECK = 0.025, 0.03
"""Metres from which the rays of the bust fan out: above its lower end, where all of neck, shoulders and chest is seen from, and at least so
far below the neck's base."""
RAYS, RAY_ENDS, TORSO_COLUMNS = 96, (82.0, -45.0), 128
"""Rays in each column that look for the body; elevations (degrees) of the first, inside the neck, and the last, below any edge; columns."""
TORSO_ROWS, CUT_ROWS, CUT_END = 22, 6, -86.0
"""Rows of the sheet above its lower edge, about 8 mm apart, and of the cut below it, down to this elevation."""
LEAST_FALL = 10.0
"""Degrees by which the lower edge lies below the collar at least."""
LEAST_BUST = 0.04
"""Metres below the neck's base at which the bust ends, at least."""
CUT_CALM, CUT_HALVINGS = 0.006, 12
"""Width of the smoothing of the lower edge, metres; halvings of the longest ray that find the cut, to a tenth of a millimetre."""
OUTLINE_LENGTHS = (0.04, 0.04, 0.02, 0.02, 0.01, 0.01, 0.005, 0.005)
"""Metres over which the bust's outline is smoothed as it is drawn to the matte's, round by round."""
OUTLINE_REACH, MOST_OFF = 0.06, 0.08
"""Metres from the outline within which the surface follows it, and by which it does so at most: a space suit's ring stands off 6 cm."""
LIMB = 3.0
"""Pixels inside the surface's own outline within which a point lies on it."""
FIT_ROUNDS, FIT_INSIDE = 4, 0.5
"""Rounds in which points that left the matte are drawn in, and pixels inside its border at which they come to lie."""
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

HEAD_RADIUS, CROWN_DEGREES = 0.1, 87.0
"""Radius of a head, by which the angle between rays above the centre becomes the distance between rows; elevation of the first row."""
GAP_ROUNDS = 60
"""Rounds of smoothing over rays that hit no skin: as many as leave no step in the widest gap."""
