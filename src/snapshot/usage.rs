//! Tokens and money, as numbers and in words.

use serde::{Deserialize, Serialize};

use crate::event::Usage;

/// Tokens and money; an unknown cost is written as such.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct UsageRow {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Tokens read from a cache.
    pub cache_tokens: u64,
    /// US dollars; absent when no program told.
    pub cost_usd: Option<f64>,
    /// The part of it that follows from the prices of the configuration.
    #[serde(default)]
    pub computed_usd: f64,
    /// Attempts of which nobody knows what they cost; they come on top.
    #[serde(default)]
    pub unpriced: u32,
    /// Attempts of which nobody knows the tokens, or not all of them; they come on top.
    #[serde(default)]
    pub uncounted: u32,
}

impl From<&Usage> for UsageRow {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_tokens: usage.cache_tokens,
            cost_usd: usage.cost_usd,
            computed_usd: usage.computed_usd,
            unpriced: usage.unpriced,
            uncounted: usage.uncounted,
        }
    }
}

impl UsageRow {
    /// Whether a program told anything about what it used.
    pub fn is_reported(&self) -> bool {
        self.input_tokens + self.output_tokens + self.cache_tokens > 0 || self.cost_usd.is_some()
    }

    /// Tokens and money in a few words.
    pub fn words(&self) -> String {
        let all = self.input_tokens + self.output_tokens + self.cache_tokens;
        let least = if self.uncounted > 0 { "≥ " } else { "" };
        let tokens = match (all, self.uncounted) {
            (0, 1..) => "tokens unknown".to_owned(),
            _ => format!("{least}{} in, {} out", self.input_tokens, self.output_tokens),
        };
        let cached = if self.cache_tokens > 0 {
            format!(", {} cached", self.cache_tokens)
        } else {
            String::new()
        };
        let cost = match self.cost() {
            cost if cost.is_empty() => cost,
            cost if self.cost_usd.is_none() => format!(", cost {cost}"),
            cost => format!(", {cost}"),
        };
        format!("{tokens}{cached}{cost}")
    }

    /// Money in a few words: what is unknown is never nothing, and what crew computed is marked with `~`.
    pub fn cost(&self) -> String {
        let mark = if self.computed_usd > 0.0 { "~" } else { "" };
        match (self.cost_usd, self.unpriced) {
            (None, 0) if !self.is_reported() => String::new(),
            (None, _) => "unknown".to_owned(),
            (Some(cost), 0) => format!("{mark}{}", dollars(cost)),
            (Some(cost), _) => format!("≥ {mark}{} + unknown", dollars(cost)),
        }
    }
}

/// Cents, and what is less than a few of them exactly enough that it does not look like nothing.
fn dollars(amount: f64) -> String {
    match amount {
        amount if amount > 0.0 && amount < 0.000_1 => "<$0.0001".to_owned(),
        amount if amount > 0.0 && amount < 0.01 => format!("${amount:.4}"),
        amount => format!("${amount:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cost_usd: Option<f64>, computed_usd: f64, unpriced: u32) -> UsageRow {
        UsageRow::from(&Usage { cost_usd, computed_usd, unpriced, ..Usage::default() })
    }

    #[test]
    fn an_unknown_cost_is_never_nothing() {
        for (cost, computed, unpriced, words) in [
            (None, 0.0, 0, ""),
            (None, 0.0, 2, "unknown"),
            (Some(0.0), 0.0, 0, "$0.00"),
            (Some(0.000_01), 0.0, 0, "<$0.0001"),
            (Some(0.003_06), 0.0, 0, "$0.0031"),
            (Some(1.5), 0.0, 0, "$1.50"),
            (Some(1.5), 1.0, 0, "~$1.50"),
            (Some(1.5), 0.0, 1, "≥ $1.50 + unknown"),
        ] {
            assert_eq!(row(cost, computed, unpriced).cost(), words);
        }
    }
}
