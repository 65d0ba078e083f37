//! How the dashboard looks: colours by role, and signs for terminals with and without Unicode.
//!
//! Views name roles, never colours, so that every theme is complete. Colour always comes second:
//! whatever it says, a sign and a word say as well.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

use crate::config::Environment;
use crate::snapshot::Class;

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that stands back: labels, times.
    Dim,
    /// Text that hardly counts: what was left out, filling.
    Faint,
    /// Text that stands out: names, headings.
    Strong,
    /// What leads the eye: the name of the screen, the current tab.
    Accent,
    /// The frame of a panel.
    Border,
    /// The frame of the panel that takes the keys.
    Focus,
    /// The row under the cursor, in the panel that takes the keys.
    Selected,
    /// The row under the cursor of another panel.
    Marked,
    /// A key in a hint.
    Key,
    /// What a search found.
    Found,
    /// Lines that were added.
    Added,
    /// Lines that were removed.
    Removed,
    /// The words of an added line that are new.
    AddedWord,
    /// The words of a removed line that are gone.
    RemovedWord,
    /// Code and file names.
    Code,
    /// Something that can be opened.
    Link,
    /// What an agent thinks, and quotations.
    Quiet,
}

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// For dark terminals, 256 colours.
    Dark,
    /// For light terminals, 256 colours.
    Light,
    /// Black and white with few strong colours.
    Contrast,
    /// The terminal's own sixteen colours.
    Basic,
    /// No colours: bold, reverse and underline only.
    Plain,
}

impl Theme {
    /// Every theme, in the order of the settings.
    pub const ALL: [Self; 5] = [Self::Dark, Self::Light, Self::Contrast, Self::Basic, Self::Plain];

    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::Basic => "basic",
            Self::Plain => "plain",
        }
    }

    /// The theme: what the configuration says, as far as the terminal can show it.
    pub fn fitting(wanted: &str, env: &Environment) -> Self {
        if env.no_color() {
            return Self::Plain;
        }
        let terminal = env.get("TERM").unwrap_or_default();
        if let Some(theme) = Self::named(wanted) {
            return theme;
        }
        if terminal == "dumb" {
            return Self::Plain;
        }
        let many = terminal.contains("256") || env.get("COLORTERM").is_some();
        // Some terminals tell their colours as `foreground;background`.
        let is_light = env
            .get("COLORFGBG")
            .and_then(|colors| colors.rsplit(';').next().and_then(|color| color.parse::<u8>().ok()))
            .is_some_and(|background| matches!(background, 7 | 9..=15));
        match (many, is_light) {
            (true, false) => Self::Dark,
            (true, true) => Self::Light,
            (false, _) => Self::Basic,
        }
    }

    /// The theme of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

/// How the dashboard looks on this terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// Whether only ASCII may be written.
    pub ascii: bool,
}

impl Look {
    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        match self.theme {
            Theme::Dark => indexed(role, &DARK),
            Theme::Light => indexed(role, &LIGHT),
            Theme::Contrast => contrast(role),
            Theme::Basic => basic(role),
            Theme::Plain => plain(role),
        }
    }

    /// The style of a class: the colour of its sign and its word.
    pub fn class(self, class: Class) -> Style {
        let style = match self.theme {
            Theme::Dark => Style::new().fg(Color::Indexed(match class {
                Class::NeedsYou => 214,
                Class::Failed => 204,
                Class::Stalled => 177,
                Class::Running => 75,
                Class::Starting | Class::Parked => 109,
                Class::Done => 115,
                Class::Idle => 245,
            })),
            Theme::Light => Style::new().fg(Color::Indexed(match class {
                Class::NeedsYou => 130,
                Class::Failed => 161,
                Class::Stalled => 91,
                Class::Running => 25,
                Class::Starting | Class::Parked => 66,
                Class::Done => 29,
                Class::Idle => 243,
            })),
            Theme::Contrast | Theme::Basic => Style::new().fg(match class {
                Class::NeedsYou => Color::Yellow,
                Class::Failed => Color::Red,
                Class::Stalled => Color::Magenta,
                Class::Running => Color::Cyan,
                Class::Done => Color::Green,
                Class::Starting | Class::Parked | Class::Idle => Color::Reset,
            }),
            Theme::Plain => Style::new(),
        };
        match class {
            Class::NeedsYou | Class::Failed => style.add_modifier(Modifier::BOLD),
            Class::Stalled
            | Class::Running
            | Class::Starting
            | Class::Parked
            | Class::Done
            | Class::Idle => style,
        }
    }

    /// The sign of a class.
    pub fn glyph(self, class: Class) -> char {
        if self.ascii { class.ascii() } else { class.glyph() }
    }

    /// One of two signs, by what the terminal can show.
    pub fn sign<T>(self, unicode: T, ascii: T) -> T {
        if self.ascii { ascii } else { unicode }
    }

    /// The lines around a panel.
    pub fn border(self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::PLAIN }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Colours of the 256 of a terminal, by what they are for.
struct Palette {
    dim: u8,
    faint: u8,
    strong: u8,
    accent: u8,
    border: u8,
    focus: u8,
    selected: u8,
    marked: u8,
    key: u8,
    found: (u8, u8),
    added: u8,
    removed: u8,
    added_word: u8,
    removed_word: u8,
    code: u8,
    link: u8,
}

