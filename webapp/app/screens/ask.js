// Asking: one field, questions to try, the answer as it comes with its numbered sources, follow-ups below, what was asked before.
//
// An answer that is still coming shows its numbers as plain text; they lead somewhere once the sources are there. Half an answer is
// none: what broke off is said, with the question kept. The last answers are kept on the device for reading without a network, and
// for coming back: a question stands in the address, but asking costs, so a reload or the way back shows the answer that is there.

import { api, isOnline } from "../api.js";
import { add, fill, h, icon } from "../dom.js";
import { keepGet, keepList, keepPut } from "../keep.js";
import { badge, button, copy, empty, failed, iconButton, live, row, section, share, trouble, when } from "../parts.js";
import { postCard, sourceSheet } from "../posts.js";
import { scopeBody, scopeOf, scopeQuery, scopeSheet, scopeSize } from "../scope.js";
import { feel } from "../telegram.js";
import { t } from "../words.js";

const QUESTION_CHARS_MIN = 3;
const QUESTION_CHARS_MAX = 500;
const RECENT_SHOWN = 5;
const FRESH_SHOWN = 3;
const TRIES_SHOWN = 3;
const UNSURE_BELOW = 0.45;
const SEEN_KEY = "tga.seen";
const KIND = "answer";
/** How long coming back to a question shows its answer instead of asking again. */
const RESUME_MS = 30 * 60_000;

