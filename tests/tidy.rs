//! The shape of the repository: layers, sizes, documentation, and words that do not belong here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use clap::CommandFactory;

const FILE_LINES_MAX: usize = 500;
const MEDIAN_LINES_MAX: usize = 200;
const LONG_BECAUSE: &str = "// Long because ";

/// What a module without input and output must not name.
const IMPURE: [&str; 7] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "std::time::SystemTime",
    "tokio::",
];

/// One file of the repository.
struct Source {
    path: Utf8PathBuf,
    text: String,
}

impl Source {
    /// The module of a file below `src/`: its folder or its name.
    fn module(&self) -> Option<&str> {
        let mut parts = self.path.strip_prefix("src").ok()?.components();
        let first = parts.next()?.as_str();
        Some(first.strip_suffix(".rs").unwrap_or(first))
    }

    /// The code without comments and without the tests at its end.
    fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        self.text[..end]
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> &'static Utf8Path {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files that git knows, or would know: what the repository consists of.
fn files() -> Vec<Source> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listing = Command::new("git").args(arguments).current_dir(root()).output();
    let listing = listing.expect("git is needed to run crew, and to test it").stdout;
    let names = String::from_utf8(listing).expect("file names of this repository are text");
    let mut files = Vec::new();
    for path in names.split_terminator('\0').map(Utf8PathBuf::from) {
        // A file that was deleted and not committed is still listed.
        let Ok(bytes) = fs::read(root().join(&path)) else { continue };
        // Fixtures with bytes that are no text have no words either.
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(Source { path, text });
        }
    }
    assert!(files.len() > 100, "git lists only {} files", files.len());
    files
}

fn rust_files() -> Vec<Source> {
    let files = files().into_iter();
    files.filter(|source| source.path.extension() == Some("rs")).collect()
}

/// Files below `src/` that are compiled into the product.
fn product_files() -> Vec<Source> {
    let mut sources = rust_files();
    sources.retain(|source| source.path.starts_with("src"));
    let mut test_only = Vec::new();
    for source in &sources {
        for after in source.text.split("#[cfg(test)]\n").skip(1) {
            let line = after.lines().next().unwrap_or_default();
            if let Some(name) = line.strip_suffix(';').and_then(|line| line.split("mod ").nth(1)) {
                let folder = source.path.parent().unwrap_or(Utf8Path::new(""));
                let inner = folder.join(source.path.file_stem().unwrap_or_default());
                test_only.extend([folder.join(name), inner.join(name)]);
            }
        }
    }
    sources.retain(|source| {
        !test_only
            .iter()
            .any(|name| source.path.starts_with(name) || source.path == format!("{name}.rs"))
    });
    sources
}

/// One row of the table of layers in the documentation of the crate.
struct Layer {
    number: usize,
    may_import: BTreeSet<String>,
    is_pure: bool,
}

fn layers() -> BTreeMap<String, Layer> {
    let text = read("src/lib.rs");
    let mut layers = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        let [number, module, imports, io, _] = cells[..] else { continue };
        let Ok(number) = number.parse() else { continue };
        let may_import = imports.split(", ").filter(|name| *name != "–").map(str::to_owned);
        let layer = Layer { number, may_import: may_import.collect(), is_pure: io == "none" };
        let module = module.trim_start_matches("[`").trim_end_matches("`]");
        assert!(layers.insert(module.to_owned(), layer).is_none(), "two rows for `{module}`");
    }
    layers
}

/// Names of the modules that a line takes something from.
fn imports(line: &str) -> Vec<&str> {
    let name = |rest: &'_ str| rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
    let parts = line.split("crate::").skip(1);
    parts.map(|rest| &rest[..name(rest).unwrap_or(rest.len())]).collect()
}

