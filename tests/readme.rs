//! Runs what README.md shows, in a project of its own, and compares what is printed.
//!
//! Blocks are taken in the order of the file: `toml` is the user's configuration, `markdown` a workflow of the
//! project, and each line `$ …` of a `console` block is run by a shell. A line `...` stands for any lines. Times,
//! hashes, process numbers, random names and the width of columns are made alike on both sides.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

/// The program that the README calls `mytool`.
const MYTOOL: &str = r"#!/bin/sh
prompt=$(cat)
case $prompt in
  *'task `explore`'*) echo 'Orders live in orders.txt; nothing refunds them yet.' ;;
  *'task `plan`'*) echo 'One new file, refunds.txt, and a line in the README.' ;;
  *'task `execute`'*) echo 'order amount reason' >refunds.txt; echo 'Wrote refunds.txt.' ;;
  *) echo 'Every refund names its order.'; echo; echo 'VERDICT: PASS' ;;
esac
";

/// One fenced block of the README.
struct Block {
    line: usize,
    kind: String,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Block { line: index + 2, kind: kind.to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A home with `crew` and `mytool` on the path, and a repository in it.
struct Home {
    _dir: tempfile::TempDir,
    root: Utf8PathBuf,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let root = dir.path().canonicalize().expect("it exists");
        let root = Utf8PathBuf::try_from(root).expect("temporary folders have plain names");
        for folder in ["bin", "tmp", "shop", ".config/crew"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        symlink(env!("CARGO_BIN_EXE_crew"), root.join("bin/crew")).expect("a link");
        let tool = root.join("bin/mytool");
        fs::write(&tool, MYTOOL).expect("a script");
        fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).expect("executable");
        let home = Self { root, _dir: dir };
        let setup = "git init -q -b main && git config user.name ada && \
                     git config user.email ada@example.com && echo 1 >orders.txt && \
                     git add . && git commit -qm orders";
        let said = home.run(setup, "shop");
        assert_eq!(said, "", "setting the repository up");
        home
    }

    /// Runs a command line in a folder; both streams together, with paths as the README has them.
    fn run(&self, line: &str, folder: &str) -> String {
        let path = std::env::vars().find(|(name, _)| name == "PATH").map(|(_, path)| path);
        let path = format!("{}:{}", self.root.join("bin"), path.unwrap_or_default());
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {line}\n}} 2>&1")])
            .current_dir(self.root.join(folder))
            .env_clear()
            .envs([("PATH", path.as_str()), ("HOME", self.root.as_str()), ("USER", "ada")])
            .envs([("TMPDIR", self.root.join("tmp").as_str()), ("LANG", "C.UTF-8")])
            .output()
            .expect("sh can be started");
        String::from_utf8_lossy(&output.stdout)
            .replace(self.root.join("tmp").as_str(), "/tmp")
            .replace(self.root.as_str(), "/home/ada")
    }

    /// Folders of projects in which something was run.
    fn projects(&self) -> Vec<Utf8PathBuf> {
        let demos = fs::read_dir(self.root.join("tmp")).into_iter().flatten().flatten();
        let demos = demos.filter_map(|entry| Utf8PathBuf::try_from(entry.path()).ok());
        let all = demos.chain([self.root.join("shop")]);
        all.filter(|project| project.join(".crew/state/runs").exists()).collect()
    }
}

impl Drop for Home {
    /// Ends every run, so that no supervisor outlives its project.
    fn drop(&mut self) {
        for project in self.projects() {
            self.run("crew stop --all --yes", project.as_str());
            for run in
                fs::read_dir(project.join(".crew/state/runs")).into_iter().flatten().flatten()
            {
                let Ok(run) = Utf8PathBuf::try_from(run.path()) else { continue };
                let run = crew::store::RunDir::at(run);
                support::wait_until("the supervisor is gone", || {
                    !crew::launch::is_supervised(&run).unwrap_or(true)
                });
            }
        }
    }
}

/// The commands of a block with what they print.
fn commands(block: &Block) -> Vec<(usize, &str, Vec<&str>)> {
    let mut commands: Vec<(usize, &str, Vec<&str>)> = Vec::new();
    for (index, line) in block.text.lines().enumerate() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((block.line + index, command, Vec::new())),
            (None, Some((_, _, output))) => output.push(line),
            (None, None) => panic!("README.md:{}: output without a command", block.line),
        }
    }
    commands
}

