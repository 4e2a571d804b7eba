// Nodes of the demo page: links, posts with their marks, avatars, the head of a card.
//
// Knows the words, nothing of the server or of what the page shows. Invariants: text becomes text nodes only; a link is
// made only for http, https and tg.

import { moment } from "./words.js";

const EXCERPT_CHARS = 420;

export function node(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "onclick") element.addEventListener("click", value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function safeUrl(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "tg:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function link(address, text) {
  const href = safeUrl(address);
  return href ? node("a", { href, target: "_blank", rel: "noopener noreferrer" }, text) : document.createTextNode(text);
}

/** Text with its bare web addresses made into links. */
function linked(text) {
  const pieces = [];
  let done = 0;
  for (const match of text.matchAll(/https?:\/\/[^\s<>"«»]+/g)) {
    const address = match[0].replace(/[.,;:!?)\]]+$/, "");
    pieces.push(text.slice(done, match.index), link(address, address));
    done = match.index + address.length;
  }
  pieces.push(text.slice(done));
  return pieces.filter((piece) => piece !== "");
}

/** The snippet with what matched marked; `highlights` are `[start, end)` in characters, so counted in code points. */
export function matched(snippet, highlights = []) {
  const letters = [...snippet];
  const piece = (from, to) => letters.slice(from, to).join("");
  const pieces = [];
  let done = 0;
  for (const [from, to] of highlights) {
    if (from < done || to <= from || to > letters.length) continue;
    pieces.push(...linked(piece(done, from)), node("mark", {}, piece(from, to)));
    done = to;
  }
  return [...pieces, ...linked(piece(done))];
}

/** Where the quote's pieces stand in the post, in its order, blank space compared loosely; those not there are left out. */
function quoteSpans(content, quote) {
  const spans = [];
  let done = 0;
  for (const piece of (quote ?? "").split(" … ")) {
    const words = piece.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
    const match = new RegExp(pattern, "iu").exec(content.slice(done));
    if (!match) continue;
    spans.push({ from: done + match.index, to: done + match.index + match[0].length });
    done = spans.at(-1).to;
  }
  return spans;
}

/** The part of a long post that holds the quote, cut at word ends. */
function excerptSpan(content, span) {
  if (content.length <= EXCERPT_CHARS * 1.25) return { from: 0, to: content.length };
  let from = span && span.to > EXCERPT_CHARS ? Math.max(0, span.from - 80) : 0;
  let to = Math.max(from + EXCERPT_CHARS, span ? span.to : 0);
  if (from > 0) from = content.indexOf(" ", from) + 1;
  if (to < content.length) to = Math.max(content.lastIndexOf(" ", to), span ? span.to : 0);
  return { from, to: Math.min(to, content.length) };
}

export function postText(content, quote) {
  const spans = quoteSpans(content, quote);
  const body = node("p", { class: "post", dir: "auto" });
  const fill = ({ from, to }) => {
    const parts = [from > 0 ? "… " : "", to < content.length ? " …" : ""];
    const pieces = [];
    let done = from;
    for (const span of spans.filter((one) => one.from >= from && one.to <= to)) {
      pieces.push(...linked(content.slice(done, span.from)), node("mark", { class: "quote" }, content.slice(span.from, span.to)));
      done = span.to;
    }
    pieces.push(...linked(content.slice(done, to)));
    body.replaceChildren(parts[0], ...pieces, parts[1]);
  };
  const part = excerptSpan(content, spans[0]);
  fill(part);
  const cut = part.from > 0 || part.to < content.length;
  return { body, cut, whole: () => fill({ from: 0, to: content.length }) };
}

export function avatar(title) {
  const words = title.replace(/[^\p{L}\p{N}\s]/gu, " ").trim().split(/\s+/);
  const letters = words.slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase() || "#";
  const hue = [...title].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 9973, 7) % 7;
  return node("span", { class: `avatar hue-${hue}`, "aria-hidden": "true" }, letters);
}

function posted(value) {
  const time = moment(value);
  return time ? node("time", { datetime: time.iso, title: time.whole }, time.shown) : "";
}

export function cardTop(title, postedAt, lead) {
  const who = node("div", { class: "card-who" }, node("b", { dir: "auto" }, title), node("span", { class: "hint" }, posted(postedAt)));
  return node("div", { class: "card-top" }, avatar(title), who, lead);
}

export const bones = (lines) => node("div", { class: "bones", "aria-hidden": "true" }, ...Array.from({ length: lines }, () => node("i")));
