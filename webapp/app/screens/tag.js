// The posts under a tag, newest first.

import { api } from "../api.js";
import { h } from "../dom.js";
import { button, empty, live, pages } from "../parts.js";
import { postCard } from "../posts.js";
import { t } from "../words.js";

const STEP = 20;

export default function tag(place) {
  const { signal, params } = place;
  place.title(`#${params.tag}`);
  const load = (offset) => api.get(`/api/posts?tag=${encodeURIComponent(params.tag)}&limit=${STEP}&offset=${offset}`, { signal, keep: offset === 0 });
  return [h("div", { class: "buttons" }, button(t("app-tag-ask"), () => place.go(`/ask?q=${encodeURIComponent(t("app-ask-try-tag", { tag: params.tag }))}`), { image: "ask" }),
    button(t("app-search-title"), () => place.go(`/search?tag=${encodeURIComponent(params.tag)}`), { image: "search" })),
  live({ signal, load: () => load(0), view: (first) => (first.total === 0 ? empty("tag", t("app-tag-none"), t("app-tag-none-text")) : [
    h("p", { class: "note" }, t("count-posts", { n: first.total })),
    pages({ first: { items: first.posts, total: first.total }, item: (post) => postCard(post), wrap: (nodes) => h("div", { class: "body" }, nodes),
      page: async (offset) => { const next = await load(offset); return { items: next.posts, total: next.total }; } })]) })];
}
