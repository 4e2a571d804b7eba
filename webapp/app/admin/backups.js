// Backups of the installation, for those who run it: which there are, which were restored on trial, making one now.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { badge, button, done, empty, live, row, section, when } from "../parts.js";
import { moment, t } from "../words.js";

const MIB = 1024 * 1024;
const AGAIN_MS = 4000;

export default function backups(place) {
  place.title(t("admin-backups-title"));
  const { signal } = place;
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const list = live({ signal, load: () => api.get("/api/operator/backups", { signal }), view: shown });
  return list;

  function shown(view) {
    clearTimeout(timer);
    if (view.running) timer = setTimeout(() => !signal.aborted && list.reload(), AGAIN_MS);
    return [
      section(null, [
        row({ lead: icon(view.last_restorable_at ? "check" : "warn"), title: view.last_restorable_at ? h("span", {}, t("admin-restorable"), " ", when(view.last_restorable_at)) : t("admin-restorable-none"), text: t("admin-restorable-text") }),
        view.last_problem && row({ lead: icon("warn"), title: t("admin-backup-failed"), text: view.last_problem }),
        row({ title: t("admin-backup-next"), end: view.next_at ? moment(view.next_at) : t("admin-backup-asked") }),
      ], { note: t("admin-backup-place", { place: view.place }) }),
      button(t(view.running ? "admin-backup-running" : "admin-backup-make"), make, { kind: "main", disabled: view.running }),
      view.total === 0 ? empty("download", t("admin-backup-none"), t("admin-backup-none-text")) : section(t("admin-backups"), view.backups.map(backupRow)),
    ];
  }

  async function make() {
    await api.post("/api/operator/backups");
    done(t("admin-backup-begun"));
    list.reload();
  }
}

function backupRow(one) {
  const size = t("admin-mib", { n: Math.max(0.1, Math.round(one.bytes / MIB * 10) / 10) });
  const state = one.problem ? badge(t("admin-backup-bad"), "bad") : one.verified_at ? badge(t("admin-backup-verified"), "good") : badge(t("admin-backup-unverified"));
  return row({ title: moment(one.created_at), text: [size, one.posts !== null && one.posts !== undefined && t("count-posts", { n: one.posts }), one.problem].filter(Boolean).join(" · "), end: state });
}
