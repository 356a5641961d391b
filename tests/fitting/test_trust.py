"""However many pictures show a moment, together they count as a few: what is wrong of the figure is wrong in all of them."""

import pytest

from facecraft4d.toolkit.fitting.moving import AS_MANY, Trust


@pytest.mark.parametrize("pictures", [1, 2, AS_MANY, AS_MANY + 1, 12, 100])
def test_pictures_count_in_full_up_to_a_few_and_together_no_more_than_these(pictures: int) -> None:
    whole, each = Trust(landmarks=0.3, colours=0.2, outlines=0.1, stride=2), Trust(0.3, 0.2, 0.1, 2).among(pictures)
    for name in ("landmarks", "colours", "outlines"):
        assert pictures * getattr(each, name) == pytest.approx(min(pictures, AS_MANY) * getattr(whole, name))
    assert each.stride == whole.stride
