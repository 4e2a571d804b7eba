// Connecting a Telegram account: the code that is scanned, the password, every way it can end.
//
// The login goes on at the server while this page is away; its id and token are kept for the tab, so a reload comes back to it.
// What the server says by events is the only truth: each event draws the step it names. The password is sent and forgotten.

import { api } from "../api.js";
import { fill, h, icon, svg } from "../dom.js";
import { button, empty, failed, field, form, trouble } from "../parts.js";
import { session, user } from "../session.js";
import { signInByLogin } from "../signing.js";
import { closingAsks, feel } from "../telegram.js";
import { language, t } from "../words.js";
import { refusalText } from "./signin.js";

const KEPT = "tga.login";
const FINAL = ["authorized", "failed", "expired", "cancelled"];
/** How long Telegram's code is good. */
const CODE_S = 30;
const AGAIN_MS = 1500;
const AGAIN_MAX = 40;
const RING = 2 * Math.PI * 46;

const ENDS = {
  ownership_mismatch: ["app-login-other", "app-login-other-text"], password_tries_used_up: ["app-login-tries", "app-login-tries-text"],
  telegram_refused: ["app-login-refused", "app-login-refused-text"], api_id_refused: ["app-login-not-configured-title", "app-login-not-configured"],
  session_not_stored: ["app-login-not-stored", "app-login-not-stored-text"], service_restarted: ["app-login-restarted", "app-login-restarted-text"],
  invite_expired: ["app-login-invite", "app-invite-expired"], invite_revoked: ["app-login-invite", "app-invite-revoked"],
  invite_exhausted: ["app-login-invite", "app-invite-exhausted"], invite_unknown: ["app-login-invite", "app-invite-unknown"],
  registration_closed: ["app-login-invite", "app-closed"], tier_limit_exceeded: ["app-login-refused", "app-login-refused-text"],
};

const kept = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

