"""Protocols of other programs: what one sends the other hears, over a real socket; garbage changes nothing."""

import socket
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import TINY

from facecraft4d.exporters import load
from facecraft4d.exporters.expression_sets import mixture_of, summed
from facecraft4d.exporters.motions.livelink_csv import PACKET_ORDER
from facecraft4d.runtime.drivers import ifacialmocap, livelink, vmc
from facecraft4d.runtime.drivers.protocols import PROTOCOLS, Sender, listen, reading_of
from facecraft4d.runtime.drivers.reading import HEAD, Reading, pose_of
from facecraft4d.runtime.drivers.udp import MOST_PACKETS, Listener
from facecraft4d.toolkit.core.arkit import ARKIT_NAMES
from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.geometry import rotation_from_axis_angle

TURN = (0.1, -0.3, 0.05)
FACE = Reading({name: round(index / 100, 2) for index, name in enumerate(ARKIT_NAMES)}, {HEAD: TURN})

IFACIALMOCAP_LINE = (
    b"mouthSmile_R-0|eyeLookOut_L-3|jawOpen-12|browInnerUp-20|jawLeft-7|mouthLeft-1|trackingStatus-1|"
    b"=head#-21.488958,-6.038993,-6.6019735,-0.030653415,-0.10287084,-0.6584072|rightEye#6.0,2.4,0.2|leftEye#6.0,-1.6,-0.1|"
)
"""Shaped as the app's own page shows a frame."""
FACEMOTION_LINE = b"eyeLookOutLeft&3|jawOpen&12|FM_SAD&50|=head#-22.1,0.4,-4.8,0,0,0|rightEye#1,2,3|leftEye#1,2,3|"


@pytest.mark.parametrize("name", PROTOCOLS)
def test_what_is_sent_is_heard(name: str) -> None:
    protocol = PROTOCOLS[name]
    heard = protocol.decoder().feed(protocol.packet(FACE, 7))
    assert heard is not None and set(heard.weights) == set(ARKIT_NAMES)
    assert heard.weights == pytest.approx(FACE.weights, abs=1e-6)
    assert heard.turns[HEAD] == pytest.approx(TURN, abs=1e-5)


def test_live_links_packet_is_laid_out_as_published() -> None:
    data = livelink.packet(FACE, 5, 60.0, "me")
    assert data[:5] == b"\x06\x00\x00\x00\x24" and data[41:47] == b"\x00\x00\x00\x02me"
    assert struct.unpack(">ifiiB", data[47:64]) == (5, 0.0, 60, 1, 61)
    values = struct.unpack(">61f", data[64:])
    for index, name in ((0, "eyeBlinkLeft"), (7, "eyeBlinkRight"), (17, "jawOpen"), (18, "mouthClose"), (40, "mouthUpperUpRight"), (41, "browDownLeft"), (46, "cheekPuff"), (51, "tongueOut")):  # fmt: skip
        assert values[index] == pytest.approx(FACE.weights[name])
    assert len(PACKET_ORDER) == 61 and set(PACKET_ORDER) >= set(ARKIT_NAMES)
    assert livelink.LiveLink().feed(data[:47]) is None, "a packet without values: nobody is seen"


@pytest.mark.parametrize("line", [IFACIALMOCAP_LINE, FACEMOTION_LINE])
def test_lines_of_both_apps(line: bytes) -> None:
    heard = ifacialmocap.IFacialMocap().feed(line)
    assert heard is not None
    assert heard.weights["jawOpen"] == pytest.approx(0.12) and heard.weights["eyeLookOutLeft"] == pytest.approx(0.03)
    assert np.degrees(heard.turns[HEAD][0]) == pytest.approx(-21.8, abs=0.4), "a nod is about x"
    assert set(heard.weights) <= set(ARKIT_NAMES)
    if line is IFACIALMOCAP_LINE:
        assert heard.weights["jawLeft"] == pytest.approx(0.07) and heard.weights["mouthLeft"] == pytest.approx(0.01)


def test_vmc_waits_for_apply() -> None:
    from pythonosc.osc_message_builder import OscMessageBuilder

    def message(address: str, *values: object) -> bytes:
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        return bytes(builder.build().dgram)

    performer = vmc.Vmc()
    told = performer.feed(message(vmc.VALUE, "JawOpen", 0.5))
    assert told is not None and not told.weights
    told = performer.feed(message(vmc.APPLY))
    assert told is not None and told.weights == {"jawOpen": 0.5}
    performer.feed(message(vmc.VALUE, "Joy", 1.0))
    told = performer.feed(message(vmc.APPLY))
    assert told is not None and told.weights["mouthSmileLeft"] > 0.5 and "jawOpen" not in told.weights
    half = np.sqrt(0.5)
    told = performer.feed(message(vmc.BONE, "Head", 0.0, 0.0, 0.0, 0.0, -half, 0.0, half))
    assert told is not None
    forward = rotation_from_axis_angle(np.array(told.turns[HEAD])) @ [0, 0, 1]
    assert forward == pytest.approx([1, 0, 0], abs=1e-6), "Unity's -y is a turn to the subject's left, our +X"


@pytest.mark.parametrize("size", [-4, -8, -1, 0, 5, 2**31 - 1, -(2**31)])
def test_a_bundle_of_any_size_ends(size: int, caplog: pytest.LogCaptureFixture) -> None:
    """python-osc's own reader steps back by four for ever where a content says that it has -4 bytes."""
    with pytest.raises(ValueError, match="ends early"):
        vmc.Vmc().feed(b"#bundle\0" + bytes(8) + struct.pack(">i", size) + b"/abc")
    assert not caplog.records


