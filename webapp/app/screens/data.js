// What the person agreed to, everything that is kept of them as a file, and leaving.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { done, failed, field, form, live, row, save, section, sheet, toggle } from "../parts.js";
import { sessionDrop, user } from "../session.js";
import { t } from "../words.js";

const PURPOSES = { external_models: ["app-consent-models", "app-consent-models-text"] };

export default function data(place) {
  place.title(t("app-data-title"));
  const { signal } = place;
  const consents = live({ signal, load: () => api.get("/api/users/me/consents?limit=100", { signal }), view: ({ consents: given }) =>
    Object.entries(PURPOSES).map(([purpose, [title, text]]) => toggle({
      title: t(title), text: t(text), on: given.some((one) => one.purpose === purpose && !one.revoked_at),
      change: (on) => api.put(`/api/users/me/consents/${purpose}`, { given: on }),
    })) });
  return h("div", { class: "body" },
    section(t("app-consents-title"), consents, { note: t("app-consents-text") }),
    section(t("app-export-title"), row({ lead: icon("download"), title: t("app-export"), text: t("app-export-text"), press: download })),
    section(t("app-leave-title"), row({ lead: icon("trash"), kind: "danger", title: t("app-leave"), press: leave }), { note: t("app-leave-text") }));

  async function download(event) {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try {
      save(await api.file("/api/users/me/export", { signal }));
      done(t("app-export-done"));
    } catch (error) {
      failed(error);
    } finally {
      pressed.disabled = false;
    }
  }

  function leave() {
    const id = String(user().telegram_id);
    const confirm = field({ label: t("app-leave-confirm", { id }), inputmode: "numeric", autocomplete: "off" });
    const close = sheet(t("app-leave"), [h("p", {}, t("app-leave-sure")), form({ confirm }, { text: t("app-leave-go"), kind: "danger", submit: async ({ confirm: given }) => {
      if (given.trim() !== id) return confirm.wrong(t("app-leave-other"));
      const receipt = await api.delete("/api/users/me", { confirm: Number(id) });
      save({ blob: new Blob([JSON.stringify(receipt, null, 2)], { type: "application/json" }), name: "erasure-receipt.json" });
      close();
      done(t("app-leave-done"));
      return sessionDrop();
    } })]);
  }
}
