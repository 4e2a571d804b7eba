// Posts as they are shown: a card in a list, the marked words, the quoted sentence, saving, opening in Telegram.
//
// Text becomes text nodes only. Offsets of the server are in characters, so they are counted in code points. Knows what a post
// looks like in the API's replies (PostView, SearchHit, SourceView), nothing of the screens.

import { api } from "./api.js";
import { add, fill, h, icon, linked } from "./dom.js";
import { avatar, copy, done, failed, share, sheet, telegramLink, when } from "./parts.js";
import { savedHas, savedSet } from "./savedposts.js";
import { t } from "./words.js";

const EXCERPT_CHARS = 360;

/** The snippet with what matched marked; `highlights` are `[start, end)`. */
export function matched(snippet, highlights = []) {
  const letters = [...snippet];
  const piece = (from, to) => letters.slice(from, to).join("");
  const pieces = [];
  let at = 0;
  for (const [from, to] of highlights) {
    if (from < at || to <= from || to > letters.length) continue;
    pieces.push(...linked(piece(at, from)), h("mark", {}, piece(from, to)));
    at = to;
  }
  return [...pieces, ...linked(piece(at))];
}

/** Where the quote's pieces stand in the post, in its order, blank space compared loosely. */
function quoteSpans(content, quote) {
  const spans = [];
  let at = 0;
  for (const piece of (quote ?? "").split(" … ")) {
    const words = piece.trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("\\s+");
    const match = new RegExp(pattern, "iu").exec(content.slice(at));
    if (!match) continue;
    spans.push({ from: at + match.index, to: at + match.index + match[0].length });
    at = spans.at(-1).to;
  }
  return spans;
}

/** A whole post with the quoted sentences marked. */
export function quoted(content, quote) {
  const pieces = [];
  let at = 0;
  for (const { from, to } of quoteSpans(content, quote)) {
    pieces.push(...linked(content.slice(at, from)), h("mark", {}, content.slice(from, to)));
    at = to;
  }
  return h("p", { class: "post-text", dir: "auto" }, pieces, linked(content.slice(at)));
}

/** The beginning of a post, with a button for the rest where there is more. */
export function excerpt(text) {
  const body = h("p", { class: "post-text", dir: "auto" });
  const letters = [...text];
  if (letters.length <= EXCERPT_CHARS * 1.25) return add(body, linked(text));
  const head = letters.slice(0, EXCERPT_CHARS).join("");
  const cut = head.slice(0, Math.max(head.lastIndexOf(" "), EXCERPT_CHARS / 2));
  return add(body, linked(cut), "… ", h("button", { type: "button", class: "inline", on: { click: () => fill(body, linked(text)) } }, t("app-post-whole")));
}

const MEDIA = { photo: "app-media-photo", video: "app-media-video", document: "app-media-document", audio: "app-media-audio", voice: "app-media-voice", poll: "app-media-poll", animation: "app-media-animation", sticker: "app-media-sticker" };

/** A post in a list. `body` is its text's node where it is not the plain excerpt; `found` the post or hit; `saved` if that is known. */
export function postCard(found, body, { saved } = {}) {
  const id = found.post_id ?? found.id;
  const tags = found.tags ?? [];
  return h("article", { class: "card padded post" },
    h("div", { class: "post-head" }, avatar(found.channel_title, true),
      h("a", { class: "post-who", href: `/posts/${id}`, dir: "auto" }, found.channel_title), h("span", { class: "note" }, when(found.posted_at)), saveButton(id, saved)),
    body ?? excerpt(found.text),
    MEDIA[found.media] && h("p", { class: "note" }, t(MEDIA[found.media])),
    tags.length > 0 && h("div", { class: "post-tags" }, tags.map((tag) => h("a", { class: "tag", href: `/tags/${encodeURIComponent(tag)}`, dir: "auto" }, `#${tag}`))));
}

/** A button that keeps a post or lets it go; without `saved` this device's copies say whether it is kept. */
export function saveButton(id, saved) {
  const button = h("button", { type: "button", class: "icon-button save", "aria-pressed": String(saved ?? false), "aria-label": t("app-save") }, icon("saved"));
  if (saved === undefined) savedHas(id).then((has) => button.setAttribute("aria-pressed", String(has)));
  button.addEventListener("click", async () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    try {
      await savedSet(id, on);
      done(on ? t("app-saved-done") : t("app-saved-gone"));
    } catch (error) {
      button.setAttribute("aria-pressed", String(!on));
      failed(error);
    }
  });
  return button;
}

/** The sheet of a source: channel, time, the quoted sentence in its post, ways on. */
export function sourceSheet(source) {
  const body = h("div", { class: "sheet-part" }, quoted(source.content, source.quote));
  const close = sheet(source.channel_title, [
    h("p", { class: "note" }, when(source.posted_at)),
    body,
    h("div", { class: "buttons" }, source.permalink && telegramLink(source.permalink, t("app-open-telegram"), { class: "button main" }),
      h("a", { class: "button plain", href: `/posts/${source.post_id}`, on: { click: () => close() } }, t("app-open-post")), saveButton(source.post_id)),
  ]);
  // The answer holds only the part of a long post that it used.
  api.get(`/api/posts/${source.post_id}`, { keep: true }).then((post) => fill(body, quoted(post.text, source.quote)), () => {});
  const mark = body.querySelector("mark");
  mark?.scrollIntoView({ block: "center" });
}

/** Copying and sharing a post, as text with its address. */
export const postActions = (post) => {
  const text = [post.text, post.permalink].filter(Boolean).join("\n\n");
  return h("div", { class: "buttons" }, post.permalink && telegramLink(post.permalink, t("app-open-telegram"), { class: "button main" }),
    h("button", { type: "button", class: "button plain", on: { click: () => copy(text).catch(failed) } }, icon("copy"), h("span", {}, t("app-copy"))),
    h("button", { type: "button", class: "button plain", on: { click: () => share(text).catch(failed) } }, icon("share"), h("span", {}, t("app-share"))));
};
