"""The page of the web player, used in a real browser: sliders, search, messages, fingers, texts that act, a lost graphics card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web_cases import run_in_browser, served

from facecraft4d.toolkit.core.asset import Avatar, Provenance
from facecraft4d.toolkit.core.ingredients import Commercial, Ingredient

pytestmark = pytest.mark.slow

READY = """
const ready = () => page.waitForFunction(() => document.getElementById('status').hidden);
const picture = () => page.locator('#head').screenshot();
const settled = async () => { await page.waitForTimeout(700); return (await picture()).toString('base64'); };
const set = (name, value) => page.evaluate(([name, value]) => {
  const input = document.querySelector(`[data-name=${name.toLowerCase()}] input`);
  input.value = value; input.dispatchEvent(new Event('input'));
}, [name, value]);
await ready();
await page.locator('#idle').uncheck();
result = {};
"""

USE = """
const rest = await settled();
result.sliders = await page.locator('.row').count();
await page.fill('#search', 'jaw');
result.found = await page.locator('.row:visible span').allTextContents();
await page.fill('#search', '');
await set('jawOpen', 1);
result.jawMoves = (await settled()) !== rest;
await page.locator('#reset').click();
result.resetRests = (await settled()) === rest;
await page.selectOption('#clip', { index: 1 });
result.clipMoves = (await settled()) !== rest;
await page.selectOption('#clip', { index: 0 });
result.stopRests = (await settled()) === rest;
await page.locator('#idle').check();
const lively = await settled();
result.idleMoves = (await settled()) !== lively;
await page.locator('#idle').uncheck();
await page.mouse.move(100, 200); await page.mouse.down(); await page.mouse.move(180, 220); await page.mouse.up();
const turned = await settled();
result.dragTurns = turned !== rest;
await page.mouse.wheel(0, -400);
result.wheelZooms = (await settled()) !== turned;
await page.mouse.dblclick(100, 200);
result.doubleClickReturns = (await settled()) === rest;
result.inlineRuns = await page.evaluate(() => {
  const script = document.createElement('script');
  script.textContent = 'window.ran = true';
  document.body.append(script);
  return window.ran === true;
});
result.told = told.filter((line) => !line.includes('Content Security Policy'));
"""

MESSAGES = """
const rest = await settled();
const say = (data, origin) => page.evaluate(([data, origin]) =>
  window.dispatchEvent(new MessageEvent('message', { data, origin: origin ?? location.origin })), [data, origin]);
