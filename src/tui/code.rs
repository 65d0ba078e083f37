//! Colours of code: one door for code blocks, files and differences.
//!
//! The grammars are unpacked at first use, never when the program starts. A terminal without colours of its
//! own choice gets few of them, and one without any gets none.

use std::sync::LazyLock;

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::look::{Look, Role, Theme};
use super::text::inert;

/// Bytes of a text that are given colours; what is longer is shown without.
const TEXT_BYTES_MAX: usize = 512 << 10;
/// Bytes of one line that are given colours: minified code is not read by people.
const LINE_BYTES_MAX: usize = 4 << 10;

/// The lines of a piece of code in colours; `hint` is the name of its language, or a path.
///
/// There is one line for each line of the text, not wrapped, and nothing in it can command a terminal.
pub fn highlight(hint: &str, text: &str, look: Look) -> Vec<Line<'static>> {
    let text = inert(text, look);
    let colored = match look.theme {
        Theme::Plain => None,
        Theme::Dark | Theme::Light | Theme::Contrast | Theme::Basic => {
            Some(text.len()).filter(|len| *len <= TEXT_BYTES_MAX).and_then(|_| syntax(hint))
        }
    };
    match colored {
        Some(syntax) => Painter::new(syntax, look).lines(&text),
        None => text.lines().map(|line| plain(line, look)).collect(),
    }
}

static GRAMMARS: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);
static SCOPES: LazyLock<Vec<(Scope, Token)>> = LazyLock::new(|| {
    let known = TOKENS.iter();
    known.filter_map(|(name, token)| Some((Scope::new(name).ok()?, *token))).collect()
});

/// What a piece of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Comment,
    Text,
    Constant,
    Keyword,
    Type,
    Function,
    Name,
    Heading,
    Plain,
}

/// Names of scopes and what they are; of two that fit the longer one counts.
const TOKENS: [(&str, Token); 31] = [
    ("comment", Token::Comment),
    ("punctuation.definition.comment", Token::Comment),
    ("string", Token::Text),
    ("punctuation.definition.string", Token::Text),
    ("constant.other.symbol", Token::Text),
    ("constant", Token::Constant),
    ("keyword", Token::Keyword),
    ("keyword.operator", Token::Plain),
    ("keyword.operator.word", Token::Keyword),
    ("keyword.operator.logical.python", Token::Keyword),
    ("storage", Token::Keyword),
    ("storage.type.function", Token::Keyword),
    ("variable.language", Token::Keyword),
    ("entity.name.type", Token::Type),
    ("entity.name.class", Token::Type),
    ("entity.name.struct", Token::Type),
    ("entity.name.enum", Token::Type),
    ("entity.name.trait", Token::Type),
    ("entity.name.impl", Token::Type),
    ("entity.name.tag", Token::Keyword),
    ("entity.other.attribute-name", Token::Name),
    ("entity.other.inherited-class", Token::Type),
    ("support.type", Token::Type),
    ("support.class", Token::Type),
    ("entity.name.function", Token::Function),
    ("support.function", Token::Function),
    ("variable.function", Token::Function),
    ("support.macro", Token::Function),
    ("markup.heading", Token::Heading),
    ("entity.name.section", Token::Heading),
    ("meta.interpolation", Token::Plain),
];

/// The grammar of a language or of a file.
fn syntax(hint: &str) -> Option<&'static SyntaxReference> {
    let hint = hint.trim();
    let name = hint.rsplit(['/', '\\']).next().unwrap_or(hint);
    let ending = name.rsplit('.').next().unwrap_or(name);
    let lower = ending.to_ascii_lowercase();
    let known = match lower.as_str() {
        "" | "text" | "txt" | "plain" => return None,
        "console" | "shell" | "shell-session" | "sh-session" | "zsh" => "bash",
        "jsonc" | "jsonl" | "json5" => "json",
        "lock" => "toml",
        other => other,
    };
    let set = &*GRAMMARS;
    set.find_syntax_by_extension(name)
        .or_else(|| set.find_syntax_by_token(known))
        .filter(|found| found.name != "Plain Text")
}

struct Painter {
    state: ParseState,
    stack: ScopeStack,
    look: Look,
}

impl Painter {
    fn new(syntax: &SyntaxReference, look: Look) -> Self {
        Self { state: ParseState::new(syntax), stack: ScopeStack::new(), look }
    }

