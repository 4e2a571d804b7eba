// The sheet of components that every screen is built from: headers, rows, buttons, fields, sheets, states, tables.
//
// A component is a function from data to a node; its look is in app.css under the same name. README.md shows each. Knows the
// words and Telegram's feel, nothing of the server but its failures.

import { Failure } from "./api.js";
import { BASE, add, fill, h, icon, outward } from "./dom.js";
import { feel, openInTelegram } from "./telegram.js";
import { ago, moment, t } from "./words.js";

const TOAST_MS = 3500;
const HUES = 7;
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

// ---- text ----

/** The same press, whose refusal is said; what listens to it would drop the promise. */
const said = (press) => async (...given) => {
  try {
    await press(...given);
  } catch (error) {
    failed(error);
  }
};

/** A button: `kind` is main, plain, quiet or danger; `press` may return a promise, while which the button is busy. */
export function button(text, press, { kind = "plain", image, disabled, label } = {}) {
  const element = h("button", { type: "button", class: `button ${kind}`, disabled, "aria-label": label }, image && icon(image), text && h("span", {}, text));
  element.addEventListener("click", said(async () => {
    const going = press(element);
    if (!(going instanceof Promise)) return;
    element.classList.add("busy");
    await during(element, () => going).finally(() => element.classList.remove("busy"));
  }));
  return element;
}

/** Runs `body` while `element` takes no press; the focus, which a disabled element loses, comes back to it. */
export async function during(element, body) {
  const had = document.activeElement === element;
  element.disabled = true;
  try {
    return await body();
  } finally {
    element.disabled = false;
    if (had && document.activeElement === document.body) element.focus({ preventScroll: true });
  }
}

/** A round button with a picture only; `label` says what it does. */
export const iconButton = (image, label, press, properties = {}) =>
  h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, ...properties, on: { click: said(press) } }, icon(image));

/** A time as people read it; the exact one on hover. */
export const when = (iso) => (iso ? h("time", { datetime: iso, title: moment(iso) }, ago(iso)) : null);

/** Coloured initials of a channel or person. */
export function avatar(title, small = false) {
  const words = title.replace(/[^\p{L}\p{N}\s]/gu, " ").trim().split(/\s+/);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase() || "#";
  const hue = [...title].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % HUES;
  return h("span", { class: `avatar hue-${hue}${small ? " small" : ""}`, "aria-hidden": "true" }, letters);
}

export const chip = (text, press, { chosen, count, image } = {}) =>
  h(press ? "button" : "span", { type: press && "button", class: "chip", "aria-pressed": chosen === undefined ? undefined : String(chosen), on: press && { click: said(press) } },
    image && icon(image), h("span", { dir: "auto" }, text), count !== undefined && h("small", {}, count));

export const badge = (text, kind = "plain") => h("span", { class: `badge ${kind}` }, text);

// ---- lists ----

/** A block of rows under a heading; `note` stands below. */
export const section = (heading, rows, { note, action } = {}) =>
  h("section", { class: "section" },
    (heading || action) && h("div", { class: "section-head" }, heading && h("h2", {}, heading), action),
    h("div", { class: "card" }, rows), note && h("p", { class: "note" }, note));

/** A row: `lead` a node before, `title`, `text` below, `end` a node after; with `href` or `press` it opens something. */
export function row({ lead, title, text, end, href, press, kind = "", current, label }) {
  const body = [lead, h("span", { class: "row-body" }, h("span", { class: "row-title", dir: "auto" }, title), text && h("span", { class: "row-text", dir: "auto" }, text)),
    end && h("span", { class: "row-end" }, end), (href || press) && !end && kind !== "danger" && h("span", { class: "row-next" }, icon("next"))];
  const properties = { class: `row ${kind}`, "aria-label": label, "aria-current": current && "page" };
  // What a wide page shows beside the list is marked in it.
  if (href) return h("a", { ...properties, "aria-current": current || location.pathname === BASE + href ? "page" : undefined, href }, body);
  if (press) return h("button", { ...properties, type: "button", on: { click: said(press) } }, body);
  return h("div", properties, body);
}

