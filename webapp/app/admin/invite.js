// One invite: its code and address to hand on, the same to scan, who came in by it, revoking.

import { api } from "../api.js";
import { BASE, h, icon } from "../dom.js";
import { badge, bones, button, copy, done, failed, live, pages, row, section, share, sure, when } from "../parts.js";
import { day, moment, t } from "../words.js";
import { usesText } from "./invites.js";
import { ROLE_TEXTS, STATUS_BADGES, actor, named } from "./names.js";

const PAGE = 50;
const QR_SIDE = 240;

export default function invite(place) {
  const { code } = place.params;
  place.title(t("admin-invite"));
  const { signal } = place;
  const path = `/api/admin/invites/${encodeURIComponent(code)}`;
  const page = async (offset) => {
    const { usage, total } = await api.get(`${path}/usage?limit=${PAGE}&offset=${offset}`, { signal });
    return { items: usage, total };
  };
  const about = live({ signal, load: () => Promise.all([api.get(path, { signal }), api.get(`${path}/link`, { signal })]), view: ([one, link]) => shown(one, link) });
  const uses = live({ signal, skeleton: () => bones(1, false), load: () => page(0), view: (first) => {
    if (first.total === 0) return null;
    return section(t("admin-invite-used-by"), pages({ first, page, item: used, wrap: (rows) => h("div", { class: "rows" }, rows) }));
  } });
  return [about, uses];

  function shown(one, link) {
    // A server that does not know its address is reached by this one at least.
    const address = link.url ?? `${location.origin}${BASE}?invite=${one.code}`;
    const [key, kind] = STATUS_BADGES[one.status];
    const facts = [usesText(one), one.expires_at ? t("admin-invite-until", { day: day(one.expires_at) }) : t("admin-invite-no-end")].join(" · ");
    return [
      one.active && link.qr && h("div", { class: "qr-frame" }, h("img", { class: "qr", src: link.qr, alt: t("admin-invite-qr"), width: QR_SIDE, height: QR_SIDE })),
      one.active && h("p", { class: "center note" }, t("admin-invite-scan")),
      section(null, [
        row({ title: one.code, text: facts, end: badge(t(key), kind) }),
        row({ title: named(ROLE_TEXTS, one.role), text: one.notes ?? `${actor(one.created_by)}, ${day(one.created_at)}` }),
        one.active && row({ lead: icon("copy"), title: t("admin-invite-copy"), text: address, press: () => copy(address).catch(failed) }),
        one.active && row({ lead: icon("copy"), title: t("admin-invite-copy-code"), press: () => copy(one.code).catch(failed) }),
        one.active && row({ lead: icon("share"), title: t("admin-invite-share"), press: () => share(t("admin-invite-words", { code: one.code, address })).catch(failed) }),
      ]),
      one.status !== "revoked" && button(t("admin-invite-revoke"), revoke, { kind: "danger", image: "close" }),
    ];
  }

  function used(use) {
    const name = use.telegram_id ? t("admin-invite-person", { id: String(use.telegram_id) }) : t("admin-invite-left");
    return row({ title: name, text: h("span", { title: moment(use.used_at) }, when(use.used_at), use.confirmed ? "" : ` · ${t("admin-invite-under-way")}`), href: use.user_id ? `/admin/people/${use.user_id}` : undefined });
  }

  async function revoke() {
    if (!(await sure(t("admin-invite-revoke"), t("admin-invite-revoke-text"), t("admin-invite-revoke")))) return;
    await api.post(`${path}/revoke`);
    done(t("admin-invite-revoked-done"));
    about.reload();
  }
}
