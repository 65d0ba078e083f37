//! What an attempt had printed at a moment that is replayed, as far as its output tells times.

use std::sync::Arc;

use crate::base::Time;
use crate::client::pager::{Item, Page, ToolCall};

/// The part of a page that was there at this moment; all of it where no times are told.
pub(super) fn page(page: &Page, until: Time) -> Page {
    let is_later = |item: &Arc<Item>| item.at.is_some_and(|at| at > until);
    let count = page.items.iter().position(is_later).unwrap_or(page.items.len());
    let items = page.items[..count].iter().map(|item| at(item, until)).collect();
    // Behind what was there then comes nothing.
    let size = if count < page.items.len() { page.end } else { page.size };
    Page {
        items,
        size,
        start: page.start,
        end: page.end,
        has_times: page.has_times,
        is_plain: page.is_plain,
    }
}

/// An entry as it was: a call that had not come back is still open.
fn at(item: &Arc<Item>, until: Time) -> Arc<Item> {
    let is_open = |call: &ToolCall| {
        let end = item.at.zip(call.took_ms).map(|(at, took)| at.plus_ms(took));
        call.end.is_some() && end.is_some_and(|end| end > until)
    };
    match &item.call {
        Some(call) if is_open(call) => {
            let begun = ToolCall { end: None, output: None, took_ms: None, ..call.clone() };
            Arc::new(Item { call: Some(begun), ..Item::clone(item) })
        }
        Some(_) | None => Arc::clone(item),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::pager::{CallEnd, Place};
    use crate::client::transcript::{Entry, Kind};

    fn item(offset: u64, at: Option<i64>, call: Option<ToolCall>) -> Arc<Item> {
        let entry = Entry { kind: Kind::Text, title: String::new(), text: "x".to_owned() };
        let place = Place { offset, part: 0 };
        Arc::new(Item { place, at: at.map(Time), entry, call })
    }

    #[test]
    fn what_was_printed_later_is_not_there_and_a_call_is_open_until_it_came_back() {
        let end = CallEnd { ok: true, text: "fine".to_owned(), offset: 9 };
        let call = ToolCall { took_ms: Some(50), end: Some(end), ..ToolCall::default() };
        let items =
            vec![item(0, None, None), item(1, Some(10), Some(call)), item(2, Some(70), None)];
        let whole = Page { items, end: 3, size: 9, has_times: true, ..Page::default() };
        assert_eq!(page(&whole, Time(9)).items.len(), 1);
        let begun = page(&whole, Time(30));
        assert_eq!((begun.items.len(), begun.size), (2, 3));
        assert!(begun.items[1].call.as_ref().unwrap().end.is_none());
        assert!(page(&whole, Time(60)).items[1].call.as_ref().unwrap().end.is_some());
        assert_eq!(page(&whole, Time(70)), whole);
    }
}
