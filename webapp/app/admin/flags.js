// What can be switched without a restart: for the tenant, one person, and by operators the installation; and the experiments.
//
// A rule is changed at the version it was read at; where somebody was quicker, nothing is changed and the list is loaded anew.

import { api } from "../api.js";
import { h } from "../dom.js";
import { badge, button, choice, done, failed, field, form, live, row, section, sheet, table } from "../parts.js";
import { isOperator } from "../session.js";
import { figure, moment, number, t } from "../words.js";
import { actor, named } from "./names.js";

const FLAGS = {
  streamed_answers: ["admin-flag-streamed", "admin-flag-streamed-text"], vector_search: ["admin-flag-vector", "admin-flag-vector-text"],
  open_registration: ["admin-flag-registration", "admin-flag-registration-text"], experiment_answer_weights: ["admin-flag-weights", "admin-flag-weights-text"],
};
const SCOPES = { installation: "admin-scope-installation", tenant: "admin-scope-tenant", user: "admin-scope-user" };
const EXPERIMENTS = { answer_weights: "admin-flag-weights" };
const VARIANTS = { control: "admin-variant-control", treatment: "admin-variant-treatment" };
const OUTCOMES = { feedback_up: "admin-outcome-up", feedback_down: "admin-outcome-down", follow_up: "admin-outcome-follow" };

const title = (flag) => (FLAGS[flag.flag] ? t(FLAGS[flag.flag][0]) : flag.flag);
const lead = (flag) => (FLAGS[flag.flag] ? t(FLAGS[flag.flag][1]) : flag.description);
const state = (percent) => (percent === 0 ? t("admin-off") : percent === 100 ? t("admin-on") : t("admin-percent", { n: percent }));

export default function flags(place) {
  place.title(t("admin-flags-title"));
  const { signal } = place;
  const list = live({ signal, load: () => Promise.all([api.get("/api/admin/flags", { signal }), isOperator() ? api.get("/api/operator/flags", { signal }) : null]), view: ([tenant, all]) => [
    section(t("admin-flags-here"), tenant.flags.map((flag) => shown(flag, "tenant"))),
    all && section(t("admin-flags-installation"), all.flags.filter((flag) => flag.scopes.includes("installation")).map((flag) => shown(flag, "installation"))),
  ] });
  const experiments = live({ signal, load: () => api.get("/api/admin/experiments", { signal }), view: ({ experiments: all }) => all.map(experimentShown) });
  return [list, experiments];

  function shown(flag, scope) {
    return row({ title: title(flag), text: lead(flag), end: badge(state(flag.percent), flag.percent === 0 ? "plain" : "good"), press: () => open(flag, scope) });
  }

  function open(flag, scope) {
    const rule = flag.rules.find((one) => one.scope === scope && !one.user_id);
    const settable = flag.scopes.includes(scope);
    const put = async (body) => {
      try {
        await api.put(`/api/${scope === "installation" ? "operator" : "admin"}/flags/${flag.flag}`, body);
        done(t("admin-changed"));
      } catch (error) {
        failed(error);
      }
      close();
      list.reload();
    };
    const set = (percent) => put({ percent, version: rule?.version ?? 0 });
    const chosen = rule ? (rule.percent === 0 ? "off" : rule.percent === 100 ? "on" : "part") : "default";
    const share = field({ label: t("admin-share"), type: "number", value: String(rule?.percent ?? flag.percent), hint: t("admin-share-hint"), min: 0, max: 100, inputmode: "numeric" });
    const others = flag.rules.filter((one) => one !== rule);
    const close = sheet(title(flag), [
      h("p", {}, lead(flag)),
      settable ? [
        choice(title(flag), [["default", t("admin-default", { state: state(flag.percent_default) })], ["off", t("admin-off")], ["on", t("admin-on")]], chosen, (value) => set({ default: null, off: 0, on: 100 }[value])),
        form({ share }, { text: t("admin-share-set"), kind: "plain", submit: ({ share: given }) => {
          const percent = Number(given);
          if (given.trim() === "" || !Number.isInteger(percent) || percent < 0 || percent > 100) return share.wrong(t("admin-share-wrong"));
          return set(percent);
        } }),
      ] : h("p", { class: "note" }, t("admin-flag-elsewhere")),
      scope === "tenant" && flag.scopes.includes("user") && forPerson(flag, put),
      others.length > 0 && section(t("admin-rules"), others.map((one) => row({ title: one.user_id ? t("admin-actor-person", { id: String(one.user_id) }) : named(SCOPES, one.scope),
        text: `${state(one.percent)} · ${actor(one.updated_by)} · ${moment(one.updated_at)}`,
        end: one.user_id && button(t("admin-rule-remove"), () => put({ percent: null, user_id: one.user_id, version: one.version }), { kind: "quiet" }) }))),
    ]);
  }

  function forPerson(flag, put) {
    const person = field({ label: t("admin-person-number"), type: "number", hint: t("admin-person-number-hint"), min: 1, inputmode: "numeric" });
    const on = field({ label: t("admin-flag-for-person"), type: "select", options: [["100", t("admin-on")], ["0", t("admin-off")]] });
    return form({ person, on }, { text: t("admin-flag-person-set"), kind: "plain", submit: ({ person: id, on: percent }) => {
      const user_id = Number(id);
      if (!Number.isInteger(user_id) || user_id < 1) return person.wrong(t("admin-person-number-hint"));
      const version = flag.rules.find((one) => one.user_id === user_id)?.version ?? 0;
      return put({ percent: Number(percent), user_id, version });
    } });
  }
}

/** Rates with the interval that holds the true one in 95 of 100 cases. */
const rate = (interval) => (interval ? t("admin-interval", { value: number(interval.value * 100), low: number(interval.low * 100), high: number(interval.high * 100) }) : "—");

function experimentShown({ experiment, variants, differences }) {
  const outcomes = differences.map(({ outcome }) => outcome);
  const of = (variant, outcome) => variant.outcomes.find((one) => one.outcome === outcome);
  const columns = [{ title: t("admin-variant"), cell: (one) => (one.variant ? named(VARIANTS, one.variant) : t("admin-difference")) },
    { title: t("admin-experiment-people"), cell: (one) => (one.variant ? figure(one.people) : ""), end: true }, { title: t("admin-experiment-answers"), cell: (one) => (one.variant ? figure(one.answers) : ""), end: true },
    ...outcomes.map((outcome) => ({ title: named(OUTCOMES, outcome), cell: (one) => rate(one.variant ? of(one, outcome)?.rate : one.differences.find((each) => each.outcome === outcome)?.difference), end: true }))];
  return section(named(EXPERIMENTS, experiment), table(named(EXPERIMENTS, experiment), columns, [...variants, { differences }]), { note: t("admin-experiment-text") });
}
