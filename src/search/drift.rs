//! The difference between what an index holds and what the database says it should hold.
//!
//! Pure. The caller repairs: `missing` posts are indexed again, `extra` ones removed.

use std::collections::BTreeSet;

use crate::model::PostId;

/// What a repair has to do. Both lists ascend by id and are disjoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drift {
    /// In the database, not in the index.
    pub missing: Vec<PostId>,
    /// In the index, not in the database.
    pub extra: Vec<PostId>,
}

impl Drift {
    /// Whether there is nothing to repair.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty()
    }

    /// Compares; repeated ids count once.
    pub(super) fn between(expected: impl IntoIterator<Item = PostId>, held: &BTreeSet<PostId>) -> Drift {
        let expected: BTreeSet<PostId> = expected.into_iter().collect();
        Drift {
            missing: expected.difference(held).copied().collect(),
            extra: held.difference(&expected).copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_names_both_sides() {
        let ids = |list: &[i64]| list.iter().copied().map(PostId).collect::<Vec<_>>();
        let held: BTreeSet<PostId> = ids(&[2, 3, 9]).into_iter().collect();
        let drift = Drift::between(ids(&[1, 2, 3, 3]), &held);
        assert_eq!(drift, Drift { missing: ids(&[1]), extra: ids(&[9]) });
        assert!(Drift::between(ids(&[9, 3, 2]), &held).is_empty());
    }
}
