// Coming in: what this is, an invite, the other ways in, and why Telegram's word was not enough.

import { fill, h, icon } from "../dom.js";
import { languageChoose } from "../language.js";
import { button, choice, field, form, reason, row, section, sheet, trouble } from "../parts.js";
import { session } from "../session.js";
import { inviteGiven, leftByHand, passkeysThere, signInByPasskey, signInByTelegram, telegramRefusal, telegramWordLeft } from "../signing.js";
import { inTelegram, initData } from "../telegram.js";
import { LANGUAGES, language, t } from "../words.js";

const REFUSALS = {
  invite_required: null, invite_unknown: "app-invite-unknown", invite_expired: "app-invite-expired", invite_revoked: "app-invite-revoked",
  invite_exhausted: "app-invite-exhausted", registration_closed: "app-closed", init_data_stale: "app-telegram-stale",
  init_data_future: "app-telegram-clock", init_data_replayed: "app-telegram-again", init_data_invalid: "app-telegram-invalid",
  bot_not_configured: "app-telegram-no-bot", telegram_not_configured: "app-login-not-configured",
};

/** What a refused invite or sign-in means; null where it is no refusal of ours. */
export const refusalText = (error) => (REFUSALS[error?.code] ? t(REFUSALS[error.code]) : null);

/** Asks which tenant; its id, or null. */
export const tenantChoose = (tenants) => new Promise((chosen) => {
  let id = null;
  const close = sheet(t("app-tenant-title"), h("div", { class: "card" }, tenants.map((tenant) => row({
    title: tenant.name, text: tenant.role === "admin" ? t("app-role-admin") : t("app-role-user"), press: () => { id = tenant.tenant_id; close(); },
  }))), { onClose: () => chosen(id) });
});

export default function signIn(place) {
  place.title(t("app-name"));
  const then = place.query.get("then") ?? "/ask";
  const comeIn = () => { if (!place.signal.aborted) place.go(then, { replace: true }); };
  const box = h("div", { class: "body" });
  if (session()) setTimeout(comeIn);
  // A session that ended while the app was open: Telegram's word may still be good.
  if (!session() && telegramWordLeft() && !leftByHand()) word();
  else show();
  return box;

  async function word(options) {
    fill(box, h("div", { class: "state" }, h("p", { role: "status" }, t("app-signing-in"))));
    if (await signInByTelegram(options)) comeIn();
    else if (!place.signal.aborted) show();
  }

  function show() {
    const refused = telegramRefusal();
    const several = refused?.code === "tenant_required" && refused.details.tenants;
    if (several) tenants(several);
    fill(box, hero(), refused && !several && refused.code !== "invite_required" && why(refused),
      several && button(t("app-tenant-title"), () => { tenants(several); }, { kind: "main" }),
      telegramWordLeft() && button(t("app-telegram-in"), () => word(), { kind: "main" }), invite(), others(), languages());
  }

  function why(refused) {
    const text = refusalText(refused);
    if (!text) return h("div", { class: "card" }, trouble(refused, () => word()));
    return h("div", { class: "card padded", role: "alert" }, h("p", {}, text));
  }

  async function tenants(list) {
    const tenant_id = await tenantChoose(list);
    if (tenant_id && !place.signal.aborted) word({ tenant_id });
  }

  function invite() {
    const code = field({ label: t("app-invite-label"), value: inviteGiven(), hint: t("app-invite-hint"), autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: 64, enterkeyhint: "go" });
    const node = form({ invite_code: code }, { text: t("app-invite-go"), submit: async ({ invite_code: given }) => {
      const invite_code = given.trim().toUpperCase();
      if (invite_code.length < 12) return code.wrong(t("app-invite-short"));
      if (!inTelegram() || !initData()) return place.go(`/login?invite=${encodeURIComponent(invite_code)}`);
      if (await signInByTelegram({ invite_code })) return comeIn();
      const refused = telegramRefusal();
      return code.wrong(refusalText(refused) ?? reason(refused).text);
    } });
    return h("div", { class: "card padded" }, node);
  }

  function others() {
    if (inTelegram()) return null;
    const passkey = passkeysThere() && row({ lead: icon("key"), title: t("app-passkey-in"), text: t("app-passkey-in-text"), press: async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      try {
        await signInByPasskey(tenantChoose);
        comeIn();
      } catch (error) {
        if (error.name !== "NotAllowedError" && error.name !== "AbortError") fill(notice, h("p", {}, error.code === "passkeys_not_configured" ? t("app-passkeys-off") : reason(error).text));
      } finally {
        pressed.disabled = false;
      }
    } });
    const notice = h("div", { class: "note", role: "alert" });
    return [section(t("app-in-other"), [passkey, row({ lead: icon("send"), title: t("app-link-in"), text: t("app-link-in-text") })]), notice];
  }

  function languages() {
    return choice(t("app-language"), LANGUAGES.map((code) => [code, code === "ru" ? "Русский" : "English"]), language(), async (code) => {
      await languageChoose(code);
      place.go("/sign-in" + (place.query.size > 0 ? `?${place.query}` : ""), { replace: true });
    });
  }
}

const hero = () => h("div", { class: "hero" },
  h("span", { class: "hero-image" }, icon("ask")), h("h2", {}, t("app-hero")), h("p", {}, t("app-hero-text")));
