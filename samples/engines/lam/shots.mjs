// node shots.mjs avatar.zip [folder]: neutral.png and talking.png of the zip in LAM's player, in headless Chromium.
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".zip": "application/zip" };
const SIZE = 512; // pixels a side
const SLOWEST = 300_000; // milliseconds until the head must stand, on a processor
const POSES = { neutral: "", talking: "jawOpen:1,eyeBlinkLeft:1" };

const [avatar, folder = "."] = process.argv.slice(2).map(path => resolve(path));
const here = import.meta.dirname;
const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  const file = path === "/avatar.zip" ? avatar : join(here, path);
  if (!existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});
await new Promise(listening => server.listen(0, "127.0.0.1", listening));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--use-gl=angle", "--use-angle=gl-egl", "--ignore-gpu-blocklist"],
});
mkdirSync(folder, { recursive: true });
for (const [name, expression] of Object.entries(POSES)) {
  const page = await browser.newPage({ viewport: { width: SIZE, height: SIZE } });
  page.on("pageerror", error => { console.error(error.message); process.exitCode = 1; });
  await page.goto(`http://127.0.0.1:${server.address().port}/index.html?expression=${expression}`);
  await page.waitForFunction("window.ready", undefined, { timeout: SLOWEST });
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.close();
}
await browser.close();
server.close();