@pytest.mark.parametrize(
    "packet",
    [
        b"#bundle\0" + bytes(8) + struct.pack(">i", 4) + b"\x1b[2J",
        b"/a\0\0," + b"z" * 60_003 + b"\0",
        b"#bundle\0" * 7000,
        b"",
    ],
    ids=["no content", "types", "depth", "nothing"],
)
def test_what_a_stranger_sends_is_not_logged(packet: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError):
        vmc.Vmc().feed(packet)
    assert not caplog.records


@pytest.mark.parametrize("name", ["jawOpen", "JawOpen", "JAWOPEN", " jawopen "])
def test_names_in_any_case(name: str) -> None:
    assert mixture_of(name) == {"jawOpen": 1.0}


@pytest.mark.parametrize("name", ["eyeBlinkLeft", "EyeBlinkLeft", "eyeBlink_L", "eyeblinkl"])
def test_sides_in_any_spelling(name: str) -> None:
    assert mixture_of(name) == {"eyeBlinkLeft": 1.0}


def test_unknown_names_are_left_out() -> None:
    assert mixture_of("tail") is None and summed({"tail": 1.0, "Blink": 0.5}) == {
        "eyeBlinkLeft": 0.5,
        "eyeBlinkRight": 0.5,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_packet_is_worse_than_a_value_error(name: str, data: st.DataObject) -> None:
    protocol = PROTOCOLS[name]
    good = bytearray(protocol.packet(FACE, 1))
    for place in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=6)):
        good[place] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    for packet in (cut, data.draw(st.binary(max_size=200))):
        try:
            heard = protocol.decoder().feed(packet)
        except ValueError:
            continue
        assert heard is None or np.isfinite([*heard.weights.values(), *heard.turns.get(HEAD, ())]).all()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_over_a_socket(name: str) -> None:
    avatar = load(TINY)
    pose = pose_of(FACE, avatar.rig)
    listener = Listener(PROTOCOLS[name].decoder(), port=0)
    sender = Sender(f"{name}:127.0.0.1:{listener.address[1]}")
    try:
        for packet in (b"", b"garbage", b"\x06" + b"\xff" * 40):
            sender._socket.sendto(packet, listener.address)
        sender.send(pose, avatar.rig)
        reading = _wait(listener)
        assert np.allclose(pose_of(reading, avatar.rig).expression, pose.expression, atol=0.006)
        assert listener.damaged >= 2
    finally:
        sender.close()
        listener.close()


def _wait(listener: Listener) -> Reading:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        reading, _ = listener.latest()
        if reading is not None:
            return reading
        time.sleep(0.005)
    raise AssertionError("nothing was heard")


@pytest.mark.slow
def test_a_flood_is_cut() -> None:
    listener = Listener(livelink.LiveLink(), port=0)
    flood = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    packet = livelink.packet(FACE, 1, 60.0)
    end = time.monotonic() + 1.5
    while time.monotonic() < end and not listener.dropped:
        for _ in range(200):
            flood.sendto(packet, listener.address)
    listener.close()
    flood.close()
    assert listener.heard <= 3 * MOST_PACKETS


def test_loopback_unless_told_otherwise() -> None:
    listener = Listener(livelink.LiveLink(), port=0)
    assert listener.address[0] == "127.0.0.1"
    listener.close()


def test_a_phone_is_asked_until_it_sends() -> None:
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind(("127.0.0.1", 0))
    phone.settimeout(5)
    decoder = ifacialmocap.IFacialMocap()
    listener = Listener(decoder, port=0)
    decoder.port = phone.getsockname()[1]
    listener.greet("127.0.0.1", ifacialmocap.GREETING)
    data, who = phone.recvfrom(1000)
    assert data == ifacialmocap.GREETING and who[1] == listener.address[1]
    phone.sendto(ifacialmocap.packet(FACE), who)
    assert _wait(listener).weights["tongueOut"] == pytest.approx(0.51)
    listener.close()
    phone.close()


def test_a_taken_port_is_said() -> None:
    first = Listener(livelink.LiveLink(), port=0)
    with pytest.raises(UserError, match=r"cannot listen on 127\.0\.0\.1:\d+: .*in use"):
        Listener(livelink.LiveLink(), port=first.address[1])
    first.close()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: listen("zoom"), "--live: expected one of livelink, ifacialmocap, vmc, got zoom"),
        (lambda: listen("vmc:0"), "--live: expected a port from 1 to 65535, got 0"),
        (lambda: listen("vmc:39539", bind="home"), "--bind: expected an IPv4 address such as 192.168.1.20, got home"),
        (lambda: listen("livelink:39541", phone="127.0.0.1"), "--phone: Live Link Face"),
        (lambda: Sender("vmc"), "--send vmc: expected vmc:HOST or vmc:HOST:PORT"),
    ],
)
def test_mistakes_are_said(call, words: str) -> None:
    with pytest.raises(UserError) as told:
        call()
    assert words in str(told.value)


def test_a_pose_comes_back_by_names() -> None:
    rig = load(TINY).rig
    pose = pose_of(FACE, rig)
    again = pose_of(reading_of(pose, rig), rig)
    assert np.allclose(again.expression, pose.expression) and np.allclose(again.joint_rotations, pose.joint_rotations)
