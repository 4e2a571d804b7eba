// Passkeys and Telegram's biometrics: quick ways to open the app again, as rows of "Me".

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { bones, done, failed, live, row, section, sure, toggle, when } from "../parts.js";
import { passkeyAdd, passkeysThere } from "../signing.js";
import { lockSet, lockThere, lockWanted } from "../lock.js";
import { t } from "../words.js";

/** The section, or nothing where neither is possible. */
export function passkeyRows({ signal }) {
  const lock = lockThere() && toggle({ title: t("app-lock"), text: t("app-lock-text"), on: lockWanted(), change: lockSet });
  if (!passkeysThere()) return lock ? section(t("app-unlock-title"), lock) : null;
  const list = live({ signal, skeleton: () => bones(1, false), load: () => api.get("/api/auth/passkeys", { signal }), view: ({ passkeys }) => [
    passkeys.map((one) => row({ lead: icon("key"), title: one.name, text: one.used_at ? h("span", {}, t("app-passkey-used"), " ", when(one.used_at)) : t("app-passkey-unused"),
      press: async () => {
        if (!(await sure(one.name, t("app-passkey-remove-text"), t("app-passkey-remove")))) return;
        try {
          await api.delete(`/api/auth/passkeys/${one.id}`);
          list.reload();
        } catch (error) {
          failed(error);
        }
      } })),
    row({ lead: icon("plus"), title: t("app-passkey-add"), text: passkeys.length === 0 ? t("app-passkey-add-text") : undefined, press: add }),
  ] });
  async function add() {
    try {
      await passkeyAdd(navigator.userAgentData?.platform ?? t("app-passkey-name"));
      done(t("app-passkey-added"));
      list.reload();
    } catch (error) {
      if (error.name === "NotAllowedError" || error.name === "AbortError") return;
      failed(error.code === "passkeys_not_configured" ? Object.assign(error, { kind: "refused", message: t("app-passkeys-off") }) : error);
    }
  }
  return section(t("app-unlock-title"), [lock, list]);
}
