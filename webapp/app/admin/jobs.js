// Work of the tenant: what was given up and why, to be tried again or thrown away, and what waits.
//
// Dead letters are listed in the order of their ids, page after page; the figures come with the first.

import { api } from "../api.js";
import { add, h } from "../dom.js";
import { badge, button, done, empty, iconButton, live, row, section, sheet, sure, when } from "../parts.js";
import { t } from "../words.js";
import { named } from "./names.js";

const PAGE = 50;
const STATES = { ready: "admin-job-ready", scheduled: "admin-job-scheduled", claimed: "admin-job-claimed", dead: "admin-job-dead" };

export default function jobs(place) {
  place.title(t("admin-jobs-title"));
  const { signal } = place;
  const list = (path, view) => live({ signal, load: () => api.get(`${path}?limit=${PAGE}`, { signal }), view });
  const dead = list("/api/admin/dead-letters", (first) => {
    if (first.jobs.length === 0) return empty("check", t("admin-dead-none"), t("admin-dead-none-text"));
    return [section(t("admin-dead-title"), grown("/api/admin/dead-letters", first, deadShown), { note: t("admin-dead-text") }),
      h("div", { class: "buttons" }, button(t("admin-dead-requeue-all"), () => requeue([]), { image: "refresh" }), button(t("admin-dead-discard-all"), () => discard([]), { kind: "danger", image: "trash" }))];
  });
  const waiting = list("/api/admin/jobs", (first) => (first.jobs.length === 0 ? h("p", { class: "note center" }, t("admin-jobs-none"))
    : section(t("admin-jobs-waiting"), grown("/api/admin/jobs", first, waitingShown))));
  place.actions(iconButton("refresh", t("admin-refresh"), reload));
  return [dead, waiting];

  function reload() {
    dead.reload();
    waiting.reload();
  }

  /** Rows that grow by pages after the last id. */
  function grown(path, first, item) {
    const rows = h("div", { class: "rows" }, first.jobs.map(item));
    let { next } = first;
    const more = button(t("app-more"), async () => {
      const page = await api.get(`${path}?limit=${PAGE}&after=${next}`, { signal });
      add(rows, page.jobs.map(item));
      next = page.next;
      if (!next) more.remove();
    }, { kind: "quiet" });
    return [rows, next && more];
  }

  function deadShown(job) {
    return row({ title: job.job, text: job.reason || t("admin-job-no-reason"), press: () => open(job), kind: "clip" });
  }

  function waitingShown(job) {
    return row({ title: job.job, text: h("span", {}, t("admin-job-attempt", { now: job.attempt, max: job.attempts_max }), " · ", when(job.enqueued_at)), end: badge(named(STATES, job.state)) });
  }

  function open(job) {
    const close = sheet(job.job, [
      h("p", { class: "post-text", dir: "auto" }, job.reason || t("admin-job-no-reason")),
      h("p", { class: "note" }, t("admin-job-attempt", { now: job.attempt, max: job.attempts_max }), " · ", when(job.enqueued_at), " · ", t("admin-job-id", { id: String(job.id) })),
      h("div", { class: "buttons" }, button(t("admin-dead-requeue"), async () => { await requeue([job.id]); close(); }, { kind: "main" }),
        button(t("admin-dead-discard"), async () => { close(); await discard([job.id]); }, { kind: "danger" })),
    ]);
  }

  async function requeue(ids) {
    const { count } = await api.post("/api/admin/dead-letters/requeue", { ids });
    done(t("admin-dead-requeued", { n: count }));
    reload();
  }

  async function discard(ids) {
    if (!(await sure(t("admin-dead-discard"), t("admin-dead-discard-text"), t("admin-dead-discard")))) return;
    const { count } = await api.post("/api/admin/dead-letters/discard", { ids });
    done(t("admin-dead-discarded", { n: count }));
    reload();
  }
}
