//! Fail points: named places where a debug build can be told to die, so that tests can kill the process exactly there.
//!
//! `TGA_FAIL_POINT=after_store_commit:3` aborts the process the third time that point is reached. Release builds contain
//! nothing of this.

/// Where the process can be told to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailPoint {
    /// Posts are committed in tenant.db, their jobs are not in the queue yet.
    AfterStoreCommit,
    /// Jobs are claimed (their attempt is durable), no work is done yet.
    AfterClaim,
    /// A stage's results are committed, its jobs are not settled yet.
    BeforeSettle,
    /// Documents are added to the full-text index, its commit has not happened.
    MidIndexCommit,
    /// The full-text index is committed, the posts are not marked as indexed yet.
    AfterIndexCommit,
    /// Vectors are computed, not stored yet.
    BeforeVectorCommit,
    /// An update of the bot is durable and claimed, nothing is done about it yet.
    AfterBotClaim,
    /// What an update asks for is done, neither its mark nor its answer is written yet.
    BeforeBotSettle,
    /// A restore is checked and marked as whole, nothing is in its place yet.
    RestoreWhole,
    /// A restore's tenants are in their place, its control.db is not.
    RestoreTenantsPlaced,
    /// A tenant's directory is in its place, control.db does not know it yet.
    TenantPlaced,
    /// A tenant out of a backup lies beside the one it replaces, which is in its place still.
    TenantBeside,
    /// The two have changed places, nothing else is done about it yet.
    TenantSwapped,
    /// Posts that are too old are out of tenant.db, not out of the indexes yet.
    RetentionRowsGone,
}

impl FailPoint {
    pub const ALL: [FailPoint; 14] = [
        FailPoint::AfterStoreCommit,
        FailPoint::AfterClaim,
        FailPoint::BeforeSettle,
        FailPoint::MidIndexCommit,
        FailPoint::AfterIndexCommit,
        FailPoint::BeforeVectorCommit,
        FailPoint::AfterBotClaim,
        FailPoint::BeforeBotSettle,
        FailPoint::RestoreWhole,
        FailPoint::RestoreTenantsPlaced,
        FailPoint::TenantPlaced,
        FailPoint::TenantBeside,
        FailPoint::TenantSwapped,
        FailPoint::RetentionRowsGone,
    ];

    pub fn name(self) -> &'static str {
        match self {
            FailPoint::AfterStoreCommit => "after_store_commit",
            FailPoint::AfterClaim => "after_claim",
            FailPoint::BeforeSettle => "before_settle",
            FailPoint::MidIndexCommit => "mid_index_commit",
            FailPoint::AfterIndexCommit => "after_index_commit",
            FailPoint::BeforeVectorCommit => "before_vector_commit",
            FailPoint::AfterBotClaim => "after_bot_claim",
            FailPoint::BeforeBotSettle => "before_bot_settle",
            FailPoint::RestoreWhole => "restore_whole",
            FailPoint::RestoreTenantsPlaced => "restore_tenants_placed",
            FailPoint::TenantPlaced => "tenant_placed",
            FailPoint::TenantBeside => "tenant_beside",
            FailPoint::TenantSwapped => "tenant_swapped",
            FailPoint::RetentionRowsGone => "retention_rows_gone",
        }
    }
}

/// Dies here if told to; does nothing in a release build.
#[inline]
pub fn fail_point(point: FailPoint) {
    #[cfg(debug_assertions)]
    armed::reach(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    };

    use super::FailPoint;

    static ARMED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        let spec = std::env::var("TGA_FAIL_POINT").ok()?;
        let (name, nth) = spec.split_once(':').unwrap_or((&spec, "1"));
        Some((name.to_owned(), nth.parse().unwrap_or(1)))
    });
    static REACHED: AtomicU32 = AtomicU32::new(0);

    pub(super) fn reach(point: FailPoint) {
        let Some((name, nth)) = ARMED.as_ref() else { return };
        if name == point.name() && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == *nth {
            // Not a panic: nothing may unwind, flush or clean up, as after kill -9.
            std::process::abort();
        }
    }
}
