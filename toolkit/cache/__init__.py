"""Keeps stage results on disk: frozen dataclasses of arrays to one .npz and back, exactly, without pickle.

A result lies in ``<folder>/<stage>/<key>/``: ``result.npz`` (arrays plus a JSON tree under the name "tree"), ``stage.json`` (its digest,
its inputs' digests, seconds, peak memory) and ``files/``, the stage's own folder: pictures that belong to the result, or checkpoints that
serve an interrupted run. ``stage.json`` is written last, so a folder that has one is complete. The key is the hash of all that decides the
result. What is read back is checked against the annotations and has the digest that was written, or it is damaged.
What we made carries a marker, and nothing without one is ever deleted: a user's folder may be called build, too.
"""

from facecraft4d.toolkit.cache.arrays import load, save
from facecraft4d.toolkit.cache.digest import digest_of
from facecraft4d.toolkit.cache.keeping import DAMAGED, FORMAT, Stored, found, kept, part_of, recall, stage
from facecraft4d.toolkit.cache.parts import kept_part

__all__ = [
    "DAMAGED",
    "FORMAT",
    "Stored",
    "digest_of",
    "found",
    "kept",
    "kept_part",
    "load",
    "part_of",
    "recall",
    "save",
    "stage",
]