/** A switch in a row; `change(on)` may throw, then it goes back. */
export function toggle({ title, text, on, change, disabled }) {
  const input = h("input", { type: "checkbox", role: "switch", checked: on, disabled });
  input.addEventListener("change", async () => {
    feel.chosen();
    try {
      await change(input.checked);
    } catch (error) {
      input.checked = !input.checked;
      failed(error);
    }
  });
  return h("label", { class: "row toggle" }, h("span", { class: "row-body" }, h("span", { class: "row-title" }, title), text && h("span", { class: "row-text" }, text)), input);
}

/** One of several, as a row of buttons. `options`: [value, text]. `choose(value)` may throw, then the one before is chosen again. */
export function choice(label, options, chosen, choose) {
  let now = chosen;
  const buttons = options.map(([value, text]) => h("button", { type: "button", on: { click: async () => {
    const before = now;
    feel.chosen();
    mark(value);
    try {
      await choose(value);
    } catch (error) {
      mark(before);
      failed(error);
    }
  } }, "data-value": String(value) }, text));
  function mark(value) {
    now = value;
    buttons.forEach((one, at) => one.setAttribute("aria-pressed", String(options[at][0] === value)));
  }
  mark(chosen);
  return h("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}

/** A bar that fills to `share` of 1; `label` is read aloud. */
export const meter = (share, label) =>
  h("div", { class: "meter", role: "progressbar", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(share * 100), vars: { share: Math.min(1, Math.max(0, share)) } });

/** A table that scrolls sideways in itself. `columns`: [{ title, cell(row), end? }]. */
export const table = (caption, columns, rows) =>
  h("div", { class: "table", tabindex: 0, role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.end && "end" }, column.title)))),
      h("tbody", {}, rows.map((one) => h("tr", {}, columns.map((column) => h("td", { class: column.end && "end" }, column.cell(one))))))));

// ---- forms ----

let fields = 0;

/** A labelled field: `type` any of input's, "area" or "select" (with `options` [value, text]). Returns a node with `input`. */
export function field({ label, type = "text", value = "", hint, options, ...properties }) {
  const id = `field-${fields += 1}`;
  const tag = type === "area" ? "textarea" : type === "select" ? "select" : "input";
  const input = h(tag, { id, type: tag === "input" ? type : undefined, "aria-describedby": `${id}-hint`, ...properties },
    options?.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  if (tag !== "select") input.value = value;
  const below = h("p", { class: "note", id: `${id}-hint`, "aria-live": "polite" }, hint);
  const node = h("div", { class: "field" }, h("label", { for: id }, label), input, below);
  /** Says what is wrong with it; nothing takes that back. */
  node.wrong = (problem) => {
    input.setAttribute("aria-invalid", String(Boolean(problem)));
    node.classList.toggle("wrong", Boolean(problem));
    fill(below, problem ?? hint);
    if (problem) input.focus();
  };
  node.input = input;
  return node;
}

/** A form of fields; Enter sends it, and what the server says of a field is shown at it. `fields`: { name: field }. */
export function form(fieldsByName, { submit, text, kind = "main" }) {
  const send = h("button", { type: "submit", class: `button ${kind}` }, h("span", {}, text));
  const node = h("form", { class: "form", novalidate: true }, Object.values(fieldsByName), send);
  node.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(fieldsByName).map(([name, one]) => [name, one.input.type === "checkbox" ? one.input.checked : one.input.value]));
    for (const one of Object.values(fieldsByName)) one.wrong(null);
    send.disabled = true;
    send.classList.add("busy");
    try {
      await submit(values);
    } catch (error) {
      const known = error.fields?.filter(({ field: name }) => fieldsByName[name]) ?? [];
      for (const { field: name, problem } of known) fieldsByName[name].wrong(problem);
      if (known.length === 0) failed(error);
    } finally {
      send.disabled = false;
      send.classList.remove("busy");
    }
  });
  return node;
}

