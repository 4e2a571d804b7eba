// What is fetched first, so that nothing waits for anything else: the reader's texts, the first screen, the app.
//
// Imports nothing, so it runs as soon as it is here, while start.js, which the page names, is on its way. What it fetches early
// is asked for again by whoever needs it; a failure here is met there.

const BASE = /^\/app\/?/;
// The first screen by the first part of the address; the others come when they are opened.
const FIRST = { "": "ask", ask: "ask", search: "search", channels: "channels", saved: "saved", me: "me", login: "login", posts: "post", tags: "tags" };

const signedIn = Boolean(localStorage.getItem("tga.session"));
const inTelegram = location.hash.includes("tgWebApp");
const kept = localStorage.getItem("tga.language");
const language = (kept ?? navigator.language).slice(0, 2) === "ru" ? "ru" : "en";
const part = location.pathname.replace(BASE, "").split("/")[0];

if (!inTelegram || kept) window.textsEarly = { language, response: fetch(new URL(`texts/${language}.ftl`, import.meta.url)) };
window.textsEarly?.response.catch(() => {});
import("./start.js");
const screen = signedIn || inTelegram ? FIRST[part] : part === "login" ? "login" : "signin";
if (screen) import(`./screens/${screen}.js`).catch(() => {});
