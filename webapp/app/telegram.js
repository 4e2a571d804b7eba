// Telegram around the app: who opened it and how it looks there, its buttons, haptics and biometrics; outside it, their stand-ins.
//
// What Telegram says at the start stands in the address behind the `#`, so the first screen waits for nobody. Anybody can write such
// an address, so it is believed only where Telegram is around the page; whose word it is the server decides. Telegram's own script
// is fetched afterwards, from its host, only inside Telegram, and the app works without it. Colours are Telegram's, made readable
// where a theme is not. Knows nothing of the server.

const SCRIPT = "https://telegram.org/js/telegram-web-app.js";
const KEPT = "tga.launch";
/** Contrast of text to what is behind it: WCAG's AA, and room for a ground that is tinted with the text's own colour. */
const CONTRAST_MIN = 5.2;
const COLOURS = ["bg", "secondary_bg", "text", "hint", "link", "button", "button_text", "accent_text", "destructive_text",
  "section_bg", "section_separator", "section_header_text", "subtitle_text", "bottom_bar_bg", "header_bg"];

const launch = launched();

/** Whether Telegram is around the page: its phones' and desktop's bridge, or its page in a browser, the only one that may frame this. */
function within() {
  return Boolean(window.TelegramWebviewProxy) || window.parent !== window || typeof window.external?.notify === "function";
}

function launched() {
  if (!within()) return null;
  const params = new URLSearchParams(location.hash.slice(1));
  if (params.has("tgWebAppData") || params.has("tgWebAppVersion")) {
    const start = { data: params.get("tgWebAppData") ?? "", theme: params.get("tgWebAppThemeParams") ?? "{}" };
    // A reload inside Telegram may come without it.
    sessionStorage.setItem(KEPT, JSON.stringify(start));
    return start;
  }
  const kept = sessionStorage.getItem(KEPT);
  return kept ? JSON.parse(kept) : null;
}

const app = () => window.Telegram?.WebApp;

export const inTelegram = () => launch !== null;
export const initData = () => launch?.data ?? "";
const fields = () => new URLSearchParams(initData());
/** What stood behind `startapp=` in the link that opened the app. */
export const startParam = () => fields().get("start_param") ?? new URLSearchParams(location.search).get("tgWebAppStartParam")
  ?? new URLSearchParams(location.search).get("startapp");

/** Telegram's user as Telegram names them; nothing that is decided by it is decided here. */
export function telegramUser() {
  try {
    return JSON.parse(fields().get("user")) ?? {};
  } catch {
    return {};
  }
}

// ---- colours ----

const rgb = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
const light = (hex) => {
  const [r, g, b] = rgb(hex).map((part) => {
    const value = part / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
};

const mixed = (from, to, share) => `#${rgb(from).map((part, at) => Math.round(part + (rgb(to)[at] - part) * share).toString(16).padStart(2, "0")).join("")}`;

/** The colour, moved towards black or white until it can be read on each of these. */
export function readable(colour, behind) {
  const target = behind.every((one) => light(one) > 0.18) ? "#000000" : "#ffffff";
  for (let step = 0; step <= 20; step += 1) {
    const moved = mixed(colour, target, step / 20);
    if (behind.every((one) => contrast(moved, one) >= CONTRAST_MIN)) return moved;
  }
  return colour;
}

function themePut(params) {
  const root = document.documentElement;
  const given = (name) => (/^#[0-9a-f]{6}$/i.test(params[`${name}_color`] ?? "") ? params[`${name}_color`].toLowerCase() : null);
  const bg = given("bg");
  if (!bg) return;
  const section = given("section_bg") ?? bg;
  const behind = [bg, section, given("secondary_bg") ?? bg, given("bottom_bar_bg") ?? bg];
  root.dataset.theme = light(bg) > 0.4 ? "light" : "dark";
  for (const name of COLOURS) {
    let colour = given(name);
    if (!colour) continue;
    if (["hint", "link", "accent_text", "destructive_text", "section_header_text", "subtitle_text"].includes(name)) colour = readable(colour, behind);
    if (name === "button") colour = readable(colour, [given("button_text") ?? "#ffffff"]);
    root.style.setProperty(`--tg-${name.replaceAll("_", "-")}`, colour);
  }
  // Older Telegrams name no line; text thinned over its ground is one.
  if (!given("section_separator") && given("text")) root.style.setProperty("--tg-section-separator", mixed(section, given("text"), 0.12));
}

// ---- start ----

/** Takes Telegram's colours at once and fetches its script; `ready` is called when its buttons can be used. */
export function telegramStart(ready) {
  if (!launch) return;
  try {
    themePut(JSON.parse(launch.theme));
  } catch { /* a theme that cannot be read is none */ }
  document.documentElement.classList.add("in-telegram");
  const begin = () => {
    const telegram = app();
    telegram.ready();
    telegram.expand?.();
    telegram.onEvent?.("themeChanged", () => themePut(telegram.themeParams));
    const insets = () => {
      const inset = { ...telegram.safeAreaInset };
      for (const side of ["top", "bottom", "left", "right"]) {
        const whole = (inset[side] ?? 0) + (telegram.contentSafeAreaInset?.[side] ?? 0);
        document.documentElement.style.setProperty(`--inset-${side}`, `${whole}px`);
      }
    };
    insets();
    for (const event of ["safeAreaChanged", "contentSafeAreaChanged"]) telegram.onEvent?.(event, insets);
    ready();
  };
  if (app()) {
    begin();
    return;
  }
  const script = document.createElement("script");
  script.src = SCRIPT;
  script.async = true;
  script.addEventListener("load", () => app() && begin());
  document.head.append(script);
}

// ---- buttons, haptics, links ----

let onBack = null;
let onMain = null;

/** Telegram's back button; `press` null hides it. Returns whether Telegram shows one. */
export function backButton(press) {
  const button = app()?.BackButton;
  if (!button || !inTelegram()) return false;
  if (onBack) button.offClick(onBack);
  onBack = press;
  if (press) button.onClick(press).show();
  else button.hide();
  return true;
}

/** Telegram's main button: `{ text, press, busy, disabled }` or null. Returns whether Telegram shows one. */
export function mainButton(what) {
  const button = app()?.MainButton;
  if (!button || !inTelegram()) return false;
  if (onMain) button.offClick(onMain);
  onMain = what?.press ?? null;
  if (!what) {
    button.hide();
    return true;
  }
  button.setText(what.text).onClick(what.press).show();
  if (what.busy) button.showProgress(false);
  else button.hideProgress();
  if (what.disabled) button.disable();
  else button.enable();
  return true;
}

export const feel = {
  done: () => app()?.HapticFeedback?.notificationOccurred("success"),
  failed: () => app()?.HapticFeedback?.notificationOccurred("error"),
  chosen: () => app()?.HapticFeedback?.selectionChanged(),
};

/** Opens a t.me address in Telegram where the app is there. Returns whether it did. */
export function openInTelegram(address) {
  if (!inTelegram() || !app()?.openTelegramLink || !/^https:\/\/t\.me\//.test(address)) return false;
  app().openTelegramLink(address);
  return true;
}

/** Asks before the app is closed while something is half done. */
export const closingAsks = (asks) => (asks ? app()?.enableClosingConfirmation?.() : app()?.disableClosingConfirmation?.());

export const biometrics = () => (inTelegram() ? app()?.BiometricManager ?? null : null);
