//! Markdown as lines of the terminal: what agents say, prompts, contexts of decisions.
//!
//! Whatever the text is, lines come out: half of a stream, thousands of nested quotes, or escape sequences.
//! Entry point: [`render`].

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::code;
use super::look::{Look, Role, Theme};
use super::text::{columns, inert, wrap};

mod table;

use table::Table;

/// Columns of a source line from which its end was a matter of width, not of meaning.
const FULL_LINE: usize = 60;
/// Columns of a rule.
const RULE: usize = 40;

/// A text in Markdown as lines of at most `width` columns.
pub fn render(text: &str, width: usize, look: Look) -> Vec<Line<'static>> {
    let text = inert(text, look);
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let mut writer = Writer::new(&text, width, look);
    for (event, at) in Parser::new_ext(&text, options).into_offset_iter() {
        writer.event(event, at);
    }
    writer.finish()
}

/// What stands before the lines of a block: once, and before each further line.
#[derive(Debug)]
struct Prefix {
    first: Option<Span<'static>>,
    rest: Span<'static>,
    columns: usize,
}

struct Writer<'a> {
    source: &'a str,
    width: usize,
    look: Look,
    out: Vec<Line<'static>>,
    prefixes: Vec<Prefix>,
    /// How many open blocks have a prefix, also those for which there was no room.
    depth: usize,
    inline: Vec<Span<'static>>,
    styles: Vec<Style>,
    /// The next number of each open list; none for those with bullets.
    lists: Vec<Option<u64>>,
    links: Vec<Open>,
    code: Option<(String, String)>,
    table: Option<Table>,
    /// Whether an empty line comes before the next block.
    gap: bool,
}

