// What the person keeps: posts, alerts, and what they asked before. Posts are readable without a network.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { choice, empty, live, pages, row, when } from "../parts.js";
import { postCard } from "../posts.js";
import { savedList } from "../savedposts.js";
import { t } from "../words.js";
import { alertRows } from "./alert.js";

const STEP = 30;

export default function saved(place) {
  place.title(t("app-saved-title"));
  const { signal } = place;
  const parts = { posts, alerts: () => alertRows(place), history };
  let shown = parts[place.query.get("show")] ? place.query.get("show") : "posts";
  const box = h("div", { class: "body" });
  const show = (name) => {
    shown = name;
    place.address(name === "posts" ? "/saved" : `/saved?show=${name}`);
    box.replaceChildren(parts[shown]());
  };
  show(shown);
  return [choice(t("app-saved-title"), [["posts", t("app-saved-posts")], ["alerts", t("app-saved-alerts")], ["history", t("app-saved-history")]], shown, show), box];

  function posts() {
    return live({ signal, load: () => savedList(0, signal), view: (first) => (first.total === 0 ? empty("saved", t("app-saved-none"), t("app-saved-none-text")) :
      pages({ first: { items: first.posts, total: first.total }, item: (post) => postCard(post, undefined, { saved: true }), wrap: (nodes) => h("div", { class: "body" }, nodes),
        page: async (offset) => { const next = await savedList(offset, signal); return { items: next.posts, total: next.total }; } })) });
  }

  function history() {
    const load = (offset) => api.get(`/api/rag/history?limit=${STEP}&offset=${offset}`, { signal, keep: offset === 0 });
    const item = (one) => row({ lead: icon("clock"), kind: "clip", title: one.query, text: when(one.asked_at), href: `/ask?q=${encodeURIComponent(one.query)}` });
    return live({ signal, load: () => load(0), view: (first) => (first.total === 0 ? empty("clock", t("app-history-none"), t("app-history-none-text"), h("a", { class: "button main", href: "/ask" }, t("app-bar-ask"))) :
      pages({ first: { items: first.queries, total: first.total }, item, page: async (offset) => { const next = await load(offset); return { items: next.queries, total: next.total }; } })) });
  }
}
