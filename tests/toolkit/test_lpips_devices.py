"""The perceptual distance is shared within a device and never moved to another."""

from facecraft4d.toolkit.config import Device
from facecraft4d.toolkit.losses import Trunk, lpips


def test_asking_for_another_device_leaves_the_first_network_where_it_was() -> None:
    first = lpips(Trunk.ALEXNET)
    other = lpips(Trunk.ALEXNET, device="meta")
    assert {each.device.type for each in (*first.parameters(), *first.buffers())} == {"cpu"}
    assert {each.device.type for each in (*other.parameters(), *other.buffers())} == {"meta"}


def test_a_device_has_one_network_however_it_is_named() -> None:
    assert lpips(Trunk.ALEXNET) is lpips(Trunk.ALEXNET, None, "cpu") is lpips(Trunk.ALEXNET, device=Device.CPU)
