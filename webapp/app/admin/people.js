// The tenant's people: looking somebody up by name, role or tier.

import { api } from "../api.js";
import { h } from "../dom.js";
import { avatar, badge, empty, field, live, pages, row, section, when } from "../parts.js";
import { t } from "../words.js";
import { TIERS, nameOf } from "./names.js";

const SEARCH_WAIT_MS = 250;
const PAGE = 50;

export default function people(place) {
  place.title(t("admin-people-title"));
  const { signal } = place;
  const search = field({ label: t("admin-people-search"), type: "search", hint: null, autocomplete: "off", maxlength: 200, enterkeyhint: "search" });
  const role = field({ label: t("admin-role"), type: "select", options: [["", t("admin-any")], ["admin", t("app-role-admin")], ["user", t("app-role-user")]] });
  const tier = field({ label: t("admin-tier"), type: "select", options: [["", t("admin-any")], ...TIERS] });
  const page = async (offset) => {
    const wanted = Object.entries({ search: search.input.value.trim(), role: role.input.value, tier: tier.input.value }).filter(([, value]) => value);
    const { users, total } = await api.get(`/api/admin/users?${new URLSearchParams([...wanted, ["limit", PAGE], ["offset", offset]])}`, { signal });
    return { items: users, total };
  };
  const list = live({ signal, load: () => page(0), view: (first) => {
    if (first.total === 0) return empty("people", t("admin-people-none"), t("admin-people-none-text"));
    return section(t("admin-people-n", { n: first.total }), pages({ first, page, item: shown, wrap: (rows) => h("div", { class: "rows" }, rows) }));
  } });
  let timer = 0;
  search.input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => list.reload(), SEARCH_WAIT_MS); });
  signal.addEventListener("abort", () => clearTimeout(timer));
  for (const one of [role, tier]) one.input.addEventListener("change", () => list.reload());
  return [h("div", { class: "form", role: "search" }, search, h("div", { class: "two-fields" }, role, tier)), list];

  function shown(person) {
    const name = nameOf(person);
    const seen = person.last_active_at ? [t("admin-seen"), " ", when(person.last_active_at)] : t("admin-seen-never");
    return row({ lead: avatar(name), title: name, text: h("span", {}, person.username && name !== `@${person.username}` ? `@${person.username} · ` : "", seen),
      end: person.role === "admin" ? badge(t("app-role-admin")) : TIERS.find(([tier_]) => tier_ === person.tier)?.[1] ?? person.tier, href: `/admin/people/${person.id}` });
  }
}