// ---- what comes over the page ----

/** A sheet that rises from below, or stands at the side of a wide page; returns `close`. Esc, the back button and a tap beside close it. */
export function sheet(title, content, { onClose } = {}) {
  const dialog = h("dialog", { class: "sheet", "aria-label": title });
  const close = () => dialog.close();
  // What is said while it is open is said in it: all else is behind it, out of reach of eye, finger and screen reader.
  const toasts = h("div", { class: "toasts", role: "status", "aria-live": "polite" });
  add(dialog, h("div", { class: "sheet-head" }, h("h2", { dir: "auto" }, title), iconButton("close", t("app-close"), close)), h("div", { class: "sheet-body" }, content), toasts);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  dialog.addEventListener("close", () => {
    toastPlace().append(...toasts.children);
    dialog.remove();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return close;
}

/** Asks before something that cannot be taken back; true if yes. */
export const sure = (title, text, yes, kind = "danger") => new Promise((done) => {
  let answer = false;
  const close = sheet(title, [h("p", {}, text), h("div", { class: "buttons" },
    button(yes, () => { answer = true; close(); }, { kind }), button(t("app-cancel"), () => close(), { kind: "quiet" }))], { onClose: () => done(answer) });
});

/** Where a short word is said: in the sheet on top, or on the page. */
const toastPlace = () => [...document.querySelectorAll("dialog[open] > .toasts")].at(-1) ?? document.getElementById("toasts");

/** A short word at the bottom that goes by itself; `undo` takes it back. */
export function toast(text, { kind = "plain", undo } = {}) {
  const node = h("div", { class: `toast ${kind}` }, h("span", {}, text));
  const timer = setTimeout(() => node.remove(), TOAST_MS);
  if (undo) add(node, h("button", { type: "button", on: { click: () => { clearTimeout(timer); node.remove(); said(undo)(); } } }, t("app-undo")));
  toastPlace().append(node);
}

/** Says that something was done, to the eye and the hand. */
export function done(text, options) {
  feel.done();
  toast(text, options);
}

/** Says what became of a failed action. */
export function failed(error) {
  if (error?.name === "AbortError") return;
  if (!(error instanceof Failure)) console.error(error);
  feel.failed();
  toast(reason(error).text, { kind: "bad" });
}

// ---- states ----

const KIND_TEXTS = {
  offline: () => [t("app-offline-title"), t("app-offline-text")], slow: () => [t("app-slow-title"), t("app-slow-text")],
  "signed-out": () => [t("app-signed-out-title"), t("app-signed-out-text")], busy: () => [t("app-busy-title"), t("app-busy-text")],
  failed: () => [t("app-failed-title"), t("app-failed-text")], refused: () => [t("app-refused-title"), t("app-failed-text")],
};
const CODE_TEXTS = {
  forbidden: () => t("app-forbidden-text"), conflict: () => t("app-conflict-text"),
  disk_full: () => t("app-disk-text"), read_only: () => t("app-disk-text"),
};

/** A failure in words: `{ title, text }`. What only the server can say (a refused input) is its own message. */
export function reason(error) {
  const [title, text] = (KIND_TEXTS[error?.kind] ?? KIND_TEXTS.failed)();
  const known = CODE_TEXTS[error?.code]?.();
  if (error?.status === 404) return { title: t("app-gone-title"), text: t("app-gone-text") };
  return { title, text: known ?? (error?.kind === "refused" && error.message ? error.message : text) };
}

/** What happened, what it means, and a button to try again, with a clock where the server asks to wait. */
export function trouble(error, again) {
  const { title, text } = reason(error);
  if (error?.status === 404) return empty("search", t("app-gone-title"), text);
  const retry = again && h("button", { type: "button", class: "button main", on: { click: () => again() } }, t("app-retry"));
  const until = Date.now() + (error?.waitS ?? 0) * 1000;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    retry.disabled = left > 0;
    retry.textContent = left > 0 ? t("app-retry-in", { n: left }) : t("app-retry");
    if (left > 0) setTimeout(() => retry.isConnected && tick(), 1000);
  };
  if (retry) tick();
  return h("div", { class: "state bad", role: "alert" }, h("span", { class: "state-image" }, icon("warn")), h("h2", {}, title), h("p", {}, text),
    error?.requestId && h("p", { class: "note" }, t("app-request", { id: error.requestId })), retry);
}

/** Why there is nothing, and the next step. */
export const empty = (image, title, text, ...next) =>
  h("div", { class: "state" }, h("span", { class: "state-image" }, icon(image)), h("h2", {}, title), text && h("p", {}, text), next);

/** Grey bones of rows while the real ones are on their way. */
export const bones = (rows = 4, lead = true) =>
  h("div", { class: "card bones", "aria-hidden": "true" }, Array.from({ length: rows }, () => h("div", { class: "row" }, lead && h("i", { class: "avatar" }), h("span", { class: "row-body" }, h("i", {}), h("i", {})))));

/** Puts these in place of all in `box`; what had the focus has it again, by its place, or the screen's heading where nothing can. */
function refill(box, ...children) {
  const places = () => [...box.querySelectorAll(FOCUSABLE)];
  const at = places().indexOf(document.activeElement);
  const heading = box.closest(".pane")?.querySelector("h1");
  fill(box, ...children);
  if (at >= 0) (places()[at] ?? places().at(-1) ?? heading)?.focus({ preventScroll: true });
}

/**
 * A part of a page that is loaded: bones, then what `view(value)` makes of it, or the trouble with a way on. The node has
 * `reload()`; what is there stays until the new is, and the focus with it.
 */
export function live({ load, view, skeleton = () => bones(), signal }) {
  const box = h("div", { class: "live", "aria-busy": "true" }, skeleton());
  box.reload = async () => {
    box.setAttribute("aria-busy", "true");
    try {
      const value = await load();
      if (signal?.aborted) return;
      refill(box, value?.keptAt && h("p", { class: "note kept" }, t("app-kept", { when: ago(new Date(value.keptAt).toISOString()) })), view(value));
    } catch (error) {
      // Somebody else signed in: this screen is about to go.
      if (signal?.aborted || error.name === "AbortError") return;
      if (!(error instanceof Failure)) console.error(error);
      refill(box, trouble(error, () => { refill(box, skeleton()); box.reload(); }));
    } finally {
      box.setAttribute("aria-busy", "false");
    }
  };
  box.reload();
  return box;
}

/** A list that grows by pages: `page(offset)` gives `{ items, total }`, `item` a node of each. */
export function pages({ page, item, first, wrap = (nodes) => h("div", { class: "card" }, nodes) }) {
  const list = wrap(first.items.map(item));
  let shown = first.items.length;
  const more = button(t("app-more"), async () => {
    const next = await page(shown);
    add(list, next.items.map(item));
    shown += next.items.length;
    if (shown >= next.total || next.items.length === 0) more.remove();
  }, { kind: "quiet" });
  return h("div", { class: "pages" }, list, shown < first.total && more);
}

// ---- out of the app ----

/** A link to a post in Telegram: within Telegram it opens there. */
export function telegramLink(address, text, properties = {}) {
  const link = outward(address, { class: "button plain", ...properties }, icon("out"), h("span", {}, text));
  link.addEventListener("click", (event) => { if (openInTelegram(address)) event.preventDefault(); });
  return link;
}

export async function copy(text) {
  await navigator.clipboard.writeText(text);
  done(t("app-copied"));
}

/** Shares by the system's own sheet, or copies where there is none. */
export async function share(text) {
  if (!navigator.share) return copy(text);
  try {
    await navigator.share({ text });
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** Saves a file that the server sent. */
export function save({ blob, name }) {
  const address = URL.createObjectURL(blob);
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
