"""How wide and deep LivePortrait's networks are; what is published is the default, tests write narrower ones."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Widths are channels, depths are blocks."""

    keypoints: int = 21
    volume_width: int = 32
    volume_depth: int = 16
    """Slices along the line of sight."""
    appearance_width: int = 64
    """After F's first convolution; each of its two halvings doubles it."""
    appearance_blocks: int = 6
    motion_widths: tuple[int, ...] = (96, 192, 384, 768)
    motion_depths: tuple[int, ...] = (3, 3, 9, 3)
    """Of M's stages: ConvNeXt V2 tiny (Woo et al. 2023)."""
    compressed_width: int = 4
    """Of the volume that finds the dense motion."""
    hourglass_width: int = 32
    hourglass_most: int = 1024
    hourglass_levels: int = 5
    feature_width: int = 256
    """What W hands to G; G is twice as wide in its middle."""
    middle_blocks: int = 6
    style_width: int = 128
    """Between W's features and the scales and shifts of a SPADE."""
    stitching_widths: tuple[int, ...] = (128, 128, 64)
    """Hidden layers of the stitching and the lip network."""
    eye_widths: tuple[int, ...] = (256, 256, 128, 128, 64)

    @property
    def volume_channels(self) -> int:
        """Of the volume whose slices are laid beside its channels."""
        return self.volume_width * self.volume_depth

    @property
    def motions(self) -> int:
        """Candidates of the dense motion: one a keypoint, and none at all."""
        return self.keypoints + 1


PUBLISHED = Architecture()
"""Of the checkpoints at huggingface.co/KwaiVGI/LivePortrait."""
