//! A project with the real programs and a model that answers by a script.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::process::{Child, Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use crate::project::TestEnv;

/// Everything that a test needs; the model ends with it.
pub struct Stage {
    pub env: TestEnv,
    model: Child,
    url: String,
}

impl Stage {
    /// A model with these rules, and every program set up to ask it.
    #[expect(
        clippy::disallowed_methods,
        reason = "only whoever runs the tests knows where the programs are"
    )]
    pub fn new(rules: &Value) -> Self {
        let env = TestEnv::new();
        let programs = std::env::var("CREW_REAL_AGENTS").expect("CREW_REAL_AGENTS names a folder");
        for name in ["claude", "codex", "pi", "node"] {
            let program = Utf8Path::new(&programs).join(name);
            assert!(program.exists(), "`{program}` is missing");
            symlink(program, env.root.join("bin").join(name)).expect("a link");
        }
        for name in AGENTS {
            let program = Utf8Path::new(&programs).join(name);
            if program.exists() {
                symlink(program, env.root.join("bin").join(name)).expect("a link");
            }
        }
        let (model, url) = start_model(rules);
        let home = env.root.join("home");
        write(&home.join(".codex/config.toml"), &CODEX.replace("{url}", &url));
        let models = json!({"providers": {"fake": {
            "baseUrl": format!("{url}/v1"), "api": "openai-completions", "apiKey": "$FAKE_API_KEY",
            "models": [{"id": "fake-model"}],
        }}});
        write(&home.join(".pi/agent/models.json"), &models.to_string());
        write(&home.join(".pi/agent/settings.json"), PI);
        write(&home.join("opencode.json"), &OPENCODE.replace("{url}", &url));
        write(&home.join(".gemini/settings.json"), &SETTINGS.replace("{auth}", "gemini-api-key"));
        write(&home.join(".qwen/settings.json"), &SETTINGS.replace("{auth}", "openai"));
        let stage = Self { env, model, url };
        stage.env.config(&stage.table());
        stage
    }

    /// What a user with a provider of their own writes.
    fn table(&self) -> String {
        let home = self.env.root.join("home");
        CREW.replace("{url}", &self.url).replace("{home}", home.as_str())
    }

    /// Whether a program that not every folder of programs holds is there.
    pub fn has(&self, name: &str) -> bool {
        self.env.root.join("bin").join(name).exists()
    }

    /// Adds lines to the table of a program.
    pub fn configure(&self, program: &str, more: &str) {
        let table = format!("[runtimes.{program}]\n");
        let text = self.table().replace(&table, &format!("{table}{more}"));
        self.env.config(&text);
    }

    /// Every program as crew knows it by itself, but for what leads it to the model; with lines for one of them.
    pub fn as_built_in(&self, program: &str, more: &str) {
        let table = format!("[runtimes.{program}]\n");
        let text = self.table().replace("transport = \"live\"\n", "");
        let text = text.replace("command = [\"qwen\", \"--acp\"]\nlive = \"acp\"\n", "");
        self.env.config(&text.replace(&table, &format!("{table}{more}")));
    }

    /// What a user has told the programs of a folder who works in it: that it is trusted, that the key is meant.
    pub fn knows(&self, folder: &Utf8Path) {
        let home = self.env.root.join("home");
        let project = self.env.project();
        let trust = json!({"hasTrustDialogAccepted": true, "hasCompletedProjectOnboarding": true});
        let claude = json!({
            "hasCompletedOnboarding": true, "theme": "dark",
            "bypassPermissionsModeAccepted": true, "customApiKeyResponses": {"approved": ["dummy"]},
            "projects": {folder.as_str(): trust.clone(), project.as_str(): trust},
        });
        write(&home.join(".claude.json"), &claude.to_string());
        let trusted = [folder, &project]
            .map(|folder| format!("[projects.\"{folder}\"]\ntrust_level = \"trusted\"\n"));
        let codex = CODEX.replace("{url}", &self.url) + &trusted.concat();
        write(&home.join(".codex/config.toml"), &codex);
    }

    /// A team whose roles are played by these programs.
    pub fn team(&self, name: &str, workflow: &str, roles: &[(&str, &str, &str)]) {
        let lines: Vec<String> = roles
            .iter()
            .map(|(role, agent, runtime)| {
                format!("- {role}: agent={agent} runtime={runtime} plays")
            })
            .collect();
        let roles = lines.join("\n");
        let text = format!(
            "---\nname: {name}\ndescription: d\ndefaultWorkflow: {workflow}\n---\n\n{roles}\n"
        );
        write(&self.env.root.join(format!("config/teams/{name}.team.md")), &text);
    }

    /// The last attempt's transcript, as `crew logs` shows it.
    pub fn transcript(&self, run: u32, task: &str) -> String {
        self.env.ok(&["logs", &format!("{run}/{task}")])
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.model.kill());
        drop(self.model.wait());
    }
}