fn check(faults: &[String]) {
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn the_picture_of_the_layers_has_a_row_for_every_module_and_points_downward() {
    let layers = layers();
    let declared: BTreeSet<String> = read("src/lib.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned))
        .collect();
    assert_eq!(declared, layers.keys().cloned().collect());
    let mut faults = Vec::new();
    for (module, layer) in &layers {
        for import in &layer.may_import {
            match layers.get(import) {
                Some(below) if below.number < layer.number => {}
                _ => faults.push(format!("`{module}` may not be allowed to import `{import}`")),
            }
        }
    }
    check(&faults);
}

#[test]
fn modules_import_only_what_the_picture_of_the_layers_allows() {
    let layers = layers();
    let mut faults = Vec::new();
    for source in product_files() {
        let Some((module, layer)) = source.module().and_then(|name| layers.get_key_value(name))
        else {
            continue;
        };
        for (number, line) in source.product_lines() {
            for import in imports(line) {
                if import != module && !layer.may_import.contains(import) {
                    faults.push(format!("{}:{number}: imports `{import}`", source.path));
                }
            }
        }
    }
    check(&faults);
}

#[test]
fn modules_without_input_and_output_name_nothing_that_has_it() {
    let layers = layers();
    let mut faults = Vec::new();
    for source in product_files() {
        if source.module().and_then(|name| layers.get(name)).is_none_or(|layer| !layer.is_pure) {
            continue;
        }
        for (number, line) in source.product_lines() {
            if let Some(name) = IMPURE.iter().find(|name| line.contains(**name)) {
                faults.push(format!("{}:{number}: `{name}`", source.path));
            }
        }
    }
    check(&faults);
}

#[test]
fn one_file_locks_files() {
    let locking = |source: &&Source| source.product_lines().any(|(_, line)| line.contains("fs2"));
    let sources = product_files();
    let found: Vec<&Utf8Path> =
        sources.iter().filter(locking).map(|source| source.path.as_path()).collect();
    assert_eq!(found, ["src/lock.rs"]);
}

#[test]
fn files_are_short_or_say_why_not() {
    let mut faults = Vec::new();
    let mut lengths = Vec::new();
    for source in rust_files() {
        let lines = source.text.lines().count();
        lengths.push(lines);
        let says_why = source.text.lines().take(20).any(|line| line.starts_with(LONG_BECAUSE));
        if lines > FILE_LINES_MAX && !says_why {
            faults.push(format!("{}: {lines} lines, and no `{LONG_BECAUSE}…`", source.path));
        }
    }
    lengths.sort_unstable();
    let (median, p90) = (lengths[lengths.len() / 2], lengths[lengths.len() * 9 / 10]);
    println!("{} Rust files, median {median} lines, nine of ten below {p90}", lengths.len());
    if median > MEDIAN_LINES_MAX {
        faults.push(format!("the median file has {median} lines"));
    }
    check(&faults);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut faults = Vec::new();
    for source in rust_files() {
        if !source.text.starts_with("//! ") {
            faults.push(format!("{}: does not begin with `//! `", source.path));
        }
    }
    check(&faults);
}

#[test]
fn nothing_is_silenced_or_left_for_later() {
    let manifest = read("Cargo.toml");
    for lint in ["unsafe_code = \"forbid\"", "unwrap_used = \"warn\"", "dbg_macro = \"warn\""] {
        assert!(manifest.contains(lint), "Cargo.toml does not say `{lint}`");
    }
    // Written in two pieces, so that this file does not name them.
    let words = [
        concat!("#[al", "low("),
        concat!("#![al", "low("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut faults = Vec::new();
    for source in rust_files() {
        for (index, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: `{word}`", source.path, index + 1));
            }
        }
    }
    check(&faults);
}

#[test]
fn every_limit_is_used() {
    let product: Vec<Source> = product_files();
    let mut faults = Vec::new();
    let mut count = 0;
    for line in read("src/base/limits.rs").lines() {
        let Some(name) = line.strip_prefix("pub const ").and_then(|rest| rest.split(':').next())
        else {
            continue;
        };
        count += 1;
        let is_elsewhere =
            |source: &&Source| source.path != "src/base/limits.rs" && source.text.contains(name);
        if !product.iter().any(|source| is_elsewhere(&source)) {
            faults.push(format!("`{name}` limits nothing"));
        }
    }
    assert!(count > 20, "only {count} limits found");
    check(&faults);
}

#[test]
fn every_type_of_event_is_documented() {
    let text = read("docs/files.md");
    let rows: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(kind, _)| kind))
        .filter(|kind| kind.contains('.') && !kind.contains(' ') && !kind.contains('/'))
        .collect();
    for kind in crew::event::Body::KINDS {
        assert!(rows.contains(kind), "docs/files.md has no row for `{kind}`");
    }
}

#[test]
fn every_exit_code_is_in_the_readme() {
    let codes: Vec<String> = read("src/cli/exit.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => "))
        .filter_map(|(_, code)| code.trim_end_matches(',').parse::<u8>().ok())
        .map(|code| format!("| {code} | "))
        .collect();
    assert_eq!(codes.len(), 11, "{codes:?}");
    let readme = read("README.md");
    for row in codes {
        assert!(readme.lines().any(|line| line.starts_with(&row)), "no row `{row}` in README.md");
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for source in files() {
        let is_document = source.path.starts_with("docs") || source.path == "README.md";
        if !is_document || source.path.extension() != Some("md") {
            continue;
        }
        let folder = source.path.parent().unwrap_or(Utf8Path::new(""));
        for target in source.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !root().join(folder).join(file).exists()
            {
                faults.push(format!("{}: `{target}` does not exist", source.path));
            }
        }
    }
    check(&faults);
}

#[test]
fn the_repository_names_no_machine_it_was_written_on() {
    let words = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/tmp/", "wt"),
        concat!("/tmp/", "helpers"),
        concat!("share", "d/SPEC"),
    ];
    let mut faults = Vec::new();
    for source in files() {
        for (index, line) in source.text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                faults.push(format!("{}:{}: `{word}`", source.path, index + 1));
            }
        }
    }
    check(&faults);
}

#[test]
fn commands_that_documents_name_exist() {
    let cli = crew::cli::Cli::command();
    let mut verbs: BTreeSet<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    // Told apart before the command line is read; `src/main.rs` says why.
    verbs.extend(["rehearse", "shim", "supervise"]);
    let mut faults = Vec::new();
    for source in files() {
        let path = source.path.as_str();
        if path != "README.md" && !path.starts_with("docs/") {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            for rest in line.split("`crew ").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
                let is_word = rest[end..].starts_with(['`', ' ']) && end > 0;
                if is_word && !verbs.contains(&rest[..end]) {
                    faults.push(format!("{path}:{}: `crew {}`", index + 1, &rest[..end]));
                }
            }
        }
    }
    check(&faults);
}

/// One that is missing counts as changed, and everything is built anew with every command.
#[test]
fn what_the_build_looks_at_is_there() {
    let mark = "cargo::rerun-if-changed=";
    let script = read(".cargo/build.rs");
    let paths = script.lines().filter_map(|line| line.split_once(mark)?.1.split('"').next());
    let paths: Vec<&str> = paths.collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| root().join(path).exists()), "{paths:?}");
}
