// Where the person is signed in: each device, ending one, ending all others.

import { api } from "../api.js";
import { h, icon } from "../dom.js";
import { badge, button, done, failed, live, row, section, sure, when } from "../parts.js";
import { t } from "../words.js";

const METHODS = { webapp: "app-session-webapp", qr: "app-session-qr", passkey: "app-session-passkey", link: "app-session-link" };
const BROWSERS = [["Edg/", "Edge"], ["YaBrowser/", "Yandex Browser"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS", "Mac"], ["Linux", "Linux"]];

/** "Chrome, Android" out of a user agent; what cannot be told is left out. */
function device(agent) {
  const of = (known) => known.find(([mark]) => agent?.includes(mark))?.[1];
  return [of(BROWSERS), of(SYSTEMS)].filter(Boolean).join(", ") || t("app-session-unknown");
}

export default function sessions(place) {
  place.title(t("app-sessions-title"));
  const { signal } = place;
  const list = live({ signal, load: () => api.get("/api/auth/sessions", { signal }), view: ({ sessions: all }) => {
    const others = all.filter((one) => !one.current);
    return [section(t("app-session-this"), all.filter((one) => one.current).map(shown)),
      others.length > 0 && section(t("app-session-others"), others.map(shown)),
      others.length > 0 && button(t("app-session-end-all"), endAll, { kind: "danger" })];
  } });
  return list;

  function shown(one) {
    const text = h("span", {}, t(METHODS[one.method]), one.ip ? ` · ${one.ip}` : "", " · ", when(one.used_at));
    return row({ lead: icon("globe"), title: device(one.user_agent), text, end: one.current && badge(t("app-session-now"), "good"), press: one.current ? undefined : () => end(one) });
  }

  async function end(one) {
    if (!(await sure(device(one.user_agent), t("app-session-end-text"), t("app-session-end")))) return;
    try {
      await api.delete(`/api/auth/sessions/${one.id}`);
      done(t("app-session-ended"));
    } catch (error) {
      failed(error);
    }
    list.reload();
  }

  async function endAll() {
    if (!(await sure(t("app-session-end-all"), t("app-session-end-all-text"), t("app-session-end-all")))) return;
    await api.delete("/api/auth/sessions");
    done(t("app-session-ended"));
    list.reload();
  }
}
