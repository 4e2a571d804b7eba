//! Ordered migrations, embedded; the version is `PRAGMA user_version`.
//!
//! Invariant: a released migration file never changes and never goes away; what changes is added at the end. Each runs in one
//! transaction with its version, so a crash leaves the database at a whole version.

use std::path::Path;

use rusqlite::Connection;

use super::Error;

/// A database's history: its name in messages and its migrations in order.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    pub name: &'static str,
    pub migrations: &'static [&'static str],
}

/// Who exists on this installation.
pub const CONTROL: Schema = Schema {
    name: "control.db",
    migrations: &[
        include_str!("../../schema/control/0001_init.sql"),
        include_str!("../../schema/control/0002_people.sql"),
        include_str!("../../schema/control/0003_sessions.sql"),
        include_str!("../../schema/control/0004_login_tickets.sql"),
        include_str!("../../schema/control/0005_passkeys.sql"),
        include_str!("../../schema/control/0006_bot.sql"),
        include_str!("../../schema/control/0007_flags.sql"),
        include_str!("../../schema/control/0008_bot_asked.sql"),
        include_str!("../../schema/control/0009_model_keys.sql"),
        include_str!("../../schema/control/0010_backups.sql"),
    ],
};

/// What one tenant owns.
pub const TENANT: Schema = Schema {
    name: "tenant.db",
    migrations: &[
        include_str!("../../schema/tenant/0001_init.sql"),
        include_str!("../../schema/tenant/0002_subscriptions.sql"),
        include_str!("../../schema/tenant/0003_reading.sql"),
        include_str!("../../schema/tenant/0004_history.sql"),
        include_str!("../../schema/tenant/0005_telegram_sessions.sql"),
        include_str!("../../schema/tenant/0006_tags_array.sql"),
        include_str!("../../schema/tenant/0007_notices.sql"),
        include_str!("../../schema/tenant/0008_tag_vocabulary.sql"),
        include_str!("../../schema/tenant/0009_pages.sql"),
        include_str!("../../schema/tenant/0010_feedback.sql"),
        include_str!("../../schema/tenant/0011_saved_posts.sql"),
        include_str!("../../schema/tenant/0012_alerts.sql"),
        include_str!("../../schema/tenant/0013_models.sql"),
        include_str!("../../schema/tenant/0014_retention.sql"),
        include_str!("../../schema/tenant/0015_related.sql"),
        include_str!("../../schema/tenant/0016_short_link_keys.sql"),
    ],
};

/// The version stored in the file; 0 for a new one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the database to the newest version, or refuses one that is newer than the binary.
pub(super) fn migrate(connection: &mut Connection, path: &Path, schema: Schema) -> Result<(), Error> {
    let wrap = |error: rusqlite::Error| Error::from_sqlite(path, &error);
    let found = version(connection).map_err(wrap)?;
    let supported = schema.migrations.len() as i64;
    if found > supported {
        return Err(Error::Newer { path: path.to_owned(), found, supported });
    }
    for (sql, to) in schema.migrations.iter().zip(1_i64..).skip(found as usize) {
        let tx = connection.transaction().map_err(wrap)?;
        tx.execute_batch(sql).map_err(wrap)?;
        tx.pragma_update(None, "user_version", to).map_err(wrap)?;
        tx.commit().map_err(wrap)?;
    }
    Ok(())
}
