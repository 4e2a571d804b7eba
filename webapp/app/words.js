// What people read: texts by their key in the reader's language, and the numbers, counts and times that follow it.
//
// Reads the part of Fluent that the catalogue (src/i18n/app.*.ftl) is written in: text, { $variable }, { other-key } and one
// choice by a count. A key that is not there shows itself and complains, so that a check notices. Knows nothing of the page.

const LANGUAGE_KEY = "tga.language";
const GROUPED_FROM = 10_000;
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;
const RELATIVE_DAYS_MAX = 7;
export const LANGUAGES = ["ru", "en"];

let lang = "en";
let texts = new Map();
let partsThere = new Set();
// Made when a count is first said: the browser reads its tables for it.
let plurals = null;

export const language = () => lang;

/** The language to begin with: chosen here before, else Telegram's, else the browser's, else English. */
export function languageGuess(fromTelegram) {
  const kept = localStorage.getItem(LANGUAGE_KEY);
  for (const code of [kept, fromTelegram, ...navigator.languages]) {
    const base = code?.slice(0, 2).toLowerCase();
    if (LANGUAGES.includes(base)) return base;
  }
  return "en";
}

export const languageKeep = (code) => localStorage.setItem(LANGUAGE_KEY, code);

/** Fetches a file of texts beside this module and adds what it holds; `part` is "" or "admin.". */
export async function textsLoad(code, part = "") {
  const early = part === "" && window.textsEarly?.language === code ? window.textsEarly.response : null;
  delete window.textsEarly;
  const response = (await early?.catch(() => null)) ?? (await fetch(new URL(`texts/${part}${code}.ftl`, import.meta.url)));
  if (!response.ok) throw new Error(`no texts in ${code}`);
  // Read before anything is changed: what is shown meanwhile needs its words.
  const source = await response.text();
  if (part === "") {
    lang = code;
    texts = new Map();
    partsThere = new Set();
    plurals = null;
    document.documentElement.lang = code;
  }
  for (const [key, body] of bodies(source)) texts.set(key, body);
  partsThere.add(part);
}

/** Whether a part's texts are there in the language that is read now. */
export const textsThere = (part) => partsThere.has(part);

/** Keys with what stands behind them; it is read when it is first needed. */
function* bodies(source) {
  for (const [, key, body] of source.matchAll(/^([a-z][\w-]*) = ?([^\n]*(?:\n[ }][^\n]*)*)/gm)) yield [key, body];
}

/** A text as a list of pieces: text, `{ name }` of a variable, `{ key }` of another text, `{ name, choices }`. */
function pattern(body) {
  const parts = [];
  let rest = body;
  for (;;) {
    const open = rest.indexOf("{");
    if (open < 0) break;
    if (open > 0) parts.push(rest.slice(0, open));
    const choice = /^\{\s*\$(\w+)\s*->\s*\n([\s\S]*?)\n\s*\}/.exec(rest.slice(open));
    const plain = /^\{\s*(\$?)([\w-]+)\s*\}/.exec(rest.slice(open));
    if (choice) {
      const choices = {};
      for (const [, form, text] of choice[2].matchAll(/\*?\[(\w+)\]\s?([^\n]*)/g)) choices[form] = pattern(text);
      parts.push({ name: choice[1], choices });
    } else if (plain) {
      parts.push(plain[1] ? { name: plain[2] } : { key: plain[2] });
    }
    rest = rest.slice(open + (choice ?? plain ?? "{")[0].length);
  }
  // A text may go on over rows; they are joined as Fluent does.
  parts.push(rest);
  return parts.filter((part) => part !== "").map((part) => (typeof part === "string" ? part.replace(/\n\s+/g, "\n") : part));
}

function plural(count) {
  plurals ??= new Intl.PluralRules(lang);
  return plurals.select(Number(count));
}

function rendered(parts, values) {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") text += part;
    else if (part.key) text += t(part.key, values);
    else if (part.choices) text += rendered(part.choices[plural(values[part.name])] ?? part.choices.other, values);
    else text += typeof values[part.name] === "number" ? number(values[part.name]) : String(values[part.name] ?? "");
  }
  return text;
}

/** The text of this key with its variables. */
export function t(key, values = {}) {
  let parts = texts.get(key);
  if (parts === undefined) {
    console.error(`no text is named ${key}`);
    return key;
  }
  if (typeof parts === "string") {
    parts = pattern(parts);
    texts.set(key, parts);
  }
  return rendered(parts, values);
}

/** A number with a thin space between its thousands, from ten thousand on. */
export function number(value) {
  const fixed = Number.isInteger(value) ? String(value) : value.toFixed(1).replace(".", lang === "ru" ? "," : ".");
  return Math.abs(value) < GROUPED_FROM ? fixed : fixed.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** Always grouped: figures that stand alone. */
export const figure = (value) => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");

const formatted = (iso, options) => new Intl.DateTimeFormat(lang, options).format(new Date(iso));

/** The day, without its year where it is this one. */
export function day(iso) {
  const same = new Date(iso).getFullYear() === new Date().getFullYear();
  return formatted(iso, { day: "numeric", month: "short", year: same ? undefined : "numeric" });
}

/** Day and time, whole. */
export const moment = (iso) => formatted(iso, { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** How long ago, in words; after a week the day. */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (Number.isNaN(seconds)) return "";
  if (seconds > RELATIVE_DAYS_MAX * DAY_S) return day(iso);
  if (seconds < MINUTE_S) return t("app-now");
  const format = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
  if (seconds < HOUR_S) return format.format(-Math.round(seconds / MINUTE_S), "minute");
  if (seconds < DAY_S) return format.format(-Math.round(seconds / HOUR_S), "hour");
  return format.format(-Math.round(seconds / DAY_S), "day");
}

/** How long something still takes, rounded to what matters. */
export function lasting(seconds) {
  const unit = (value, name) => new Intl.NumberFormat(lang, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  if (seconds < MINUTE_S) return unit(Math.max(1, Math.round(seconds)), "second");
  if (seconds < HOUR_S) return unit(Math.round(seconds / MINUTE_S), "minute");
  return unit(Math.round(seconds / HOUR_S), "hour");
}
