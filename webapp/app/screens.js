// Every screen of the app: its address, the module that makes it, the place in the bar it belongs to.
//
// `open` screens need nobody signed in; `role` (admin or operator) hides a screen from others (the server refuses them all the same); `parent` is
// where the back button leads, and what a wide page shows beside it unless the screen is `alone`. A module is fetched when its screen is first opened. An
// address with `:name` gives `place.params.name`. Admin screens are listed by admin/screens.js.

import { ADMIN_SCREENS } from "./admin/screens.js";

export const SCREENS = [
  { path: "/", to: "/ask" },
  { path: "/sign-in", load: () => import("./screens/signin.js"), open: true },
  { path: "/enter", load: () => import("./screens/enter.js"), open: true },
  { path: "/login", load: () => import("./screens/login.js"), open: true, parent: "/ask", alone: true },
  { path: "/privacy", load: () => import("./screens/privacy.js"), open: true, parent: "/me", alone: true },
  { path: "/ask", load: () => import("./screens/ask.js"), bar: "ask" },
  { path: "/search", load: () => import("./screens/search.js"), bar: "ask", parent: "/ask", alone: true },
  { path: "/posts/:id", load: () => import("./screens/post.js"), bar: "ask", parent: "/ask", alone: true },
  { path: "/channels", load: () => import("./screens/channels.js"), bar: "channels" },
  { path: "/channels/:id", load: () => import("./screens/channel.js"), bar: "channels", parent: "/channels" },
  { path: "/tags", load: () => import("./screens/tags.js"), bar: "channels", parent: "/channels" },
  { path: "/tags/:tag", load: () => import("./screens/tag.js"), bar: "channels", parent: "/tags" },
  { path: "/saved", load: () => import("./screens/saved.js"), bar: "saved" },
  { path: "/alerts/:id", load: () => import("./screens/alert.js"), bar: "saved", parent: "/saved?show=alerts" },
  { path: "/me", load: () => import("./screens/me.js"), bar: "me" },
  { path: "/me/sessions", load: () => import("./screens/sessions.js"), bar: "me", parent: "/me" },
  { path: "/me/data", load: () => import("./screens/data.js"), bar: "me", parent: "/me" },
  ...ADMIN_SCREENS,
];

/** The bar's places. */
export const BAR = [
  { id: "ask", path: "/ask", image: "ask", key: "app-bar-ask" },
  { id: "channels", path: "/channels", image: "channels", key: "app-bar-channels" },
  { id: "saved", path: "/saved", image: "saved", key: "app-bar-saved" },
  { id: "me", path: "/me", image: "me", key: "app-bar-me" },
];
