//! Rules of the log as its readers and writers see it, with real files and real processes.

mod broken;
mod processes;
mod reading;
mod support;
