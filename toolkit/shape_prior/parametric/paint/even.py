"""The photograph under even light: its fitted light divided out, for engines that bring their own."""

from dataclasses import replace

import cv2
import numpy as np
import scipy.ndimage
from jaxtyping import Float32

from facecraft4d.toolkit.core.datatypes import Camera, Portrait
from facecraft4d.toolkit.core.geometry import normalized
from facecraft4d.toolkit.core.pixels import linear_from_srgb, srgb_from_linear
from facecraft4d.toolkit.meshes.raster import interpolate, rasterize
from facecraft4d.toolkit.shape_prior.parametric.assembly import Assembly
from facecraft4d.toolkit.shape_prior.parametric.paint.light import Light
from facecraft4d.toolkit.shape_prior.parametric.paint.texels import posed_normals, unblended

_SMOOTHING = 0.01
"""Smoothing of the light on the picture, as a fraction of its side: where a nose is fitted some pixels off, no edge of it shows."""


def evenly_lit(portrait: Portrait, camera: Camera, assembly: Assembly, light: Light) -> Portrait:
    """The portrait as the head would look with as much light from everywhere; shadows that one part casts on another stay."""
    alpha, shading = portrait.alpha[..., None], _light_on_picture(camera, assembly, light)[..., None]
    image = srgb_from_linear(linear_from_srgb(unblended(portrait)) / shading)
    return replace(portrait, image=np.asarray(image * alpha + 1 - alpha, np.float32))


def _light_on_picture(camera: Camera, assembly: Assembly, light: Light) -> Float32[np.ndarray, "h w"]:
    """The linear light on what each pixel shows; beside the head that of the nearest pixel on it."""
    fragments = rasterize(camera, assembly.posed, assembly.rig.triangles)
    normals = normalized(interpolate(fragments, posed_normals(assembly)[assembly.rig.triangles]))
    shading = light.shading(normals.reshape(-1, 3)).reshape(fragments.covered.shape)
    if fragments.covered.any():
        nearest = scipy.ndimage.distance_transform_edt(~fragments.covered, return_distances=False, return_indices=True)
        shading = shading[tuple(nearest)]
    return np.asarray(cv2.GaussianBlur(shading, (0, 0), _SMOOTHING * len(shading)), np.float32)
