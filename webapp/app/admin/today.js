// How the tenant is today: what needs somebody, what there is, how it went over days and hours.
//
// What needs somebody stands first and leads to where it is mended; without it there is no such block.

import { api } from "../api.js";
import { chart } from "../chart.js";
import { h, icon } from "../dom.js";
import { choice, live, meter, row, section, when } from "../parts.js";
import { isOperator } from "../session.js";
import { figure, lasting, moment, t } from "../words.js";
import { AUTH_TEXTS, healthGet } from "./names.js";

const DAYS = [7, 30, 90];
const HOURS = 48;
const EVENTS_READ = 100;
const DAY_MS = 86_400_000;
const EVENTS_SHOWN = ["authorized", "failed", "expired", "cancelled", "revoked"];

/** Milliseconds as people read them. */
const took = (ms) => (ms < 1000 ? t("admin-ms", { n: ms }) : lasting(ms / 1000));

export default function today(place) {
  place.title(t("admin-today-title"));
  const { signal } = place;
  let days = 30;
  const now = live({ signal, load: () => Promise.all([
    api.get(`/api/admin/stats?days=${DAYS[0]}&hours=${HOURS}`, { signal }),
    api.get(`/api/admin/auth-events?limit=${EVENTS_READ}`, { signal }),
    isOperator() ? healthGet(signal) : null,
  ]), view: ([stats, logins, health]) => [needed(stats, logins, health), tiles(stats), readiness(stats.content), loginsShown(logins)] });
  const days_ = live({ signal, load: () => api.get(`/api/admin/stats?days=${days}&hours=${HOURS}`, { signal }), view: charts });
  const span = choice(t("admin-span"), DAYS.map((count) => [count, t("count-days", { n: count })]), days, (count) => { days = count; days_.reload(); });
  return [now, span, days_];
}

function needed(stats, logins, health) {
  const rows = [];
  if (health && health.status !== "ok") {
    rows.push(row({ lead: icon("warn"), title: t("admin-installation-title"), text: health.reasons.map((one) => one.detail).join("; "), href: "/admin/installation" }));
  }
  if (health && !health.last_backup_at) rows.push(row({ lead: icon("warn"), title: t("admin-backup-none"), text: t("admin-backup-none-text"), href: "/admin/backups" }));
  if (stats.dead_letters > 0) rows.push(row({ lead: icon("warn"), title: t("admin-dead-n", { n: stats.dead_letters }), text: t("admin-dead-lead"), href: "/admin/jobs" }));
  const failures = recent(logins.events).filter(({ event }) => event === "failed").length;
  if (failures > 0) rows.push(row({ lead: icon("warn"), title: t("admin-failed-n", { n: failures }), text: t("admin-failed-lead"), href: "/admin/events?show=logins&event=failed" }));
  if (rows.length > 0) return section(t("admin-needed"), rows);
  const backup = health && h("span", {}, t("admin-all-well-text"), ". ", t("admin-backup-last"), ": ", when(health.last_backup_at));
  return section(null, row({ lead: icon("check"), title: t("admin-all-well"), text: backup ?? t("admin-all-well-text") }));
}

const recent = (events) => events.filter(({ at }) => Date.now() - Date.parse(at) < DAY_MS);

function tiles(stats) {
  const tile = (value, text, href) => h(href ? "a" : "div", { class: "tile", href }, h("b", {}, figure(value)), h("span", {}, text));
  return h("div", { class: "tiles" },
    tile(stats.users, t("admin-tile-people", { n: stats.users }), "/admin/people"), tile(stats.channels, t("admin-tile-channels", { n: stats.channels })),
    tile(stats.content.posts, t("admin-tile-posts", { n: stats.content.posts })), tile(stats.questions, t("admin-tile-questions", { n: stats.questions }), "/admin/events?show=feedback"),
    tile(stats.jobs, t("admin-tile-jobs", { n: stats.jobs }), "/admin/jobs"), tile(stats.invites_active, t("admin-tile-invites", { n: stats.invites_active }), "/admin/invites"));
}

/** How much of what is written can be found. */
function readiness({ posts, indexed, embedded, model, rebuilding }) {
  const line = (text, done) => h("div", { class: "used" }, h("div", { class: "used-line" }, h("span", {}, text), h("span", {}, t("app-of", { now: figure(done), max: figure(posts) }))), meter(posts > 0 ? done / posts : 1, text));
  const note = rebuilding ? t("admin-rebuilding") : model ? t("admin-model", { model }) : t("admin-model-none");
  return section(t("admin-readiness"), h("div", { class: "card padded" }, line(t("admin-indexed"), indexed), line(t("admin-embedded"), embedded)), { note });
}

function loginsShown({ events }) {
  const last = recent(events);
  const rows = EVENTS_SHOWN.map((event) => [event, last.filter((one) => one.event === event).length]).filter(([, count]) => count > 0)
    .map(([event, count]) => row({ title: t(AUTH_TEXTS[event]), end: figure(count), href: `/admin/events?show=logins&event=${event}` }));
  if (rows.length === 0) return null;
  return section(t("admin-logins-day"), rows);
}

function charts({ days, hours }) {
  const series = (buckets, name) => buckets.map((bucket) => ({ at: bucket.from_at, value: bucket[name] ?? null }));
  const sum = (buckets, name) => figure(buckets.reduce((all, bucket) => all + bucket[name], 0));
  const byDay = (title, name) => chart(title, series(days, name), { total: sum(days, name) });
  const byHour = (title, name, options) => chart(title, series(hours, name), { kind: "line", label: moment, ...options });
  return [
    h("div", { class: "charts" }, byDay(t("admin-chart-questions"), "questions"), byDay(t("admin-chart-abstained"), "abstained"), byDay(t("admin-chart-posts"), "posts"),
      byDay(t("admin-chart-people"), "users"), byDay(t("admin-chart-channels"), "channels")),
    h("h2", { class: "list-head" }, t("admin-hours", { n: HOURS })),
    h("div", { class: "charts" }, byHour(t("admin-chart-p50"), "latency_p50_ms", { say: took }), byHour(t("admin-chart-p95"), "latency_p95_ms", { say: took }),
      byHour(t("admin-chart-jobs"), "jobs"), byHour(t("admin-chart-dead"), "dead_letters")),
  ];
}