fn start_model(rules: &Value) -> (Child, String) {
    let server = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/agents/fake_model.py");
    let script = json!({"rules": rules}).to_string();
    let mut model = Command::new("python3")
        .args([server, "--port", "0", "--max-seconds", "600", "--script", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 plays the model");
    let mut line = String::new();
    let output = model.stdout.take().expect("is piped");
    BufReader::new(output).read_line(&mut line).expect("it says where it listens");
    let port = line.trim().rsplit(' ').next().expect("a port").to_owned();
    (model, format!("http://127.0.0.1:{port}"))
}

fn write(path: &Utf8PathBuf, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

const CODEX: &str = r#"
model = "gpt-5.5"
model_provider = "fake"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.fake]
name = "fake"
base_url = "{url}/v1"
env_key = "FAKE_API_KEY"
wire_api = "responses"
supports_websockets = false
request_max_retries = 1
stream_max_retries = 1
"#;

/// Agents that not every folder of programs holds.
const AGENTS: [&str; 6] = ["opencode", "gemini", "qwen", "claude-agent-acp", "codex-acp", "pi-acp"];

const PI: &str = r#"{"defaultProvider": "fake", "defaultModel": "fake-model"}"#;

const OPENCODE: &str = r#"{"model": "fake/fake-model", "small_model": "fake/fake-model", "autoupdate": false,
"share": "disabled", "provider": {"fake": {"npm": "@ai-sdk/openai-compatible", "name": "fake",
"options": {"baseURL": "{url}/v1", "apiKey": "{env:FAKE_API_KEY}"},
"models": {"fake-model": {"name": "Fake", "limit": {"context": 200000, "output": 8000}, "cost": {"input": 1, "output": 2}}}}}}"#;

const SETTINGS: &str = r#"{"security": {"auth": {"selectedType": "{auth}"}}, "telemetry": {"enabled": false},
"privacy": {"usageStatisticsEnabled": false}, "general": {"enableAutoUpdate": false}}"#;

/// What a user with a provider of their own writes.
const CREW: &str = r#"
[risk]
profile = "none"
[runtimes.claude]
set = { ANTHROPIC_API_KEY = "dummy", ANTHROPIC_BASE_URL = "{url}", IS_SANDBOX = "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1" }
[runtimes.codex]
args = ["--disable", "plugins"]
login = []
set = { FAKE_API_KEY = "dummy" }
[runtimes.pi]
args = ["--provider", "fake", "--model", "fake-model"]
set = { FAKE_API_KEY = "dummy", PI_OFFLINE = "1" }
[runtimes.opencode]
transport = "live"
set = { FAKE_API_KEY = "dummy", OPENCODE_CONFIG = "{home}/opencode.json", OPENCODE_DISABLE_MODELS_FETCH = "1", OPENCODE_DISABLE_LSP_DOWNLOAD = "1", OPENCODE_DISABLE_DEFAULT_PLUGINS = "1" }
[runtimes.gemini]
transport = "live"
set = { GEMINI_API_KEY = "dummy", GOOGLE_GEMINI_BASE_URL = "{url}" }
[runtimes.qwen]
command = ["qwen", "--acp"]
live = "acp"
set = { OPENAI_API_KEY = "dummy", OPENAI_BASE_URL = "{url}/v1", OPENAI_MODEL = "fake-model" }
[runtimes.claude-agent-acp]
command = ["claude-agent-acp"]
live = "acp"
set = { ANTHROPIC_API_KEY = "dummy", ANTHROPIC_BASE_URL = "{url}", IS_SANDBOX = "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1", ENABLE_TOOL_SEARCH = "false" }
[runtimes.codex-acp]
command = ["codex-acp"]
live = "acp"
set = { FAKE_API_KEY = "dummy" }
[runtimes.pi-acp]
command = ["pi-acp"]
live = "acp"
set = { FAKE_API_KEY = "dummy", PI_OFFLINE = "1" }
"#;