const changes = async (data, origin) => { await say(data, origin); return (await settled()) !== rest; };
const jaw = (weight) => ({ type: 'facecraft4d', weights: { jawOpen: weight } });
result.foreign = await changes(jaw(1), 'https://elsewhere.example');
result.odd = [];
for (const data of [null, 7, 'facecraft4d', [], { type: 'other', weights: { jawOpen: 1 } }, jaw('1'), jaw(null), jaw([1]),
  { type: 'facecraft4d', weights: 7 }, { type: 'facecraft4d', weights: { unheard: 1 } }, { type: 'facecraft4d', joints: { neck: [1] } },
  { type: 'facecraft4d', weights: Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [i ? `x${i}` : 'jawOpen', 1])) }]) {
  if (await changes(data)) result.odd.push(data);
}
result.own = await changes(jaw(1));
const open = await settled();
await say(jaw(1e9));
result.clamped = (await settled()) === open;
await page.evaluate(() => postMessage({ type: 'facecraft4d', weights: {}, joints: { neck: [0, 0.4, 0] } }, location.origin));
const turned = await settled();
result.newestWins = turned !== open && turned !== rest;
await say({ type: 'facecraft4d' });
result.emptyRests = (await settled()) === rest;
result.told = told;
"""

API = """
await page.route('**/sort_worker.js', (route) => route.abort());
const workerless = await page.evaluate(async () => {
  const { createAvatar } = await import('./player.js');
  return createAvatar(document.body.appendChild(document.createElement('canvas')), 'avatar.glb').then(() => null, (error) => error.message);
});
await page.unroute('**/sort_worker.js');
result = await page.evaluate(async () => {
  const { createAvatar } = await import('./player.js');
  const canvas = document.createElement('canvas'), flat = document.createElement('canvas');
  canvas.style.cssText = 'width: 200px; height: 200px';
  document.body.append(canvas);
  const pixels = () => {
    flat.width = 200; flat.height = 200;
    const pen = flat.getContext('2d', { willReadFrequently: true }); pen.drawImage(canvas, 0, 0);
    return pen.getImageData(0, 0, 200, 200).data;
  };
  const refused = async (make) => { try { await make(); return null; } catch (error) { return error.message; } };
  const found = { absent: await refused(() => createAvatar(canvas, 'absent.glb')), text: await refused(() => createAvatar(canvas, 'README.txt')) };
  let head = await createAvatar(canvas, 'avatar.glb', { idle: false });
  const rest = pixels();
  found.corner = Array.from(rest.slice(0, 4));
  found.middle = rest[4 * (100 * 200 + 100) + 3];
  found.unknown = await refused(async () => head.setExpression('unheard', 1)) + await refused(async () => head.play('unheard'));
  const same = (a, b) => a.every((value, i) => value === b[i]);
  head.setExpression('jawOpen', 1); await head.drawn();
  found.moves = !same(pixels(), rest);
  head.setExpression('jawOpen', null); await head.drawn();
  found.returns = same(pixels(), rest);
  head.setPose({ joints: { neck: [0, 0.5, 0] } }); await head.drawn();
  found.turns = !same(pixels(), rest);
  head.setPose({}); await head.drawn();
  const lose = canvas.getContext('webgl2').getExtension('WEBGL_lose_context');
  const event = (name) => new Promise((resolve) => canvas.addEventListener(name, () => setTimeout(resolve, 100), { once: true }));
  let waiting = event('webglcontextlost'); lose.loseContext(); await waiting;
  waiting = event('webglcontextrestored'); lose.restoreContext(); await waiting;
  await head.drawn();
  found.restored = same(pixels(), rest);
  canvas.style.width = '100px'; await head.drawn(); await head.drawn();
  found.resized = [canvas.width, canvas.height];
  canvas.style.width = '200px';
  head.dispose();
  head = await createAvatar(canvas, 'avatar.glb', { idle: false });
  found.again = same(pixels(), rest);
  const many = [];
  for (let i = 0; i < 20; i++) { head.dispose(); head = await createAvatar(canvas, 'avatar.glb', { idle: false, clip: head.clips[0] }); }
  head.dispose();
  return found;
});
Object.assign(result, { workerless, told: told.filter((line) => !/404|ERR_FAILED/.test(line)) });
"""


def test_page_does_what_it_offers(tiny_avatar: Avatar, tmp_path: Path) -> None:
    with served(tiny_avatar) as url:
        found = run_in_browser(tmp_path, url, READY + USE)
    assert found["sliders"] == len(tiny_avatar.rig.expression_names)
    assert set(found["found"]) == {name for name in tiny_avatar.rig.expression_names if "jaw" in name.lower()}
    assert found.pop("inlineRuns") is False and found.pop("told") == []
    assert all(value for key, value in found.items() if key not in ("sliders", "found")), found


def test_messages_are_checked(tiny_avatar: Avatar, tmp_path: Path) -> None:
    with served(tiny_avatar) as url:
        found = run_in_browser(tmp_path, url, READY + MESSAGES)
    expected = {"foreign": False, "odd": [], "own": True, "clamped": True, "newestWins": True, "emptyRests": True}
    assert found == expected | {"told": []}


def test_api(tiny_avatar: Avatar, tmp_path: Path) -> None:
    with served(tiny_avatar) as url:
        found = run_in_browser(tmp_path, f"{url}blank.html", API)
    assert "could not be started" in found["workerless"]
    assert "404" in found["absent"] and "not a GLB" in found["text"]
    assert "no expression unheard" in found["unknown"] and "no clip unheard" in found["unknown"]
    assert found["corner"] == [0, 0, 0, 0] and found["middle"] > 250 and found["resized"] == [100, 200]
    states = ("moves", "returns", "turns", "restored", "again")
    assert [key for key in states if found[key] is not True] == []
    assert found["told"] == []


def test_telephone_and_texts_that_act(tiny_avatar: Avatar, tmp_path: Path) -> None:
    """390 x 844 at three pixels each; fingers turn and pinch; markup in a licence stays text."""
    evil = "<img src=x onerror=\"document.title='ran'\">"
    licence = Provenance((Ingredient("head", "all", evil, Commercial.NO, "nowhere", ""),))
    body = """
    const rest = await settled(), client = await page.context().newCDPSession(page);
    const touch = (type, ...points) => client.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    await touch('touchStart', [150, 200]); await touch('touchMove', [240, 210]); await touch('touchEnd');
    const turned = await settled();
    await touch('touchStart', [150, 200], [250, 200]); await touch('touchMove', [130, 200], [250, 200]);
    await touch('touchMove', [130, 200], [270, 200]); await touch('touchEnd');
    const near = await settled();
    result = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth, title: document.title, images: document.images.length,
      rights: document.getElementById('rights').textContent, canvas: document.getElementById('head').width,
      rows: document.querySelector('.row').getBoundingClientRect().height,
    }));
    Object.assign(result, { turned: turned !== rest, pinched: near !== turned, told });
    """
    phone: dict[str, Any] = {
        "viewport": {"width": 390, "height": 844},
        "deviceScaleFactor": 3,
        "isMobile": True,
        "hasTouch": True,
    }
    with served(replace(tiny_avatar, provenance=licence)) as url:
        found = run_in_browser(tmp_path, url, READY + body, page=phone)
    assert found["rights"] == f"This head must not be used commercially. Licences: {evil}."
    assert found["images"] == 0 and found["title"] == "Head avatar" and found["told"] == []
    assert found["wide"] == 390 and found["canvas"] == 780 and found["rows"] >= 32
    assert found["turned"] and found["pinched"]
