//! Rules of the configuration as a whole: layers, origins, what a project may, trust.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::*;

mod run;
mod trusting;

/// A home and a project on disk.
struct Place {
    _dir: tempfile::TempDir,
    path: Utf8PathBuf,
}

impl Place {
    fn new(user: &str, project: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
        let place = Self { _dir: dir, path };
        place.write("home/.config/crew/config.toml", user);
        place.write("shop/.crew/config.toml", project);
        place
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn root(&self) -> Utf8PathBuf {
        self.path.join("shop")
    }

    fn env(&self, more: &[(&str, &str)]) -> Environment {
        let home = ("HOME".to_owned(), self.path.join("home").to_string());
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        std::iter::once(home).chain(more).collect()
    }

    fn load(&self, variables: &[(&str, &str)], flags: &Overrides) -> Loaded {
        Config::load(&self.env(variables), Some(&self.root()), flags)
    }

    /// Faults with their hints; the folder of the test is written as `T`.
    fn said(&self, problems: &[Problem]) -> Vec<String> {
        let line = |problem: &Problem| {
            let hint = problem.hint.as_deref().unwrap_or("-");
            format!("{problem} | {hint}").replace(self.path.as_str(), "T")
        };
        problems.iter().map(line).collect()
    }

    fn row(&self, config: &Config, key: &str) -> String {
        let row = config.rows().iter().find(|row| row.key == key).unwrap();
        let origins: Vec<String> = row.origins.iter().map(ToString::to_string).collect();
        let value = row.value.as_deref().unwrap_or("-");
        format!("{value} # {}", origins.join(" + ")).replace(self.path.as_str(), "T")
    }
}

fn nothing() -> Overrides {
    Overrides::default()
}

#[test]
fn the_preset_is_valid_and_names_every_key_with_its_documented_default() {
    let loaded = Config::load(&Environment::default(), None, &nothing());
    assert_eq!(loaded.errors, []);
    let config = loaded.config;
    assert_eq!(config, Config::preset());
    let limits = &config.limits;
    assert_eq!((limits.runs, limits.agents, limits.machine, limits.max_depth), (4, 3, 8, 2));
    assert_eq!(
        (limits.max_output_bytes, limits.grace_ms, limits.silence_ms),
        (1 << 30, 5_000, 600_000)
    );
    assert_eq!((limits.ask_hold_ms, limits.first_output_ms), (60_000, 60_000));
    let beat = config.heartbeat;
    assert_eq!((beat.warn_ms, beat.stale_ms, beat.dead_ms), (30_000, 60_000, 300_000));
    assert_eq!((config.budget.steps, config.budget.minutes), (8, 20));
    assert_eq!((config.budget.tokens, config.budget.cost_usd), (None, None));
    assert_eq!((config.defaults.team.as_str(), config.defaults.workflow), ("default", None));
    assert_eq!((config.risk.profile, config.risk.keywords.len()), (RiskProfile::Strict, 15));
    assert_eq!(config.worktree.ttl_ms, 7 * 24 * 3_600_000);
    assert_eq!((config.completion.mode, config.defaults.autonomy), (None, 0));
    assert_eq!(config.completion.timeout_ms, 600_000);

    for key in keys::KEYS {
        let name = key.path.rsplit('.').find(|name| *name != "*").unwrap();
        assert!(PRESET.contains(name), "{} is missing in the preset", key.path);
    }
}

#[test]
fn every_example_of_the_table_is_right() {
    for key in keys::KEYS {
        let path = key.path.replace('*', "claude");
        let document = file::parse("x".as_ref(), &format!("{path} = {}", key.example));
        assert_eq!((document.errors.len(), document.values.len()), (0, 1), "{path}");
    }
}

#[test]
fn commented_examples_of_the_preset_are_right() {
    let mut source = String::new();
    for line in PRESET.lines() {
        let example =
            line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('['));
        source.push_str(example.unwrap_or(line));
        source.push('\n');
    }
    let document = file::parse("default.toml".as_ref(), &source);
    assert_eq!((document.errors, document.warnings), (Vec::new(), Vec::new()));
    assert_eq!(document.hooks.len(), 1);
}