    fn lines(mut self, text: &str) -> Vec<Line<'static>> {
        text.split_inclusive('\n').map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &str) -> Line<'static> {
        let shown = line.trim_end_matches('\n');
        if line.len() > LINE_BYTES_MAX {
            return plain(shown, self.look);
        }
        // A grammar may fail on what is no program; then the line stays without colours.
        let Ok(ops) = self.state.parse_line(line, &GRAMMARS) else {
            return plain(shown, self.look);
        };
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut from = 0;
        for (at, op) in ops {
            let to = at.min(shown.len());
            self.push(&mut spans, shown.get(from..to).unwrap_or_default());
            from = to.max(from);
            // A scope that nobody opened is nothing to close.
            if self.stack.apply(&op).is_err() {
                break;
            }
        }
        self.push(&mut spans, shown.get(from..).unwrap_or_default());
        Line::from(spans)
    }

    fn push(&self, spans: &mut Vec<Span<'static>>, text: &str) {
        if text.is_empty() {
            return;
        }
        let style = style(token(&self.stack), self.look);
        match spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(text),
            _ => spans.push(Span::styled(text.to_owned(), style)),
        }
    }
}

/// What the innermost scope that is known says.
fn token(stack: &ScopeStack) -> Token {
    let known = |scope: &Scope| {
        let fitting = SCOPES.iter().filter(|(prefix, _)| prefix.is_prefix_of(*scope));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, token)| *token)
    };
    stack.as_slice().iter().rev().find_map(known).unwrap_or(Token::Plain)
}

fn plain(line: &str, look: Look) -> Line<'static> {
    Line::from(Span::styled(line.to_owned(), style(Token::Plain, look)))
}

fn style(token: Token, look: Look) -> Style {
    let indexed = |color: u8| Style::new().fg(Color::Indexed(color));
    let (dark, light, basic) = match token {
        Token::Plain => return Style::new(),
        Token::Comment => return look.style(Role::Quiet),
        Token::Heading => return look.style(Role::Strong),
        Token::Text => (150, 28, Color::Green),
        Token::Constant => (180, 94, Color::Magenta),
        Token::Keyword => (176, 90, Color::Blue),
        Token::Type => (116, 24, Color::Cyan),
        Token::Function => (111, 26, Color::Cyan),
        Token::Name => (152, 66, Color::Yellow),
    };
    match look.theme {
        Theme::Dark => indexed(dark),
        Theme::Light => indexed(light),
        Theme::Contrast | Theme::Basic => {
            let style = Style::new().fg(basic);
            if token == Token::Keyword { style.add_modifier(Modifier::BOLD) } else { style }
        }
        Theme::Plain => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DARK: Look = Look { theme: Theme::Dark, ascii: false };

    fn styled(hint: &str, text: &str, part: &str) -> Style {
        let lines = highlight(hint, text, DARK);
        let spans = lines.iter().flat_map(|line| &line.spans);
        spans.into_iter().find(|span| span.content.contains(part)).expect("shown").style
    }

    #[test]
    fn a_language_is_known_by_its_name_and_a_file_by_its_path() {
        let code = "fn main() { // why\n    let x = \"text\";\n}\n";
        for hint in ["rust", "rs", "src/refund/mod.rs"] {
            assert_eq!(styled(hint, code, "fn"), style(Token::Keyword, DARK), "{hint}");
            assert_eq!(styled(hint, code, "why"), style(Token::Comment, DARK), "{hint}");
            assert_eq!(styled(hint, code, "text"), style(Token::Text, DARK), "{hint}");
        }
        for (hint, code, part) in [
            ("ts", "const x: number = 1", "const"),
            ("Dockerfile", "FROM scratch", "FROM"),
            ("a/Cargo.toml", "[package]\nname = 1", "1"),
            ("console", "if true; then echo x; fi", "if"),
            ("python", "def f(): return None", "def"),
            ("Makefile", "all: x\n\techo y # no", "no"),
        ] {
            assert_ne!(styled(hint, code, part), Style::new(), "{hint}");
        }
    }

    #[test]
    fn every_line_stays_a_line_and_nothing_is_lost() {
        let code = "a\n\n\tb\u{1b}[2J = \"x\n日本\" é\n";
        for hint in ["rust", "nonsense", "", "json", "html", "md", "diff", "x.kt"] {
            for theme in Theme::ALL {
                let lines = highlight(hint, code, Look { theme, ascii: false });
                let texts: Vec<String> = lines.iter().map(ToString::to_string).collect();
                assert_eq!(texts, ["a", "", "    b = \"x", "日本\" é"], "{hint} {theme:?}");
            }
        }
        assert!(highlight("rust", "", DARK).is_empty());
    }

    #[test]
    fn a_theme_without_colours_has_none_in_code_either() {
        for line in highlight("rust", "fn x() {} // y", Look { theme: Theme::Plain, ascii: true }) {
            assert!(line.spans.iter().all(|span| span.style.fg.is_none()));
        }
    }

    #[test]
    fn code_that_nobody_reads_is_shown_without_colours() {
        let long = format!("let x = \"{}\";", "y".repeat(LINE_BYTES_MAX));
        assert_eq!(highlight("rust", &long, DARK)[0].spans.len(), 1);
        let many = "fn x() {}\n".repeat(TEXT_BYTES_MAX / 10 + 1);
        assert_eq!(highlight("rust", &many, DARK)[0].spans.len(), 1);
    }
}
