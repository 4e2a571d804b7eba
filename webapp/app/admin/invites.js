// Invites: which there are, how far each is used, making one.

import { api } from "../api.js";
import { h } from "../dom.js";
import { badge, choice, done, empty, field, form, iconButton, live, pages, row, section, sheet } from "../parts.js";
import { day, t } from "../words.js";
import { ROLE_TEXTS, STATUS_BADGES, named } from "./names.js";

const PAGE = 50;
const DAY_MS = 86_400_000;
const DAYS = [1, 7, 30];
const USES_MAX = 1_000_000;
const NOTES_CHARS_MAX = 500;

/** "used 3 of 10" of an invite; 0 lets any number in. */
export const usesText = (invite) => (invite.uses_limit === 0 ? t("admin-invite-uses-open", { now: invite.uses_count }) : t("admin-invite-uses", { now: invite.uses_count, max: invite.uses_limit }));

export default function invites(place) {
  place.title(t("admin-invites-title"));
  const { signal } = place;
  let status = "active";
  place.actions(iconButton("plus", t("admin-invite-new"), make));
  const page = async (offset) => {
    const { invites: items, total } = await api.get(`/api/admin/invites?${status ? `status=${status}&` : ""}limit=${PAGE}&offset=${offset}`, { signal });
    return { items, total };
  };
  const list = live({ signal, load: () => page(0), view: (first) => {
    if (first.total === 0) return empty("share", t("admin-invites-none"), t("admin-invites-none-text"), h("button", { type: "button", class: "button main", on: { click: make } }, t("admin-invite-new")));
    return section(null, pages({ first, page, item: shown, wrap: (rows) => h("div", { class: "rows" }, rows) }));
  } });
  return [choice(t("admin-status"), [["active", t("admin-invites-active")], ["", t("admin-invites-all")]], status, (value) => { status = value; list.reload(); }), list];

  function shown(invite) {
    const [key, kind] = STATUS_BADGES[invite.status];
    const text = [named(ROLE_TEXTS, invite.role), usesText(invite), invite.expires_at && t("admin-invite-until", { day: day(invite.expires_at) })].filter(Boolean).join(" · ");
    return row({ title: invite.notes || invite.code, text: invite.notes ? `${invite.code} · ${text}` : text, end: badge(t(key), kind), href: `/admin/invites/${invite.code}` });
  }

  function make() {
    const role = field({ label: t("admin-role"), type: "select", options: [["user", t("app-role-user")], ["admin", t("app-role-admin")]] });
    const uses_limit = field({ label: t("admin-invite-limit"), type: "number", value: "1", hint: t("admin-invite-limit-hint"), min: 0, max: USES_MAX, inputmode: "numeric" });
    const expires_at = field({ label: t("admin-invite-expires"), type: "select", options: [["", t("admin-invite-never")], ...DAYS.map((days) => [String(days), t("count-days", { n: days })])], value: "7" });
    const notes = field({ label: t("admin-invite-notes"), hint: t("admin-invite-notes-hint"), maxlength: NOTES_CHARS_MAX });
    const close = sheet(t("admin-invite-new"), form({ role, uses_limit, expires_at, notes }, { text: t("admin-invite-make"), submit: async (values) => {
      const limit = Number(values.uses_limit);
      if (values.uses_limit.trim() === "" || !Number.isInteger(limit) || limit < 0 || limit > USES_MAX) return uses_limit.wrong(t("admin-invite-limit-wrong", { max: USES_MAX }));
      const until = values.expires_at ? new Date(Date.now() + Number(values.expires_at) * DAY_MS).toISOString() : null;
      const made = await api.post("/api/admin/invites", { role: values.role, uses_limit: limit, expires_at: until, notes: values.notes.trim() || null });
      close();
      done(t("admin-invite-made"));
      return place.go(`/admin/invites/${made.code}`);
    } }));
  }
}
