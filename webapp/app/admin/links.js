// Whether the pages are read that posts link to, and how far that is.

import { api } from "../api.js";
import { done, live, section, table, toggle } from "../parts.js";
import { figure, t } from "../words.js";

export default function links(place) {
  place.title(t("admin-links-title"));
  const { signal } = place;
  const box = live({ signal, load: () => api.get("/api/admin/links", { signal }), view: ({ enabled, pages }) => [
    section(null, toggle({ title: t("admin-links-read"), text: t("admin-links-lead"), on: enabled, change: async (on) => {
      await api.put("/api/admin/links", { enabled: on });
      done(t(on ? "admin-links-on" : "admin-links-off"));
      box.reload();
    } }), { note: t("admin-links-text") }),
    table(t("admin-links-pages"), [{ title: t("admin-links-pages"), cell: ([text]) => text }, { title: t("admin-count"), cell: ([, count]) => figure(count), end: true }],
      [[t("admin-links-done"), pages.read], [t("admin-links-due"), pages.due], [t("admin-links-failed"), pages.failed], [t("admin-links-refused"), pages.refused]]),
  ] });
  return box;
}
