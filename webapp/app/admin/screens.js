// The admin screens, as ../screens.js lists the others. All are for admins of the tenant (`role: "admin"`) and lie under "Me".
//
// Their texts (src/i18n/admin.*.ftl) are fetched before the first of them is shown (`texts: "admin."`).

export const ADMIN_SCREENS = [];
