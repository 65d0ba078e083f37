//! The flags that say what a run may use up.

use clap::Args;

use crate::plan::policy::Budget;

/// Limits that a run gets.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Most {
    /// Passes of its loops at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_steps: Option<u32>,
    /// Minutes of work at most; waiting is not counted.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_minutes: Option<u32>,
    /// Tokens in and out at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,
    /// US dollars at most.
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub max_cost: Option<f64>,
}

/// What is added to the limits of a run.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct More {
    /// Add minutes of work to its budget.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub add_minutes: Option<u32>,
    /// Add tokens to its budget.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub add_tokens: Option<u64>,
    /// Add US dollars to its budget.
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub add_cost: Option<f64>,
}

impl Most {
    /// The limits as a budget.
    pub fn budget(&self) -> Budget {
        Budget {
            steps: self.max_steps,
            active_ms: self.max_minutes.map(minutes),
            tokens: self.max_tokens,
            cost_usd: self.max_cost,
        }
    }
}

impl More {
    /// What is added, as a budget.
    pub fn budget(&self) -> Budget {
        Budget {
            steps: None,
            active_ms: self.add_minutes.map(minutes),
            tokens: self.add_tokens,
            cost_usd: self.add_cost,
        }
    }
}

fn minutes(minutes: u32) -> u64 {
    u64::from(minutes) * 60_000
}

fn dollars(text: &str) -> Result<f64, String> {
    let amount = text.trim_start_matches('$').parse::<f64>();
    amount
        .ok()
        .filter(|amount| amount.is_finite() && *amount > 0.0 && *amount < 1e9)
        .ok_or_else(|| format!("`{text}` is no amount of US dollars such as `1.50`"))
}
