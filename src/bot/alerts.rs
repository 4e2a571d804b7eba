//! What alerts found, told to their owners.
//!
//! A find is put as a message whose slot is the find, and only then marked as told: a crash in between finds the slot taken and
//! tells nothing twice. Who blocked the bot is told nothing, and the find is over.

use super::{flow, notices::put};
use crate::app::{App, Error};

/// Tells what is due; how many finds.
pub(super) fn tell(app: &App) -> Result<usize, Error> {
    let mut told = 0;
    loop {
        let due = app.alert_due_list()?;
        if due.is_empty() {
            return Ok(told);
        }
        for find in due {
            let reply = flow::notice(app, &find.member, |context| flow::alert_told(context, &find))?;
            let slot = format!("alert:{}:{}:{}", find.tenant_id, find.alert.id, find.post.id);
            put(app, find.member.profile.telegram_id, slot, &reply)?;
            // A tenant that went meanwhile took its alerts along.
            let Some(tenant) = app.tenant_by_id(find.tenant_id)? else { continue };
            told += usize::from(app.alert_told(&tenant, find.alert.id, find.post.id)?);
        }
    }
}
