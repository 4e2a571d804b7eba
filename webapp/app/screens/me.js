// The person's own place: account and connection, what the tier holds, sessions, language, data, and for admins the admin screens.

import { api, tenantGo } from "../api.js";
import { h, icon } from "../dom.js";
import { avatar, badge, bones, button, choice, done, during, live, meter, row, section, sure } from "../parts.js";
import { languageChoose, languageTell } from "../language.js";
import { ADMIN_SCREENS } from "../screens.js";
import { may, session, user } from "../session.js";
import { signOut } from "../signing.js";
import { LANGUAGES, day, figure, language, t } from "../words.js";
import { passkeyRows } from "./passkeys.js";

const ACCOUNT_TEXTS = { none: "app-account-none", connected: "app-account-connected", connecting: "app-account-connecting", paused: "app-account-paused", ended: "app-account-ended" };
const TIERS = { free: "Free", basic: "Basic", premium: "Premium", pro: "Pro", enterprise: "Enterprise" };

const nameOf = (person) => [person.first_name, person.last_name].filter(Boolean).join(" ") || (person.username ? `@${person.username}` : String(person.telegram_id));

export default function me(place) {
  place.title(t("app-me-title"));
  const { signal } = place;
  const person = user();
  if (!person) return null;
  const account = live({ signal, skeleton: () => bones(2), load: () => api.get("/api/users/me/account", { signal, keep: true }), view: accountCard });
  return h("div", { class: "body" },
    h("div", { class: "card padded me-card" }, avatar(nameOf(person)), h("div", {}, h("h2", { class: "strong", dir: "auto" }, nameOf(person)),
      h("p", { class: "note" }, [person.username && `@${person.username}`, person.role === "admin" && t("app-role-admin")].filter(Boolean).join(" · ")))),
    section(t("app-account-title"), account),
    live({ signal, skeleton: () => bones(2, false), load: () => api.get(`/api/users/${person.id}/subscription`, { signal, keep: true }), view: tierCard }),
    admin(),
    section(t("app-me-settings"), [
      row({ lead: icon("phone"), title: t("app-sessions-title"), href: "/me/sessions" }),
      row({ lead: icon("tag"), title: t("app-tags-title"), href: "/tags" }),
      row({ lead: icon("shield"), title: t("app-data-title"), href: "/me/data" }),
      row({ lead: icon("clock"), title: t("app-privacy-title"), href: "/privacy" }),
    ]),
    passkeyRows(place),
    languages(place),
    spaces(place),
    button(t("app-sign-out"), out, { kind: "danger" }));

  async function out() {
    if (!(await sure(t("app-sign-out"), t("app-sign-out-text"), t("app-sign-out")))) return;
    const told = await signOut();
    if (!told) done(t("app-sign-out-offline"));
  }

  function accountCard(view) {
    const good = view.state === "connected";
    const rows = [row({ lead: icon("phone"), title: t(ACCOUNT_TEXTS[view.state]), text: view.since && view.state !== "none" ? t("app-account-since", { day: day(view.since) }) : t("app-account-why"),
      end: good && badge(t("app-account-ok"), "good") })];
    if (["none", "ended"].includes(view.state)) rows.push(row({ lead: icon("plus"), title: t("app-account-connect"), href: "/login" }));
    else rows.push(row({ lead: icon("close"), kind: "danger", title: t("app-account-disconnect"), press: disconnect }));
    return rows;
  }

  async function disconnect() {
    if (!(await sure(t("app-account-disconnect"), t("app-account-disconnect-text"), t("app-account-disconnect")))) return;
    await api.delete("/api/users/me/account");
    done(t("app-account-disconnected"));
    account.reload();
  }
}

function tierCard(view) {
  const used = (text, now, max) => h("div", { class: "used" }, h("div", { class: "used-line" }, h("span", {}, text), h("span", {}, t("app-of", { now: figure(now), max: figure(max) }))), meter(max > 0 ? now / max : 0, text));
  return section(t("app-tier", { tier: TIERS[view.subscription_type] ?? view.subscription_type }), h("div", { class: "card padded" },
    used(t("app-tier-channels"), view.channels_used, view.channels_limit), used(t("app-tier-questions"), view.rag_queries_used, view.rag_queries_limit)));
}

function admin() {
  const shown = ADMIN_SCREENS.filter((one) => one.menu && may(one.role));
  if (shown.length === 0) return null;
  return section(t("app-admin-title"), shown.map((one) => row({ lead: icon(one.menu.image), title: t(one.menu.key), href: one.path })));
}

function languages(place) {
  return section(t("app-language"), choice(t("app-language"), LANGUAGES.map((code) => [code, code === "ru" ? "Русский" : "English"]), language(), async (code) => {
    await languageChoose(code);
    place.go("/me", { replace: true });
    await languageTell();
  }));
}

/** Somebody of several tenants goes from one to another; the session is of one at a time. */
function spaces(place) {
  const { tenants = [] } = session() ?? {};
  if (tenants.length < 2) return null;
  const shown = (tenant) => {
    const here = tenant.tenant_id === user().tenant_id;
    return row({ title: tenant.name, text: tenant.role === "admin" ? t("app-role-admin") : t("app-role-user"), end: here && badge(t("app-tenant-here"), "good"),
      press: here ? undefined : (event) => during(event.currentTarget, () => over(tenant)) });
  };
  async function over(tenant) {
    await tenantGo(tenant.tenant_id);
    await place.go("/ask", { replace: true });
    done(t("app-tenant-now", { name: tenant.name }));
  }
  return section(t("app-tenants"), tenants.map(shown), { note: t("app-tenants-text") });
}
