//! What is wrong with a resource file, where, and how to mend it.

use std::fmt;

use camino::{Utf8Path, Utf8PathBuf};

use super::value::Pos;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used as it is.
    Error,
    /// The file works, but probably not as it was meant.
    Warning,
    /// Nothing is wrong; worth knowing.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// One finding in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// The file as it is shown to people.
    pub file: Utf8PathBuf,
    /// Line in the file, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to do about it; empty when the message says it.
    pub fix: String,
}

impl Diagnostic {
    /// Whether the file cannot be used because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, severity, message, fix } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {message}")?;
        if !fix.is_empty() {
            write!(f, "\n  hint: {fix}")?;
        }
        Ok(())
    }
}

/// Findings of one file while it is read.
#[derive(Debug)]
pub(super) struct Findings {
    file: Utf8PathBuf,
    list: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn new(file: &Utf8Path) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    pub(super) fn error(&mut self, at: Pos, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Error, at, message.into(), fix.into());
    }

    pub(super) fn warning(&mut self, at: Pos, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Warning, at, message.into(), fix.into());
    }

    pub(super) fn info(&mut self, at: Pos, message: impl Into<String>, fix: impl Into<String>) {
        self.push(Severity::Info, at, message.into(), fix.into());
    }

    fn push(&mut self, severity: Severity, at: Pos, message: String, fix: String) {
        self.list.push(Diagnostic {
            file: self.file.clone(),
            line: at.line,
            column: at.column,
            severity,
            message,
            fix,
        });
    }

    /// The findings in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort();
        self.list
    }
}
