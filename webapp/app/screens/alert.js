// One alert: what it looks for, when it tells, what it would have found, and what it found.
//
// A new one is `/alerts/new`, begun from a search with its words and scope. Saving sends the version that was read, so two devices do
// not undo each other unseen.

import { api } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { badge, button, choice, chip, done, empty, field, live, pages, reason, row, section, sure, toggle, when } from "../parts.js";
import { postCard } from "../posts.js";
import { t } from "../words.js";

const STEP = 20;
const PER_DAY = [1, 3, 10, 50];
const NIGHT = { from: "23:00", until: "08:00" };
const PREVIEW_PAUSE_MS = 500;
const MONTH_MS = 31 * 86_400_000;

const blank = (query) => ({
  query: query.get("q") ?? "", by_meaning: false, tags: query.getAll("tag"), channel_ids: query.getAll("channel").map(Number).filter(Boolean),
  quiet: NIGHT, zone: Intl.DateTimeFormat().resolvedOptions().timeZone, per_day_max: 10, muted_until: null,
});
const bodyOf = ({ query, by_meaning, tags, channel_ids, quiet, zone, per_day_max, muted_until }) => ({ query, by_meaning, tags, channel_ids, quiet, zone, per_day_max, muted_until });

export default function alert(place) {
  const { signal, params } = place;
  const isNew = params.id === "new";
  place.title(isNew ? t("app-alert-new") : t("app-alert"));
  if (isNew) return form(blank(place.query), null);
  return live({ signal, load: async () => {
    // There is no route to one of them; nobody has many.
    const { alerts } = await api.get("/api/alerts", { signal });
    const found = alerts.find((one) => one.id === Number(params.id));
    if (!found) throw Object.assign(new Error("no such alert"), { status: 404, kind: "refused", code: "not_found" });
    return found;
  }, view: (found) => form({ ...found }, found) });

  function form(draft, kept) {
    // Switched off and on again, they are the ones that were.
    const hours = draft.quiet ?? NIGHT;
    let timer = 0;
    signal.addEventListener("abort", () => clearTimeout(timer));
    const from = field({ label: t("app-alert-quiet-from"), type: "time", value: hours.from, required: true });
    const until = field({ label: t("app-alert-quiet-until"), type: "time", value: hours.until, required: true });
    const night = h("div", { class: "two-fields", hidden: !draft.quiet }, from, until);
    for (const [{ input }, side] of [[from, "from"], [until, "until"]]) {
      input.addEventListener("input", quietTake);
      // One that was emptied is what it was; so what is seen is what is kept.
      input.addEventListener("blur", () => { input.value ||= hours[side]; });
    }
    const words = field({ label: t("app-alert-words"), value: draft.query, hint: t("app-alert-words-hint"), maxlength: 1000, enterkeyhint: "done" });
    const preview = h("div", { class: "live" });
    const changed = () => {
      clearTimeout(timer);
      timer = setTimeout(previewShow, PREVIEW_PAUSE_MS);
    };
    words.input.addEventListener("input", () => { draft.query = words.input.value; changed(); });
    const scope = h("div", { class: "chips" });
    scopeShow();
    previewShow();
    function quietTake() {
      until.wrong(null);
      draft.quiet = { from: from.input.value || hours.from, until: until.input.value || hours.until };
    }
    place.main({ text: kept ? t("app-alert-save") : t("app-alert-add"), press: save });
    return [
      h("div", { class: "card padded" }, words, scope),
      section(null, [
        toggle({ title: t("app-alert-meaning"), text: t("app-alert-meaning-text"), on: draft.by_meaning, change: (on) => { draft.by_meaning = on; } }),
        toggle({ title: t("app-alert-quiet"), text: t("app-alert-quiet-text"), on: Boolean(draft.quiet), change: (on) => {
          night.hidden = !on;
          if (on) quietTake();
          else draft.quiet = null;
        } }),
        night,
        kept && toggle({ title: t("app-alert-muted"), text: t("app-alert-muted-text"), on: muted(draft), change: (on) => { draft.muted_until = on ? new Date(Date.now() + MONTH_MS).toISOString() : null; } }),
      ]),
      section(t("app-alert-day"), choice(t("app-alert-day"), PER_DAY.map((n) => [n, String(n)]), draft.per_day_max, (n) => { draft.per_day_max = n; })),
      preview,
      kept && found(kept),
      kept && button(t("app-alert-remove"), remove, { kind: "danger" }),
    ];

    function scopeShow() {
      fill(scope, draft.tags.map((tag) => chip(`#${tag}`, () => { draft.tags = draft.tags.filter((one) => one !== tag); scopeShow(); changed(); }, { image: "close" })),
        draft.channel_ids.length > 0 && chip(t("app-alert-channels", { n: draft.channel_ids.length }), () => { draft.channel_ids = []; scopeShow(); changed(); }, { image: "close" }));
      scope.hidden = scope.childElementCount === 0;
    }

    function previewShow() {
      if (!draft.query.trim() && draft.tags.length === 0) {
        fill(preview, h("p", { class: "note" }, t("app-alert-empty")));
        return;
      }
      fill(preview, live({ signal, load: () => api.post("/api/alerts/preview", bodyOf(draft), { signal }), skeleton: () => h("p", { class: "note" }, "…"),
        view: (look) => h("section", { class: "section" }, h("div", { class: "section-head" }, h("h2", {}, t("app-alert-preview", { n: look.found }))),
          h("div", { class: "body" }, look.examples.slice(0, 2).map((post) => postCard(post)))) }));
    }

    async function save() {
      if (!draft.query.trim() && draft.tags.length === 0) {
        words.wrong(t("app-alert-empty"));
        return;
      }
      if (draft.quiet && draft.quiet.from === draft.quiet.until) {
        until.wrong(t("app-alert-quiet-same"));
        return;
      }
      place.main({ text: t("app-alert-save"), press: save, busy: true });
      try {
        if (kept) await api.put(`/api/alerts/${kept.id}`, { alert: bodyOf(draft), version: kept.version });
        else await api.post("/api/alerts", bodyOf(draft));
        done(t("app-alert-saved"));
        place.go("/saved?show=alerts", { replace: true });
      } catch (error) {
        place.main({ text: t("app-alert-save"), press: save });
        const problem = error.fields?.find((one) => /query|tags/.test(one.field))?.problem;
        words.wrong(error.code === "tier_limit_exceeded" ? t("app-alert-many") : error.code === "conflict" ? t("app-conflict-text") : problem ?? reason(error).text);
      }
    }

    async function remove() {
      if (!(await sure(t("app-alert-remove"), t("app-alert-remove-text"), t("app-alert-remove")))) return;
      await api.delete(`/api/alerts/${kept.id}`);
      done(t("app-alert-removed"));
      place.go("/saved?show=alerts", { replace: true });
    }
  }

  function found(kept) {
    const load = (offset) => api.get(`/api/alerts/${kept.id}/matches?limit=${STEP}&offset=${offset}`, { signal });
    return section2(t("app-alert-found"), live({ signal, load: () => load(0), view: (first) => (first.total === 0 ? empty("bell", t("app-alert-none"), t("app-alert-none-text")) :
      pages({ first: { items: first.matches, total: first.total }, item: (one) => postCard(one.post), wrap: (nodes) => h("div", { class: "body" }, nodes),
        page: async (offset) => { const next = await load(offset); return { items: next.matches, total: next.total }; } })) }));
  }
}

const muted = (one) => Boolean(one.muted_until && Date.parse(one.muted_until) > Date.now());
const section2 = (heading, content) => h("section", { class: "section" }, h("div", { class: "section-head" }, h("h2", {}, heading)), content);

/** The alerts as rows of "Saved". */
export function alertRows(place) {
  const { signal } = place;
  return live({ signal, load: () => api.get("/api/alerts", { signal, keep: true }), view: ({ alerts }) => [
    alerts.length === 0 && empty("bell", t("app-alerts-none"), t("app-alerts-none-text")),
    alerts.length > 0 && section(null, alerts.map((one) => row({
      lead: icon("bell"), title: [one.query, ...one.tags.map((tag) => `#${tag}`)].filter(Boolean).join(" "), href: `/alerts/${one.id}`,
      text: h("span", {}, t("app-alert-n", { n: one.found }), one.last_found_at && [" · ", when(one.last_found_at)]), end: muted(one) && badge(t("app-alert-muted-badge")),
    }))),
    h("a", { class: `button ${alerts.length === 0 ? "main" : "plain"}`, href: "/alerts/new" }, icon("plus"), h("span", {}, t("app-alert-new"))),
  ] });
}
