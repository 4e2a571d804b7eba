// What the person agreed to, everything that is kept of them as a file, and leaving.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { button, copy, done, during, field, form, live, row, save, section, sheet, toggle } from "../parts.js";
import { user } from "../session.js";
import { leave as forget } from "../signing.js";
import { inTelegram } from "../telegram.js";
import { t } from "../words.js";

const SENT = { answers: "app-models-sent-answers", tags: "app-models-sent-tags", voice: "app-models-sent-voice", embedding: "app-models-sent-embedding" };
const PURPOSES = { external_models: ["app-consent-models", "app-consent-models-text"] };

export default function data(place) {
  place.title(t("app-data-title"));
  const { signal } = place;
  const consents = live({ signal, load: () => api.get("/api/users/me/consents?limit=100", { signal }), view: ({ consents: given, sent }) => [
    Object.entries(PURPOSES).map(([purpose, [title, text]]) => toggle({
      title: t(title), text: t(text), on: given.some((one) => one.purpose === purpose && !one.revoked_at),
      change: (on) => api.put(`/api/users/me/consents/${purpose}`, { given: on }),
    })), outside(sent)] });
  return h("div", { class: "body" },
    section(t("app-consents-title"), consents, { note: t("app-consents-text") }),
    section(t("app-export-title"), row({ lead: icon("download"), title: t("app-export"), text: t("app-export-text"), press: download })),
    section(t("app-leave-title"), row({ lead: icon("trash"), kind: "danger", title: t("app-leave"), press: leave }), { note: t("app-leave-text") }));

  /** What goes out now and to whom, as the bot says it. */
  function outside(sent) {
    if (sent.length === 0) return h("p", { class: "note inset" }, t("app-models-off"));
    return h("div", { class: "note inset" }, h("p", {}, t("app-models-now")), h("ul", {}, sent.map(({ feature, to }) => h("li", {}, t(SENT[feature], { to: to.join(", ") })))));
  }

  async function download(event) {
    // Telegram's page saves no files, and says nothing.
    if (inTelegram()) {
      sheet(t("app-export"), h("p", {}, t("app-export-telegram")));
      return;
    }
    save(await during(event.currentTarget, () => api.file("/api/users/me/export", { signal })));
    done(t("app-export-done"));
  }

  function leave() {
    const id = String(user().telegram_id);
    const confirm = field({ label: t("app-leave-confirm", { id }), inputmode: "numeric", autocomplete: "off" });
    const close = sheet(t("app-leave"), [h("p", {}, t("app-leave-sure")), form({ confirm }, { text: t("app-leave-go"), kind: "danger", submit: async ({ confirm: given }) => {
      if (given.trim() !== id) return confirm.wrong(t("app-leave-other"));
      const receipt = JSON.stringify(await api.delete("/api/users/me", { confirm: Number(id) }), null, 2);
      close();
      if (inTelegram()) return receiptShow(receipt);
      save({ blob: new Blob([receipt], { type: "application/json" }), name: "erasure-receipt.json" });
      await forget();
      return done(t("app-leave-done"));
    } })]);
  }

  /** The receipt to copy, the only one there is; the device forgets the person when it is closed. */
  function receiptShow(receipt) {
    const text = field({ label: t("app-leave-receipt"), type: "area", value: receipt, readonly: true, rows: 8 });
    sheet(t("app-leave-done"), [text, button(t("app-copy"), () => copy(receipt), { kind: "main", image: "copy" })], { onClose: forget });
  }
}
