// One post: whole, with its channel, links, pages behind them, tags, and ways on.

import { api } from "../api.js";
import { h, outward } from "../dom.js";
import { avatar, chip, live, row, section, when } from "../parts.js";
import { postActions, quoted, saveButton } from "../posts.js";
import { moment, number, t } from "../words.js";

export default function post(place) {
  place.title(t("app-post-title"));
  const { signal } = place;
  place.actions(saveButton(Number(place.params.id)));
  return live({ signal, load: () => api.get(`/api/posts/${Number(place.params.id)}`, { signal, keep: true }), view: (one) => {
    place.title(one.channel_title);
    return [
      h("article", { class: "card padded post" },
        h("div", { class: "post-head" }, avatar(one.channel_title, true), h("a", { class: "post-who", href: `/channels/${one.channel_id}`, dir: "auto" }, one.channel_title)),
        h("p", { class: "note" }, moment(one.posted_at), one.edited_at && [" · ", t("app-post-edited"), " ", when(one.edited_at)], one.views > 0 && ` · ${t("app-post-views", { n: number(one.views) })}`),
        quoted(one.text, ""),
        one.forwarded_from && h("p", { class: "note" }, t("app-post-from", { title: one.forwarded_from }))),
      postActions(one),
      one.tags.length > 0 && h("div", { class: "chips" }, one.tags.map((tag) => chip(`#${tag}`, () => place.go(`/tags/${encodeURIComponent(tag)}`)))),
      one.pages.length > 0 && section(t("app-post-pages"), one.pages.map((page) => outward(page.url, { class: "row" }, h("span", { class: "row-body" }, h("span", { class: "row-title", dir: "auto" }, page.title || page.url), h("span", { class: "row-text", dir: "auto" }, page.description || page.site))))),
      section(null, row({ title: t("app-post-channel"), href: `/channels/${one.channel_id}` })),
    ];
  } });
}
