// Drives Chromium: reads a job as JSON from the standard input, writes pictures, answers with JSON. Nothing is judged here.
// {modules, chromium, flags, url, size or width and height, shots: [{file, pose?, held?}], measure?: {frames, expression}, orbit?: frames, wait}

import { createRequire } from "node:module";
import { writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";

const job = JSON.parse(await text(process.stdin));
const { chromium } = createRequire(`${job.modules}/driver.js`)("playwright-core");

const FRAMES = 4, PAUSE = 60; // between two looks at the picture; milliseconds leave the engines' sort workers their turn
const MOST_LOOKS = 60;
const TRIES = 4, RETRY = 1000; // of a screenshot, which Chromium refuses now and then on a busy machine; milliseconds between two

const browser = await chromium.launch({ executablePath: job.chromium, headless: true, args: job.flags });
try {
  const page = await browser.newPage({ viewport: { width: job.width ?? job.size, height: job.height ?? job.size } }), complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  const blank = await screenshot(page);
  await page.goto(job.url);
  await page.waitForFunction("window.ready || window.failure", null, { timeout: job.wait });
  const failure = await page.evaluate("window.failure");
  if (failure) throw new Error([failure, ...complaints].join("\n"));
  for (const shot of job.shots) {
    if (shot.pose) await page.evaluate(({ pose, held }) => window.pose(pose, held), shot);
    await writeFile(shot.file, await settled(page, blank));
  }
  if (job.measure || job.orbit) await settled(page, blank); // the first frames of some engines show nothing yet
  const milliseconds = job.measure && (await page.evaluate(({ frames, expression }) => window.measure(frames, expression), job.measure));
  const orbit = job.orbit && (await page.evaluate((frames) => window.orbit(frames), job.orbit)); // of each frame
  process.stdout.write(JSON.stringify({ milliseconds, orbit, complaints, browser: browser.version() }));
} finally {
  await browser.close();
}

async function screenshot(page, tries = TRIES) {
  try {
    return await page.screenshot({ scale: "css" });
  } catch (error) {
    if (tries <= 1) throw error;
    await new Promise((resolve) => setTimeout(resolve, RETRY));
    return screenshot(page, tries - 1);
  }
}

// The picture once there is something in it and it no longer changes: engines compile and sort in the background, some for a frame or
// two, some for ten.
async function settled(page, blank) {
  let before = null;
  for (let look = 0; look < MOST_LOOKS; look++) {
    await page.evaluate(async ([frames, pause]) => {
      for (let i = 0; i < frames; i++) {
        await window.frame();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }, [FRAMES, PAUSE]);
    const picture = await screenshot(page);
    if (before?.equals(picture) && !picture.equals(blank)) return picture;
    before = picture;
  }
  throw new Error(`the picture was empty or still changed after ${MOST_LOOKS * FRAMES} frames`);
}
