// From an address to a screen: history, the back button, focus, the scroll position, two panes on a wide page.
//
// An address is the app's path under /app. A screen is a module whose default export makes a node of its `place`; leaving it
// aborts `place.signal`. What Telegram put behind the `#` stays there. A module that cannot be fetched means that the app
// was updated meanwhile: the page is loaded again, once. Knows the table of screens, nothing of what they show.

import { BASE, add, fill, h } from "./dom.js";
import { bones, trouble } from "./parts.js";
import { SCREENS } from "./screens.js";
import { may, session } from "./session.js";
import { backButton, mainButton } from "./telegram.js";
import { t, textsLoad, textsThere, language } from "./words.js";

const WIDE = matchMedia("(min-width: 900px)");
const RELOADED = "tga.reloaded";

const ROUTES = SCREENS.map((screen) => ({ ...screen, pattern: new RegExp(`^${screen.path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`) }));

let outlet = null;
let changed = () => {};
let panes = [];
let depth = 0;

/** The app's path and query of the page's address. */
export const here = () => {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "/";
  return (path || "/") + location.search;
};

/** A piece of an address, read; one that is no good encoding is itself. */
function decoded(piece) {
  try {
    return decodeURIComponent(piece);
  } catch {
    return piece;
  }
}

function match(address) {
  const { pathname, searchParams } = new URL(address, location.origin);
  for (const route of ROUTES) {
    const found = route.pattern.exec(pathname);
    if (!found) continue;
    if (route.to) return match(route.to);
    const params = Object.fromEntries(Object.entries(found.groups ?? {}).map(([name, value]) => [name, decoded(value)]));
    return { route, params, query: searchParams, address };
  }
  return null;
}

/** Goes to an address of the app; `replace` leaves no way back to this one. */
export function go(address, { replace = false } = {}) {
  if (!replace) {
    history.replaceState({ ...history.state, scroll: scrollY }, "");
    depth += 1;
  }
  history[replace ? "replaceState" : "pushState"]({ depth }, "", BASE + address + (location.hash.includes("tgWebApp") ? location.hash : ""));
  return show();
}

/** Changes the address without leaving the screen. */
const addressPut = (address) => history.replaceState(history.state, "", BASE + address + (location.hash.includes("tgWebApp") ? location.hash : ""));

/** One step back: out of a sheet that is open, else to the screen before, or to where this one belongs when the app was opened on it. */
export function back() {
  const open = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (open) {
    open.close();
    return;
  }
  const parent = panes.at(-1)?.match.route.parent ?? "/ask";
  if (depth > 0) history.back();
  else go(parent, { replace: true });
}

function place(found, pane, controller) {
  return {
    params: found.params,
    query: found.query,
    signal: controller.signal,
    go,
    back,
    /** Changes the address without leaving the screen, so that a reload comes back to the same; beside another screen nothing. */
    address: (address) => { if (panes.at(-1) === pane && !controller.signal.aborted) addressPut(address); },
    /** The screen's name, in its head and the window's. */
    title: (text) => {
      pane.heading.textContent = text;
      if (panes.at(-1) === pane) document.title = `${text} · ${t("app-name")}`;
    },
    /** Buttons at the right of the head. */
    actions: (...nodes) => fill(pane.actions, nodes),
    /** The one thing the screen is for: Telegram's main button, or one at the bottom. `{ text, press, busy, disabled }` or null. */
    main: (what) => {
      if (controller.signal.aborted) return;
      const shown = mainButton(what);
      fill(pane.main, what && !shown && h("button", { type: "button", class: `button main wide${what.busy ? " busy" : ""}`, disabled: what.disabled || what.busy, on: { click: what.press } }, h("span", {}, what.text)));
    },
  };
}

function paneMade(found) {
  const controller = new AbortController();
  const heading = h("h1", { tabindex: -1, dir: "auto" });
  const pane = { match: found, controller, heading, actions: h("div", { class: "head-actions" }), body: h("div", { class: "body" }), main: h("div", { class: "main-button" }) };
  pane.back = h("button", { type: "button", class: "icon-button head-back", hidden: true, "aria-label": t("app-back"), on: { click: back } }, "‹");
  pane.node = h("div", { class: "pane" }, h("header", { class: "head" }, pane.back, heading, pane.actions), pane.body, pane.main);
  return pane;
}

