// One check of the app in a browser context of its own: what it did wrong besides what it is asked, and how it looks.
//
// A check fails on any message in the console, page error, refused resource or request to another host. TGA_SHOTS names a directory
// for screenshots, which are never part of the repository; CHROMIUM names another browser.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const WAIT_MS = 60_000;
const LOOK_EVERY_MS = 50;
/** How long a page that is about to be left is given to renew its session; without a network it never does. */
const RENEWED_MS = 5_000;
const BROWSER_ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SHOTS = process.env.TGA_SHOTS;
const LOOKS = [["light", 360], ["dark", 360], ["light", 1280], ["dark", 1280]];

export async function checkerStart(origin) {
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: BROWSER_ARGS });
  const count = { passed: 0, failed: 0 };
  const only = process.env.TGA_E2E_ONLY;

  /** A context whose pages are watched; `complaints` collects, `allow` takes patterns of what may be said, `origins` who may be asked. */
  async function context(options = {}, allow = []) {
    const made = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: "ru-RU", ...options });
    made.setDefaultTimeout(WAIT_MS);
    const complaints = [];
    made.origins = [origin];
    const say = (text) => { if (!allow.some((one) => one.test(text))) complaints.push(text); };
    await made.addInitScript(() => addEventListener("securitypolicyviolation", (event) => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`)));
    made.on("page", (page) => {
      patient(page);
      page.on("console", (message) => say(`console ${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => say(`page error: ${error}`));
      page.on("request", (request) => { if (![...made.origins.flatMap((own) => [own, `blob:${own}`]), "data:"].some((own) => request.url().startsWith(own))) say(`other host: ${request.url()}`); });
      page.on("response", (response) => { if (response.status() >= 400) say(`${response.status()}: ${response.url()}`); });
    });
    made.complaints = complaints;
    return made;
  }

  async function check(name, body, options = {}) {
    if (only && !options.always && !name.includes(only)) return;
    const { allow = [], always, ...rest } = options;
    const made = await context(rest, allow);
    const started = Date.now();
    const page = await made.newPage();
    try {
      await body(page, made);
      assert.deepEqual(made.complaints, []);
      count.passed += 1;
      console.log(`ok   ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      count.failed += 1;
      console.log(`FAIL ${name}\n     ${String(error.stack ?? error).replaceAll("\n", "\n     ")}`);
      if (made.complaints.length > 0) console.log(`     ${made.complaints.join("\n     ")}`);
      if (SHOTS) await page.screenshot({ path: `${SHOTS}/FAIL-${name.replace(/\W+/g, "-")}.png` }).catch(() => {});
    } finally {
      await made.close();
    }
  }

  return { browser, context, check, count, stop: () => browser.close() };
}

/**
 * A page that is left while its session is renewed loses the token that comes, and the next renewal ends the session. A person is rarely that
 * quick; a check is, on a slow machine. The last that a start asks for is the language, so a page is left after that.
 */
function patient(page) {
  for (const name of ["goto", "reload"]) {
    const leave = page[name].bind(page);
    page[name] = async (...given) => {
      await page.waitForFunction(() => !location.pathname.startsWith("/app") || !localStorage.getItem("tga.session")
        || performance.getEntriesByType("resource").some((one) => one.name.endsWith("/api/users/me/settings")), null, { timeout: RENEWED_MS }).catch(() => {});
      return leave(...given);
    };
  }
}

/** Serious and critical findings of axe on the page. */
export async function axe(page) {
  // Evaluated, not added as a script: the page's policy stays as it is.
  const found = await page.evaluate(`${AXE}; axe.run(document, { resultTypes: ["violations"] })`);
  return found.violations.filter((one) => ["serious", "critical"].includes(one.impact))
    .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("; ")}`);
}

/** Waits until nothing on the page is busy. */
export const settled = (page) => page.waitForFunction(() => document.documentElement.dataset.ready === "true"
  && document.querySelector("#screen h1")?.textContent && !document.querySelector("[aria-busy=true], .bones"));

/** What lies on the device: `[kind, id]` of each entry. The app makes the database; a look must not be quicker. */
export const onDevice = (page) => page.evaluate(async () => {
  const there = await indexedDB.databases();
  if (!there.some((one) => one.name === "tga")) return [];
  return new Promise((done, failed) => {
    const opening = indexedDB.open("tga");
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const all = opening.result.transaction("kept").objectStore("kept").getAllKeys();
      all.onsuccess = () => { opening.result.close(); done(all.result); };
    };
  });
});

/** Waits until what lies on the device is as `wanted(kinds)` says, or has all these kinds: it is written, and wiped, after the page shows it. */
export async function onDeviceWait(page, wanted) {
  const right = Array.isArray(wanted) ? (kinds) => wanted.every((one) => kinds.includes(one)) : wanted;
  await until(async () => right([...new Set((await onDevice(page)).map(([kind]) => kind))]), "what lies on the device is not as it should be");
}

/** Enter in a form; while its answer is on its way a form takes none. */
export async function enter(page) {
  await page.locator("form.form button[type=submit]:enabled").waitFor();
  await page.keyboard.press("Enter");
}

/** Looks until `body` says yes; how often it has to look tells of the machine, so only time ends it. */
export async function until(body, otherwise) {
  for (const end = Date.now() + WAIT_MS; !(await body());) {
    assert.ok(Date.now() < end, otherwise);
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
}

/** Waits until the focus is where it belongs: the browser tells that a key or a click came before the page has dealt with it. */
export const focused = (page, selector) => page.waitForFunction((wanted) => document.activeElement.matches(wanted), selector);

/** The page in both themes, narrow and wide: kept as pictures, no sideways scroll, nothing serious for axe. */
export async function looks(page, name) {
  const before = page.viewportSize();
  const problems = [];
  for (const [scheme, width] of LOOKS) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: width === 360 ? 740 : 800 });
    await settled(page);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) problems.push(`${name} ${scheme} ${width}: scrolls sideways by ${over}`);
    problems.push(...(await axe(page)).map((one) => `${name} ${scheme} ${width}: ${one}`));
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${width}-${scheme}.png` });
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  await page.setViewportSize(before);
  assert.deepEqual(problems, []);
}
