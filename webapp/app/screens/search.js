// Finding posts: words or meaning, channels, tags and a period; what matched is marked. The address holds all of it.

import { api } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { bones, button, choice, chip, empty, iconButton, live } from "../parts.js";
import { matched, postCard } from "../posts.js";
import { scopeBody, scopeOf, scopeQuery, scopeSheet, scopeSize } from "../scope.js";
import { t } from "../words.js";

const STEP = 20;
const HITS_MAX = 100;
const PAUSE_MS = 250;

export default function search(place) {
  place.title(t("app-search-title"));
  const { signal } = place;
  let scope = scopeOf(place.query);
  let mode = place.query.get("mode") ?? "hybrid";
  let limit = STEP;
  let timer = 0;
  let round = null;
  const input = h("input", { type: "search", id: "query", maxlength: 500, placeholder: t("app-search-placeholder"), "aria-label": t("app-search-placeholder"), autocomplete: "off", enterkeyhint: "search", value: place.query.get("q") ?? "" });
  const chosen = h("div", { class: "chips" });
  const results = h("div", { class: "body" });
  const form = h("form", { class: "ask-box", role: "search" }, h("span", { class: "ask-image" }, icon("search")), input, iconButton("filter", t("app-scope-title"), change));
  form.addEventListener("submit", (event) => { event.preventDefault(); input.blur(); run(); });
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(run, PAUSE_MS); });
  signal.addEventListener("abort", () => { clearTimeout(timer); round?.abort(); });
  const modes = choice(t("app-search-mode"), [["hybrid", t("app-search-hybrid")], ["fulltext", t("app-search-words")], ["vector", t("app-search-meaning")]], mode, (value) => { mode = value; run(); });
  run();
  if (!input.value) setTimeout(() => input.focus({ preventScroll: true }), 50);
  return [form, modes, chosen, results];

  function change() {
    scopeSheet(scope, (next) => { scope = next; limit = STEP; run(); });
  }

  function chosenShow() {
    fill(chosen, scope.tags.map((tag) => chip(`#${tag}`, () => { scope = { ...scope, tags: scope.tags.filter((one) => one !== tag) }; run(); }, { chosen: true, image: "close" })),
      scopeSize({ ...scope, tags: [] }) > 0 && chip(t("app-scope-on", { n: scopeSize({ ...scope, tags: [] }) }), change, { chosen: true, image: "filter" }));
    chosen.hidden = chosen.childElementCount === 0;
  }

  function run() {
    clearTimeout(timer);
    round?.abort();
    round = new AbortController();
    const query = input.value.trim() || scope.tags.join(" ");
    place.address(`/search?${scopeQuery(scope, { q: input.value.trim(), mode: mode === "hybrid" ? "" : mode })}`);
    chosenShow();
    if (!query) {
      fill(results, empty("search", t("app-search-empty"), t("app-search-hint")));
      return;
    }
    const body = { query, mode, limit, tags: scope.tags.length > 0 ? scope.tags : undefined, ...scopeBody(scope) };
    fill(results, live({ signal: round.signal, skeleton: () => bones(4), load: () => api.post("/api/search", body, { signal: round.signal }), view: shown }));
  }

  function shown({ hits, total, degraded }) {
    if (hits.length === 0) return empty("search", t("app-search-none"), scopeSize(scope) > 0 ? t("app-search-none-scope") : t("app-search-hint"));
    return [h("div", { class: "buttons" }, button(t("app-alert-this"), () => place.go(`/alerts/new?${scopeQuery({ ...scope, period: "all" }, { q: input.value.trim() })}`), { image: "bell" })),
      degraded && mode !== "fulltext" && h("p", { class: "note" }, t("app-search-degraded")),
      h("p", { class: "note", role: "status" }, t("app-search-found", { n: total })),
      hits.map((hit) => postCard(hit, h("p", { class: "post-text", dir: "auto" }, matched(hit.snippet, hit.highlights)))),
      limit < Math.min(total, HITS_MAX) && h("button", { type: "button", class: "button quiet", on: { click: () => { limit = Math.min(limit + STEP, HITS_MAX); run(); } } }, t("app-more"))];
  }
}