async function paneFill(pane) {
  const { route } = pane.match;
  const bonesShown = bones(5);
  fill(pane.body, bonesShown);
  try {
    if (route.texts && !textsThere(route.texts)) await textsLoad(language(), route.texts);
    const module = await route.load();
    sessionStorage.removeItem(RELOADED);
    if (pane.controller.signal.aborted) return;
    // Who was signed in may have gone while the screen was on its way.
    if (!route.open && !session()) {
      show();
      return;
    }
    const node = await module.default(place(pane.match, pane, pane.controller));
    if (!pane.controller.signal.aborted) fill(pane.body, node);
  } catch (error) {
    if (pane.controller.signal.aborted || error.name === "AbortError") return;
    console.error(error);
    if (error instanceof TypeError && !sessionStorage.getItem(RELOADED)) {
      sessionStorage.setItem(RELOADED, "1");
      location.reload();
      return;
    }
    fill(pane.body, trouble(error, () => paneFill(pane)));
  }
}

function leave(pane) {
  pane.controller.abort(new DOMException("left", "AbortError"));
  pane.node.remove();
}

/** The list that a wide page keeps beside its detail. */
function listOf({ route }) {
  const parent = WIDE.matches && route.parent && !route.alone && session() ? match(route.parent) : null;
  return parent && !parent.route.parent ? parent : null;
}

/** Puts the panes beside each other, `list` or nothing before `detail`; what is there already stays as it is. */
function arrange(list, detail) {
  for (const pane of panes) if (pane !== list && pane !== detail) leave(pane);
  panes = [list, detail].filter(Boolean);
  for (const node of [...outlet.children]) if (!panes.some((pane) => pane.node === node)) node.remove();
  if (list && list.node.parentNode !== outlet) outlet.prepend(list.node);
  if (detail.node.parentNode !== outlet) add(outlet, detail.node);
  outlet.classList.toggle("two", panes.length === 2);
  detail.back.hidden = !detail.match.route.parent || Boolean(list);
}

/** Shows in the list which of its rows is open beside it. */
function rowMark(list, detail) {
  const open = BASE + new URL(detail.match.address, location.origin).pathname;
  for (const link of list?.node.querySelectorAll("a.row") ?? []) {
    if (link.pathname === open) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The screen stays with what is typed in it; the list beside it comes and goes.
function widthChanged() {
  const detail = panes.at(-1);
  if (!detail) return;
  const found = listOf(detail.match);
  if (!found === (panes.length === 1)) return;
  const list = found && paneMade(found);
  arrange(list, detail);
  if (list) paneFill(list).then(() => rowMark(list, panes.at(-1)));
}

/** Shows the screen of the page's address. */
export async function show() {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  const address = here();
  let found = match(address);
  const allowed = found && may(found.route.role);
  if (!found || !allowed) {
    found = match("/ask");
    addressPut("/ask");
  }
  if (!found.route.open && !session()) {
    const came = new URL(address, location.origin).searchParams;
    const query = new URLSearchParams();
    if (found.address !== "/ask") query.set("then", found.address);
    // An invite's link may lead anywhere in the app.
    const invite = came.get("invite") ?? came.get("startapp");
    if (invite) query.set("invite", invite);
    const signIn = query.size > 0 ? `/sign-in?${query}` : "/sign-in";
    addressPut(signIn);
    found = match(signIn);
  }
  mainButton(null);
  const list = listOf(found);
  const kept = panes.find((pane) => list && pane.match.address === list.address);
  const detail = paneMade(found);
  const first = list ? kept ?? paneMade(list) : null;
  const inside = backButton(found.route.parent || depth > 0 ? back : null);
  outlet.classList.toggle("back-outside", inside);
  arrange(first, detail);
  rowMark(kept, detail);
  changed(found.route);
  if (first && !kept) paneFill(first).then(() => rowMark(first, panes.at(-1)));
  await paneFill(detail);
  if (detail.controller.signal.aborted) return;
  scrollTo(0, history.state?.scroll ?? 0);
  if (document.activeElement === document.body || !document.activeElement) detail.heading.focus({ preventScroll: true });
}

/** Begins: `node` holds the screens, `onChange(route)` hears of each. */
export function routerStart(node, onChange) {
  outlet = node;
  changed = onChange;
  history.scrollRestoration = "manual";
  addEventListener("popstate", () => {
    depth = history.state?.depth ?? 0;
    show();
  });
  WIDE.addEventListener("change", widthChanged);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || link.target || link.hasAttribute("download")) return;
    const href = link.getAttribute("href");
    if (!href.startsWith(`${BASE}/`)) return;
    event.preventDefault();
    go(href.slice(BASE.length));
  });
  return show();
}