export default function ask(place) {
  place.title(t("app-ask-title"));
  const { signal } = place;
  let scope = scopeOf(place.query);
  let going = null;
  const talk = h("div", { class: "talk" });
  const home = h("div", { class: "body" });
  const input = h("textarea", { id: "question", rows: 1, maxlength: QUESTION_CHARS_MAX, placeholder: t("app-ask-placeholder"), "aria-label": t("app-ask-placeholder"), enterkeyhint: "send" });
  const send = iconButton("send", t("app-ask-send"), () => (going ? stop() : begin(input.value)), { class: "icon-button send" });
  const filter = iconButton("filter", t("app-scope-title"), () => scopeSheet(scope, (next) => { scope = next; scopeShow(); }, { tags: false }));
  const box = h("form", { class: "ask-box", role: "search" }, filter, input, send);
  box.addEventListener("submit", (event) => { event.preventDefault(); begin(input.value); });
  input.addEventListener("input", grow);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    begin(input.value);
  });
  place.actions(iconButton("search", t("app-search-title"), () => place.go(`/search${input.value.trim() ? `?q=${encodeURIComponent(input.value.trim())}` : ""}`)));
  addEventListener("keydown", slash, { signal });
  scopeShow();
  homeShow();
  const asked = place.query.get("q");
  if (asked) setTimeout(() => resume(asked));
  return [box, talk, home];

  function slash(event) {
    if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    input.focus();
  }

  function grow() {
    input.rows = 1;
    input.rows = Math.min(6, Math.max(1, Math.floor((input.scrollHeight - 22) / 22)));
  }

  function scopeShow() {
    const size = scopeSize({ ...scope, tags: [] });
    filter.classList.toggle("on", size > 0);
    filter.setAttribute("aria-label", size > 0 ? t("app-scope-on", { n: size }) : t("app-scope-title"));
  }

  function stop() {
    going?.abort();
  }

  // ---- an answer ----

  /** The scope a question is asked in, as it is kept with the answer. */
  function where() {
    return scopeQuery({ ...scope, tags: [] }).toString();
  }

  /** What the address asks: its answer if it is here and new, else anew. */
  async function resume(text) {
    const query = text.trim();
    const same = (one) => one.value.query === query && one.value.where === where() && Date.now() - one.at < RESUME_MS;
    const kept = (await keepList(KIND)).find(same);
    if (signal.aborted) return;
    if (kept) old({ ...kept.value, asked_at: kept.value.at });
    else begin(query);
  }

  async function begin(text) {
    const query = text.trim();
    if (query.length < QUESTION_CHARS_MIN) {
      input.focus();
      return;
    }
    stop();
    const controller = new AbortController();
    going = controller;
    signal.addEventListener("abort", () => controller.abort(), { once: true });
    input.value = "";
    grow();
    home.hidden = true;
    place.address(`/ask?${scopeQuery({ ...scope, tags: [] }, { q: query })}`);
    send.setAttribute("aria-label", t("app-ask-stop"));
    fill(send, icon("stop"));
    const scoped = where();
    // Read aloud when it is whole, not at every word.
    const body = h("div", { class: "answer", "aria-live": "off", "aria-busy": "true" }, thinking());
    const turn = h("section", { class: "turn" }, h("h2", { class: "question", dir: "auto" }, query), body);
    talk.append(turn);
    turn.scrollIntoView({ block: "start" });
    try {
      const data = await answered(query, controller.signal, (part) => fill(body, answerText(part.answer, null)));
      body.setAttribute("aria-live", "polite");
      fill(body, answerWhole(data));
      feel.done();
      await keepPut(KIND, data.query_id, { ...data, where: scoped, at: new Date().toISOString() });
    } catch (error) {
      if (signal.aborted) return;
      body.setAttribute("aria-live", "polite");
      if (controller.signal.aborted) fill(body, h("p", { class: "note" }, t("app-ask-stopped")), button(t("app-retry"), () => again(), { kind: "quiet" }));
      else await broken(error);
    } finally {
      body.setAttribute("aria-busy", "false");
      if (going === controller) {
        going = null;
        send.setAttribute("aria-label", t("app-ask-send"));
        fill(send, icon("send"));
      }
    }

    function again() {
      turn.remove();
      begin(query);
    }

    async function broken(error) {
      const old = error.kind === "offline" ? (await keepList(KIND)).find((one) => one.value.query === query) : null;
      if (old) fill(body, h("p", { class: "note" }, t("app-ask-kept")), answerWhole(old.value));
      else if (error.code === "tier_limit_exceeded") fill(body, empty("clock", t("app-ask-limit"), t("app-ask-limit-text", { max: error.details.max ?? 0 })));
      else fill(body, trouble(error, again));
    }
  }

  async function answered(query, abort, partly) {
    const result = { answer: "", sources: [] };
    let whole = null;
    await api.events("/api/rag/query", {
      body: { query, stream: true, ...scopeBody(scope) }, signal: abort, last: (name) => name === "done",
      take: (name, value) => {
        if (name === "token") result.answer += value.text;
        else if (name === "sources") result.sources = value;
        else whole = value;
        if (name === "token") partly(result);
      },
    });
    return { ...whole, query, result: { ...whole.result, ...result } };
  }

  function answerWhole(data) {
    const { answer, sources, confidence, abstained } = data.result;
    if (abstained || sources.length === 0) return nothing(data);
    const plain = [answer, ...sources.map((one) => `[${one.n}] ${one.channel_title}${one.permalink ? ` ${one.permalink}` : ""}`)].join("\n");
    return [
      confidence < UNSURE_BELOW && h("p", { class: "note unsure" }, icon("warn"), h("span", {}, t("app-ask-unsure"))),
      data.degraded && h("p", { class: "note" }, t("app-ask-degraded")),
      answerText(answer, sources),
      h("div", { class: "sources", role: "list", "aria-label": t("app-ask-sources") }, sources.map((one) => h("div", { role: "listitem" },
        h("button", { type: "button", class: "source", on: { click: () => sourceSheet(one) } }, h("span", { class: "cite-number" }, one.n),
          h("span", { class: "source-body" }, h("b", { dir: "auto" }, one.channel_title), h("small", {}, when(one.posted_at))))))),
      h("div", { class: "answer-actions" },
        iconButton("copy", t("app-copy"), () => copy(plain).catch(failed)), iconButton("share", t("app-share"), () => share(plain).catch(failed)),
        rating(data.query_id, "up"), rating(data.query_id, "down")),
    ];
  }

  function nothing(data) {
    const near = data.result.sources.slice(0, 3);
    return [h("div", { class: "card padded" }, h("h3", { class: "strong" }, t("app-ask-nothing")), h("p", { class: "note" }, t("app-ask-nothing-text")),
      data.degraded && h("p", { class: "note" }, t("app-ask-degraded"))),
      near.length > 0 && h("h3", { class: "list-head" }, t("app-ask-nearest")),
      near.map((one) => postCard({ ...one, text: one.content }))];
  }

  function rating(query_id, value) {
    const node = iconButton(value === "up" ? "good" : "bad", value === "up" ? t("app-ask-good") : t("app-ask-bad"), async () => {
      try {
        await api.post("/api/feedback", { query_id, rating: value });
        for (const other of node.parentNode.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", "false");
        node.setAttribute("aria-pressed", "true");
        feel.chosen();
      } catch (error) {
        failed(error);
      }
    }, { "aria-pressed": "false" });
    return node;
  }

  // ---- before anything is asked ----

  function homeShow() {
    fill(home, live({ signal, load: firstLook, view: (look) => look.channels.length === 0 ? firstTime(look) : [
      look.tries.length > 0 && section(t("app-ask-try"), look.tries.map((text) => row({ lead: icon("ask"), title: text, press: () => begin(text) }))),
      look.recent.length > 0 && section(t("app-ask-recent"), look.recent.map((one) => row({ lead: icon("clock"), kind: "clip", title: one.query, text: when(one.asked_at), press: () => old(one) })),
        { action: h("a", { class: "button", href: "/saved?show=history" }, t("app-all")) }),
      look.fresh.length > 0 && h("section", { class: "section" }, h("div", { class: "section-head" }, h("h2", {}, t("app-ask-fresh")), look.freshTotal > 0 && badge(t("app-ask-fresh-n", { n: look.freshTotal }))), h("div", { class: "body" }, look.fresh.map((post) => postCard(post)))),
    ] }));
  }

  async function firstLook() {
    const seen = localStorage.getItem(SEEN_KEY);
    const [channels, recent, tags, posts] = await Promise.all([
      api.get("/api/channels?limit=100", { signal, keep: true }), api.get(`/api/rag/history?limit=${RECENT_SHOWN}`, { signal, keep: true }),
      api.get("/api/tags?limit=3", { signal, keep: true }), api.get(`/api/posts?limit=${FRESH_SHOWN}`, { signal, keep: true })]);
    let freshTotal = 0;
    if (seen && isOnline()) freshTotal = (await api.get(`/api/posts?limit=1&since=${encodeURIComponent(seen)}`, { signal }).catch(() => ({ total: 0 }))).total;
    if (isOnline()) localStorage.setItem(SEEN_KEY, new Date().toISOString());
    return { channels: channels.channels, recent: recent.queries, fresh: posts.posts, freshTotal, keptAt: posts.keptAt, tries: questions(channels.channels, tags.tags) };
  }

  /** Questions from the person's own channels and tags. */
  function questions(channels, tags) {
    const found = tags.map(({ tag }) => t("app-ask-try-tag", { tag }));
    const latest = [...channels].sort((a, b) => b.posts - a.posts).find((one) => one.posts > 0);
    if (latest) found.splice(1, 0, t("app-ask-try-channel", { title: latest.title }));
    return found.slice(0, TRIES_SHOWN);
  }

  function firstTime() {
    return empty("channels", t("app-first-title"), t("app-first-text"), h("a", { class: "button main", href: "/channels?add=1" }, t("app-channel-add")));
  }

  async function old(one) {
    const kept = one.result ? one : (await keepGet(KIND, one.query_id))?.value;
    if (!kept?.result?.sources) {
      begin(one.query);
      return;
    }
    home.hidden = true;
    const turn = h("section", { class: "turn" }, h("h2", { class: "question", dir: "auto" }, one.query),
      h("p", { class: "note" }, t("app-ask-then"), " ", when(one.asked_at), " · ", h("button", { type: "button", class: "inline", on: { click: () => { turn.remove(); begin(one.query); } } }, t("app-ask-anew"))),
      h("div", { class: "answer" }, answerWhole({ ...kept, query_id: one.query_id })));
    talk.append(turn);
    turn.scrollIntoView({ block: "start" });
  }
}

