// A link from the bot: signs in with what stands behind its `#`, once, and wipes that from the address.

import { h } from "../dom.js";
import { empty } from "../parts.js";
import { signInByLink } from "../signing.js";
import { t } from "../words.js";

export default async function enter(place) {
  place.title(t("app-name"));
  const token = location.hash.slice(1);
  history.replaceState(history.state, "", location.pathname);
  if (token) {
    try {
      await signInByLink(token);
      await place.go("/ask", { replace: true });
      return h("div");
    } catch (error) {
      if (error.code !== "link_invalid") throw error;
    }
  }
  return empty("clock", t("app-link-over"), t("app-link-over-text"), h("a", { class: "button main", href: "/sign-in" }, t("app-in-other")));
}
