//! `crew export`: a run as one file.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args as ClapArgs;

use super::{CliError, Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text::count;
use crate::client::bundle::{BundleError, export};
use crate::ledger::Ledger;

/// Write a run into one file that can be looked at elsewhere.
///
/// The file is a gzipped tar with the log, the artifacts, the prompts and what agents printed, and a manifest with the
/// hash of each. Keys and tokens are redacted as far as they are recognised; look through it before you give it away.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    /// The file to write, such as `run.tar.gz`.
    file: Utf8PathBuf,
    /// Leave out what agents printed.
    #[arg(long)]
    no_output: bool,
}

/// Runs the verb.
///
/// # Errors
/// No such run, the file exists, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (number, _) = context.run(&workspace, &args.run)?;
    let ledger = Ledger::open_checked(workspace.dir.run(number))?;
    let path = in_cwd(&args.file, context);
    let exported = export(&ledger, &path, !args.no_output)?;
    if context.json {
        context.write_json(&serde_json::json!({
            "schema_version": JSON_SCHEMA,
            "file": path, "bytes": exported.bytes, "files": exported.files,
            "events": exported.events, "redacted": exported.redacted, "left_out": exported.left_out,
        }))?;
        return Ok(Exit::Ok);
    }
    let kib = exported.bytes.div_ceil(1 << 10);
    let events = count(usize::try_from(exported.events).unwrap_or(usize::MAX), "event");
    let files = count(exported.files, "file");
    context.say(&format!("run #{number} is in `{}`: {events}, {files}, {kib} KiB", args.file))?;
    if exported.redacted {
        context.say("lines of its log were redacted, so they are chained anew; the manifest names the old end")?;
    }
    for name in exported.left_out.iter().filter(|_| !args.no_output) {
        context.say(&format!("note: `{name}` is too large, and is not in it"))?;
    }
    Ok(Exit::Ok)
}

/// The path as the person meant it.
pub(super) fn in_cwd(path: &Utf8Path, context: &Context) -> Utf8PathBuf {
    Utf8Path::from_path(&context.cwd).map_or_else(|| path.to_owned(), |cwd| cwd.join(path))
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Invalid { .. } => Self::from_chain(Exit::Invalid, "bundle", &error),
            BundleError::Exists(_) => Self::from_chain(Exit::Refused, "exists", &error)
                .hinted("choose another name, or remove it"),
            BundleError::TooLarge(_) => Self::from_chain(Exit::Refused, "too_large", &error)
                .hinted("`--no-output` leaves out what agents printed"),
            BundleError::Log(error) => error.into(),
            BundleError::Open(error) => error.into(),
            BundleError::Project(error) => error.into(),
            BundleError::Io(error) => error.into(),
        }
    }
}
