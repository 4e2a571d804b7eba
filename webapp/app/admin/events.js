// The records: what administrators did, how people came in, what they said of answers, what they agreed to.
//
// One at a time, by `?show=`; logins by `?event=` too, so that other screens can lead here.

import { api } from "../api.js";
import { h } from "../dom.js";
import { badge, choice, empty, field, live, pages, row, section, sheet, table, when } from "../parts.js";
import { moment, t } from "../words.js";
import { AUTH_TEXTS, actor, named } from "./names.js";

const PAGE = 50;
const KINDS = [["audit", "admin-audit"], ["logins", "admin-logins"], ["feedback", "admin-feedback"], ["consents", "admin-consents"]];
const AUDIT_TEXTS = {
  tenant_created: "admin-act-tenant-created", tenant_deleted: "admin-act-tenant-deleted", invite_created: "admin-act-invite-created", invite_revoked: "admin-act-invite-revoked",
  role_changed: "admin-act-role", tier_changed: "admin-act-tier", user_deleted: "admin-act-user-deleted", sessions_ended: "admin-act-sessions", token_created: "admin-act-token-created",
  token_revoked: "admin-act-token-revoked", dead_letters_requeued: "admin-act-requeued", dead_letters_discarded: "admin-act-discarded", flag_changed: "admin-act-flag", tags_merged: "admin-act-merged",
  tags_merge_undone: "admin-act-unmerged", tag_protected: "admin-act-protected", post_retagged: "admin-act-retagged", passkey_added: "admin-act-passkey-added", passkey_removed: "admin-act-passkey-removed",
  links_switched: "admin-act-links", tenant_exported: "admin-act-exported", tenant_imported: "admin-act-imported", models_switched: "admin-act-models",
  model_key_set: "admin-act-model-key-set", model_key_removed: "admin-act-model-key-removed", tenant_restored: "admin-act-restored", backup_created: "admin-act-backup",
  retention_changed: "admin-act-retention",
};
const PURPOSES = { external_models: "app-consent-models" };

/** Of each kind: where it is read, the field of the reply, what a row shows, what there is without one. */
const VIEWS = {
  audit: { path: "/api/admin/audit", name: "entries", item: auditShown, none: "admin-audit-none" },
  logins: { path: "/api/admin/auth-events", name: "events", item: loginShown, none: "admin-logins-none", filter: "event", options: AUTH_TEXTS },
  feedback: { path: "/api/admin/feedback", name: "feedback", item: feedbackShown, none: "admin-feedback-none", filter: "rating", options: { up: "admin-rating-up", down: "admin-rating-down" } },
  consents: { path: "/api/admin/consents", name: "consents", item: consentShown, none: "admin-consents-none" },
};

export default function events(place) {
  place.title(t("admin-events-title"));
  const { signal } = place;
  let kind = VIEWS[place.query.get("show")] ? place.query.get("show") : "audit";
  let wanted = place.query.get(VIEWS[kind].filter) ?? "";
  const box = h("div", { class: "live" });
  const filterPlace = h("div", {});
  show();
  return [choice(t("admin-events-title"), KINDS.map(([value, key]) => [value, t(key)]), kind, (value) => { kind = value; wanted = ""; show(); }), filterPlace, box];

  function show() {
    const view = VIEWS[kind];
    place.address(`/admin/events?show=${kind}${wanted ? `&${view.filter}=${wanted}` : ""}`);
    filterPlace.replaceChildren();
    filterPlace.hidden = !view.filter;
    if (view.filter) {
      const select = field({ label: t("admin-filter"), type: "select", value: wanted, options: [["", t("admin-any")], ...Object.entries(view.options).map(([value, key]) => [value, t(key)])] });
      select.input.addEventListener("change", () => { wanted = select.input.value; show(); });
      filterPlace.append(select);
    }
    const page = async (offset) => {
      const query = new URLSearchParams([["limit", PAGE], ["offset", offset], ...(wanted ? [[view.filter, wanted]] : [])]);
      const reply = await api.get(`${view.path}?${query}`, { signal });
      return { items: reply[view.name], total: reply.total };
    };
    box.replaceChildren(live({ signal, load: () => page(0), view: (first) => {
      if (first.total === 0) return empty("shield", t(view.none), null);
      return section(null, pages({ first, page, item: view.item, wrap: (rows) => h("div", { class: "rows" }, rows) }));
    } }));
  }
}

/** All that is known of a line, in a sheet. */
function open(title, facts) {
  sheet(title, table(title, [{ title: t("admin-what"), cell: ([what]) => what }, { title: t("admin-value"), cell: ([, value]) => value }], facts.filter(([, value]) => value !== null && value !== undefined && value !== "")));
}

function auditShown(entry) {
  const title = named(AUDIT_TEXTS, entry.action);
  return row({ title, text: h("span", {}, `${actor(entry.actor)} · ${entry.target} · `, when(entry.at)), press: () => open(title, [
    [t("admin-who"), actor(entry.actor)], [t("admin-target"), entry.target], [t("admin-when"), moment(entry.at)], [t("admin-details"), entry.data ? JSON.stringify(entry.data) : null],
    [t("admin-ip"), entry.ip], [t("admin-request"), entry.request_id]]) });
}

function loginShown(event) {
  const title = named(AUTH_TEXTS, event.event);
  const who = event.telegram_id ? String(event.telegram_id) : t("admin-somebody");
  return row({ title, text: h("span", {}, [who, event.reason, event.ip].filter(Boolean).join(" · "), " · ", when(event.at)), end: event.event === "failed" ? badge(t("admin-login-failed"), "bad") : null, press: () => open(title, [
    [t("admin-telegram-id"), event.telegram_id && String(event.telegram_id)], [t("admin-person-number"), event.user_id && String(event.user_id)], [t("admin-reason"), event.reason], [t("admin-when"), moment(event.at)],
    [t("admin-ip"), event.ip], [t("admin-browser"), event.user_agent], [t("admin-login-id"), event.qr_session_id]]) });
}

function feedbackShown(one) {
  const kind = one.rating === "up" ? "good" : "bad";
  return row({ title: one.comment || one.query || t("admin-feedback-no-words"), text: h("span", {}, one.comment && one.query ? `${one.query} · ` : "", t("admin-actor-person", { id: String(one.user_id) }), " · ", when(one.created_at)),
    end: one.rating && badge(t(one.rating === "up" ? "admin-rating-up" : "admin-rating-down"), kind), kind: "clip" });
}

function consentShown(one) {
  return row({ title: named(PURPOSES, one.purpose), text: h("span", {}, t("admin-actor-person", { id: String(one.user_id) }), " · ", when(one.revoked_at ?? one.given_at)),
    end: badge(t(one.revoked_at ? "admin-consent-revoked" : "admin-consent-given"), one.revoked_at ? "plain" : "good"), href: `/admin/people/${one.user_id}` });
}
