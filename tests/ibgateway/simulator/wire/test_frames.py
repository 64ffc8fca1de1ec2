"""Bytes to frames: every split gives the same frames, and what can't be a frame is refused at once."""

import struct

import pytest

from ibgateway.simulator.wire.frames import MAX_FRAME, BadFrame, FrameReader, VersionOffer, frame, frames, parse_offer

HELLO = b"API\0"
OFFER = frame(b"v157..178")


def read(data: bytes, size: int) -> list[bytes]:
    reader = FrameReader()
    return [one for at in range(0, len(data), size) for one in reader.feed(data[at : at + size])]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_frames_are_the_same_however_the_bytes_are_split(size: int) -> None:
    data = HELLO + OFFER + frame(b"71\x002\x001\0\0") + frame(b"49\x001\0")

    assert read(data, size) == [b"v157..178", b"71\x002\x001\0\0", b"49\x001\0"]


def test_many_frames_in_one_piece_are_the_single_ones_joined() -> None:
    assert frames([b"a", b"bc"]) == frame(b"a") + frame(b"bc") == b"\0\0\0\1a\0\0\0\2bc"


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"\0", b"APX", b"API1"])
def test_what_does_not_begin_with_api_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        read(data, 1000)


@pytest.mark.parametrize("length", [0, MAX_FRAME + 1, 0xFFFFFFFF])
def test_an_impossible_length_is_refused_before_its_bytes_arrive(length: int) -> None:
    with pytest.raises(BadFrame, match=str(length)):
        read(HELLO + struct.pack(">I", length), 1000)


def test_frames_before_an_impossible_one_are_delivered() -> None:
    arriving = FrameReader().feed(HELLO + OFFER + b"\xff\xff\xff\xff")

    assert next(arriving) == b"v157..178"
    with pytest.raises(BadFrame):
        next(arriving)


def test_the_largest_frame_passes() -> None:
    payload = b"x" * MAX_FRAME

    assert read(HELLO + frame(payload), 1 << 16) == [payload]


@pytest.mark.parametrize(
    ("payload", "offer"),
    [
        (b"v157..178", VersionOffer(157, 178)),
        (b"v100..200 +PACEAPI", VersionOffer(100, 200, "+PACEAPI")),
        (b"v176", VersionOffer(176, 176)),
        (b"v100..157\0", VersionOffer(100, 157)),
    ],
)
def test_an_offer_of_versions_is_read(payload: bytes, offer: VersionOffer) -> None:
    assert parse_offer(payload) == offer


@pytest.mark.parametrize("payload", [b"", b"v", b"v1..", b"v1..2..3", b"71\x002\x001\0\0", b"v99999..1"])
def test_another_first_frame_is_refused(payload: bytes) -> None:
    with pytest.raises(BadFrame):
        parse_offer(payload)
