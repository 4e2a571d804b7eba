// What the channels write about: tags by how often, and for admins pairs that look like one.

import { api } from "../api.js";
import { h } from "../dom.js";
import { button, done, empty, failed, live, row, section, sure } from "../parts.js";
import { isAdmin } from "../session.js";
import { t } from "../words.js";

const SHOWN = 80;
const SIZES = 4;
const SUGGESTED_MAX = 5;

export default function tags(place) {
  place.title(t("app-tags-title"));
  const { signal } = place;
  const list = live({ signal, load: () => api.get(`/api/tags?limit=${SHOWN}`, { signal, keep: true }), view: shown });
  const merges = isAdmin() && live({ signal, skeleton: () => h("div"), load: () => api.get("/api/tags/merges?limit=20", { signal }), view: merged });
  return [list, merges];

  function shown({ tags: all }) {
    if (all.length === 0) return empty("tag", t("app-tags-none"), t("app-tags-none-text"));
    const most = all[0].count;
    const size = (count) => Math.min(SIZES, 1 + Math.floor(SIZES * Math.log(count + 1) / Math.log(most + 2)));
    const cloud = [...all].sort((a, b) => a.tag.localeCompare(b.tag));
    const pairs = isAdmin() ? alike(all) : [];
    return [section(t("app-tags-cloud"), h("ul", { class: "cloud card padded" }, cloud.map(({ tag, count }) =>
      h("li", {}, h("a", { class: `cloud-${size(count)}`, href: `/tags/${encodeURIComponent(tag)}`, dir: "auto", "aria-label": t("app-tag-count", { tag, n: count }) }, tag))))),
    pairs.length > 0 && section(t("app-tags-alike"), pairs.map(([from, into]) => row({ title: `${from.tag} → ${into.tag}`, text: `${t("count-posts", { n: from.count })} → ${t("count-posts", { n: into.count })}`, press: () => merge(from, into) })), { note: t("app-tags-alike-text") })];
  }

  async function merge(from, into) {
    try {
      const body = { from: [from.tag], into: into.tag };
      const dry = await api.post("/api/tags/merge", { ...body, dry_run: true });
      if (!(await sure(`${from.tag} → ${into.tag}`, t("app-tags-merge-text", { n: dry.posts }), t("app-tags-merge"), "main"))) return;
      await api.post("/api/tags/merge", body);
      done(t("app-tags-merged"));
      list.reload();
      merges.reload?.();
    } catch (error) {
      failed(error);
    }
  }

  function merged({ merges: all }) {
    const standing = all.filter((one) => !one.undone_at);
    if (standing.length === 0) return null;
    return section(t("app-tags-merges"), standing.map((one) => h("div", { class: "row" }, h("span", { class: "row-body" }, h("span", { class: "row-title", dir: "auto" }, `${one.from.join(", ")} → ${one.into}`), h("span", { class: "row-text" }, t("count-posts", { n: one.posts }))),
      button(t("app-undo"), async () => {
        await api.delete(`/api/tags/merges/${one.merge_id}`);
        done(t("app-tags-unmerged"));
        list.reload();
        merges.reload();
      }, { kind: "quiet" }))));
  }
}

/** Pairs of one-word tags that begin alike and differ only in their end: probably forms of one word. The rarer goes into the other. */
function alike(all) {
  const words = all.filter(({ tag }) => !/\s/.test(tag) && tag.length >= 5);
  const pairs = [];
  for (const one of words) {
    const twin = words.find((other) => other.count > one.count && other.tag[0].toLowerCase() === one.tag[0].toLowerCase() && root(one.tag) === root(other.tag));
    if (twin) pairs.push([one, twin]);
  }
  return pairs.slice(0, SUGGESTED_MAX);
}

const root = (tag) => tag.toLowerCase().replaceAll("ё", "е").slice(0, Math.max(5, tag.length - 3)).slice(0, 7);
