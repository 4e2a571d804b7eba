//! What is wrong with the fields of a request: every wrong one is named, with what would be right.
//!
//! A face names what is wrong with a request's shape before it calls here; what a field means is checked by the call itself.
//! Knows no face and no store. Values are not repeated: some are secrets.

use serde::Serialize;

use super::Error;

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// Its path: `limit`, `channel_ids[3]`, `client_meta.ua`; `body` is the whole.
    #[schema(example = "limit")]
    pub field: String,
    /// What is wrong and what would be right.
    #[schema(example = "is 0; choose from 1 to 100")]
    pub problem: String,
}

impl std::fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

/// Collects wrong fields, so that one answer names all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<FieldProblem>);

impl Fields {
    /// Notes a wrong field.
    pub fn wrong(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(FieldProblem { field: field.into(), problem: problem.into() });
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn list(&self) -> &[FieldProblem] {
        &self.0
    }

    /// Refuses the request if any field was wrong.
    pub fn done(self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Fields(self)) }
    }
}

impl std::fmt::Display for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}{problem}")?;
        }
        Ok(())
    }
}
