// Where a question looks: channels, tags, a period. Shared by asking and searching, kept in the address.

import { api } from "./api.js";
import { h } from "./dom.js";
import { button, chip, choice, field, live, sheet } from "./parts.js";
import { t } from "./words.js";

const DAY_MS = 86_400_000;
const PERIODS = [["day", 1], ["week", 7], ["month", 31], ["all", 0]];
const PERIOD_KEYS = { day: "app-period-day", week: "app-period-week", month: "app-period-month", all: "app-period-all", own: "app-period-own" };
const TAGS_SHOWN = 16;

/** A scope out of an address's query. */
export const scopeOf = (query) => ({
  channels: query.getAll("channel").map(Number).filter(Boolean), tags: query.getAll("tag"), period: query.get("period") ?? "all",
  since: query.get("since") ?? "", until: query.get("until") ?? "",
});

/** The same as an address's query. */
export function scopeQuery(scope, more = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(more)) if (value) query.set(name, value);
  for (const id of scope.channels) query.append("channel", id);
  for (const tag of scope.tags) query.append("tag", tag);
  if (scope.period !== "all") query.set("period", scope.period);
  if (scope.period === "own" && scope.since) query.set("since", scope.since);
  if (scope.period === "own" && scope.until) query.set("until", scope.until);
  return query;
}

/** What the API is asked with. Days are the reader's own. */
export function scopeBody(scope) {
  const days = PERIODS.find(([id]) => id === scope.period)?.[1];
  const since = days ? new Date(Date.now() - days * DAY_MS) : scope.period === "own" && scope.since ? new Date(`${scope.since}T00:00`) : null;
  const until = scope.period === "own" && scope.until ? new Date(Date.parse(`${scope.until}T00:00`) + DAY_MS) : null;
  return {
    channel_ids: scope.channels.length > 0 ? scope.channels : undefined,
    since: since?.toISOString(), until: until?.toISOString(),
  };
}

export const scopeSize = (scope) => scope.channels.length + scope.tags.length + (scope.period === "all" ? 0 : 1);

/** The sheet that changes a scope; `change(scope)` hears of it when it is closed. `tags` false leaves them out. */
export function scopeSheet(scope, change, { tags = true } = {}) {
  const next = { ...scope, channels: [...scope.channels], tags: [...scope.tags] };
  const flip = (list, value, node) => {
    const at = list.indexOf(value);
    if (at < 0) list.push(value);
    else list.splice(at, 1);
    node.setAttribute("aria-pressed", String(at < 0));
  };
  const since = field({ label: t("app-scope-since"), type: "date", value: next.since });
  const until = field({ label: t("app-scope-until"), type: "date", value: next.until });
  const own = h("div", { class: "two-fields", hidden: next.period !== "own" }, since, until);
  const close = sheet(t("app-scope-title"), [
    h("h3", { class: "strong" }, t("app-scope-period")),
    choice(t("app-scope-period"), [...PERIODS.map(([id]) => id), "own"].map((id) => [id, t(PERIOD_KEYS[id])]), next.period, (id) => { next.period = id; own.hidden = id !== "own"; }),
    own,
    h("h3", { class: "strong" }, t("app-scope-channels")),
    live({ load: () => api.get("/api/channels?limit=100", { keep: true }), skeleton: () => h("div", { class: "chips" }), view: ({ channels }) => h("div", { class: "chips" }, channels.map((one) => {
      const node = chip(one.title, () => flip(next.channels, one.id, node), { chosen: next.channels.includes(one.id) });
      return node;
    })) }),
    tags && h("h3", { class: "strong" }, t("app-scope-tags")),
    tags && live({ load: () => api.get(`/api/tags?limit=${TAGS_SHOWN}`, { keep: true }), skeleton: () => h("div", { class: "chips" }), view: ({ tags: all }) => h("div", { class: "chips" }, all.map((one) => {
      const node = chip(one.tag, () => flip(next.tags, one.tag, node), { chosen: next.tags.includes(one.tag) });
      return node;
    })) }),
    h("div", { class: "buttons" },
      button(t("app-scope-apply"), () => close(), { kind: "main" }),
      button(t("app-scope-clear"), () => { Object.assign(next, { channels: [], tags: [], period: "all", since: "", until: "" }); since.input.value = ""; until.input.value = ""; close(); }, { kind: "quiet" })),
  ], { onClose: () => change({ ...next, since: since.input.value, until: until.input.value }) });
}
