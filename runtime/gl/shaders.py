"""GLSL sources of the package, put together, and the numbers of a picture as their uniforms."""

from collections.abc import Sequence
from importlib.resources import files
from math import log2
from typing import Any, NamedTuple

from facecraft4d.toolkit.core.datatypes import Camera
from facecraft4d.toolkit.splatting.settings import Settings

HEAD = ("deform.glsl", "project.glsl", "rig.glsl")
"""What every pre-pass begins with."""

EMULATORS = ("llvmpipe", "softpipe", "swiftshader", "software", "swrast")
"""OpenGL drivers that run on the processor, as they call themselves."""


class NoOpenGL(Exception):
    """There is no OpenGL on this machine that could draw."""


class Clip(NamedTuple):
    """Planes of the depth buffer that is drawn into, metres from the camera."""

    near: float = 0.05
    far: float = 100.0


def source(*names: str, version: int = 330, defines: Sequence[str] = ()) -> str:
    """One shader from files of the package, in their order."""
    texts = [(files("facecraft4d.shaders") / name).read_text(encoding="utf-8") for name in names]
    return "\n".join([f"#version {version} core", *(f"#define {name}" for name in defines), *texts])


def is_emulated(driver: str) -> bool:
    """Whether a driver of that name draws on the processor."""
    return any(name in driver.lower() for name in EMULATORS)


def set_uniforms(program: Any, **values: Any) -> None:
    """Those of the values that the program reads: compilers leave out what is not used."""
    for name, value in values.items():
        if name in program:
            program[name] = value


def set_camera(program: Any, camera: Camera, antialiased: bool) -> None:
    """What project.glsl and splat.frag read."""
    settings = Settings(camera.width, camera.height)
    set_uniforms(
        program,
        camera_from_world=tuple(camera.camera_from_world.T.ravel().tolist()),
        focal=(camera.fx, camera.fy),
        principal=(camera.cx, camera.cy),
        size=(camera.width, camera.height),
        near_plane=settings.near_plane,
        low_pass=settings.eps2d,
        cutoff=settings.alpha_cutoff,
        log2_cutoff=log2(settings.alpha_cutoff),
        sigma_clamp=settings.sigma_clamp,
        alpha_max=settings.alpha_max,
        antialiased=antialiased,
    )
