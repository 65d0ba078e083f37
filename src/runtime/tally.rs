//! What one attempt used, by the models that answered, with a price where its program tells none.

use std::collections::BTreeMap;

use crate::agent::{Decoder, Observation, OutputFormat, Usage as Told};
use crate::config::Price;
use crate::event::attempt::{ModelUsage, SessionTotal};
use crate::event::{AttemptEnded, Usage};

/// What must be known of an attempt to count what it used.
#[derive(Debug, Clone, Default)]
pub struct Counting {
    /// The model that it asked for.
    pub model: Option<String>,
    /// The session that it goes on with, where that has told what it had used before.
    pub session: Option<SessionTotal>,
    /// What models cost.
    pub prices: BTreeMap<String, Price>,
}

impl Counting {
    /// A decoder of its output that counts only what is new.
    pub(super) fn decoder(&self, format: OutputFormat) -> Decoder {
        let decoder = Decoder::new(format);
        let Some(SessionTotal { session, usage }) = &self.session else { return decoder };
        let used = Told {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_tokens: usage.cache_tokens,
            cost_usd: usage.cost_usd,
        };
        decoder.going_on(session, used)
    }
}

/// Adds up what the output of one attempt tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// By model; nobody was named yet for what has no name.
    parts: BTreeMap<Option<String>, Part>,
    model: Option<String>,
    /// The program does not tell all tokens.
    is_part: bool,
}

/// What one model used: with a cost that the program told, and without.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    priced: Told,
    unpriced: Told,
}

/// What an attempt used.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bill {
    /// All of it.
    pub(super) usage: Usage,
    /// The model that answered last, where the program named it.
    pub(super) model: Option<String>,
    /// What each model used where several did, that one first.
    pub(super) models: Vec<ModelUsage>,
}

impl Tally {
    /// Takes one more observation into account.
    pub(super) fn observe(&mut self, observation: &Observation) {
        if let Observation::Model { name } = observation {
            self.model = Some(name.clone());
        } else if let Observation::Usage(usage) = observation {
            self.add(self.model.clone(), usage);
        } else if let Observation::UsageOf { model, usage } = observation {
            self.add(Some(model.clone()), usage);
        } else if *observation == Observation::UsageIsPart {
            self.is_part = true;
        }
    }

    fn add(&mut self, model: Option<String>, usage: &Told) {
        let part = self.parts.entry(model).or_default();
        let sum = if usage.cost_usd.is_some() { &mut part.priced } else { &mut part.unpriced };
        sum.add(usage);
    }

    /// The sum; what no program told a cost of costs what the configuration says, else it stays unknown.
    pub(super) fn bill(&self, counting: &Counting) -> Bill {
        let last = self.model.as_ref().or(counting.model.as_ref());
        let mut by_name: BTreeMap<Option<&String>, Usage> = BTreeMap::new();
        for (name, part) in &self.parts {
            let name = name.as_ref().or(last);
            let price = name.and_then(|name| price_of(&counting.prices, name));
            by_name.entry(name).or_default().add(&part.usage(price));
        }
        by_name.retain(|_, usage| !usage.is_empty());
        let mut usage = Usage::default();
        for part in by_name.values() {
            usage.add(part);
        }
        let is_shared = by_name.len() > 1;
        let named = by_name.into_iter().filter(|_| is_shared);
        let mut models: Vec<ModelUsage> = named
            .filter_map(|(name, usage)| Some(ModelUsage { model: name?.clone(), usage }))
            .collect();
        models.sort_by_key(|part| Some(&part.model) != last);
        // The cost of an attempt is known or not: once, however many of its models had no price.
        usage.unpriced = usage.unpriced.min(1);
        if self.is_part {
            usage.uncounted = 1;
            // What follows from a part of the tokens is a part of the cost.
            usage.unpriced |= u32::from(usage.computed_usd > 0.0);
        }
        for part in models.iter_mut().filter(|part| part.usage.unpriced > 0).skip(1) {
            part.usage.unpriced = 0;
        }
        Bill { usage, model: self.model.clone(), models }
    }
}

/// Writes into the end of an attempt what it used.
pub(super) fn count(end: &mut AttemptEnded, bill: Bill, session_total: Option<Told>) {
    end.usage = bill.usage;
    end.report.model = bill.model;
    end.report.models = bill.models;
    end.report.session_total = session_total.map(|total| Usage {
        input_tokens: total.input_tokens,
        output_tokens: total.output_tokens,
        cache_tokens: total.cache_tokens,
        cost_usd: total.cost_usd,
        ..Usage::default()
    });
}

