//! A decision as a person sees it before they decide: what is asked, why, and what the gate shows.

use super::style::Style;
use super::{CliError, Context, Exit, Result, screen};
use crate::base::text;
use crate::base::time::human_ms;
use crate::client::{Shown, Workspace, give, mint, shown_by};
use crate::engine::Command;
use crate::event::Body;
use crate::ledger::Ledger;
use crate::snapshot::{Class, DecisionRow};

/// Puts on record that a person looks at a decision; returns the nonce that decides it, and the decision.
///
/// One that has expired is asked anew, so that the decision may have another name than the one given.
///
/// # Errors
/// The decision is not open any more, or it cannot be written.
pub fn show(
    workspace: &Workspace,
    ledger: &mut Ledger,
    id: &str,
    context: &Context,
) -> Result<(String, DecisionRow)> {
    let (nonce, nonce_hash) = mint();
    let run = ledger.state().created.number;
    let command = Command::Show { id: id.to_owned(), nonce_hash };
    let given = give(workspace, run, command, None, context.now)?;
    ledger.refresh()?;
    let shown = given.records.iter().find_map(|record| {
        if let Body::DecisionShown(shown) = &record.body { Some(shown.id.clone()) } else { None }
    });
    let rows = DecisionRow::all(ledger.state(), context.now);
    let row = rows.into_iter().find(|row| Some(&row.id) == shown.as_ref());
    let row = row.ok_or_else(|| {
        CliError::new(Exit::Refused, "superseded", format!("decision `{id}` was changed just now"))
            .hinted(format!("look again: `crew decisions {run}`"))
    })?;
    Ok((nonce, row))
}

/// The decision as text for a terminal.
pub fn text(
    ledger: &Ledger,
    row: &DecisionRow,
    workspace: &Workspace,
    context: &Context,
) -> String {
    let style = Style::of(context, &workspace.config);
    let mut out = String::new();
    let reference = ledger.state().reference();
    let mark = style.glyph(Class::NeedsYou);
    let about = style.bold(&screen::about(row));
    let age = human_ms(context.now.since_ms(row.since));
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line(&format!("{mark} {reference} {} {about}, asked {age} ago", row.id));
    for asked in text::printable(&row.text).lines() {
        line(&format!("  {}", style.text(asked)));
    }
    for choice in &row.choices {
        line(&format!("  - {}", style.text(&text::printable(choice))));
    }
    if let Some(reason) = row.reason.as_ref().filter(|reason| !reason.is_empty()) {
        line(&format!("  closed: {}", text::one_line(&style.text(reason), 400)));
    }
    for Shown { name, text: content } in shown_by(ledger, row) {
        line(&format!("  {}", style.bold(&name)));
        for content in text::printable(&content).lines() {
            line(&format!("    {}", style.text(content)));
        }
    }
    out
}
