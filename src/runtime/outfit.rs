//! What an agent can reach crew with: its variables, its token, the program on its path, its MCP server.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;

use camino::{Utf8Path, Utf8PathBuf};

use super::brief::Desk;
use super::process::MARK;
use crate::agent::McpForm;
use crate::base::TaskId;
use crate::base::flow::StepKind;
use crate::base::path::{PathContext, PathError};
use crate::config::agent_environment;
use crate::plan::StepPlan;
use crate::store::files::{Durability, create_private_dir, write_atomic};
use crate::store::{AttemptDir, token};

/// The name by which agents call crew.
const PROGRAM: &str = "crew";

/// The attempt that is fitted out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outfit<'a> {
    pub desk: &'a Desk<'a>,
    pub id: &'a TaskId,
    pub step: &'a StepPlan,
    /// Number of the attempt.
    pub number: u32,
    /// Marks its processes.
    pub mark: &'a str,
    pub dir: &'a AttemptDir,
    /// The working folder.
    pub cwd: &'a Utf8Path,
}

impl Outfit<'_> {
    /// The variables of an agent; `names` are passed on besides the allow list, `set` is set.
    ///
    /// # Errors
    /// Files that they name cannot be written.
    pub fn environment(
        &self,
        names: &[String],
        set: &BTreeMap<String, String>,
    ) -> Result<Vec<(String, String)>, PathError> {
        let mut declared = names.to_vec();
        declared.extend(self.desk.passed.iter().cloned());
        let mut env = agent_environment(self.desk.env, &declared);
        env.extend(set.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.add_path(&mut env)?;
        env.extend(self.identity());
        let slot = self.id.slot().unwrap_or(1).to_string();
        let state = self.desk.state;
        let own = [
            ("CREW_SLOT", slot),
            ("CREW_EPOCH", state.epoch.to_string()),
            ("CREW_WORKTREE", self.cwd.to_string()),
            ("CREW_DEPTH", (state.created.depth + 1).to_string()),
            ("CREW_ROLE", self.step.role.clone()),
        ];
        env.extend(own.map(|(name, value)| (name.to_owned(), value)));
        Ok(env)
    }

    /// Gives the attempt its token; commands of a workflow have none, they speak for nobody.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn issue_token(&self) -> Result<(), PathError> {
        token::issue(self.dir, self.id, self.number)
    }

    /// Writes which MCP server the agent program is to start, and says where and what stands there.
    ///
    /// The server is told who it speaks for: not every program hands its own variables on.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn mcp(&self, form: McpForm) -> Result<(Utf8PathBuf, String), PathError> {
        let mut env: BTreeMap<String, String> = self.identity().into_iter().collect();
        env.insert(MARK.to_owned(), self.mark.to_owned());
        let text = mcp_text(form, self.desk.crew, &env);
        let path = self.dir.mcp_config();
        write_atomic(&path, text.as_bytes(), Durability::Quick)?;
        Ok((path, text))
    }

    /// Who the agent is; the token itself is only in its file.
    fn identity(&self) -> Vec<(String, String)> {
        let mut own = vec![
            ("CREW_RUN", self.desk.state.reference()),
            ("CREW_RUN_DIR", self.desk.dir.path().to_string()),
            ("CREW_TASK", self.id.to_string()),
            ("CREW_ATTEMPT_NUMBER", self.number.to_string()),
        ];
        if self.step.kind != StepKind::Command {
            own.push(("CREW_TOKEN_FILE", self.dir.token().to_string()));
        }
        own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Puts crew at the end of the path: what the person has comes first.
    fn add_path(&self, env: &mut Vec<(String, String)>) -> Result<(), PathError> {
        let crew = self.desk.crew;
        let folder = match crew.parent() {
            Some(folder) if crew.file_name() == Some(PROGRAM) => folder.to_owned(),
            _ => self.linked()?,
        };
        // The last entry of a name is the one that counts.
        match env.iter_mut().rev().find(|(name, _)| name == "PATH") {
            Some((_, path)) if path.split(':').any(|entry| entry == folder) => {}
            Some((_, path)) if !path.is_empty() => {
                path.push(':');
                path.push_str(folder.as_str());
            }
            Some((_, path)) => *path = folder.into_string(),
            None => env.push(("PATH".to_owned(), folder.into_string())),
        }
        Ok(())
    }

    /// A folder with the program under its own name.
    fn linked(&self) -> Result<Utf8PathBuf, PathError> {
        let folder = self.desk.dir.programs();
        create_private_dir(&folder)?;
        let link = folder.join(PROGRAM);
        if link.read_link_utf8().is_ok_and(|target| target == self.desk.crew) {
            return Ok(folder);
        }
        let fresh = folder.join(format!(".{PROGRAM}-{}", self.mark));
        symlink(self.desk.crew, &fresh).at("cannot link", &fresh)?;
        std::fs::rename(&fresh, &link).at("cannot link", &link)?;
        Ok(folder)
    }
}

/// crew's MCP server in the words of a program.
fn mcp_text(form: McpForm, crew: &Utf8Path, env: &BTreeMap<String, String>) -> String {
    let args = ["mcp", "--agent"];
    let mut server = serde_json::json!({"command": crew, "args": args, "env": env});
    match form {
        McpForm::Servers => {}
        McpForm::Claude => server["alwaysLoad"] = true.into(),
        McpForm::Gemini => server["trust"] = true.into(),
        McpForm::Opencode => {
            let command = [crew.as_str(), args[0], args[1]];
            let local = serde_json::json!({
                "type": "local", "command": command, "environment": env, "enabled": true,
            });
            return serde_json::json!({"mcp": {PROGRAM: local}}).to_string();
        }
        McpForm::Codex => {
            // Strings of JSON are strings of TOML; its tables are written in another way.
            let env: Vec<String> =
                env.iter().map(|(key, value)| format!("{key}={}", quoted(value))).collect();
            return format!(
                "{{command={},args=[{},{}],env={{{}}},default_tools_approval_mode=\"approve\"}}",
                quoted(crew.as_str()),
                quoted(args[0]),
                quoted(args[1]),
                env.join(",")
            );
        }
    }
    serde_json::json!({"mcpServers": {PROGRAM: server}}).to_string()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