const thinking = () => h("div", { class: "thinking" }, h("span", { class: "note", role: "status" }, t("app-ask-thinking")), h("i"), h("i"), h("i"));

/** Paragraphs and lists; `[n]` becomes a mark when source n is there, and nothing when it is not. While it comes (`sources` null) a number is text. */
export function answerText(text, sources) {
  const known = new Map(sources?.map((one) => [one.n, one]));
  const marked = (line) => line.split(/(\s*\[\d+\])/).map((piece) => {
    const number = /^\s*\[(\d+)\]$/.exec(piece);
    if (!number) return piece;
    const n = Number(number[1]);
    if (!sources) return h("sup", { class: "cite plain" }, n);
    const source = known.get(n);
    return source && h("button", { type: "button", class: "cite", "aria-label": t("app-ask-source", { n, title: source.channel_title }), on: { click: () => sourceSheet(source) } }, n);
  });
  const blocks = [];
  let list = null;
  for (const line of text.split("\n")) {
    const item = /^\s*[-•*]\s+(.*)$/.exec(line);
    if (item) {
      list ??= blocks[blocks.push(h("ul")) - 1];
      add(list, h("li", { dir: "auto" }, marked(item[1])));
      continue;
    }
    list = null;
    if (line.trim()) blocks.push(h("p", { dir: "auto" }, marked(line)));
  }
  return h("div", { class: "answer-text" }, blocks);
}
