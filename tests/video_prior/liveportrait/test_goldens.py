"""LivePortrait's networks and arithmetic give what the published code (KwaiVGI/LivePortrait@1986663, MIT) gave with the same weights and inputs.

Weights and inputs are noise that follows from names (liveportrait_cases), so the vectors show equal functions, not good pictures. Tolerances
are at least ten times what other kernels change; the tanh form of GELU is beyond them.
"""

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from liveportrait_cases import KEYS, KINDS, narrow, network, weight
from places import DATA
from torch.nn.functional import avg_pool2d, avg_pool3d

from facecraft4d.toolkit.video_prior.liveportrait import crop
from facecraft4d.toolkit.video_prior.liveportrait.architecture import PUBLISHED
from facecraft4d.toolkit.video_prior.liveportrait.driving import Source, driven, source_of
from facecraft4d.toolkit.video_prior.liveportrait.keypoints import Motion, degrees, motion_of, moved, rotation
from facecraft4d.toolkit.video_prior.liveportrait.motion_extractor import ResponseNorm
from facecraft4d.toolkit.video_prior.liveportrait.networks import Networks
from facecraft4d.toolkit.video_prior.liveportrait.warping import WarpingNetwork, gaussians, identity_grid

COUNTS = {
    "lp.appearance": 107,
    "lp.motion": 212,
    "lp.warping": 97,
    "lp.spade": 182,
    "lp.stitching": 8,
    "lp.lip": 8,
    "lp.eye": 12,
}
PARAMETERS = {"lp.appearance": 836_224, "lp.motion": 28_118_728, "lp.warping": 45_529_829, "lp.spade": 55_365_388}
SMALL = ("lp.stitching", "lp.lip", "lp.eye")


@pytest.fixture(scope="module")
def golden() -> dict[str, torch.Tensor]:
    """Of the networks."""
    return read("networks")


@pytest.fixture(scope="module")
def motions() -> dict[str, torch.Tensor]:
    """Of their arithmetic."""
    return read("driving")


def read(name: str) -> dict[str, torch.Tensor]:
    with np.load(DATA / f"liveportrait_{name}.npz") as archive:
        return {each: torch.from_numpy(archive[each]) for each in archive.files}


def near(found: torch.Tensor, wanted: torch.Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found.reshape(wanted.shape), wanted, rtol=0, atol=tolerance)


def like_stats(found: torch.Tensor, wanted: torch.Tensor, tolerance: float) -> None:
    """Mean, standard deviation, least and most."""
    stats = torch.stack((found.mean(), found.std(correction=0), found.min(), found.max()))
    near(stats.double(), wanted, tolerance)


@pytest.mark.parametrize("net", KINDS)
def test_tensors_have_the_published_names_and_shapes(net: str) -> None:
    with torch.device("meta"):
        made = KINDS[net](PUBLISHED)
    shapes = {name: list(tensor.shape) for name, tensor in made.state_dict().items()}
    assert shapes == {name: shape for name, (shape, _) in KEYS["nets"][net].items()}
    assert len(shapes) == COUNTS[net]
    assert sum(each.numel() for each in made.parameters()) == PARAMETERS.get(
        net, sum(each.numel() for each in made.parameters())
    )


@pytest.mark.parametrize("net", ["lp.appearance", *SMALL])
def test_the_rule_gives_the_weights_that_the_vectors_were_made_with(net: str) -> None:
    for name, (_, crc) in KEYS["nets"][net].items():
        array = weight(net, name, tuple(KEYS["nets"][net][name][0]))
        assert f"{zlib.crc32(array.tobytes()):08x}" == crc, name


def test_parts_of_the_networks(motions: dict[str, torch.Tensor]) -> None:
    grid = motions["unit_coordinate_grid_2x3x4"]
    near(identity_grid((2, 3, 4), grid), grid, 1e-6)
    shown = motions["unit_kp2gaussian_4x8x8"]
    near(gaussians(motions["unit_kp2gaussian_kp"], identity_grid((4, 8, 8), grid)), shown, 1e-6)
    norm = ResponseNorm(6)
    norm.gamma.data, norm.beta.data = motions["unit_grn_gamma"], motions["unit_grn_beta"]
    near(norm(motions["unit_grn_x"]).detach(), motions["unit_grn_y"], 1e-6)


