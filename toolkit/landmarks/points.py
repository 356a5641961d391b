"""Which of MediaPipe's 478 landmarks is what; left and right are the subject's."""

FACE_OVAL: tuple[int, ...] = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58,
    132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""The outline of the face, clockwise in the picture from the top of the forehead."""
FOREHEAD, CHIN = 10, 152
"""The top and the bottom of the outline."""
MOUTH = 14
"""The middle of the lower lip's upper edge."""
TEMPLES = (127, 356)
"""Right and left, on the outline at the height of the eyes."""
FACE_SIDES = (234, 454)
"""Right and left, on the outline before the ears: the ends of the face's width."""

EYE_CORNERS = (33, 133, 362, 263)
"""Right outer, right inner, left inner, left outer."""
EYE_RIMS = (
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
)
"""Around the opening of the left and the right eye."""
IRISES = ((473, 474, 475, 476, 477), (468, 469, 470, 471, 472))
"""Centre, then rim, of the left and the right iris."""
NOSE: tuple[int, ...] = (1, 2, 4, 5, 6, 19, 94, 97, 98, 168, 195, 197, 326, 327)
"""Along the ridge of the nose and around its tip: what moves least with the expression."""
IRIS_RIMS = tuple(iris[1:] for iris in IRISES)
"""Around the left and the right iris."""
CHEEKS = ((50, 101, 36, 205, 187, 123), (280, 330, 266, 425, 411, 352))
"""Around the skin of the right and the left cheek beside the nose, above most beards."""
CHIN_SKIN = (43, 106, 182, 83, 18, 313, 406, 335, 273, 422, 430, 394, 395, 369, 396, 175, 171, 140, 170, 169, 210, 202)
"""Around the chin below the lips."""
BROW_HAIR = ((70, 63, 105, 66, 107, 55, 65, 52, 53, 46), (300, 293, 334, 296, 336, 285, 295, 282, 283, 276))
"""Around the hair of the right and the left brow."""
BROWS = (105, 334)
"""The highest points of the right and the left brow."""
EYES_WITH_BROWS = (
    (70, 63, 105, 66, 107, 55, 133, 153, 145, 163, 33, 46),
    (300, 293, 334, 296, 336, 285, 362, 380, 374, 390, 263, 276),
)
"""Around the right and the left eye together with its brow."""
LIPS_RIM = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91)
"""Around both lips."""
BELOW_BROWS = (*FACE_OVAL[7:30], 105, 66, 107, 9, 336, 296, 334)
"""Around the face from the brows down, where no hair hangs as a rule."""

IBUG_68 = (
    127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 168, 197, 5, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""The landmark that is nearest in meaning to each of iBUG's 68."""
SCORE_POINTS: tuple[int, ...] = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87,
    88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160,
    161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284,
    285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362,
    365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
    466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
"""The landmarks that the expression network reads."""
