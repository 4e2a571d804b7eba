//! What a tenant's admins do: people, invites, failed jobs, figures, the records of what was done.
//!
//! Everything is of the admin's own tenant; there is no parameter that names another.

mod flags;
mod invites;
mod links;
mod records;
mod retention;
mod users;

use utoipa_axum::router::OpenApiRouter;

use super::Web;

pub(super) fn routes() -> OpenApiRouter<Web> {
    users::routes()
        .merge(invites::routes())
        .merge(links::routes())
        .merge(records::routes())
        .merge(flags::routes())
        .merge(retention::routes())
}
