"""The small files of SDXL's folder: configurations and vocabularies, read without trust and held within bounds."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facecraft4d.toolkit.core.checks import UserError
from facecraft4d.toolkit.core.untrusted.door import at_the_border, read_untrusted
from facecraft4d.toolkit.core.untrusted.tensors import kind_of

LARGEST_JSON, LARGEST_VOCABULARY = 1 << 20, 16 << 20
"""Bytes: the largest configuration has 2 KB, CLIP's vocabulary 1 MB."""
LARGEST_NUMBER = 1 << 20
"""Of a configuration; CLIP's vocabulary has 49,408 words."""
MOST_LAYERS = 128
"""Of anything that is a count of layers; SDXL's second text encoder has 32."""
LONGEST_LIST = 64
LAYERS = (
    "layers_per_block",
    "transformer_layers_per_block",
    "num_hidden_layers",
    "reverse_transformer_layers_per_block",
)
MOST_TOKENS = 1024
"""Of a prompt; CLIP's are 77."""

Config = Mapping[str, Any]


def read_json(path: Path, what: str, most_bytes: int = LARGEST_JSON) -> dict[str, Any]:
    """The table in a JSON file. UserError for any other file."""
    content = read_untrusted(path, what, most_bytes)
    with at_the_border(path, what):
        if not content.lstrip().startswith(b"{"):
            raise ValueError(kind_of(content[:64]))
        table = json.loads(content)
        if not isinstance(table, dict):
            raise ValueError("something else than a table")
        return table


def read_config(path: Path, what: str) -> dict[str, Any]:
    """A network's configuration. UserError where a number is out of bounds: a network of it would take no end of time or memory."""
    config = read_json(path, what)
    with at_the_border(path, what):
        for name, value in config.items():
            _check_value(name, value, MOST_LAYERS if name in LAYERS else LARGEST_NUMBER)
        if "quantization_config" in config:
            raise ValueError("a quantised network; bring the weights in single or half precision")
    return config


def _check_value(name: str, value: Any, most: int) -> None:
    if isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        if len(inner) > LONGEST_LIST:
            raise ValueError(f"{name[:40]} with {len(inner)} entries")
        for each in inner:
            _check_value(name, each, most)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= most):
        raise ValueError(f"{name[:40]} of {str(value)[:20]}")


def expect(path: Path, config: Config, what: str, **wanted: Any) -> None:
    """UserError unless the configuration has these values."""
    for name, value in wanted.items():
        if (found := config.get(name)) != value:
            raise UserError(f"{path}: expected {what} ({name} {value}), found {name} {str(found)[:60]}")


def read_vocabulary(files: tuple[Path, ...], what: str, most_words: int) -> dict[str, Any]:
    """What CLIP's tokenizer is made of: `vocab`, `merges`, `model_max_length` and the marks of beginning, end and padding.

    `files`: vocabulary, merges, configuration. `most_words`: rows of the text encoder's table. UserError for what is damaged.
    """
    words_path, merges_path, config_path = files
    words = read_json(words_path, what, LARGEST_VOCABULARY)
    with at_the_border(words_path, what):
        if any(type(number) is not int or not 0 <= number < most_words for number in words.values()):
            raise ValueError(f"numbers of words that the text encoder's {most_words:,} do not have")
    content = read_untrusted(merges_path, what, LARGEST_VOCABULARY)
    with at_the_border(merges_path, what):
        lines = [line for line in content.decode().splitlines() if line and not line.startswith("#version")]
        merges = [_pair(line, words) for line in lines]
    config = read_json(config_path, what)
    with at_the_border(config_path, what):
        length = config.get("model_max_length")
        if type(length) is not int or not 8 <= length <= MOST_TOKENS:
            raise ValueError(f"model_max_length {str(length)[:20]}")
        marks = {name: _mark(config.get(name), words) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    return {"vocab": words, "merges": merges, "model_max_length": length, **marks}


def _pair(line: str, words: Config) -> tuple[str, str]:
    left, _, right = line.partition(" ")
    if not (left in words and right in words and left + right in words):
        raise ValueError(f"a merge {line[:40]!r} of what are no words")
    return left, right


def _mark(value: Any, words: Config) -> str:
    """A special token, which some write as a table."""
    text = value.get("content") if isinstance(value, dict) else value
    if not isinstance(text, str) or text not in words:
        raise ValueError(f"a special token {str(text)[:40]!r} that is no word")
    return text
