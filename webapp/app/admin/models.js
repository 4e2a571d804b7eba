// Models outside this server: whether they are used, for what, what they may cost and did, whose keys are there.
//
// A key goes in and never comes out: its field is emptied with the sheet. Money is counted in millionths of the currency.

import { api } from "../api.js";
import { chart } from "../chart.js";
import { h } from "../dom.js";
import { badge, button, done, failed, field, form, live, meter, row, section, sheet, sure, table, toggle } from "../parts.js";
import { isOperator } from "../session.js";
import { figure, moment, number, t } from "../words.js";
import { named } from "./names.js";

const SPEND_DAYS = 30;
const MICROS = 1_000_000;
const KEY_CHARS_MAX = 4096;
const PROVIDERS = { gigachat: "admin-provider-gigachat", openai: "admin-provider-openai", speech: "admin-provider-speech", salutespeech: "admin-provider-salutespeech" };
const KEYS = { tenant: "admin-key-tenant", configuration: "admin-key-configuration", operator: "admin-key-operator", not_needed: "admin-key-not-needed", missing: "admin-key-missing" };
const FEATURES = { answers: "admin-feature-answers", tags: "admin-feature-tags", voice: "admin-feature-voice", embedding: "admin-feature-embedding", test: "admin-feature-test" };
const HERE_BECAUSE = { no_consent: "admin-vectors-no-consent", no_key: "admin-vectors-no-key" };
const SWITCHES = [["enabled", "admin-models-enabled", "admin-models-enabled-text"], ["answers", "admin-feature-answers", "admin-models-answers-text"],
  ["tags", "admin-feature-tags", "admin-models-tags-text"], ["voice", "admin-feature-voice", "admin-models-voice-text"], ["embedding", "admin-feature-embedding", "admin-models-embedding-text"]];
const CAPS = [["money_micros_per_day", "admin-cap-money-day", "money_micros_day"], ["money_micros_per_month", "admin-cap-money-month", "money_micros_month"],
  ["tokens_per_day", "admin-cap-tokens-day", "tokens_day"], ["tokens_per_month", "admin-cap-tokens-month", "tokens_month"]];

const isMoney = (name) => name.startsWith("money");
const money = (micros, currency) => `${number(Math.round(micros / MICROS * 10) / 10)} ${currency}`;
const shownAs = (name, value, currency) => (isMoney(name) ? money(value, currency) : figure(value));

export default function models(place) {
  place.title(t("admin-models-title"));
  const { signal } = place;
  const settings = live({ signal, load: () => api.get("/api/admin/models", { signal }), view: settingsShown });
  const keysOf = (who, title) => {
    const list = live({ signal, load: () => api.get(`/api/${who}/models/providers`, { signal }), view: ({ providers }) => section(title, providers.map((one) => providerRow(one, who, () => list.reload())), { note: t("admin-keys-text") }) });
    return list;
  };
  const spend = live({ signal, load: () => api.get(`/api/admin/models/spend?days=${SPEND_DAYS}`, { signal }), view: spendShown });
  return [settings, spend, keysOf("admin", t("admin-keys-here")), isOperator() && keysOf("operator", t("admin-keys-installation"))];

  function settingsShown(view) {
    const put = (change) => api.put("/api/admin/models", { ...view.settings, ...change });
    const { tagged, vectors } = view;
    const switches = SWITCHES.filter(([name]) => name !== "embedding" || vectors.provider);
    return [
      section(null, switches.map(([name, title, text]) => toggle({ title: t(title), text: t(text), on: view.settings[name], disabled: name !== "enabled" && !view.settings.enabled, change: async (on) => {
        await put({ [name]: on });
        done(t("admin-changed"));
        settings.reload();
      } })), { note: view.order.length > 0 ? t("admin-models-order", { order: view.order.map((one) => named(PROVIDERS, one)).join(" → "), n: view.consents }) : vectors.provider ? null : t("admin-models-none") }),
      section(t("admin-caps"), h("div", { class: "card padded" }, CAPS.map(([cap, key, used]) => usedLine(t(key), cap, view.used[used], view.caps[cap], view.currency))),
        { action: button(t("admin-caps-change"), () => capsChange(view, put), { kind: "quiet" }), note: t("admin-caps-text") }),
      view.settings.enabled && section(t("admin-tagged"), [
        row({ title: t("admin-tagged-done"), end: figure(tagged.done) }), row({ title: t("admin-tagged-due"), end: figure(tagged.due) }),
        tagged.failed > 0 && row({ title: t("admin-tagged-failed"), end: figure(tagged.failed) }),
      ], { action: view.settings.tags && button(t("admin-retag"), retag, { kind: "quiet" }) }),
      vectors.provider && vectors.model && section(t("admin-vectors"), [
        row({ title: t("admin-vectors-done"), text: vectors.model, end: figure(vectors.embedded) }),
        vectors.waiting > 0 && row({ title: t("admin-vectors-waiting"), text: vectors.waits, end: figure(vectors.waiting) }),
      ], { note: view.settings.embedding && HERE_BECAUSE[vectors.denied] ? named(HERE_BECAUSE, vectors.denied) : null }),
    ];
  }

  function usedLine(text, name, now, max, currency) {
    return h("div", { class: "used" }, h("div", { class: "used-line" }, h("span", {}, text), h("span", {}, max > 0 ? t("app-of", { now: shownAs(name, now, currency), max: shownAs(name, max, currency) }) : shownAs(name, now, currency))),
      max > 0 && meter(now / max, text));
  }

  function capsChange(view, put) {
    const kept = view.settings.caps ?? {};
    const fields = Object.fromEntries(CAPS.map(([cap, key]) => [cap, field({ label: isMoney(cap) ? `${t(key)}, ${view.currency}` : t(key), type: "number", value: String((kept[cap] ?? 0) / (isMoney(cap) ? MICROS : 1)), min: 0, step: isMoney(cap) ? "0.01" : 1, inputmode: "decimal" })]));
    const close = sheet(t("admin-caps"), [h("p", { class: "note" }, t("admin-caps-text")), form(fields, { text: t("admin-save"), submit: async (values) => {
      const caps = {};
      for (const [cap] of CAPS) {
        const value = Number(values[cap] || 0);
        if (!(value >= 0) || !Number.isFinite(value)) return fields[cap].wrong(t("admin-caps-wrong"));
        caps[cap] = Math.round(value * (isMoney(cap) ? MICROS : 1));
      }
      await put({ caps });
      close();
      done(t("admin-changed"));
      return settings.reload();
    } })]);
  }

  /** Says first how many posts it is about and what that would cost. */
  async function retag() {
    const plan = await api.post("/api/admin/models/retag", { dry_run: true });
    if (plan.asked === 0) return done(t("admin-retag-none"));
    const text = t("admin-retag-text", { n: plan.asked, tokens: figure(plan.tokens_estimate), money: money(plan.money_micros_estimate, plan.currency) });
    if (!(await sure(t("admin-retag"), text, t("admin-retag-go"), "main"))) return null;
    await api.post("/api/admin/models/retag", {});
    done(t("admin-retag-begun"));
    return settings.reload();
  }

  function spendShown({ rows, currency }) {
    const days = [...new Set(rows.map(({ day }) => day))].sort();
    if (days.length === 0) return null;
    const total = (day) => rows.filter((one) => one.day === day).reduce((sum, one) => sum + one.money_micros, 0);
    const all = rows.reduce((sum, one) => sum + one.money_micros, 0);
    return [chart(t("admin-spend", { n: SPEND_DAYS }), days.map((day) => ({ at: `${day}T00:00:00Z`, value: total(day) })), { say: (micros) => money(micros, currency), total: money(all, currency) }),
      table(t("admin-spend", { n: SPEND_DAYS }), [{ title: t("admin-day"), cell: ({ day }) => day }, { title: t("admin-feature"), cell: ({ feature }) => named(FEATURES, feature) }, { title: t("admin-model-name"), cell: ({ model }) => model },
        { title: t("admin-calls"), cell: ({ calls }) => figure(calls), end: true }, { title: t("admin-tokens"), cell: (one) => figure(one.tokens_in + one.tokens_out), end: true }, { title: currency, cell: (one) => money(one.money_micros, ""), end: true }], rows)];
  }
}