const DARK: Palette = Palette {
    dim: 247,
    faint: 240,
    strong: 255,
    accent: 117,
    border: 239,
    focus: 75,
    selected: 24,
    marked: 236,
    key: 222,
    found: (16, 222),
    added: 115,
    removed: 210,
    added_word: 23,
    removed_word: 52,
    code: 152,
    link: 111,
};

const LIGHT: Palette = Palette {
    dim: 242,
    faint: 249,
    strong: 16,
    accent: 25,
    border: 250,
    focus: 25,
    selected: 153,
    marked: 254,
    key: 94,
    found: (16, 222),
    added: 29,
    removed: 161,
    added_word: 194,
    removed_word: 224,
    code: 24,
    link: 26,
};

fn indexed(role: Role, colors: &Palette) -> Style {
    let fg = |color: u8| Style::new().fg(Color::Indexed(color));
    match role {
        Role::Text => Style::new(),
        Role::Dim => fg(colors.dim),
        Role::Faint => fg(colors.faint),
        Role::Strong => fg(colors.strong).add_modifier(Modifier::BOLD),
        Role::Accent => fg(colors.accent).add_modifier(Modifier::BOLD),
        Role::Border => fg(colors.border),
        Role::Focus => fg(colors.focus),
        Role::Selected => Style::new().bg(Color::Indexed(colors.selected)),
        Role::Marked => Style::new().bg(Color::Indexed(colors.marked)),
        Role::Key => fg(colors.key),
        Role::Found => fg(colors.found.0).bg(Color::Indexed(colors.found.1)),
        Role::Added => fg(colors.added),
        Role::Removed => fg(colors.removed),
        Role::AddedWord => fg(colors.added).bg(Color::Indexed(colors.added_word)),
        Role::RemovedWord => fg(colors.removed).bg(Color::Indexed(colors.removed_word)),
        Role::Code => fg(colors.code),
        Role::Link => fg(colors.link).add_modifier(Modifier::UNDERLINED),
        Role::Quiet => fg(colors.dim).add_modifier(Modifier::ITALIC),
    }
}

fn contrast(role: Role) -> Style {
    match role {
        // Nothing stands back so far that it is hard to read.
        Role::Dim | Role::Faint | Role::Border => Style::new(),
        Role::Selected => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Marked => Style::new().add_modifier(Modifier::UNDERLINED),
        Role::Text
        | Role::Strong
        | Role::Accent
        | Role::Focus
        | Role::Key
        | Role::Found
        | Role::Added
        | Role::Removed
        | Role::AddedWord
        | Role::RemovedWord
        | Role::Code
        | Role::Link
        | Role::Quiet => basic(role),
    }
}

fn basic(role: Role) -> Style {
    let fg = |color: Color| Style::new().fg(color);
    match role {
        Role::Text => Style::new(),
        Role::Dim | Role::Border => fg(Color::DarkGray),
        Role::Faint => fg(Color::DarkGray).add_modifier(Modifier::DIM),
        Role::Strong => Style::new().add_modifier(Modifier::BOLD),
        Role::Accent => fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Focus | Role::Code => fg(Color::Cyan),
        Role::Selected => Style::new().add_modifier(Modifier::REVERSED),
        Role::Marked => Style::new().add_modifier(Modifier::UNDERLINED),
        Role::Key => fg(Color::Yellow),
        Role::Found => fg(Color::Black).bg(Color::Yellow),
        Role::Added => fg(Color::Green),
        Role::Removed => fg(Color::Red),
        Role::AddedWord => fg(Color::Green).add_modifier(Modifier::REVERSED),
        Role::RemovedWord => fg(Color::Red).add_modifier(Modifier::REVERSED),
        Role::Link => fg(Color::Blue).add_modifier(Modifier::UNDERLINED),
        Role::Quiet => fg(Color::DarkGray).add_modifier(Modifier::ITALIC),
    }
}

fn plain(role: Role) -> Style {
    let with = |modifier: Modifier| Style::new().add_modifier(modifier);
    match role {
        Role::Text | Role::Border | Role::Added | Role::Removed | Role::Code => Style::new(),
        Role::Dim | Role::Faint | Role::Quiet => with(Modifier::DIM),
        Role::Strong | Role::Accent | Role::Focus | Role::Key => with(Modifier::BOLD),
        Role::Selected => with(Modifier::REVERSED),
        Role::Marked | Role::Link | Role::AddedWord | Role::RemovedWord => {
            with(Modifier::UNDERLINED)
        }
        Role::Found => with(Modifier::REVERSED | Modifier::BOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_theme_without_colours_has_none() {
        let look = Look { theme: Theme::Plain, ascii: true };
        for role in [Role::Selected, Role::Found, Role::Removed, Role::Key, Role::Accent] {
            let style = look.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        for class in Class::ALL {
            assert_eq!(look.class(class).fg, None);
            assert!(look.glyph(class).is_ascii());
        }
    }

    #[test]
    fn the_row_under_the_cursor_is_seen_in_every_theme() {
        for theme in Theme::ALL {
            let look = Look { theme, ascii: false };
            assert_ne!(look.style(Role::Selected), look.style(Role::Text), "{theme:?}");
            assert_eq!(Theme::named(theme.name()), Some(theme));
        }
    }
}
