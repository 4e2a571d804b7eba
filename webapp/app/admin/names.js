// What the server's names are called for people, for all admin screens. A name that is not here is shown as it is.

import { api } from "../api.js";
import { t } from "../words.js";

export const AUTH_TEXTS = {
  qr_started: "admin-auth-started", qr_shown: "admin-auth-shown", qr_scanned: "admin-auth-scanned", password_required: "admin-auth-password", authorized: "admin-auth-authorized",
  failed: "admin-auth-failed", expired: "admin-auth-expired", cancelled: "admin-auth-cancelled", revoked: "admin-auth-revoked",
};
export const ROLE_TEXTS = { admin: "app-role-admin", user: "app-role-user" };
export const TIERS = [["free", "Free"], ["basic", "Basic"], ["premium", "Premium"], ["pro", "Pro"], ["enterprise", "Enterprise"]];
export const STATUS_BADGES = { active: ["admin-invite-active", "good"], exhausted: ["admin-invite-exhausted", "plain"], expired: ["admin-invite-expired", "plain"], revoked: ["admin-invite-revoked", "bad"] };
export const HEALTH_BADGES = { ok: ["admin-health-ok", "good"], reduced: ["admin-health-reduced", "plain"], problem: ["admin-health-problem", "bad"] };

/** The text of a table's name, or the name. */
export const named = (table, name) => (table[name] ? t(table[name]) : name);

export const nameOf = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ") || (person.username ? `@${person.username}` : String(person.telegram_id));

const ACTOR_TEXTS = { operator: "admin-actor-operator", system: "admin-actor-system" };

/** Who acts in the audit log: `member:7`, `token:…`, `operator`, `system`. */
export function actor(text) {
  const person = /^member:(\d+)$/.exec(text)?.[1];
  if (person) return t("admin-actor-person", { id: person });
  const token = /^token:(.+)$/.exec(text)?.[1];
  if (token) return t("admin-actor-token", { id: token.slice(0, 8) });
  return named(ACTOR_TEXTS, text);
}

/** The installation's health, also where it is a problem (503). */
export const healthGet = (signal) => api.get("/api/operator/health", { signal, also: [503] });
