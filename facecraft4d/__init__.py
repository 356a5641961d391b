"""FaceCraft4D toolkit: one portrait to an animatable Gaussian head avatar."""

from importlib.metadata import version

__version__ = version("facecraft4d")