/// One line with everything that differs from run to run made alike.
fn normal(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut before = "";
    for word in line.split_whitespace() {
        let normal = match before {
            "process" => "PROCESS".to_owned(),
            "--nonce" => "NONCE".to_owned(),
            _ => normal_word(word),
        };
        // `1m 20s` is one length of time.
        if normal.starts_with("TIME") && words.last().is_some_and(|last| last == "TIME") {
            words.pop();
        }
        words.push(normal);
        before = word;
    }
    words.join(" ")
}

fn normal_word(word: &str) -> String {
    let bare = word.trim_end_matches([':', ',', '.']);
    let rest = &word[bare.len()..];
    if is_length_of_time(bare) {
        return format!("TIME{rest}");
    }
    if let Some((before, after)) = bare.split_once("crew-demo-") {
        let name = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        return format!("{before}crew-demo-NAME{}{rest}", &after[name..]);
    }
    let is_commit = bare.len() == 10 && bare.chars().all(|c| c.is_ascii_hexdigit());
    if is_commit { format!("COMMIT{rest}") } else { word.to_owned() }
}

fn is_length_of_time(word: &str) -> bool {
    let Some(at) = word.find(|c: char| c.is_ascii_lowercase()) else { return false };
    let (number, unit) = word.split_at(at);
    matches!(unit, "ms" | "s" | "m" | "h" | "d") && number.parse::<f64>().is_ok()
}

/// The lines are as expected; `...` stands for any number of lines.
fn fits(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=actual.len()).any(|skipped| fits(rest, &actual[skipped..]))
        }
        Some((first, rest)) => actual
            .split_first()
            .is_some_and(|(line, more)| is_same_line(first, line) && fits(rest, more)),
    }
}

/// Where a cell was cut depends on the width of the others.
fn is_same_line(expected: &str, actual: &str) -> bool {
    match (expected.strip_suffix('…'), actual.strip_suffix('…')) {
        (Some(left), Some(right)) => left.starts_with(right) || right.starts_with(left),
        (Some(left), None) => actual.starts_with(left),
        (None, Some(right)) => expected.starts_with(right),
        (None, None) => expected == actual,
    }
}

fn lines(text: &str) -> Vec<String> {
    let text = text.trim_end();
    if text.is_empty() { Vec::new() } else { text.lines().map(normal).collect() }
}

#[test]
fn what_the_readme_shows_is_what_crew_prints() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(readme).expect("README.md is there");
    let home = Home::new();
    let mut count = 0;
    for block in blocks(&readme) {
        match block.kind.as_str() {
            "toml" => {
                let file = home.root.join(".config/crew/config.toml");
                fs::write(file, &block.text).expect("the configuration");
            }
            "markdown" => write_workflow(&home.root, &block),
            "console" => {
                for (line, command, expected) in commands(&block) {
                    // The program is built already, and its pauses are for people.
                    let real =
                        command.replace("cargo run --release -- demo", "crew demo --speed 0");
                    let printed = home.run(&real, "shop");
                    let wanted = expected.join("\n");
                    assert!(
                        fits(&lines(&wanted), &lines(&printed)),
                        "README.md:{line}: `{command}` prints\n{printed}\nand not\n{wanted}"
                    );
                    count += 1;
                }
            }
            _ => {}
        }
    }
    assert!(count >= 5, "only {count} commands were found");
}

fn write_workflow(root: &Utf8Path, block: &Block) {
    let name = block.text.lines().find_map(|line| line.strip_prefix("name: "));
    let name = name.unwrap_or_else(|| panic!("README.md:{}: a workflow has a name", block.line));
    let folder = root.join("shop/.crew/workflows");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{name}.workflow.md")), &block.text).expect("a workflow");
}

#[test]
fn lines_differ_when_their_words_do() {
    let same = |left: &str, right: &str| fits(&lines(left), &lines(right));
    assert!(same("  1.2s  run   done", "   87ms run done"));
    assert!(same("a\n...\nz", "a\nb\nc\nz"));
    assert!(same("after 1m 20s: x", "after 3ms: x"));
    assert!(same("in /tmp/crew-demo-u27yHE: a", "in /tmp/crew-demo-Abc123: a"));
    assert!(same("process 12", "process 34567"));
    assert!(same("--nonce 7d0f --yes", "--nonce a6a9 --yes"));
    assert!(same("One new file, ref…", "One new file, refunds.txt"));
    assert!(!same("run done", "run failed"));
    assert!(!same("a\n...\nz", "a\nb"));
    assert!(!same("7 files", "8 files"));
    assert!(!same("a", "a\nb"));
}
