"""Splats without a rig: PLY, SPZ and GaussianAvatars' files, one pose or a clip frame by frame (frames.py), written and read."""
