// A page and the versions of its files: who is taken in by the service worker, and how an update comes. Run by app.js in its world.
//
// The service has one version of the app in it. A server in front of it passes everything on, and can give the app's files under another
// version, as the next release would: the page and the worker then name it, and files of the version before are gone.

import assert from "node:assert/strict";
import { createServer, request as ask } from "node:http";
import { settled } from "./checker.js";
import { IVAN } from "./cast.js";

const NEXT = "0123456789ab";
const GONE = "000000000000";

/** The server in front: `version` is what it serves; `missing` is a file it has trouble with, `down` is no network at all. */
async function frontStart(origin) {
  const built = /\/app\/v\/([0-9a-f]+)\//.exec(await (await fetch(`${origin}/app`)).text())[1];
  const front = { built, version: built, missing: null, down: false };
  const server = createServer((asked, answered) => {
    if (front.down) {
      asked.socket.destroy();
      return;
    }
    if (front.missing && asked.url.endsWith(front.missing)) {
      answered.writeHead(503).end();
      return;
    }
    const named = /^\/app\/v\/([0-9a-f]+)\//.exec(asked.url)?.[1];
    // What is served anew must not be taken for what is known by its tag.
    const names = /^\/app(\/|$)/.test(asked.url) && !named;
    const headers = { ...asked.headers };
    if (names) for (const name of ["accept-encoding", "if-none-match"]) delete headers[name];
    const path = named ? asked.url.replace(named, named === front.version ? built : GONE) : asked.url;
    const onward = ask(`${origin}${path}`, { method: asked.method, headers }, (answer) => {
      if (!names) {
        answered.writeHead(answer.statusCode, answer.headers);
        answer.pipe(answered);
        return;
      }
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const { etag, "content-length": length, ...rest } = answer.headers;
        answered.writeHead(answer.statusCode, rest).end(Buffer.concat(pieces).toString().replaceAll(built, front.version));
      });
    });
    onward.on("error", () => answered.destroy());
    asked.pipe(onward);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  front.url = `http://localhost:${server.address().port}`;
  front.stop = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return front;
}

/** The versions of all files that this document has loaded. */
const versionsOf = (page) => page.evaluate(() => {
  const loaded = performance.getEntriesByType("resource").map((one) => /\/app\/v\/([0-9a-f]+)\//.exec(one.name)?.[1]);
  return [...new Set(loaded.filter(Boolean))];
});
const versionIs = (page, version) => page.waitForFunction((wanted) => document.querySelector("script[type=module]")?.src.includes(wanted), version);
const controlled = (page) => page.waitForFunction(() => Boolean(navigator.serviceWorker.controller));
/** Asks for a new version, as the browser does after each navigation; whether it could. */
const looksForOne = (page) => page.evaluate(() => navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => true, () => false));
const offered = (page) => page.locator(".update:not([hidden])").waitFor();
const cachesOf = (page) => page.evaluate(() => caches.keys());

function loadsOf(page) {
  const loads = { count: 0 };
  page.on("load", () => { loads.count += 1; });
  return loads;
}

/** `harness` is what app.js drives its own checks with. */
export async function versionsChecks({ world, check, open, signedIn, sessionPut }) {
  async function takenIn(page, made) {
    await sessionPut(page, await signedIn(IVAN));
    await page.addInitScript(() => { window.controlledFirst = Boolean(navigator.serviceWorker?.controller); });
    await open(page, "/channels");
    await controlled(page);
    // Loaded past the worker that is there: the same as a page that was on its way when the worker began.
    const client = await made.newCDPSession(page);
    const loads = loadsOf(page);
    await client.send("Page.reload", { ignoreCache: true });
    await page.waitForFunction(() => window.controlledFirst === false && document.documentElement.dataset.ready === "true");
    await controlled(page);
    await settled(page);
    await page.getByRole("link", { name: "Сохранённое" }).click();
    await page.getByRole("heading", { name: "Сохранённое", level: 1 }).waitFor();
    assert.equal(loads.count, 1, "being taken in is no new version");
  }

  async function update(page, made) {
    const front = await frontStart(world.url);
    made.origins.push(front.url);
    try {
      await updated(front, page, made);
    } finally {
      await front.stop();
    }
  }

  async function updated(front, page, made) {
    const at = (path) => `${front.url}/app${path}`;
    const go = async (one, path) => { await one.goto(at(path)); await settled(one); };
    await sessionPut(page, await signedIn(IVAN));
    await go(page, "/channels");
    await controlled(page);
    const tab = await made.newPage();
    await go(tab, "/me");
    await controlled(tab);

    // Looking for a new version without a network is no error, and the app goes on.
    front.down = true;
    assert.equal(await looksForOne(page), false);
    await go(page, "/channels");
    await page.locator(".offline:not([hidden])").waitFor();
    assert.equal(await page.locator(".update").isVisible(), false);
    front.down = false;

    // Half a new version is none: the next look fetches all of it.
    Object.assign(front, { version: NEXT, missing: "/screens/tags.js" });
    await looksForOne(page);
    await page.waitForFunction(() => navigator.serviceWorker.getRegistration().then((one) => !one.installing));
    assert.equal(await page.evaluate(() => navigator.serviceWorker.getRegistration().then((one) => Boolean(one.waiting))), false);
    await go(page, "/tags");
    assert.deepEqual(await versionsOf(page), [front.built]);
    front.missing = null;
    assert.equal(await looksForOne(page), true);
    for (const one of [page, tab]) await offered(one);

    // Until somebody agrees all goes on with the version it began with, though the server has no file of it any more.
    for (const one of [page, tab]) {
      await one.getByRole("link", { name: "Сохранённое" }).click();
      await one.getByRole("heading", { name: "Сохранённое", level: 1 }).waitFor();
      await settled(one);
    }
    await go(tab, "/search?q=ледокол");
    for (const one of [page, tab]) {
      await offered(one);
      assert.deepEqual(await versionsOf(one), [front.built], "files of two versions are mixed");
    }

    // Agreed in one tab: both begin anew, once, with the new version only; the old one is gone.
    const loads = [page, tab].map(loadsOf);
    await page.getByRole("button", { name: "Обновить", exact: true }).click();
    for (const one of [page, tab]) {
      await versionIs(one, NEXT);
      await settled(one);
      await controlled(one);
    }
    await page.getByRole("heading", { name: "Сохранённое", level: 1 }).waitFor();
    await tab.getByRole("heading", { name: "Поиск", level: 1 }).waitFor();
    await page.getByRole("link", { name: "Каналы" }).click();
    await page.getByRole("heading", { name: "Каналы", level: 1 }).waitFor();
    for (const one of [page, tab]) {
      assert.deepEqual(await versionsOf(one), [NEXT]);
      assert.equal(await one.locator(".update").isVisible(), false);
    }
    assert.deepEqual(loads.map((one) => one.count), [1, 1]);
    await page.waitForFunction(() => caches.keys().then((names) => names.length === 1));
    assert.deepEqual(await cachesOf(page), [`tga-app-${NEXT}`]);
    // The new one is whole: it starts without a network.
    front.down = true;
    await go(tab, "/tags");
    assert.deepEqual(await versionsOf(tab), [NEXT]);
  }

  await check("versions: a page that the worker did not take in asks it to, and is not loaded again", takenIn);
  await check("versions: an update is fetched whole, waits to be agreed to, and takes every tab over once", update, { allow: [/ERR_EMPTY_RESPONSE/, /ERR_CONNECTION/, /ERR_FAILED/, /fetching the script/] });
}
