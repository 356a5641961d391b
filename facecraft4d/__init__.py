"""FaceCraft4D toolkit: one portrait to an animatable Gaussian head avatar."""


def __getattr__(name: str) -> str:
    """The package's version, read when it is asked for: the package's records take longer to open than most modules."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("facecraft4d")
