"""Origin and licence where tools of others look for them: Dublin Core in an XMP packet of the glTF.

KHR_xmp_json_ld, ratified: https://github.com/KhronosGroup/glTF/tree/main/extensions/2.0/Khronos/KHR_xmp_json_ld
"""

from facecraft4d.exporters.gltf.glb import Json
from facecraft4d.exporters.rights import Rights

XMP = "KHR_xmp_json_ld"
CONTEXT = {"dc": "http://purl.org/dc/elements/1.1/", "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}
"""Namespaces of the packet's keys."""
DEFAULT_LANGUAGE = "x-default"
"""What XMP calls the text for readers of any language (ISO 16684-1, section 8.2.2.4)."""


def add_rights(document: Json, rights: Rights) -> None:
    """Let the document's asset have the packet; its `asset` and `extensionsUsed` are there already."""
    packet = {
        "@context": CONTEXT,
        "dc:title": _for_all(rights.title),
        "dc:creator": {"@list": [rights.creator]},
        "dc:source": "; ".join(rights.source) or "unknown",
        "dc:license": rights.license,
        "dc:rights": _for_all(rights.rights),
    }
    document["extensionsUsed"].append(XMP)
    document.setdefault("extensions", {})[XMP] = {"packets": [packet]}
    document["asset"]["extensions"] = {XMP: {"packet": 0}}


def _for_all(text: str) -> Json:
    """A text that might have translations, in the one language that it has."""
    return {"@type": "rdf:Alt", "rdf:_1": {"@language": DEFAULT_LANGUAGE, "@value": text}}
