// Building the page: nodes out of tags, properties and children, and nothing out of text.
//
// Invariants: whatever is not a node becomes a text node, so no text can become markup; a link is made only for addresses that
// open a page or Telegram; a style is set by property, as the page's policy wants it. Knows nothing of the app.

const SVG = "http://www.w3.org/2000/svg";
/** What every address of the app begins with. */
export const BASE = "/app";
const SCHEMES = ["http:", "https:", "tg:"];

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "on") {
    for (const [event, take] of Object.entries(value)) element.addEventListener(event, take);
  } else if (name === "vars") {
    for (const [key, text] of Object.entries(value)) element.style.setProperty(`--${key}`, text);
  } else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") {
    element[name] = value;
  } else if (name === "href") {
    const href = safeUrl(value);
    // The app's own addresses are written without what they begin with.
    if (href) element.setAttribute("href", href.startsWith("/") ? BASE + href : href);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function made(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  add(element, ...children);
  return element;
}

/** An element. `on` takes listeners by event, `vars` custom properties; a child that is no node is text, null is nothing. */
export const h = (tag, properties, ...children) => made(document.createElement(tag), properties, children);

/** The same for a picture's element. */
export const svg = (tag, properties, ...children) => made(document.createElementNS(SVG, tag), properties, children);

/** Adds children as `h` does; lists are taken apart. */
export function add(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Puts these children in place of all there are. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, ...children);
}

/** The address if it may be opened, else null. One without a scheme is an address of this app. */
export function safeUrl(address) {
  try {
    const url = new URL(address, location.origin);
    if (url.origin === location.origin || url.protocol === "blob:") return String(address);
    return SCHEMES.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link out of the app, or only its text where the address must not be opened. */
export function outward(address, properties, ...children) {
  const href = safeUrl(address);
  if (!href) return h("span", properties, ...children);
  return h("a", { ...properties, href, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** Text with its bare web addresses made into links. */
export function linked(text) {
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"«»]+/g)) {
    const address = match[0].replace(/[.,;:!?)\]]+$/, "");
    pieces.push(text.slice(done, match.index), outward(address, {}, address));
    done = match.index + address.length;
  }
  pieces.push(text.slice(done));
  return pieces.filter((piece) => piece !== "");
}

// Pictures of the bar and the rows, drawn on a grid of 24.
const ICONS = {
  ask: "M4 5.5h16v10.5H9.5L5.5 19.5V16H4z",
  channels: "M4 10v4l4 .5V9.5zM8 9.5 18 5v14L8 14.5M9.5 15l1 4.5h2.5L12 16",
  saved: "M6.5 4h11v16L12 15.5 6.5 20z",
  me: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.6-3.6 3.7-5.5 7.5-5.5s6.9 1.9 7.5 5.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6 6 18",
  next: "M9 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
  check: "M5 12.5l4.5 4.5L19 7",
  warn: "M12 4 21 19.5H3zM12 10v4.5M12 17v.3",
  out: "M9 5h10v10M19 5 6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  share: "M12 15V4M7.5 8 12 3.5 16.5 8M5 12.5V20h14v-7.5",
  trash: "M5 7h14M9.5 7V4.5h5V7M7 7l1 13h8l1-13",
  bell: "M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 20.5h4",
  filter: "M4 6h16M7 12h10M10 18h4",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.5l3.5 2",
  tag: "M4 4h8l8.5 8.5-8 8L4 12zM8 8v.1",
  phone: "M7 3h10v18H7zM11 18h2",
  key: "M9 15a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM13.5 10.5H21v3.5M17.5 10.5V14",
  globe: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  shield: "M12 3 5 6v5.5c0 4.5 3 7.5 7 9.5 4-2 7-5 7-9.5V6z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  refresh: "M19 12a7 7 0 1 1-2-5l2 2M19 4.5V9h-4.5",
  chart: "M5 20V11M12 20V4M19 20v-6",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 19.5c.4-3 2.8-5 6-5s5.6 2 6 5M16 5a3.3 3.3 0 0 1 0 6.5M18 14.8c1.8.7 2.8 2.4 3 4.7",
  gear: "M12 15.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M5.6 18.4l2.2-2.2M16.2 7.8l2.2-2.2",
  good: "M7 11v9H4v-9zM7 11l4-7.5c1.5 0 2.5 1 2.2 2.6L12.5 10h6c1 0 1.7 1 1.4 2l-1.9 6.5c-.2.9-1 1.5-1.9 1.5H7",
  bad: "M7 13V4H4v9zM7 13l4 7.5c1.5 0 2.5-1 2.2-2.6L12.5 14h6c1 0 1.7-1 1.4-2L18 5.5C17.8 4.6 17 4 16.1 4H7",
  qr: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h3v3h-3zM20 14v.1M14 20h.1M17.5 17.5H20V20",
  up: "M12 19V6M6 12l6-6 6 6",
  down: "M12 5v13M6 12l6 6 6-6",
};

/** A line picture by its name; says nothing to a screen reader. */
export const icon = (name) => svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
