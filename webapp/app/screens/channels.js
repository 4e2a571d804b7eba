// The channels one reads: how complete each is, adding one by any reference, what they write about.
//
// While a channel is still being read the list asks again by itself; a sheet adds a channel and says each refusal at the field.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { avatar, bones, choice, done, empty, field, form, iconButton, live, row, section, sheet } from "../parts.js";
import { t } from "../words.js";

const AGAIN_MS = 4000;
const DEPTHS = [[7, "app-depth-week"], [30, "app-depth-month"], [90, "app-depth-quarter"], ["all", "app-depth-all"]];
const READING_TEXTS = {
  imported: "app-reading-imported", no_account: "app-reading-no-account", starting: "app-reading-starting", history: "app-reading-history", up_to_date: "app-reading-live", paused: "app-reading-paused",
};
export const underWay = (state) => state === "starting" || state === "history";

/** A channel's reading in words. */
export const readingText = (reading) => t(READING_TEXTS[reading.state]);

export default function channels(place) {
  place.title(t("app-channels-title"));
  const { signal } = place;
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));
  place.actions(iconButton("plus", t("app-channel-add"), () => add()));
  const list = live({ signal, load: () => api.get("/api/channels?limit=100", { signal, keep: true }), view: shown, skeleton: () => bones(5) });
  if (place.query.get("add")) setTimeout(() => add(place.query.get("channel") ?? ""));
  return [list];

  function shown({ channels: all, total }) {
    clearTimeout(timer);
    if (all.some((one) => underWay(one.reading.state))) timer = setTimeout(() => !signal.aborted && list.reload(), AGAIN_MS);
    if (all.length === 0) return empty("channels", t("app-channels-none"), t("app-channels-none-text"), h("button", { type: "button", class: "button main", on: { click: () => add() } }, t("app-channel-add")));
    return [section(t("app-channels-n", { n: total }), all.map((one) => row({
      lead: avatar(one.title), title: one.title, href: `/channels/${one.id}`,
      text: h("span", { class: "reading" }, h("span", { class: `dot ${one.reading.state}`, "aria-hidden": "true" }), t("count-posts", { n: one.posts }), " · ", readingText(one.reading)),
    }))), section(null, row({ lead: icon("tag"), title: t("app-tags-title"), text: t("app-tags-lead"), href: "/tags" }))];
  }

  function add(given = "") {
    let depth = 30;
    const channel = field({ label: t("app-channel-label"), value: given, hint: t("app-channel-hint"), autocomplete: "off", autocapitalize: "off", spellcheck: "false", enterkeyhint: "done", maxlength: 256 });
    const close = sheet(t("app-channel-add"), [h("div", { class: "field" }, h("span", { class: "note" }, t("app-channel-depth")), choice(t("app-channel-depth"), DEPTHS.map(([value, key]) => [value, t(key)]), depth, (value) => { depth = value; })),
      form({ channel }, { text: t("app-channel-add-go"), submit: async ({ channel: reference }) => {
        if (!reference.trim()) return channel.wrong(t("app-channel-empty"));
        try {
          const card = await api.post("/api/channels", { channel: reference.trim(), depth_days: depth });
          close();
          done(t("app-channel-added", { title: card.title }));
          list.reload();
          return place.go(`/channels/${card.id}`);
        } catch (error) {
          return refused(error, channel, close);
        }
      } })]);
    channel.input.focus();
  }

  function refused(error, channel, close) {
    if (error.code === "telegram_session_required") {
      close();
      sheet(t("app-channel-account"), [h("p", {}, t("app-channel-account-text")), h("a", { class: "button main", href: "/login" }, t("app-account-connect"))]);
      return null;
    }
    if (error.code === "tier_limit_exceeded") return channel.wrong(t("app-channel-limit", { max: error.details.max ?? 0 }));
    if (error.code === "not_found" || error.code === "invalid_request") return channel.wrong(t("app-channel-unknown"));
    if (error.code === "account_limited") return channel.wrong(t("app-channel-wait", { n: Math.max(1, Math.ceil((error.details.retry_after_s ?? error.waitS) / 60)) }));
    throw error;
  }
}
