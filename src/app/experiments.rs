//! Experiments: who gets which variant, and whether the difference is one.
//!
//! A flag takes people in, and a stable hash of its own gives each a variant, so a person sees one variant for ever. Off by
//! default. Rates are of people, with the interval of Wilson; differences with Newcombe's, which is made of the two.

use jiff::SignedDuration;
use serde::Serialize;

use super::{App, Error, Tenant, flags::share};
use crate::{
    model::{Experiment, Flag, MembershipId, Outcome, Variant},
    store::VariantCounts,
};

/// A question this soon after an answer is a follow-up.
const FOLLOW_UP: SignedDuration = SignedDuration::from_mins(10);
/// The normal quantile of 95 %.
const Z: f64 = 1.959_963_985;
/// How much more words count in the treatment of `answer_weights`.
const WORDS_MORE: f32 = 0.15;

/// A share with what it may as well be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Interval {
    pub value: f64,
    /// 95 % of such intervals hold the true value.
    pub low: f64,
    pub high: f64,
}

/// How many people of a variant had an outcome.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct OutcomeView {
    pub outcome: Outcome,
    pub people: u64,
    /// None without people.
    pub rate: Option<Interval>,
}

/// A variant and what people made of it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct VariantView {
    pub variant: Variant,
    pub people: u64,
    pub answers: u64,
    pub outcomes: Vec<OutcomeView>,
}

/// Treatment less control, of one outcome.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DifferenceView {
    pub outcome: Outcome,
    /// None while a variant has nobody. It is a difference where the interval does not hold 0.
    pub difference: Option<Interval>,
}

/// An experiment in the tenant, as of now.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ExperimentView {
    pub experiment: Experiment,
    /// The flag that takes people in.
    pub flag: Flag,
    pub variants: Vec<VariantView>,
    pub differences: Vec<DifferenceView>,
}

impl App {
    /// The variant a person gets; `None` for who is not taken in, and for tokens.
    pub(super) fn experiment_variant(
        &self,
        experiment: Experiment,
        tenant: &Tenant,
        member: Option<MembershipId>,
    ) -> Option<Variant> {
        let member = member?;
        if !self.flag_on(experiment.flag(), Some(tenant.id()), Some(member)) {
            return None;
        }
        // A hash of its own: whom the flag takes in must say nothing of the variant.
        let half = share(&format!("variant/{}", experiment.name()), &format!("user:{member}")) < 50;
        Some(if half { Variant::Control } else { Variant::Treatment })
    }

    /// How much words count in choosing the posts of an answer.
    pub(super) fn answer_weight(&self, variant: Option<Variant>) -> f32 {
        let usual = self.config.search.fulltext_weight;
        match variant {
            None | Some(Variant::Control) => usual,
            Some(Variant::Treatment) => (usual + WORDS_MORE).min(1.0),
        }
    }

    /// Every experiment with its figures.
    pub fn experiment_list(&self, tenant: &Tenant) -> Result<Vec<ExperimentView>, Error> {
        let follow_up_ms = FOLLOW_UP.as_millis() as i64;
        Experiment::ALL
            .into_iter()
            .map(|experiment| {
                Ok(view(experiment, &tenant.store.experiment_counts(experiment, follow_up_ms)?))
            })
            .collect()
    }
}

fn view(experiment: Experiment, counts: &[VariantCounts]) -> ExperimentView {
    let of = |variant: Variant, outcome: Outcome| {
        let counts = counts.iter().find(|counts| counts.variant == variant);
        let had = counts.and_then(|counts| counts.outcomes.iter().find(|(kind, _)| *kind == outcome));
        (had.map_or(0, |(_, people)| *people), counts.map_or(0, |counts| counts.people))
    };
    let variants = counts.iter().map(|counts| VariantView {
        variant: counts.variant,
        people: counts.people,
        answers: counts.answers,
        outcomes: counts
            .outcomes
            .iter()
            .map(|(outcome, people)| OutcomeView {
                outcome: *outcome,
                people: *people,
                rate: wilson(*people, counts.people),
            })
            .collect(),
    });
    let differences = Outcome::ALL.into_iter().map(|outcome| {
        let (treated, control) = (of(Variant::Treatment, outcome), of(Variant::Control, outcome));
        DifferenceView { outcome, difference: newcombe(treated, control) }
    });
    ExperimentView {
        experiment,
        flag: experiment.flag(),
        variants: variants.collect(),
        differences: differences.collect(),
    }
}

/// The share of `had` in `of` with the interval of Wilson (1927), which holds also for few people and for shares of 0 and 1.
fn wilson(had: u64, of: u64) -> Option<Interval> {
    if of == 0 {
        return None;
    }
    let (n, value) = (of as f64, had as f64 / of as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (value + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (value * (1.0 - value) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(Interval { value, low: (middle - half).max(0.0), high: (middle + half).min(1.0) })
}

/// The difference of two shares with Newcombe's interval (1998, method 10), made of the two Wilson intervals.
fn newcombe(first: (u64, u64), second: (u64, u64)) -> Option<Interval> {
    let (a, b) = (wilson(first.0, first.1)?, wilson(second.0, second.1)?);
    let value = a.value - b.value;
    let below = ((a.value - a.low).powi(2) + (b.high - b.value).powi(2)).sqrt();
    let above = ((a.high - a.value).powi(2) + (b.value - b.low).powi(2)).sqrt();
    Some(Interval { value, low: value - below, high: value + above })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<Interval>, value: f64, low: f64, high: f64) {
        let found = found.unwrap();
        for (a, b) in [(found.value, value), (found.low, low), (found.high, high)] {
            assert!((a - b).abs() < 5e-4, "{found:?} instead of {value} [{low}, {high}]");
        }
    }

    /// The figures are those of Newcombe's papers of 1998.
    #[test]
    fn intervals_agree_with_the_papers() {
        near(wilson(81, 263), 0.3080, 0.2553, 0.3662);
        near(wilson(15, 148), 0.1014, 0.0624, 0.1605);
        near(wilson(0, 20), 0.0, 0.0, 0.1611);
        near(wilson(1, 29), 0.0345, 0.0061, 0.1718);
        near(newcombe((56, 70), (48, 80)), 0.2, 0.0524, 0.3339);
        near(newcombe((9, 10), (3, 10)), 0.6, 0.1705, 0.8090);
        near(newcombe((10, 10), (0, 20)), 1.0, 0.6791, 1.0);
        assert_eq!((wilson(0, 0), newcombe((1, 1), (0, 0))), (None, None));
    }
}
