//! What people accept and allow while a run is there: its risks, and what it may use up.

use serde::{Deserialize, Serialize};

use crate::base::flow::words;
use crate::plan::Risk;
use crate::plan::policy::Budget;

words! {
    /// By what a risk was accepted.
    AcceptedBy {
        /// A person's word.
        Person = "person",
        /// `[risk] accept` of the configuration.
        Configuration = "configuration",
        /// It was accepted for the run that started this one.
        Parent = "parent",
    }
}

/// Risks were accepted: they need no further word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskAccepted {
    /// The risks.
    pub risks: Vec<Risk>,
    /// By what.
    pub by: AcceptedBy,
}

words! {
    /// What a run can use up.
    BudgetKind {
        /// Passes of a loop.
        Steps = "steps",
        /// Time during which at least one attempt is live.
        Time = "time",
        /// Tokens, in and out.
        Tokens = "tokens",
        /// US dollars.
        Cost = "cost",
    }
}

/// A person allows another budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BudgetChanged {
    /// The whole budget from now on.
    pub budget: Budget,
}

/// Most of a budget is used up; said once until it is changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetWarned {
    /// Which.
    pub kind: BudgetKind,
    /// What is used, in words.
    pub used: String,
    /// What may be used, in words.
    pub limit: String,
}
