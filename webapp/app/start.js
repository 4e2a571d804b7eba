// The start of the app: colours, texts, who opened it, the bar, the first screen.
//
// The order is what the reader sees first: the language and the screen's bones before anything is asked of the server. Knows the
// other modules, and is known by none.

import { isOnline, onlineWatch } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { button } from "./parts.js";
import { go, here, routerStart, show } from "./router.js";
import { BAR } from "./screens.js";
import { session, sessionWatch, user } from "./session.js";
import { inTelegram, initData, startParam, telegramStart, telegramUser } from "./telegram.js";
import { languageGuess, t, textsLoad } from "./words.js";

const BUSY_EXPLAINED_MS = 600;

const screen = h("main", { id: "screen" });
const bar = h("nav", { class: "bar" });
const offline = h("div", { class: "offline", role: "status", hidden: true });
const update = h("div", { class: "update", role: "status", hidden: true });

function barShow(current) {
  bar.hidden = !session();
  bar.setAttribute("aria-label", t("app-bar"));
  fill(bar, BAR.map(({ id, path, image, key }) =>
    h("a", { href: path, "aria-current": id === current ? "page" : undefined }, icon(image), h("span", {}, t(key)))));
}

function offlineShow(online) {
  offline.hidden = online;
  fill(offline, online ? "" : t("app-offline"));
}

/** Where a link that opened the app leads: `startapp=` takes channel_5, post_7, tag_x, ask, channels, saved, login or an invite. */
function startAddress(param) {
  const [, kind, rest] = /^(channel|post|tag|alert|ask|channels|saved|me|login|admin)(?:_(.+))?$/.exec(param ?? "") ?? [];
  if (!kind) return null;
  if (!rest) return `/${kind}`;
  return { channel: `/channels/${rest}`, post: `/posts/${rest}`, alert: `/alerts/${rest}`, tag: `/tags/${encodeURIComponent(rest)}` }[kind] ?? `/${kind}`;
}

const someoneElse = () => {
  const kept = user();
  const { id } = telegramUser();
  return Boolean(inTelegram() && kept && id && id !== kept.telegram_id);
};

async function signInFirst() {
  if (!inTelegram() || !initData() || (session() && !someoneElse())) return;
  const { leftByHand, signInByTelegram } = await import("./signing.js");
  if (leftByHand()) return;
  const waits = setTimeout(() => fill(screen, h("div", { class: "state" }, h("p", {}, t("app-signing-in")))), BUSY_EXPLAINED_MS);
  await signInByTelegram();
  clearTimeout(waits);
}

/** The language that was chosen in the bot or on another device. */
async function languageSame() {
  try {
    const { languageFollow } = await import("./language.js");
    // A login under way is not begun anew for it.
    if (session() && (await languageFollow()) && !here().startsWith("/login")) await show();
  } catch { /* it is asked again at the next start */ }
}

async function workerStart() {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    const registration = await workers.register("/app/sw.js", { scope: "/app/" });
    const offer = () => {
      if (!registration.waiting || !workers.controller) return;
      fill(update, h("span", {}, t("app-update")), h("button", { type: "button", on: { click: () => registration.waiting?.postMessage("take over") } }, t("app-update-now")));
      update.hidden = false;
    };
    const watch = () => registration.installing?.addEventListener("statechange", offer);
    offer();
    watch();
    registration.addEventListener("updatefound", watch);
    // The first one to take the page brings nothing new; each after it does.
    let taken = workers.controller;
    workers.addEventListener("controllerchange", () => {
      if (taken && taken !== workers.controller) location.reload();
      taken = workers.controller;
    });
    // A worker takes in the pages that are there when it begins; one that was on its way then, or was loaded past it, has to ask.
    if (!taken) registration.active?.postMessage("take in");
  } catch { /* without it the app needs the network, as it says */ }
}

/** Hides everything until the phone says that it is its owner. */
function unlocked(scriptReady) {
  if (!inTelegram() || localStorage.getItem("tga.lock") !== "true") return null;
  return new Promise((done) => {
    const ask = async () => {
      const { lockOpen } = await import("./lock.js");
      await scriptReady;
      if (await lockOpen()) done();
    };
    bar.hidden = true;
    fill(screen, h("div", { class: "state" }, h("span", { class: "state-image" }, icon("key")), h("h1", {}, t("app-locked")), button(t("app-unlock"), ask, { kind: "main" })));
    ask();
  });
}

/** To the screen's heading; going to the address of `#screen` would build the screen anew. */
function skipTo(event) {
  event.preventDefault();
  [...screen.querySelectorAll("h1")].at(-1)?.focus();
}

function sessionChanged(signedIn, elsewhere) {
  // What could still be taken back was the one's before.
  for (const undo of document.querySelectorAll(".toast:has(button)")) undo.remove();
  if (!signedIn) {
    go("/sign-in", { replace: true });
    return;
  }
  barShow(null);
  languageSame();
  // Another tab signed in: this one needs no form any more.
  if (elsewhere && here().startsWith("/sign-in")) show();
}

async function begin() {
  let started = false;
  const scriptReady = new Promise((done) => telegramStart(async () => {
    await (await import("./lock.js")).lockPrepare();
    done();
    // Its buttons take over from those in the page.
    if (started) show();
  }));
  await textsLoad(languageGuess(telegramUser().language_code));
  const skip = h("a", { class: "skip", href: "#screen", on: { click: skipTo } }, t("app-skip"));
  document.body.replaceChildren(skip, offline, update, h("div", { class: "frame" }, bar, screen), h("div", { id: "toasts", role: "status", "aria-live": "polite" }));
  onlineWatch(offlineShow);
  offlineShow(isOnline());
  await unlocked(scriptReady);
  barShow(null);
  await signInFirst();
  const wanted = ["/", ""].includes(new URL(here(), location.origin).pathname) ? startAddress(startParam()) : null;
  if (wanted) history.replaceState(null, "", `/app${wanted}${location.hash}`);
  sessionWatch(sessionChanged);
  started = true;
  await routerStart(screen, (route) => barShow(route.bar));
  document.documentElement.dataset.ready = "true";
  // Drawing it takes the page's own time, which the first screen has before it.
  document.querySelector("link[rel=icon]").href = "/app/icon.svg";
  workerStart();
  languageSame();
}

begin();