#[test]
fn flags_win_over_variables_over_user_over_project_over_preset() {
    let user = "[defaults]\nteam = \"user\"\nmodel = \"user\"\nruntime = \"user\"\n";
    let project = "[defaults]\nteam = \"project\"\nworkflow = \"project\"\n";
    let place = Place::new(user, project);
    let variables = [
        ("CREW_DEFAULTS_MODEL", "env"),
        ("CREW_DEFAULTS_RUNTIME", "env"),
        ("CREW_LIMITS_RUNS", ""),
    ];
    let flags = nothing().with("-a", "defaults.runtime", "flag");
    let loaded = place.load(&variables, &flags);
    assert_eq!((place.said(&loaded.errors), place.said(&loaded.warnings)), (vec![], vec![]));
    for (key, expected) in [
        ("defaults.runtime", "\"flag\" # -a"),
        ("defaults.model", "\"env\" # CREW_DEFAULTS_MODEL"),
        ("defaults.team", "\"user\" # T/home/.config/crew/config.toml:2"),
        ("defaults.workflow", "\"project\" # T/shop/.crew/config.toml:3"),
        ("defaults.permission", "\"write\" # preset"),
        ("limits.runs", "4 # preset"),
        ("limits.grace", "\"5s\" # preset"),
        ("budget.cost", "- # "),
    ] {
        assert_eq!(place.row(&loaded.config, key), expected, "{key}");
    }
}