def test_angles(motions: dict[str, torch.Tensor]) -> None:
    near(degrees(motions["unit_pose_logits"]), motions["unit_pose_degrees"], 1e-3)
    pitch, yaw, roll = motions["unit_angles_pitch_yaw_roll_deg"].T
    near(rotation(pitch, yaw, roll), motions["unit_rotation"], 1e-6)


def motion(motions: dict[str, torch.Tensor], name: str) -> Motion:
    made = (motions[f"M_{name}_{each}"] for each in ("kp", "exp", "t", "scale"))
    keypoints, expression, translation, scale = made
    return Motion(keypoints, expression, motions[f"R_{name}"], translation, scale)


@pytest.mark.parametrize("name", ["src", "drv0", "drv1"])
def test_keypoints_of_a_motion(motions: dict[str, torch.Tensor], name: str) -> None:
    near(moved(motion(motions, name)), motions[f"x_{name}"], 5e-6)
    angles = (motions[f"M_{name}_{each}"][:, 0] for each in ("pitch", "yaw", "roll"))
    near(rotation(*angles), motions[f"R_{name}"], 1e-6)


@pytest.fixture(scope="module")
def small() -> Networks:
    """With S, the lip and the eye network at full size; the others are not asked."""
    stitching, lip, eye = (network(net) for net in SMALL)
    return replace(narrow(), stitching=stitching, lip=lip, eye=eye)


def test_small_networks(small: Networks, motions: dict[str, torch.Tensor]) -> None:
    source = motions["x_src"]
    near(small.lip.offsets(source, motions["lip_ratio_in"]), motions["lip_delta"], 5e-6)
    near(small.eye.offsets(source, motions["eye_ratio_in"]), motions["eye_delta"], 5e-6)
    driving = motions["drive_all_relative_expressionfriendly"][1:]
    stitched = small.stitching.stitched(source, driving)
    near(stitched, motions["drive_all_relative_stitching"][1:], 1e-5)


@pytest.mark.parametrize(
    ("name", "stitched", "closed"),
    [
        ("expressionfriendly", False, False), ("posefriendly", False, False), ("stitching", True, False),
        ("normalizelip", False, True), ("normalizelip_stitching", True, True),
    ],
)  # fmt: skip
def test_relative_expression(
    small: Networks, motions: dict[str, torch.Tensor], name: str, stitched: bool, closed: bool
) -> None:
    ratio = motions["c_lip_src"].item() if closed else None
    source = source_of(motion(motions, "src"), small, 0.0 if stitched else 90.0, ratio)
    first = motion(motions, "drv0")
    found = torch.cat([driven(source, frame, first) for frame in (first, motion(motions, "drv1"))])
    near(found, motions[f"drive_exp_relative_{name}"], 1e-5)


def test_the_multiplier_scales_what_moves(motions: dict[str, torch.Tensor]) -> None:
    """The vectors have it for a driving that moves everything; the keypoints it drives to are taken as they are."""
    at_rest = motions["x_src"]
    still = Motion(at_rest, torch.zeros(1, 21, 3), torch.eye(3)[None], torch.zeros(1, 3), torch.ones(1, 1))
    for k in range(2):
        to = motions["drive_all_relative_expressionfriendly"][k : k + 1] - at_rest
        frame = Motion(at_rest, to, torch.eye(3)[None], torch.zeros(1, 3), torch.ones(1, 1))
        found = driven(Source(still, at_rest, None, None), frame, still, multiplier=0.5)
        near(found, motions["drive_all_relative_multiplier0.5"][k : k + 1], 1e-5)


EYES_203, MOUTH_203 = (0, 6, 12, 18, 24, 30, 36, 42), (48, 66)
"""Of LivePortrait's own landmarks."""


