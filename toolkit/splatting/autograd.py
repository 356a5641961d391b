"""The compiled kernels as differentiable torch functions: project, shade, gather, blend. Rows are splats seen by a camera."""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facecraft4d.toolkit.splatting import binning, harmonics, kernels, projection
from facecraft4d.toolkit.splatting.settings import Settings

Array = NDArray[Any]


@dataclass
class Rows:
    """Which rows belong to which image (camera of a batch) and which splat each is; filled by `Project`."""

    settings: Settings
    viewmats: Array
    """[images, 4, 4] float64."""
    intrinsics: Array
    """[images, 3, 3] float64."""
    cameras: int
    """Images per batch."""
    packed: bool
    ids: list[Array] = field(default_factory=list)
    """For each image the splat within its batch of each of its rows."""
    radii: list[Array] = field(default_factory=list)

    def spans(self) -> list[slice]:
        """Each image's rows."""
        ends = itertools.accumulate(map(len, self.ids), initial=0)
        return [slice(begin, end) for begin, end in itertools.pairwise(ends)]


def _numpy(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().numpy())


def _project_image(inputs: tuple[Array, ...], image: int, rows: Rows) -> tuple[Array, ...]:
    """One camera's means2d, conics, depths, opacities; with packing only of the splats it sees."""
    n, dtype = len(inputs[0]), inputs[0].dtype
    outputs = tuple(np.empty((n, *tail), dtype) for tail in ((2,), (3,), (), ()))
    radii = np.empty((n, 2), np.int32)
    projection.project(inputs, rows.viewmats[image], rows.intrinsics[image], rows.settings, (*outputs, radii))
    ids = np.flatnonzero(radii[:, 0]) if rows.packed else np.arange(n)
    if len(ids) < n:
        outputs, radii = tuple(np.take(o, ids, axis=0) for o in outputs), radii[ids]
    rows.ids.append(ids)
    rows.radii.append(radii)
    return outputs


