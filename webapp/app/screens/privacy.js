// What is kept, where, how long, and what anybody can do about it.

import { h } from "../dom.js";
import { section } from "../parts.js";
import { session } from "../session.js";
import { t } from "../words.js";

export default function privacy(place) {
  place.title(t("app-privacy-title"));
  const words = (key) => h("p", { class: "card-text" }, t(key));
  const part = (title, ...keys) => section(t(title), h("div", { class: "card padded" }, keys.map(words)));
  return h("div", { class: "body" },
    part("app-privacy-where-title", "app-privacy-where"),
    part("app-privacy-what-title", "app-privacy-what", "app-privacy-session"),
    part("app-privacy-long-title", "app-privacy-long", "app-privacy-device"),
    part("app-privacy-you-title", "app-privacy-you", "app-privacy-leave"),
    session() && h("a", { class: "button plain", href: "/me/data" }, t("app-data-title")));
}
