//! What can happen to the dashboard, and what it can want to be done.

use crossterm::event::{KeyEvent, MouseEvent};

use super::want::Want;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse moved, or one of its buttons.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized(u16, u16),
    /// The terminal's window came into the foreground, or left it.
    Focused(bool),
    /// The files say something new.
    World,
    /// Something that was wanted is there, or is there anew.
    Loaded(Want),
    /// A command has ended.
    Called(Called),
    /// The clock moved on.
    Tick,
}

/// Something to be done outside of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run a command of crew in the background.
    Call(Call),
    /// Give the terminal to a program until it ends.
    Foreground(Foreground),
    /// Put text into the clipboard.
    Copy(String),
    /// Tell a person who looks elsewhere: a title, and a line.
    Notify(String, String),
    /// Open an address of the web in the person's browser.
    Browse(String),
    /// Close the dashboard.
    Quit,
    /// Stop this process as the shell does; `fg` goes on.
    Suspend,
    /// Draw everything anew.
    Redraw,
}

/// A command of crew, as a person would type it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Names it, for whoever waits for its end.
    pub id: u64,
    /// Its words, without `crew`.
    pub args: Vec<String>,
    /// What it reads from standard input.
    pub input: Option<String>,
    /// What is told when it worked; its own first line when empty.
    pub told: String,
}

impl Call {
    /// The line that a person would type.
    pub fn line(&self) -> String {
        let words = self.args.iter().map(|word| quoted(word));
        std::iter::once("crew".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A program that takes the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foreground {
    /// A command of crew.
    Crew(Vec<String>),
    /// A command of crew, with time to read what it printed.
    Read(Vec<String>),
    /// The person's editor with a file or folder.
    Editor(String),
}

/// A command that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// The command.
    pub call: Call,
    /// Its exit code; absent when it could not be started or was killed.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it said on standard error.
    pub err: String,
}

/// A word as the shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,#".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('#') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_command_can_be_pasted_into_a_shell() {
        let args = ["send", "5/coding", "it's $HOME", "", "#5"].map(str::to_owned).to_vec();
        let call = Call { id: 1, args, input: None, told: String::new() };
        assert_eq!(call.line(), r"crew send 5/coding 'it'\''s $HOME' '' '#5'");
    }
}
