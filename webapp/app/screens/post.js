// One post: whole, with its channel, links, pages behind them, tags, posts that belong with it and why, and ways on.

import { api } from "../api.js";
import { fill, h, outward } from "../dom.js";
import { avatar, badge, chip, live, row, section, when } from "../parts.js";
import { postActions, quoted, saveButton } from "../posts.js";
import { moment, number, t } from "../words.js";

const LINE_CHARS = 120;
const WHY = { forward: "app-related-forward", link: "app-related-link", tags: "app-related-tags" };

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
      related(one.id, signal),
      section(null, row({ title: t("app-post-channel"), href: `/channels/${one.channel_id}` })),
    ];
  } });
}

/** The posts that belong with one; they come after it, and where there are none or they cannot be had nothing is shown. */
function related(id, signal) {
  const place = h("div", { hidden: true });
  api.get(`/api/posts/${id}/related`, { signal, keep: true }).then(({ posts }) => {
    if (posts.length === 0) return;
    fill(place, section(t("app-related"), posts.map(relatedRow)));
    place.hidden = false;
  }, () => {});
  return place;
}

const relatedRow = ({ post, why }) => row({ lead: avatar(post.channel_title, true), href: `/posts/${post.id}`, kind: "clip", title: line(post.text) || post.channel_title,
  text: [post.channel_title, " · ", when(post.posted_at), why.map((reason) => [" ", badge(WHY[reason] ? t(WHY[reason]) : reason, reason === "tags" ? "plain" : "good")])] });

/** The beginning of a text on one line. */
function line(text) {
  const letters = [...text.replace(/\s+/g, " ").trim().slice(0, LINE_CHARS * 4)];
  return letters.length > LINE_CHARS ? `${letters.slice(0, LINE_CHARS).join("").trimEnd()}…` : letters.join("");
}