function providerRow(one, who, reload) {
  const [good, bad] = [["tenant", "configuration", "operator", "not_needed"].includes(one.key), one.key === "missing"];
  return row({ title: named(PROVIDERS, one.provider), text: `${[one.model, one.embedding_model].filter(Boolean).join(", ")} · ${one.host}${one.used ? "" : ` · ${t("admin-provider-unused")}`}`, end: badge(named(KEYS, one.key), bad ? "bad" : good ? "good" : "plain"), press: () => open(one, who, reload) });
}

function open(one, who, reload) {
  const base = `/api/${who}/models`;
  const key = field({ label: t("admin-key"), type: "password", hint: t("admin-key-hint"), autocomplete: "off", maxlength: KEY_CHARS_MAX });
  const outcome = h("div", { role: "status" });
  const own = one.key === (who === "admin" ? "tenant" : "operator");
  const close = sheet(named(PROVIDERS, one.provider), [
    h("p", { class: "note" }, [named(KEYS, one.key), one.key_updated_at && moment(one.key_updated_at), one.paused_until && t("admin-provider-paused", { when: moment(one.paused_until) })].filter(Boolean).join(" · ")),
    form({ key }, { text: t("admin-key-save"), submit: async ({ key: given }) => {
      if (!given.trim()) return key.wrong(t("admin-key-empty"));
      await api.put(`${base}/keys/${one.provider}`, { key: given.trim() });
      close();
      done(t("admin-key-saved"));
      return reload();
    } }),
    outcome,
    h("div", { class: "buttons" }, button(t("admin-key-test"), test, { kind: "plain" }), own && button(t("admin-key-remove"), remove, { kind: "danger" })),
  ]);

  async function test() {
    const given = key.input.value.trim();
    const tried = await api.post(`${base}/test`, given ? { provider: one.provider, key: given } : { provider: one.provider });
    outcome.replaceChildren(h("p", {}, badge(t(tried.ok ? "admin-test-good" : "admin-test-bad"), tried.ok ? "good" : "bad"), " ", tried.message), h("p", { class: "note" }, tried.fix ?? tried.models.join(", ")));
  }

  async function remove() {
    close();
    if (!(await sure(t("admin-key-remove"), t("admin-key-remove-text"), t("admin-key-remove")))) return;
    try {
      await api.delete(`${base}/keys/${one.provider}`);
      done(t("admin-key-removed"));
    } catch (error) {
      failed(error);
    }
    reload();
  }
}