@pytest.mark.parametrize("count", [68, 203])
@pytest.mark.parametrize(("name", "framing"), [("source", crop.SOURCE), ("driving", crop.DRIVING)])
@pytest.mark.parametrize("upright", [True, False])
def test_crops(count: int, name: str, framing: crop.Framing, upright: bool) -> None:
    golden = read("crop")
    points = golden[f"pts{count}"].double().numpy()
    eyes, mouth = (
        crop.eyes_and_mouth(points) if count == 68 else (points[list(each)].mean(0) for each in (EYES_203, MOUTH_203))
    )
    matrix = crop.crop_from_picture(points, eyes, mouth, framing, upright=upright)
    ending = f"{count}_{name}_{'rot' if upright else 'norot'}"
    np.testing.assert_allclose(matrix, golden[f"M_o2c_{ending}"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.linalg.inv(matrix), golden[f"M_c2o_{ending}"], rtol=1e-5, atol=1e-4)


def test_ratios() -> None:
    golden = read("crop")
    points = golden["pts203"].double().numpy()
    eyes = [crop.opening(points, (6, 18), (0, 12)), crop.opening(points, (30, 42), (24, 36))]
    np.testing.assert_allclose([eyes], golden["eye_ratio_203"], rtol=1e-5)
    assert crop.opening(points, (90, 102), (48, 66)) == pytest.approx(golden["lip_ratio_203"].item(), rel=1e-5)


def picture(golden: dict[str, torch.Tensor]) -> torch.Tensor:
    return golden["img_src_u8"].permute(2, 0, 1)[None] / 255


@pytest.mark.slow
@torch.inference_mode()
def test_motion_extractor_at_full_size(golden: dict[str, torch.Tensor]) -> None:
    raw = network("lp.motion")(picture(golden))
    for name, logits in (("pitch", raw.pitch), ("yaw", raw.yaw), ("roll", raw.roll)):
        near(logits, golden[f"M_raw_src_{name}"], 5e-5)
        near(degrees(logits), golden[f"M_src_{name}"], 1e-3)
    found = motion_of(raw)
    near(found.rotation, golden["R_src"], 2e-5)
    for name, numbers in (
        ("kp", found.keypoints),
        ("exp", found.expression),
        ("t", found.translation),
        ("scale", found.scale),
    ):
        near(numbers, golden[f"M_src_{name}"], 5e-6)


@pytest.fixture(scope="module")
def volume(golden: dict[str, torch.Tensor]) -> torch.Tensor:
    """F's of the source."""
    with torch.inference_mode():
        return network("lp.appearance")(picture(golden))


@pytest.fixture(scope="module")
def warping() -> WarpingNetwork:
    return network("lp.warping")


@pytest.mark.slow
def test_appearance_extractor_at_full_size(golden: dict[str, torch.Tensor], volume: torch.Tensor) -> None:
    near(volume[0, ::4, 5, 20:28, 30:38], golden["F_slice"], 2e-4)
    like_stats(volume, golden["F_stats"], 2e-4)


@pytest.mark.slow
@torch.inference_mode()
def test_warping_and_generator_at_full_size(
    golden: dict[str, torch.Tensor], motions: dict[str, torch.Tensor], volume: torch.Tensor, warping: WarpingNetwork
) -> None:
    driving = motions["drive_exp_relative_expressionfriendly"][1:]
    warped = warping(volume, driving, golden["x_src"])
    near(warped.deformation[0, ::4, ::4, ::4], golden["W_deformation_every4"], 5e-5)
    near(warped.occlusion, golden["W_occlusion"], 5e-5)
    near(avg_pool3d(warped.mask, 4), golden["W_mask_pooled_4x16x16"], 5e-5)
    near(warped.features[0, ::16, 24:32, 24:32], golden["W_out_slice"], 2e-4)
    like_stats(warped.features, golden["W_out_stats"], 2e-4)
    found = network("lp.spade")(warped.features)
    near(found[0, :, 200:264, 220:284], golden["G_crop64_y200_x220"], 1e-3)
    near(avg_pool2d(found, 4)[0, :, ::4, ::4], golden["G_image_128_every4"], 1e-3)
    like_stats(found, golden["G_stats"], 1e-3)


@pytest.mark.slow
@torch.inference_mode()
def test_equal_keypoints_at_full_size(
    golden: dict[str, torch.Tensor], volume: torch.Tensor, warping: WarpingNetwork
) -> None:
    """The deformation is the identity grid, yet the features are those of a volume sampled beside its voxels (test_laws has the reason)."""
    warped = warping(volume, golden["x_src"], golden["x_src"])
    near(warped.deformation, identity_grid((16, 64, 64), volume)[None], 2e-6)
    near(warped.features[0, ::16, 24:32, 24:32], golden["W_equal_kp_out_slice"], 2e-4)
