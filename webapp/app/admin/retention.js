// How long posts are kept: in the tenant and in each channel, and what the next run removes.

import { api } from "../api.js";
import { done, field, form, live, row, section, sheet } from "../parts.js";
import { figure, moment, t } from "../words.js";

const DAYS_MAX = 36_500;

/** Days in words; 0 keeps for ever. */
const kept = (days) => (days === 0 ? t("admin-keep-ever") : t("count-days", { n: days }));

export default function retention(place) {
  place.title(t("admin-retention-title"));
  const { signal } = place;
  const box = live({ signal, load: () => api.get("/api/admin/retention", { signal }), view: (view) => [
    section(null, [
      row({ title: t("admin-keep-posts"), text: view.own ? t("admin-keep-own", { days: kept(view.posts_days_default) }) : t("admin-keep-default"), end: kept(view.posts_days), press: () => change(t("admin-keep-posts"), view.own ? view.posts_days : null, {}) }),
      row({ title: t("admin-keep-due"), text: view.next_at ? t("admin-keep-next", { when: moment(view.next_at) }) : t("admin-keep-asked"), end: figure(view.posts_due) }),
    ], { note: t("admin-keep-text") }),
    view.channels.length > 0 && section(t("admin-keep-channels"), view.channels.map((one) => row({ title: one.title, text: t("count-posts", { n: one.posts }), end: one.posts_days === null || one.posts_days === undefined ? t("admin-keep-as-all") : kept(one.posts_days),
      press: () => change(one.title, one.posts_days ?? null, { channel_id: one.channel_id }) }))),
  ] });
  return box;

  function change(title, days, about) {
    const posts_days = field({ label: t("admin-keep-days"), type: "number", value: days === null ? "" : String(days), hint: t("admin-keep-days-hint"), min: 0, max: DAYS_MAX, inputmode: "numeric" });
    const close = sheet(title, form({ posts_days }, { text: t("admin-save"), submit: async ({ posts_days: given }) => {
      const number = given.trim() === "" ? null : Number(given);
      if (number !== null && (!Number.isInteger(number) || number < 0 || number > DAYS_MAX)) return posts_days.wrong(t("admin-keep-days-wrong", { max: DAYS_MAX }));
      await api.put("/api/admin/retention", { ...about, posts_days: number });
      close();
      done(t("admin-changed"));
      return box.reload();
    } }));
  }
}
