// The whole installation, for those who run it: what is wrong and the fix, queue, disk, accounts, backups, tenants.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { badge, iconButton, live, meter, row, section, table, when } from "../parts.js";
import { day, figure, lasting, t } from "../words.js";
import { HEALTH_BADGES, healthGet } from "./names.js";

const GIB = 1024 ** 3;
const gib = (bytes) => t("admin-gib", { n: Math.round(bytes / GIB * 10) / 10 });

export default function installation(place) {
  place.title(t("admin-installation-title"));
  const { signal } = place;
  const health = live({ signal, load: () => healthGet(signal), view: shown });
  const tenants = live({ signal, load: () => api.get("/api/operator/tenants", { signal }), view: ({ tenants: all, total }) =>
    section(t("admin-tenants-n", { n: total }), all.map((tenant) => row({ title: tenant.name, text: `${tenant.slug} · ${t("admin-since", { day: day(tenant.created_at) })}` }))) });
  place.actions(iconButton("refresh", t("admin-refresh"), () => health.reload()));
  return [health, tenants];
}

function shown(health) {
  const [key, kind] = HEALTH_BADGES[health.status];
  const { disk, queue, telegram } = health;
  const figures = (caption, rows) => table(caption, [{ title: caption, cell: ([text]) => text }, { title: t("admin-value"), cell: ([, value]) => value, end: true }], rows);
  return [
    section(null, [
      row({ lead: icon(health.status === "ok" ? "check" : "warn"), title: t("admin-health"), text: health.halted ?? t("admin-runs", { version: health.version, time: lasting(health.uptime_s) }), end: badge(t(key), kind) }),
      health.reasons.map((one) => row({ title: one.detail, text: one.fix ?? one.check, end: badge(t(HEALTH_BADGES[one.state][0]), HEALTH_BADGES[one.state][1]) })),
    ]),
    section(t("admin-backups"), row({ lead: icon("download"), title: health.last_backup_at ? h("span", {}, t("admin-backup-last"), " ", when(health.last_backup_at)) : t("admin-backup-none"), text: health.last_backup_at ? null : t("admin-backup-none-text"), href: "/admin/backups" })),
    section(t("admin-disk"), h("div", { class: "card padded" }, h("div", { class: "used-line" }, h("span", {}, t("admin-disk-free")), h("span", {}, t("app-of", { now: gib(disk.free_bytes), max: gib(disk.total_bytes) }))),
      meter(disk.total_bytes > 0 ? 1 - disk.free_bytes / disk.total_bytes : 0, t("admin-disk")))),
    figures(t("admin-queue"), [[t("admin-queue-ready"), figure(queue.ready)], [t("admin-queue-claimed"), figure(queue.claimed)], [t("admin-queue-scheduled"), figure(queue.scheduled)], [t("admin-queue-dead"), figure(queue.dead)],
      [t("admin-queue-oldest"), queue.oldest_age_ms ? lasting(queue.oldest_age_ms / 1000) : "—"]]),
    figures(t("admin-accounts"), [[t("admin-accounts-connected"), t("app-of", { now: figure(telegram.connected), max: figure(telegram.sessions_active) })], [t("admin-accounts-paused"), figure(telegram.sessions_paused)],
      [t("admin-accounts-ended"), figure(telegram.sessions_ended)], [t("admin-channels-followed"), figure(telegram.channels_followed)], [t("admin-channels-overdue"), figure(telegram.channels_overdue)], [t("admin-channels-refused"), figure(telegram.channels_refused)]]),
  ];
}