class Project(torch.autograd.Function):
    """(means [b, n, 3], quats, scales, opacities [b, n], viewmats [images, 4, 4]) -> means2d, conics, depths, opacities by row."""

    @staticmethod
    def forward(
        ctx: Any, means: Tensor, quats: Tensor, scales: Tensor, opacities: Tensor, viewmats: Tensor, rows: Rows
    ) -> Any:
        """Project every batch into each of its cameras."""
        inputs = [_numpy(t) for t in (means, quats, scales, opacities)]
        images = [
            _project_image(tuple(a[i // rows.cameras] for a in inputs), i, rows) for i in range(len(rows.viewmats))
        ]
        ctx.inputs, ctx.rows, ctx.wants_view = inputs, rows, viewmats.requires_grad
        joined = images[0] if len(images) == 1 else [np.concatenate(parts) for parts in zip(*images, strict=True)]
        return tuple(torch.from_numpy(a) for a in joined)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Sum over cameras, one after the other."""
        rows, outputs = ctx.rows, [np.zeros_like(a) for a in ctx.inputs]
        given, views = [_numpy(g) for g in gradients], np.zeros_like(rows.viewmats)
        for image, span in enumerate(rows.spans()):
            batch = image // rows.cameras
            inputs, to = (tuple(a[batch] for a in arrays) for arrays in (ctx.inputs, outputs))
            where = rows.viewmats[image], rows.intrinsics[image], rows.settings
            parts = tuple(g[span] for g in given)
            views[image] = projection.project_backward(rows.ids[image], rows.radii[image], inputs, *where, parts, to)
        to_view = torch.from_numpy(views).to(gradients[0].dtype) if ctx.wants_view else None
        return (*map(torch.from_numpy, outputs), to_view, None)


class Shade(torch.autograd.Function):
    """(means [b, n, 3], coefficients [b or images, n, k, 3], camera positions [images, 3]) -> colours [rows, 3]."""

    @staticmethod
    def forward(ctx: Any, means: Tensor, coefficients: Tensor, positions: Tensor, degree: int, rows: Rows) -> Tensor:
        """Evaluate the harmonics towards each camera."""
        ctx.inputs, ctx.positions = (_numpy(means), _numpy(coefficients)), _numpy(positions.double())
        ctx.rows, ctx.degree, ctx.dtype = rows, degree, means.dtype
        ctx.shared = len(coefficients) == len(means)
        ctx.colors = np.empty((sum(map(len, rows.ids)), 3), ctx.inputs[0].dtype)
        for image, span in enumerate(rows.spans()):
            batch = image // rows.cameras
            own = ctx.inputs[1][batch if ctx.shared else image]
            harmonics.shade(rows.ids[image], ctx.inputs[0][batch], own, ctx.positions[image], degree, ctx.colors[span])
        return torch.from_numpy(ctx.colors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Gradients of means, coefficients and camera positions."""
        outputs, eyes, given = [np.zeros_like(a) for a in ctx.inputs], np.zeros_like(ctx.positions), _numpy(gradient)
        for image, span in enumerate(ctx.rows.spans()):
            batch = image // ctx.rows.cameras
            which = batch if ctx.shared else image
            means, coefficients = ctx.inputs[0][batch], ctx.inputs[1][which]
            to = (outputs[0][batch], outputs[1][which])
            eyes[image] = harmonics.shade_backward(
                ctx.rows.ids[image],
                means,
                coefficients,
                ctx.positions[image],
                ctx.degree,
                ctx.colors[span],
                given[span],
                to,
            )
        return (*map(torch.from_numpy, outputs), torch.from_numpy(eyes).to(ctx.dtype), None, None)


class Gather(torch.autograd.Function):
    """(colours [b or images, n, d]) -> colours [rows, d]."""

    @staticmethod
    def forward(ctx: Any, colors: Tensor, rows: Rows) -> Tensor:
        """Take each row's splat."""
        values, images = _numpy(colors), len(rows.ids)
        ctx.rows, ctx.shape, ctx.step = rows, colors.shape, images // len(colors)
        parts = [np.take(values[i // ctx.step], rows.ids[i], axis=0) for i in range(images)]
        return torch.from_numpy(parts[0] if images == 1 else np.concatenate(parts))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        """Add up each splat's rows, camera by camera."""
        given = _numpy(gradient)
        total = np.zeros(ctx.shape, given.dtype)
        for image, span in enumerate(ctx.rows.spans()):
            total[image // ctx.step][ctx.rows.ids[image]] += given[span]
        return torch.from_numpy(total), None


def _channel_parts(channels: int) -> list[tuple[int, int]]:
    """Split channels into parts (first, size) that a specialised kernel draws; the last may be wider than what is left."""
    parts, first, widest = [], 0, kernels.CHANNELS[-1]
    while first < channels:
        left = channels - first
        size = widest if left >= widest else next(size for size in kernels.CHANNELS if size >= left)
        parts.append((first, size))
        first += size
    return parts


def _channels(array: Array, first: int, size: int) -> Array:
    """Contiguous channels [..., size] from `first` on, padded with zeros."""
    part = array[..., first : first + size]
    if part.shape[-1] < size:
        part = np.concatenate([part, np.zeros((*part.shape[:-1], size - part.shape[-1]), part.dtype)], -1)
    return np.ascontiguousarray(part)


class Blend(torch.autograd.Function):
    """(means2d, conics, opacities, colours [rows, d], backgrounds [images, d]) -> images [i, h, w, d], alphas [i, h, w]."""

    @staticmethod
    def forward(ctx: Any, means2d: Tensor, conics: Tensor, opacities: Tensor, depths: Tensor, colors: Tensor,
                backgrounds: Tensor, rows: Rows, absolute: bool) -> Any:  # fmt: skip
        """Composite each image front to back."""
        ctx.save_for_backward(means2d)
        ctx.rows, ctx.absolute, ctx.colors, ctx.backgrounds = rows, absolute, _numpy(colors), _numpy(backgrounds)
        s, count, d = rows.settings, len(rows.ids), colors.shape[-1]
        arrays = [
            _numpy(t).reshape(len(colors), *tail)
            for t, tail in ((means2d, (2,)), (conics, (3,)), (depths, ()), (opacities, ()))
        ]
        pictures = np.empty((count, s.height, s.width, d + 1), ctx.colors.dtype)
        ctx.drawn = [
            _blend_image([a[span] for a in arrays], rows.radii[i], ctx.colors[span], ctx.backgrounds[i], s, pictures[i])
            for i, span in enumerate(rows.spans())
        ]
        ctx.alphas = pictures[..., d]
        return torch.from_numpy(pictures[..., :d]), torch.from_numpy(ctx.alphas)

    @staticmethod
    def backward(ctx: Any, to_images: Tensor, to_alphas: Tensor) -> Any:
        """Gradients of all rows; with `absolute` also means2d.absgrad."""
        (means2d,) = ctx.saved_tensors
        rows, d = ctx.rows, ctx.colors.shape[-1]
        images, alphas = _numpy(to_images), _numpy(to_alphas)
        sums = np.concatenate([
            _blend_image_back(ctx.drawn[i], ctx.colors[span], ctx.backgrounds[i], rows.settings, (images[i], alphas[i]), ctx.absolute)
            for i, span in enumerate(rows.spans())
        ])  # fmt: skip
        to_mean, to_conic, to_opacity = sums[:, :2], sums[:, 2:5], sums[:, 5]
        if ctx.absolute:
            means2d.absgrad = torch.from_numpy(sums[:, 6 + d :]).reshape(means2d.shape)
        to_background = None
        if ctx.needs_input_grad[5]:
            to_background = torch.from_numpy(np.einsum("ihwd,ihw->id", images, 1 - ctx.alphas))
        flat = [torch.from_numpy(np.ascontiguousarray(a)) for a in (to_mean, to_conic, to_opacity, sums[:, 6 : 6 + d])]
        lead = means2d.shape[:-1]
        return (
            flat[0].reshape(*lead, 2),
            flat[1].reshape(*lead, 3),
            flat[2].reshape(lead),
            None,
            flat[3],
            to_background,
            None,
            None,
        )


def _blend_image(
    arrays: list[Array], radii: Array, colors: Array, background: Array, s: Settings, picture: Array
) -> Any:
    """Draw one image, colours and alpha; returns its bins and traces."""
    means2d, conics, depths, opacities = arrays
    bins = binning.bin_splats(means2d, conics, depths, opacities, radii, s, numba.get_num_threads())
    d = colors.shape[-1]
    for first, size in _channel_parts(d):
        target = picture if size == d else np.empty((*picture.shape[:2], size + 1), picture.dtype)
        tint, behind = _channels(colors, first, size), _channels(background, first, size)
        traces = kernels.blend(bins, tint, behind, (0,) * size, s, target)
        if target is not picture:
            kept = min(size, d - first)
            picture[..., first : first + kept], picture[..., d] = target[..., :kept], target[..., size]
    return bins, traces


def _blend_image_back(drawn: Any, colors: Array, background: Array, s: Settings, given: Any, absolute: bool) -> Array:
    """Rows' gradients [m, 6 + d (+ 2)] of one image, the channels' parts added up (the sum over channels is linear)."""
    d, (bins, traces), (to_image, to_alpha) = colors.shape[-1], drawn, given
    total = np.zeros((len(colors), 6 + d + (2 if absolute else 0)), colors.dtype)
    for first, size in _channel_parts(d):
        tint, behind = _channels(colors, first, size), _channels(background, first, size)
        part = (_channels(to_image, first, size), to_alpha if first == 0 else np.zeros_like(to_alpha))
        sums = kernels.blend_backward(bins, tint, behind, (0,) * size, s, traces, part, absolute)
        if size == d:
            return sums
        kept = min(size, d - first)
        total[:, :6] += sums[:, :6]
        total[:, 6 + first : 6 + first + kept] = sums[:, 6 : 6 + kept]
        total[:, 6 + d :] += sums[:, 6 + size :]
    return total
