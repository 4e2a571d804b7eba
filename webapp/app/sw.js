// The app without a network: the page and all files of one version, kept together and changed together.
//
// A new version is fetched whole and waits until the reader agrees or no page is open, so a page never gets files of another one.
// Answers of the server are none of its business: what is kept of them the app keeps itself, under the person's sign-in.

const VERSION = "{version}";
const CACHE = `tga-app-${VERSION}`;
const PAGE = "/app/";
const FILES = [{files}];

self.addEventListener("install", (event) => {
  const addresses = [PAGE, "/app/icon.svg", "/app/manifest.webmanifest", ...FILES.map((name) => `/app/v/${VERSION}/${name}`)];
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(addresses.map((address) => new Request(address, { cache: "no-cache" })))));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("tga-app-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("message", (event) => {
  if (event.data === "take over") self.skipWaiting();
  if (event.data === "take in") event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || !/^\/app(\/|$)/.test(url.pathname)) return;
  const key = request.mode === "navigate" ? PAGE : request;
  event.respondWith(caches.open(CACHE).then(async (cache) => (await cache.match(key)) ?? fetch(request)));
});
