// How much the app loads before its first screen, and how soon that can be used on a slow processor.
//
// Every load begins without cache and service worker. The weight is held to its limit; the times are printed, not asserted: they tell
// of the machine as much as of the app.

import assert from "node:assert/strict";
import { settled } from "./checker.js";

const FIRST_LOAD_BYTES_MAX = 120 * 1024;
const CPU_SLOWDOWN = 4;
const LOADS = 9;
/** What a signed-in person's app asks for right after its first screen. */
const LOADED = /\/api\/users\/me\/settings$/;

/** Loads `address` some times; prints what it weighed and how soon it was usable. */
export async function firstLoad(page, made, address) {
  const sizes = new Map();
  const client = await made.newCDPSession(page);
  await client.send("Network.enable");
  const names = new Map();
  client.on("Network.responseReceived", ({ requestId, response }) => names.set(requestId, response.url));
  client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(names.get(requestId), encodedDataLength));
  await client.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  // Told, not asked at each frame, for which the page would draw frames it needs not.
  await page.addInitScript(() => {
    new MutationObserver(() => { if (document.documentElement.dataset.ready === "true") window.interactiveMs ??= performance.now(); })
      .observe(document, { subtree: true, attributes: true, attributeFilter: ["data-ready"] });
  });
  // As on a warm machine: the first start of a browser is not the app's.
  const times = [];
  let bytes = 0;
  for (let round = 0; round < LOADS; round += 1) {
    await client.send("Network.clearBrowserCache");
    await page.evaluate(async () => { for (const one of await navigator.serviceWorker?.getRegistrations() ?? []) await one.unregister(); for (const name of await caches?.keys() ?? []) await caches.delete(name); }).catch(() => {});
    sizes.clear();
    // The first that the app asks for when it is usable, seen from outside: whoever asks the page itself slows it down.
    await Promise.all([page.waitForResponse(LOADED), page.goto(address, { waitUntil: "commit" })]);
    if (round === 0) bytes = [...sizes].filter(([url]) => url?.includes("/app")).reduce((sum, [, size]) => sum + size, 0);
    times.push(await page.evaluate(() => window.interactiveMs));
    times.sort((a, b) => a - b);
    await settled(page);
    // The worker fetches all files after the first screen; it must not do so beside the next load.
    await page.evaluate(() => navigator.serviceWorker.ready);
  }
  console.log(`     first load ${(bytes / 1024).toFixed(1)} KB, interactive ${times.map((one) => one.toFixed(0)).join(" ")} ms at ${CPU_SLOWDOWN}x, median ${times[LOADS >> 1].toFixed(0)}`);
  assert.ok(bytes > 10_000 && bytes < FIRST_LOAD_BYTES_MAX, `${bytes} bytes`);
}
