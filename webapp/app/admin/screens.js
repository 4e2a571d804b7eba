// The admin screens, as ../screens.js lists the others. They are for admins of the tenant, `installation` for operators, and lie under "Me".
//
// Their texts (src/i18n/admin.*.ftl) are fetched before the first of them is shown (`texts: "admin."`).

const screen = (path, load, menu, more = {}) => ({ path: `/admin${path}`, load, role: "admin", bar: "me", parent: "/me", texts: "admin.", menu, ...more });

export const ADMIN_SCREENS = [
  { path: "/admin", to: "/admin/today" },
  screen("/today", () => import("./today.js"), { key: "admin-today-title", image: "chart" }),
  screen("/people", () => import("./people.js"), { key: "admin-people-title", image: "people" }),
  screen("/people/:id", () => import("./person.js"), null, { parent: "/admin/people" }),
  screen("/invites", () => import("./invites.js"), { key: "admin-invites-title", image: "share" }),
  screen("/invites/:code", () => import("./invite.js"), null, { parent: "/admin/invites" }),
  screen("/jobs", () => import("./jobs.js"), { key: "admin-jobs-title", image: "clock" }),
  screen("/models", () => import("./models.js"), { key: "admin-models-title", image: "ask" }),
  screen("/retention", () => import("./retention.js"), { key: "admin-retention-title", image: "saved" }),
  screen("/backups", () => import("./backups.js"), { key: "admin-backups-title", image: "download" }, { role: "operator" }),
  screen("/links", () => import("./links.js"), { key: "admin-links-title", image: "globe" }),
  screen("/flags", () => import("./flags.js"), { key: "admin-flags-title", image: "gear" }),
  screen("/events", () => import("./events.js"), { key: "admin-events-title", image: "shield" }),
  screen("/installation", () => import("./installation.js"), { key: "admin-installation-title", image: "phone" }, { role: "operator" }),
];