/// A link or an image whose text is being written.
struct Open {
    target: String,
    text: String,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str, width: usize, look: Look) -> Self {
        Self {
            source,
            width: width.max(1),
            look,
            out: Vec::new(),
            prefixes: Vec::new(),
            depth: 0,
            inline: Vec::new(),
            styles: Vec::new(),
            lists: Vec::new(),
            links: Vec::new(),
            code: None,
            table: None,
            gap: false,
        }
    }

    fn finish(mut self) -> Vec<Line<'static>> {
        self.flush();
        self.out
    }

    fn event(&mut self, event: Event<'_>, at: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.inline_code(&text);
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                let style = self.style().patch(self.look.style(Role::Dim));
                self.raw(text.trim_end_matches('\n'), style);
            }
            Event::FootnoteReference(name) => self.text(&format!("[{name}]")),
            Event::SoftBreak => self.soft_break(&at),
            Event::HardBreak => self.flush(),
            Event::Rule => self.rule(),
            Event::TaskListMarker(done) => {
                let mark = match (done, self.look.ascii) {
                    (true, false) => "☑ ",
                    (false, false) => "☐ ",
                    (true, true) => "[x] ",
                    (false, true) => "[ ] ",
                };
                let role = if done { Role::Added } else { Role::Dim };
                let mark = Span::styled(mark, self.look.style(role));
                // The box stands for the bullet where it takes the same room.
                match self.prefixes.last_mut().and_then(|prefix| prefix.first.as_mut()) {
                    Some(bullet) if !self.look.ascii => *bullet = mark,
                    _ => self.inline.push(mark),
                }
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let look = self.look;
        match tag {
            Tag::Paragraph | Tag::HtmlBlock | Tag::MetadataBlock(_) => self.block(),
            Tag::Heading { level, .. } => {
                self.block();
                let role = if level <= HeadingLevel::H2 { Role::Accent } else { Role::Strong };
                self.push_style(look.style(role));
            }
            Tag::BlockQuote(_) => {
                self.block();
                let bar = Span::styled(look.sign("│ ", "| "), look.style(Role::Border));
                self.open(Some(bar.clone()), bar);
                self.push_style(look.style(Role::Quiet));
            }
            Tag::CodeBlock(kind) => {
                self.block();
                let language = match kind {
                    CodeBlockKind::Fenced(words) => {
                        words.split([' ', ',', '{']).next().unwrap_or_default().to_owned()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.block();
                } else {
                    self.flush();
                    self.gap = false;
                }
                self.lists.push(first);
            }
            Tag::Item => self.item(),
            Tag::Table(_) => {
                self.block();
                self.table = Some(Table::default());
            }
            Tag::TableHead | Tag::TableRow => self.flush_cell(Table::row),
            Tag::TableCell => self.flush_cell(Table::cell),
            Tag::Emphasis => self.push_style(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.push_style(Style::new().add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => {
                self.push_style(Style::new().add_modifier(Modifier::CROSSED_OUT));
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let target = dest_url.into_string();
                self.links.push(Open { target, text: String::new() });
                self.push_style(look.style(Role::Link));
            }
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
                self.gap = true;
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.styles.pop();
                self.close();
                self.gap = true;
            }
            TagEnd::CodeBlock => self.code_block(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.gap = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                self.close();
                // Paragraphs in an item are apart from each other, the items are not.
                self.gap = false;
            }
            TagEnd::Table => {
                self.flush_cell(|_| {});
                if let Some(table) = self.table.take() {
                    let room = self.room();
                    for line in table.lines(room, self.look) {
                        self.push_line(line);
                    }
                }
                self.gap = true;
            }
            TagEnd::TableHead => self.flush_cell(Table::end_head),
            TagEnd::TableRow | TagEnd::TableCell => self.flush_cell(|_| {}),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript => {}
        }
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    fn push_style(&mut self, style: Style) {
        self.styles.push(self.style().patch(style));
    }

    fn text(&mut self, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        if let Some(link) = self.links.last_mut() {
            link.text.push_str(text);
        }
        let style = self.style();
        self.raw(text, style);
    }

    /// Text whose line ends are kept.
    fn raw(&mut self, text: &str, style: Style) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.flush();
            }
            if !line.is_empty() {
                self.inline.push(Span::styled(line.to_owned(), style));
            }
        }
    }

    fn inline_code(&mut self, text: &str) {
        if let Some(link) = self.links.last_mut() {
            link.text.push_str(text);
        }
        let style = self.style().patch(self.look.style(Role::Code));
        // Without colours the marks stay, or nothing would tell code from words.
        let text = if self.look.theme == Theme::Plain { format!("`{text}`") } else { text.into() };
        self.inline.push(Span::styled(text, style));
    }

    /// A line end in a paragraph: agents mean it when the line was short.
    fn soft_break(&mut self, at: &Range<usize>) {
        let before = self.source.get(..at.start).unwrap_or_default();
        let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
        if self.table.is_none() && columns(line.trim_end()) < FULL_LINE {
            self.flush();
        } else {
            self.inline.push(Span::styled(" ", self.style()));
        }
    }

    fn end_link(&mut self) {
        self.styles.pop();
        let Some(link) = self.links.pop() else { return };
        let shown = link.target.strip_prefix("mailto:").unwrap_or(&link.target);
        if !shown.is_empty() && shown != link.text {
            let style = self.look.style(Role::Dim);
            self.inline.push(Span::styled(format!(" ({shown})"), style));
        }
    }

    fn rule(&mut self) {
        self.block();
        let line = self.look.sign("─", "-").repeat(self.room().min(RULE));
        self.push_line(Line::from(Span::styled(line, self.look.style(Role::Faint))));
        self.gap = true;
    }

    fn item(&mut self) {
        self.flush();
        if self.gap {
            self.empty_line();
        }
        self.gap = false;
        let depth = self.lists.len();
        let mark = if let Some(Some(number)) = self.lists.last_mut() {
            let mark = format!("{number}. ");
            *number = number.saturating_add(1);
            mark
        } else {
            let bullets = self.look.sign(["• ", "◦ ", "▪ "], ["* ", "- ", "+ "]);
            bullets[depth.saturating_sub(1) % bullets.len()].to_owned()
        };
        let blank = Span::raw(" ".repeat(columns(&mark)));
        let mark =
            Span::styled(mark, self.look.style(Role::Accent).remove_modifier(Modifier::BOLD));
        self.open(Some(mark), blank);
    }

    fn code_block(&mut self) {
        let Some((language, text)) = self.code.take() else { return };
        self.open(None, Span::raw("  "));
        let room = self.room();
        let is_known = !language.is_empty() && self.look.theme != Theme::Plain;
        let plain = self.look.style(Role::Code);
        for mut line in code::highlight(&language, &text, self.look) {
            if !is_known {
                line.spans.iter_mut().for_each(|span| span.style = plain);
            }
            for part in wrap(line.spans, room, 0) {
                self.push_line(part);
            }
        }
        self.close();
        self.gap = true;
    }

    fn flush_cell(&mut self, then: impl FnOnce(&mut Table)) {
        if let Some(table) = &mut self.table {
            table.push(std::mem::take(&mut self.inline));
            then(table);
        }
    }

    /// A block begins: what came before it stands in lines of its own.
    fn block(&mut self) {
        self.flush();
        if self.gap {
            self.empty_line();
        }
        self.gap = false;
    }

    fn empty_line(&mut self) {
        if !self.out.is_empty() {
            let line = self.prefixed(Vec::new());
            self.out.push(line);
        }
    }

    /// Opens a block whose lines have something before them, as long as there is room for it.
    fn open(&mut self, first: Option<Span<'static>>, rest: Span<'static>) {
        self.depth += 1;
        let wide = columns(&rest.content);
        if self.depth == self.prefixes.len() + 1 && self.room() >= wide + self.width / 2 {
            self.prefixes.push(Prefix { first, rest, columns: wide });
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.prefixes.truncate(self.depth);
    }

    /// Columns that are left for text.
    fn room(&self) -> usize {
        let used: usize = self.prefixes.iter().map(|prefix| prefix.columns).sum();
        self.width.saturating_sub(used).max(1)
    }

    /// Writes the text that was gathered.
    fn flush(&mut self) {
        let spans = std::mem::take(&mut self.inline);
        if spans.is_empty() || self.table.is_some() {
            self.inline = spans;
            return;
        }
        for line in wrap(spans, self.room(), 0) {
            self.push_line(line);
        }
    }

    fn push_line(&mut self, line: Line<'static>) {
        let line = self.prefixed(line.spans);
        self.out.push(line);
    }

    fn prefixed(&mut self, spans: Vec<Span<'static>>) -> Line<'static> {
        let is_empty = spans.is_empty();
        let mut all: Vec<Span<'static>> = Vec::with_capacity(self.prefixes.len() + spans.len());
        for prefix in &mut self.prefixes {
            // The mark of an item waits for the first line that has text.
            let first = if is_empty { None } else { prefix.first.take() };
            all.push(first.unwrap_or_else(|| prefix.rest.clone()));
        }
        all.extend(spans);
        while all.last().is_some_and(|span| span.content.trim().is_empty()) {
            all.pop();
        }
        Line::from(all)
    }
}

#[cfg(test)]
mod tests;
