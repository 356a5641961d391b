"""What a file is that is no picture we read, told from its first bytes."""

import struct
from collections.abc import Iterator

HEAD_BYTES = 1 << 16
"""As much of a file as `kind_of` needs: the first directory of a TIFF lies here or the file is not told."""

RAW = "a camera's raw file; export it as JPEG"
VIDEO = "a video; take a still of it"
_ARCHIVE = "an archive; unpack the picture"
_LAYERS = "an image editor's own file; export it as PNG or JPEG"
_DRAWING = "a vector drawing; an avatar needs a photograph"
_DOCUMENT = "a document; save the photograph in it as a picture"
_CONVERT = "; convert it to JPEG or PNG"

_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (
    (8, b"CR\x02", RAW),  # Canon CR2, a TIFF
    (6, b"HEAPCCDR", RAW),  # Canon CRW
    (4, b"ftypcrx ", RAW),  # Canon CR3
    (0, b"IIRO", RAW),  # Olympus ORF
    (0, b"IIRS", RAW),
    (0, b"MMOR", RAW),
    (0, b"IIU\0", RAW),  # Panasonic RW2
    (0, b"FUJIFILMCCD-RAW", RAW),
    (0, b"\0MRM", RAW),  # Minolta MRW
    (0, b"FOVb", RAW),  # Sigma X3F
    (0, b"8BPS", _LAYERS),  # Photoshop
    (0, b"gimp xcf", _LAYERS),
    (0, b"%PDF", _DOCUMENT),
    (0, b"%!PS", _DOCUMENT),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _DOCUMENT),  # Word and its kin before 2007
    (0, b"\xff\x0a", f"a JPEG XL picture{_CONVERT}"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", f"a JPEG XL picture{_CONVERT}"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", f"a JPEG 2000 picture{_CONVERT}"),
    (0, b"\xff\x4f\xff\x51", f"a JPEG 2000 picture{_CONVERT}"),
    (0, b"v/1\x01", f"an OpenEXR picture{_CONVERT}"),
    (0, b"PK\x03\x04", _ARCHIVE),
    (0, b"\x1f\x8b", _ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (0, b"Rar!\x1a\x07", _ARCHIVE),
    (0, b"BZh", _ARCHIVE),
    (0, b"\xfd7zXZ\0", _ARCHIVE),
    (0, b"\x28\xb5\x2f\xfd", _ARCHIVE),  # Zstandard
    (257, b"ustar", _ARCHIVE),
    (4, b"ftypisom", VIDEO),
    (4, b"ftypiso2", VIDEO),
    (4, b"ftypiso4", VIDEO),
    (4, b"ftypiso5", VIDEO),
    (4, b"ftypiso6", VIDEO),
    (4, b"ftypmp4", VIDEO),
    (4, b"ftypM4V", VIDEO),
    (4, b"ftypavc1", VIDEO),
    (4, b"ftyp3g", VIDEO),
    (4, b"ftypqt  ", VIDEO),
    (4, b"moov", VIDEO),  # QuickTime of old
    (0, b"\x1a\x45\xdf\xa3", VIDEO),  # Matroska, WebM
    (8, b"AVI LIST", VIDEO),
    (0, b"FLV\x01", VIDEO),
    (0, b"OggS", VIDEO),
    (0, b"\0\0\x01\xba", VIDEO),  # MPEG
    (0, b"\0\0\x01\xb3", VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO),  # Windows Media
)
_SUBFILE_TYPE, _MAKE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 271, 330, 50706
"""Tags of a TIFF's directory."""


def kind_of(first_bytes: bytes) -> str:
    """What the file is and what to do, for a message ("a video; take a still of it"); "" for a picture and for what is not known.

    `first_bytes`: HEAD_BYTES of it, or all.
    """
    for start, mark, words in _BEGINNINGS:
        if first_bytes.startswith(mark, start):
            return words
    if _is_raw_tiff(first_bytes):
        return RAW
    return _kind_of_text(first_bytes)


def _kind_of_text(first_bytes: bytes) -> str:
    """Drawings and pages, which are text."""
    text = first_bytes[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page; save the picture itself"
    return _DRAWING if text.startswith((b"<?xml", b"<svg", b"<!--", b"<!doctype svg")) and b"<svg" in text else ""


def _is_raw_tiff(first_bytes: bytes) -> bool:
    """True for a DNG and for a camera's TIFF whose first picture is the small copy of another one (NEF, ARW, and their kin)."""
    tags = dict(_tags(first_bytes))
    is_copy = tags.get(_SUBFILE_TYPE, 0) & 1 and _MAKE in tags and _SUB_DIRECTORIES in tags
    return _DNG_VERSION in tags or bool(is_copy)


def _tags(first_bytes: bytes) -> Iterator[tuple[int, int]]:
    """Tags of a TIFF's first directory and their values where these are numbers in place; nothing for other files."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(first_bytes[:4])
    if order is None or len(first_bytes) < 8:
        return
    (start,) = struct.unpack_from(f"{order}I", first_bytes, 4)
    if start + 2 > len(first_bytes):
        return
    (count,) = struct.unpack_from(f"{order}H", first_bytes, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(first_bytes) - 11), 12):
        tag, kind = struct.unpack_from(f"{order}HH", first_bytes, entry)
        yield tag, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", first_bytes, entry + 8)[0]
