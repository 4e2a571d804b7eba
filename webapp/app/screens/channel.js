// One channel: how complete it is, live while it is read, how deep, its tags and last posts, removing it.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { avatar, bones, button, choice, done, during, live, meter, pages, row, section, sure, telegramLink, when } from "../parts.js";
import { postCard } from "../posts.js";
import { figure, lasting, t } from "../words.js";
import { readingText, underWay } from "./channels.js";

const AGAIN_MS = 2500;
const DEPTHS = [[7, "app-depth-week"], [30, "app-depth-month"], [90, "app-depth-quarter"], ["all", "app-depth-all"]];
const POSTS_STEP = 10;

export default function channel(place) {
  place.title(t("app-channel-title"));
  const { signal } = place;
  const id = Number(place.params.id);
  let timer = 0;
  let before = null;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const state = live({ signal, skeleton: () => bones(3, false), load: async () => {
    const [card, ledger] = await Promise.all([api.get(`/api/channels/${id}`, { signal, keep: true }), api.get(`/api/channels/${id}/ledger`, { signal, keep: true })]);
    return { card, ledger, keptAt: card.keptAt };
  }, view: shown });
  return [state, live({ signal, load: () => api.get(`/api/posts?channel=${id}&limit=${POSTS_STEP}`, { signal, keep: true }), view: posts })];

  function shown({ card, ledger }) {
    place.title(card.title);
    clearTimeout(timer);
    if (underWay(ledger.reading.state)) timer = setTimeout(() => !signal.aborted && state.reload(), AGAIN_MS);
    const address = card.username && `https://t.me/${card.username}`;
    return [
      h("div", { class: "card padded channel-card" }, h("div", { class: "post-head" }, avatar(card.title), h("div", { class: "row-body" }, h("b", { class: "strong", dir: "auto" }, card.title), h("span", { class: "note" }, card.username ? `@${card.username}` : t("app-channel-private")))),
        completeness(ledger)),
      h("div", { class: "buttons" }, address && telegramLink(address, t("app-open-telegram")),
        button(t("app-channel-search"), () => place.go(`/search?channel=${id}`), { image: "search" })),
      section(t("app-channel-depth"), choice(t("app-channel-depth"), DEPTHS.map(([value, key]) => [value, t(key)]), card.depth_days ?? "all", depth), { note: t("app-channel-depth-text") }),
      section(null, [row({ lead: icon("refresh"), title: t("app-channel-again"), text: t("app-channel-again-text"), press: backfill }),
        row({ lead: icon("trash"), kind: "danger", title: t("app-channel-remove"), press: () => remove(card) })]),
    ];
  }

  function completeness(ledger) {
    const { seen, expected, missing, reading } = ledger;
    const known = seen + missing.deleted + missing.service + missing.restricted;
    const share = expected > 0 ? known / expected : ledger.complete ? 1 : 0;
    const gone = [["app-ledger-deleted", missing.deleted], ["app-ledger-service", missing.service], ["app-ledger-restricted", missing.restricted], ["app-ledger-left", missing.not_read]].filter(([, n]) => n > 0);
    return h("div", { class: "ledger" },
      h("div", { class: "used-line" }, h("span", {}, h("span", { class: `dot ${reading.state}`, "aria-hidden": "true" }), readingText(reading)), h("span", {}, t("app-of", { now: figure(known), max: figure(expected) }))),
      meter(share, t("app-ledger")),
      h("p", { class: "note" }, ledger.complete ? t("app-ledger-complete") : rate(known, missing.not_read), reading.checked_at && [" · ", t("app-ledger-checked"), " ", when(reading.checked_at)]),
      gone.length > 0 && h("p", { class: "note" }, gone.map(([key, n]) => t(key, { n })).join(" · ")));
  }

  /** How fast it goes, by two looks at it. */
  function rate(known, left) {
    const now = { known, at: Date.now() };
    const speed = before && now.known > before.known ? (now.known - before.known) / ((now.at - before.at) / 1000) : 0;
    if (!before || now.known > before.known) before = now;
    return speed > 0 && left > 0 ? t("app-ledger-rate", { left: figure(left), time: lasting(left / speed) }) : t("app-ledger-reading");
  }

  async function depth(value) {
    await api.patch(`/api/channels/${id}`, { depth_days: value });
    done(t("app-channel-depth-done"));
    state.reload();
  }

  async function backfill(event) {
    await during(event.currentTarget, () => api.post(`/api/channels/${id}/backfill`, {})).finally(() => state.reload());
    done(t("app-channel-again-done"));
  }

  async function remove(card) {
    if (!(await sure(t("app-channel-remove"), t("app-channel-remove-text", { title: card.title }), t("app-channel-remove")))) return;
    await api.delete(`/api/channels/${id}`);
    done(t("app-channel-removed"), { undo: async () => {
      await api.post("/api/channels", { channel: card.username ? `@${card.username}` : String(card.telegram_id), depth_days: card.depth_days ?? "all" });
      place.go("/channels", { replace: true });
    } });
    place.go("/channels", { replace: true });
  }

  function posts(first) {
    if (first.posts.length === 0) return null;
    const page = async (offset) => {
      const next = await api.get(`/api/posts?channel=${id}&limit=${POSTS_STEP}&offset=${offset}`, { signal });
      return { items: next.posts, total: next.total };
    };
    return h("section", { class: "section" }, h("div", { class: "section-head" }, h("h2", {}, t("app-channel-posts"))),
      pages({ page, first: { items: first.posts, total: first.total }, item: (post) => postCard(post), wrap: (nodes) => h("div", { class: "body" }, nodes) }));
  }
}
