// Every screen of the app, an admin's too: its address, the module that makes it, the place in the bar it belongs to.
//
// `open` screens need nobody signed in; `role` (admin or operator) hides a screen from others (the server refuses them all the same); `parent` is
// where the back button leads, and what a wide page shows beside it unless the screen is `alone`. A module is fetched when its screen is first opened. An
// address with `:name` gives `place.params.name`. One table in one file, because the first screen waits for each file that is named here.

const admin = (path, load, menu, more = {}) => ({ path: `/admin${path}`, load, role: "admin", bar: "me", parent: "/me", texts: "admin.", menu, ...more });

/**
 * The screens of the tenant's admins, `installation` and `backups` of operators; they lie under "Me". Their texts (src/i18n/admin.*.ftl) are
 * fetched before the first of them is shown (`texts: "admin."`).
 */
export const ADMIN_SCREENS = [
  { path: "/admin", to: "/admin/today" },
  admin("/today", () => import("./admin/today.js"), { key: "admin-today-title", image: "chart" }),
  admin("/people", () => import("./admin/people.js"), { key: "admin-people-title", image: "people" }),
  admin("/people/:id", () => import("./admin/person.js"), null, { parent: "/admin/people" }),
  admin("/invites", () => import("./admin/invites.js"), { key: "admin-invites-title", image: "share" }),
  admin("/invites/:code", () => import("./admin/invite.js"), null, { parent: "/admin/invites" }),
  admin("/jobs", () => import("./admin/jobs.js"), { key: "admin-jobs-title", image: "clock" }),
  admin("/models", () => import("./admin/models.js"), { key: "admin-models-title", image: "ask" }),
  admin("/retention", () => import("./admin/retention.js"), { key: "admin-retention-title", image: "saved" }),
  admin("/backups", () => import("./admin/backups.js"), { key: "admin-backups-title", image: "download" }, { role: "operator" }),
  admin("/links", () => import("./admin/links.js"), { key: "admin-links-title", image: "globe" }),
  admin("/flags", () => import("./admin/flags.js"), { key: "admin-flags-title", image: "gear" }),
  admin("/events", () => import("./admin/events.js"), { key: "admin-events-title", image: "shield" }),
  admin("/installation", () => import("./admin/installation.js"), { key: "admin-installation-title", image: "phone" }, { role: "operator" }),
];

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
