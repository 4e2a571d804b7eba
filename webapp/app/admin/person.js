// One person: role and tier, how much of it is used, ending all their sessions.
//
// A change names the version it was decided on; where somebody else was quicker the person is loaded anew and nothing is changed.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { avatar, bones, chip, choice, done, failed, live, meter, row, section, sure, table, toast } from "../parts.js";
import { user } from "../session.js";
import { figure, moment, t } from "../words.js";
import { TIERS, nameOf } from "./names.js";

const STALE = 409;

export default function person(place) {
  place.title(t("admin-person"));
  const { signal } = place;
  const path = `/api/admin/users/${encodeURIComponent(place.params.id)}`;
  const used = live({ signal, skeleton: () => bones(2, false), load: () => api.get(`/api/users/${encodeURIComponent(place.params.id)}/subscription`, { signal }), view: usedShown });
  const who = live({ signal, load: () => api.get(path, { signal }), view: shown });
  return [who, used];

  function shown(one) {
    const name = nameOf(one);
    place.title(name);
    const self = one.id === user().id;
    const facts = [[t("admin-telegram-id"), String(one.telegram_id)], [t("admin-person-number"), String(one.id)], one.username && [t("admin-username"), `@${one.username}`], one.language && [t("app-language"), one.language],
      [t("admin-came"), moment(one.created_at)], [t("admin-seen-last"), one.last_active_at ? moment(one.last_active_at) : t("admin-seen-never")]].filter(Boolean);
    return [
      h("div", { class: "card padded me-card" }, avatar(name), h("h2", { class: "strong", dir: "auto" }, name)),
      section(t("admin-role"), choice(t("admin-role"), [["user", t("app-role-user")], ["admin", t("app-role-admin")]], one.role, (role) => roleChange(one, role)), { note: t("admin-role-text") }),
      section(t("admin-tier"), h("div", { class: "chips padded card", role: "group", "aria-label": t("admin-tier") }, TIERS.map(([tier, text]) => chip(text, () => tier !== one.tier && change("tier", { tier, version: one.version }), { chosen: tier === one.tier })))),
      table(t("admin-person"), [{ title: t("admin-what"), cell: ([what]) => what }, { title: t("admin-value"), cell: ([, value]) => value }], facts),
      !self && section(t("app-sessions-title"), row({ lead: icon("phone"), kind: "danger", title: t("admin-sessions-end"), press: sessionsEnd })),
    ];
  }

  async function roleChange(one, role) {
    const self = one.id === user().id;
    if (self && !(await sure(t("admin-role-own"), t("admin-role-own-text"), t("admin-role-own-yes")))) return who.reload();
    return change("role", { role, version: one.version });
  }

  async function change(what, body) {
    try {
      await api.put(`${path}/${what}`, body);
      done(t("admin-changed"));
      used.reload();
    } catch (error) {
      if (error.status === STALE) await refused(body.version);
      else failed(error);
    }
    who.reload();
  }

  /** At the same version it was not somebody quicker: the tenant would be left without an admin. */
  async function refused(version) {
    const now = await api.get(path, { signal });
    toast(t(now.version === version ? "admin-last-admin" : "admin-stale"), { kind: "bad" });
  }

  async function sessionsEnd() {
    if (!(await sure(t("admin-sessions-end"), t("admin-sessions-end-text"), t("admin-sessions-end")))) return;
    try {
      const { ended } = await api.delete(`${path}/sessions`);
      done(t("admin-sessions-ended", { n: ended }));
    } catch (error) {
      failed(error);
    }
  }
}

function usedShown(view) {
  const line = (text, now, max) => h("div", { class: "used" }, h("div", { class: "used-line" }, h("span", {}, text), h("span", {}, t("app-of", { now: figure(now), max: figure(max) }))), meter(max > 0 ? now / max : 0, text));
  return section(t("admin-used"), h("div", { class: "card padded" }, line(t("app-tier-channels"), view.channels_used, view.channels_limit), line(t("app-tier-questions"), view.rag_queries_used, view.rag_queries_limit)));
}