impl Part {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of tokens is far below what a float holds"
    )]
    fn usage(&self, price: Option<Price>) -> Usage {
        let mut sum = self.priced;
        sum.add(&self.unpriced);
        let mut usage = Usage {
            input_tokens: sum.input_tokens,
            output_tokens: sum.output_tokens,
            cache_tokens: sum.cache_tokens,
            cost_usd: sum.cost_usd,
            ..Usage::default()
        };
        if self.unpriced.tokens() == 0 {
            return usage;
        }
        let Some(price) = price else {
            usage.unpriced = 1;
            return usage;
        };
        let of = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
        usage.computed_usd = of(self.unpriced.input_tokens, price.input)
            + of(self.unpriced.output_tokens, price.output)
            + of(self.unpriced.cache_tokens, price.cache);
        usage.cost_usd = Some(usage.cost_usd.unwrap_or(0.0) + usage.computed_usd);
        usage
    }
}

/// The price of a model: under its very name, else under the same name without its provider and its date.
fn price_of(prices: &BTreeMap<String, Price>, model: &str) -> Option<Price> {
    let same = || prices.iter().find(|(name, _)| bare(name) == bare(model)).map(|(_, price)| price);
    prices.get(model).or_else(same).copied()
}

/// `some-model-4` of `provider/some-model-4-20260131`.
fn bare(model: &str) -> &str {
    let model = model.rsplit('/').next().unwrap_or(model);
    ["-YYYYMMDD", "-YYYY-MM-DD"]
        .iter()
        .find_map(|form| {
            let (name, date) = model.split_at_checked(model.len().checked_sub(form.len())?)?;
            let is_date = date.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'-' => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
            (is_date && !name.is_empty()).then_some(name)
        })
        .unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICE: Price = Price { input: 2.0, output: 10.0, cache: 0.5 };

    fn told(input_tokens: u64, cost_usd: Option<f64>) -> Told {
        Told { input_tokens, cost_usd, ..Told::default() }
    }

    fn bill(prices: &[&str], seen: &[Observation]) -> Bill {
        let prices = prices.iter().map(|name| ((*name).to_owned(), PRICE)).collect();
        let mut tally = Tally::default();
        for observation in seen {
            tally.observe(observation);
        }
        tally.bill(&Counting { model: Some("asked".to_owned()), session: None, prices })
    }

    fn model(name: &str) -> Observation {
        Observation::Model { name: name.to_owned() }
    }

    fn of(name: &str, usage: Told) -> Observation {
        Observation::UsageOf { model: name.to_owned(), usage }
    }

    #[test]
    fn a_cost_that_the_program_tells_is_not_computed() {
        let used = Told { output_tokens: 100_000, ..told(1_000_000, None) };
        let computed = bill(&["asked"], &[Observation::Usage(used)]).usage;
        assert_eq!((computed.cost_usd, computed.computed_usd), (Some(3.0), 3.0));
        let priced = Told { cost_usd: Some(0.5), ..used };
        let usage = bill(&["asked"], &[Observation::Usage(priced)]).usage;
        assert_eq!((usage.cost_usd, usage.computed_usd, usage.unpriced), (Some(0.5), 0.0, 0));
        assert_eq!(bill(&["asked"], &[]), Bill::default());
    }

    #[test]
    fn the_model_that_answered_decides_the_price() {
        let used = || Observation::Usage(told(1_000_000, None));
        for (prices, seen, cost) in [
            (&["asked"][..], vec![used()], Some(2.0)),
            (&["asked"], vec![model("other"), used()], None),
            (&["other"], vec![model("other"), used()], Some(2.0)),
            (&["other"], vec![used(), model("other")], Some(2.0)),
            (&["other"], vec![model("other"), used(), model("third"), used()], Some(2.0)),
            (&["other"], vec![model("there/other-20260131"), used()], Some(2.0)),
            (&["other-4"], vec![model("other-4-2026-01-31"), used()], Some(2.0)),
            (&["other-4"], vec![model("other-4-5"), used()], None),
            (&["there/other"], vec![model("other"), used()], Some(2.0)),
        ] {
            assert_eq!(bill(prices, &seen).usage.cost_usd, cost, "{prices:?} {seen:?}");
        }
    }

    #[test]
    fn models_are_told_apart_where_the_program_does_so() {
        let both = [
            model("large"),
            of("small", told(1_000_000, None)),
            of("large", told(3, Some(0.25))),
            of("idle", Told::default()),
        ];
        let found = bill(&[], &both);
        let names: Vec<&str> = found.models.iter().map(|part| part.model.as_str()).collect();
        assert_eq!(names, ["large", "small"]);
        assert_eq!(found.model.as_deref(), Some("large"));
        assert_eq!(found.models[1].usage.cost_usd, None, "unknown is not nothing");
        let sum = found.usage;
        assert_eq!((sum.input_tokens, sum.cost_usd, sum.unpriced), (1_000_003, Some(0.25), 1));
        let priced = bill(&["small"], &both).usage;
        assert_eq!((priced.cost_usd, priced.computed_usd, priced.unpriced), (Some(2.25), 2.0, 0));
        assert_eq!(bill(&[], &both[2..3]).models, [], "one model needs no table");
    }
}