export default function login(place) {
  place.title(t("app-login-title"));
  const box = h("div", { class: "body" });
  const invite = place.query.get("invite") ?? undefined;
  let current = kept();
  let shown = null;
  let clock = 0;
  place.signal.addEventListener("abort", () => { clearInterval(clock); closingAsks(false); });
  if (current) follow();
  else begin();
  return box;

  async function begin() {
    step("pending", () => codeFrame(h("div", { class: "qr-wait", role: "img", "aria-label": t("app-login-preparing") })));
    try {
      const body = { invite_code: invite, client_meta: { ua: navigator.userAgent.slice(0, 256), locale: language() } };
      const started = await api.post("/tg/qr/start", body, { signal: place.signal, open: !session() });
      current = { id: started.qr_session_id, token: started.session_token, until: started.expires_at };
      sessionStorage.setItem(KEPT, JSON.stringify(current));
      follow();
    } catch (error) {
      if (error.name === "AbortError") return;
      const text = refusalText(error);
      fill(box, text ? empty("warn", t("app-login-no"), text, back()) : trouble(error, begin));
    }
  }

  async function follow() {
    for (let tries = 0; !place.signal.aborted; tries += 1) {
      try {
        await api.events(`/tg/qr/events/${current.id}`, { open: true, signal: place.signal, last: (_, now) => FINAL.includes(now.status), take: (_, now) => { tries = 0; told(now); } });
        return;
      } catch (error) {
        if (place.signal.aborted) return;
        if (error.status === 404) {
          sessionStorage.removeItem(KEPT);
          begin();
          return;
        }
        if (tries >= AGAIN_MAX || (error.kind !== "offline" && error.kind !== "busy" && error.kind !== "failed")) {
          fill(box, trouble(error, follow));
          return;
        }
        await new Promise((done) => setTimeout(done, Math.max(AGAIN_MS, (error.waitS ?? 0) * 1000)));
      }
    }
  }

  function told(now) {
    closingAsks(["scanned", "password_required"].includes(now.status));
    if (now.status === "pending") step("pending", () => codeFrame(h("div", { class: "qr-wait", role: "img", "aria-label": t("app-login-preparing") })));
    else if (now.status === "awaiting_scan") scan(now);
    else if (now.status === "scanned") step("scanned", () => [empty("phone", t("app-login-scanned"), t("app-login-scanned-text")), cancelButton()]);
    else if (now.status === "password_required") password(now);
    else over(now);
  }

  /** Draws a step when it begins; `again` draws what changes within it. */
  function step(name, draw, again) {
    if (shown === name) return again?.();
    shown = name;
    clearInterval(clock);
    return fill(box, draw());
  }

  // ---- the code ----

  function scan(now) {
    step("code", () => {
      const left = h("p", { class: "note center" });
      const ring = h("div", { class: "ring" });
      const picture = h("img", { class: "qr", alt: t("app-login-code"), width: 240, height: 240 });
      const open = h("a", { class: "button plain wide", hidden: true }, icon("phone"), h("span", {}, t("app-login-here")));
      box.draw = (at) => {
        if (!at.qr_url || box.drawn === at.qr_url) return;
        box.drawn = at.qr_url;
        picture.src = `/tg/qr/png/${current.id}.svg?at=${Date.now()}`;
        open.setAttribute("href", at.qr_url);
        open.hidden = false;
        fill(ring, ringDrawn());
      };
      const count = () => {
        const seconds = Math.max(0, Math.round((Date.parse(current.until) - Date.now()) / 1000));
        left.textContent = t("app-login-left", { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}` });
      };
      clock = setInterval(count, 1000);
      count();
      return [codeFrame([picture, ring]), left, steps(), open, cancelButton()];
    });
    box.draw(now);
  }

  function codeFrame(content) {
    return h("div", { class: "qr-frame" }, content);
  }

  function ringDrawn() {
    return svg("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" }, svg("circle", { class: "ring-track", cx: 50, cy: 50, r: 46 }),
      svg("circle", { class: "ring-left", cx: 50, cy: 50, r: 46, "stroke-dasharray": RING, vars: { ring: RING, seconds: `${CODE_S}s` } }));
  }

  function steps() {
    return h("ol", { class: "steps card padded" }, [["phone", "app-login-step-1"], ["gear", "app-login-step-2"], ["qr", "app-login-step-3"]].map(([image, key], at) =>
      h("li", {}, h("span", { class: "step-number", "aria-hidden": "true" }, at + 1), h("span", {}, t(key)), icon(image))));
  }

  // ---- the password ----

  function password(now) {
    const wrong = now.reason === "password_wrong";
    const problem = () => (wrong ? t("app-password-wrong", { n: now.password_tries_left ?? 0 }) : now.reason === "password_unchecked" ? t("app-password-unchecked") : null);
    step("password", () => {
      const given = field({ label: t("app-password-label"), type: "password", autocomplete: "current-password", maxlength: 256, enterkeyhint: "go",
        hint: now.password_hint ? t("app-password-hint", { hint: now.password_hint }) : t("app-password-text") });
      box.given = given;
      const node = form({ password: given }, { text: t("app-password-go"), submit: async ({ password: text }) => {
        if (!text) return given.wrong(t("app-password-empty"));
        given.input.value = "";
        fill(box.checking, t("app-password-checking"));
        await api.post("/tg/qr/password", { session_token: current.token, password: text }, { open: true });
        return null;
      } });
      box.checking = h("p", { class: "note", role: "status" });
      // What keeps passwords asks whose it is.
      node.prepend(h("input", { type: "text", autocomplete: "username", hidden: true, value: user()?.username ?? "telegram" }));
      setTimeout(() => given.input.focus(), 50);
      return [h("div", { class: "card padded" }, h("h2", { class: "strong" }, t("app-password-title")), h("p", { class: "note" }, t("app-password-why")), node, box.checking), cancelButton()];
    });
    if (problem()) {
      feel.failed();
      fill(box.checking, "");
      box.given.wrong(problem());
    }
  }

  // ---- the end ----

  async function over(now) {
    clearInterval(clock);
    shown = "over";
    sessionStorage.removeItem(KEPT);
    const again = button(t("app-login-again"), () => begin(), { kind: "main" });
    if (now.status === "authorized") {
      try {
        if (!session()) await signInByLogin(current.token);
      } catch (error) {
        fill(box, error.code === "login_exchanged" ? empty("check", t("app-login-done-elsewhere"), t("app-login-done-elsewhere-text")) : trouble(error, () => over(now)));
        return;
      }
      feel.done();
      fill(box, empty("check", t("app-login-done"), t("app-login-done-text")));
      place.main({ text: t("app-login-first"), press: () => place.go("/channels?add=1", { replace: true }) });
      return;
    }
    feel.failed();
    if (now.status === "cancelled") fill(box, empty("close", t("app-login-cancelled"), t("app-login-cancelled-text"), again, back()));
    else if (now.status === "expired") fill(box, empty("clock", t("app-login-expired"), t("app-login-expired-text"), again));
    else {
      const [title, text] = ENDS[now.reason] ?? ["app-login-failed", "app-login-failed-text"];
      fill(box, empty("warn", t(title), t(text), again, back()));
    }
  }

  function cancelButton() {
    return button(t("app-login-cancel"), async () => {
      try {
        await api.post("/tg/qr/cancel", { session_token: current.token }, { open: true });
      } catch (error) {
        if (error.status !== 410) failed(error);
      }
    }, { kind: "quiet" });
  }

  function back() {
    return h("a", { class: "button quiet", href: session() ? "/me" : "/sign-in" }, t("app-back"));
  }
}