#[test]
fn a_project_may_tighten_and_not_loosen() {
    let user = "[limits]\nmachine = 20\n[paths]\nallow = [\"src/**\", \"docs/**\"]\n";
    let project = "\
[limits]
agents = 2
runs = 40
machine = 5
grace = \"10s\"
[limits.runtime]
claude = 1
[budget]
cost = 2.5
[risk]
profile = \"none\"
keywords = [\"refund\", \"deploy\"]
[paths]
deny = [\"*.pem\"]
allow = [\"src/**\"]
[worktree]
dir = \"../elsewhere\"
";
    let place = Place::new(user, project);
    let loaded = place.load(&[], &nothing());
    assert_eq!(place.said(&loaded.errors), [""; 0]);
    assert_eq!(
        place.said(&loaded.warnings),
        [
            "T/shop/.crew/config.toml:3:1: `limits.runs = 40` would loosen a limit; a project may only lower it, so 4 stays | if you want it, set it in `T/home/.config/crew/config.toml`",
            "T/shop/.crew/config.toml:5:1: `limits.grace = \"10s\"` would loosen a limit; a project may only lower it, so \"5s\" stays | if you want it, set it in `T/home/.config/crew/config.toml`",
            "T/shop/.crew/config.toml:11:1: `risk.profile = \"none\"` would loosen a rule; a project may only tighten it, so \"strict\" stays | if you want it, set it in `T/home/.config/crew/config.toml`",
            "T/shop/.crew/config.toml:17:1: `worktree.dir` of a project must be a folder inside it, not `../elsewhere`; it is ignored | if you want it, set it in `T/home/.config/crew/config.toml`",
        ]
    );
    let config = loaded.config;
    assert_eq!((config.limits.agents, config.limits.runs, config.limits.machine), (2, 4, 20));
    assert_eq!(config.limits.runtime["claude"], 1);
    assert_eq!(config.budget.cost_usd, Some(2.5));
    assert_eq!(config.paths.allow, ["src/**"]);
    assert_eq!(config.paths.deny.last().map(String::as_str), Some("*.pem"));
    assert_eq!(config.risk.keywords.len(), 16, "added once, the others stay");
    assert_eq!(config.origins.of("paths.deny").len(), 2);
}

#[test]
fn a_project_cannot_open_what_is_denied() {
    let place = Place::new(
        "[paths]\nallow = [\"src/**\"]\n",
        "[paths]\nallow = [\"**\"]\ndeny = [\"!.env\"]\n",
    );
    let loaded = place.load(&[], &nothing());
    assert_eq!(
        place.said(&loaded.warnings),
        [
            "T/shop/.crew/config.toml:2:1: `paths.allow` may only be narrowed by a project; `**` is not in your list, so yours stays | if you want it, set it in `T/home/.config/crew/config.toml`",
            "T/shop/.crew/config.toml:3:1: `paths.deny` may only grow in a project; the exception `!.env` makes the whole list ignored | if you want it, set it in `T/home/.config/crew/config.toml`",
        ]
    );
    assert_eq!(
        loaded.config.paths,
        Paths { allow: vec!["src/**".into()], ..Config::preset().paths }
    );
}

#[test]
fn a_forbidden_key_of_a_project_is_ignored_with_one_warning() {
    let project = "\
[runtimes.claude]
command = [\"sh\", \"-c\", \"evil\"]
env = [\"AWS_SECRET\"]
[state]
dir = \"/tmp\"
[defaults]
permission = \"full\"
autonomy = 5
env = [\"AWS_SECRET\"]
[ui.keys]
approve = \"j\"
";
    let place = Place::new("", project);
    let loaded = place.load(&[], &nothing());
    assert_eq!(loaded.errors, []);
    let hint =
        "is not for a project to set; it is ignored | move it to `T/home/.config/crew/config.toml`";
    assert_eq!(
        place.said(&loaded.warnings),
        [
            (2, "runtimes.claude"),
            (5, "state.dir"),
            (7, "defaults.permission"),
            (8, "defaults.autonomy"),
            (9, "defaults.env"),
            (11, "ui.keys.approve"),
        ]
        .map(|(line, key)| format!("T/shop/.crew/config.toml:{line}:1: `{key}` {hint}"))
    );
    let preset = Config::preset();
    assert_eq!(
        (loaded.config.defaults, loaded.config.runtimes),
        (preset.defaults, preset.runtimes)
    );
}

#[test]
fn without_a_home_there_is_no_user_configuration_and_one_warning() {
    let place = Place::new("broken", "[limits]\nagents = 1\n[state]\ndir = \"/x\"\n");
    let loaded = Config::load(&Environment::default(), Some(&place.root()), &nothing());
    assert_eq!(loaded.errors, []);
    assert_eq!(
        place.said(&loaded.warnings),
        [
            "HOME: not set, so there is no user configuration | set HOME, or CREW_CONFIG_DIR to a folder of your own",
            "T/shop/.crew/config.toml:4:1: `state.dir` is not for a project to set; it is ignored | move it to your own configuration (set HOME or CREW_CONFIG_DIR)",
        ]
    );
    assert_eq!(loaded.config.limits.agents, 1);
}

#[test]
fn faults_of_all_layers_come_together_and_the_good_values_stay() {
    let place = Place::new("[limits]\nagents = \"x\"\nruns = 7\n", "[heartbeat]\ndead = \"10s\"\n");
    let variables =
        [("CREW_LIMITS_MACHINE", "many"), ("CREW_LIMITS_AGNETS", "2"), ("CREW_RUN", "5")];
    let flags = nothing().with("--max-steps", "budget.steps", "0");
    let loaded = place.load(&variables, &flags);
    assert_eq!(
        place.said(&loaded.errors),
        [
            "T/home/.config/crew/config.toml:2:10: `limits.agents` must be a whole number from 1 to 10000, not the text `x` | write `agents = 3`",
            "CREW_LIMITS_MACHINE: `limits.machine` must be a whole number from 1 to 10000, not the text `many` | a right value is 8",
            "--max-steps: `budget.steps` must be a whole number from 1 to 200, not the text `0` | a right value is 8",
            "T/shop/.crew/config.toml:2:1: `heartbeat` must have `warn` < `stale` < `dead` | such as `warn = \"30s\"`, `stale = \"60s\"`, `dead = \"5m\"`",
        ]
    );
    assert_eq!(
        place.said(&loaded.warnings),
        [
            "CREW_LIMITS_AGNETS: no configuration key belongs to this variable | did you mean `CREW_LIMITS_AGENTS`?"
        ]
    );
    assert_eq!((loaded.config.limits.agents, loaded.config.limits.runs), (3, 7));
    assert_eq!(loaded.valid().unwrap_err().to_string(), "the configuration is invalid: 4 faults");
}

#[test]
fn names_that_lead_nowhere_are_errors() {
    let user = "\
[runtimes.cluade]
env = [\"KEY\"]
[runtimes.mine]
command = \"mine\"
[validation]
default = \"chekc\"
[validation.commands]
check = \"make check\"
";
    let place = Place::new(user, "");
    let loaded = place.load(&[], &nothing());
    assert_eq!(
        place.said(&loaded.errors),
        [
            "T/home/.config/crew/config.toml:4:11: `runtimes.mine.command` must be a list: the program and its arguments, not the text `mine` | write `command = [\"mytool\", \"--headless\"]`",
            "T/home/.config/crew/config.toml:2:1: `[runtimes.cluade]` has no `command`, and no built-in runtime has that name | did you mean `[runtimes.claude]`?",
            "T/home/.config/crew/config.toml:6:1: `validation.default` names `chekc`, which `[validation.commands]` does not have | did you mean `check`?",
        ]
    );
    let set = |value: &str| {
        let loaded = place.load(&[("CREW_VALIDATION_DEFAULT", value)], &nothing());
        loaded.config.validation.default_command().map(str::to_owned)
    };
    assert_eq!(set("check").as_deref(), Some("make check"));
    assert_eq!(set("cargo test -q").as_deref(), Some("cargo test -q"));
}

#[test]
fn files_that_cannot_be_read_are_errors_with_their_path() {
    let place = Place::new("", "");
    fs::write(place.root().join(".crew/config.toml"), b"[ui]\ntheme = \"\xff\"\n").unwrap();
    let user = place.path.join("home/.config/crew/config.toml");
    fs::remove_file(&user).unwrap();
    fs::create_dir(&user).unwrap();
    let loaded = place.load(&[], &nothing());
    assert_eq!(
        place.said(&loaded.errors),
        [
            "T/home/.config/crew/config.toml: this is not a file | remove it or give it another name",
            "T/shop/.crew/config.toml: the file is not UTF-8 text (line 2) | save it as UTF-8",
        ]
    );
}

#[test]
fn a_moved_folder_is_exact_for_a_variable_and_shared_out_for_the_users_file() {
    let place = Place::new("[state]\ndir = \"~/state\"\n[worktree]\ndir = \"trees\"\n", "");
    let root = place.root();
    let config = place.load(&[], &nothing()).config;
    let state = config.state_dir(&root).unwrap();
    assert_eq!(state.parent(), Some(place.path.join("home/state").as_path()));
    assert!(state.file_name().unwrap().starts_with("shop-"), "{state}");
    assert_ne!(config.state_dir(&place.path.join("other/shop")), Some(state));
    assert_eq!(config.worktrees_dir(&root), Some(root.join("trees")));
    let config = place.load(&[("CREW_STATE_DIR", "/var/x")], &nothing()).config;
    assert_eq!(config.state_dir(&root).as_deref(), Some(Utf8Path::new("/var/x")));
    assert_eq!(Config::preset().state_dir(&root), None);
    let place = Place::new("", "[worktree]\ndir = \".crew/state/trees\"\n");
    assert_eq!(
        place.said(&place.load(&[], &nothing()).errors),
        [
            "T/shop/.crew/config.toml:2:1: `worktree.dir` must not lie inside the state folder `T/shop/.crew/state` | leave it out for `.crew/worktrees`"
        ]
    );
}

#[test]
fn a_configuration_folder_inside_the_project_is_the_users() {
    let place = Place::new("", "[defaults]\nautonomy = 2\n[worktree]\nsetup = \"make\"\n");
    let folder = place.root().join(".crew");
    let loaded = place.load(&[("CREW_CONFIG_DIR", folder.as_str())], &nothing());
    assert_eq!((place.said(&loaded.warnings), loaded.config.defaults.autonomy), (vec![], 2));
    assert_eq!(loaded.config.executable, []);
}
