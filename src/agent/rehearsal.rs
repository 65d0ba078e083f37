//! The rehearsal agent as a runtime: crew itself plays the role, without a model.

use camino::Utf8Path;

use super::decoder::OutputFormat;
use super::spec::{PromptVia, RuntimeSpec};
use super::template;

/// Name of the runtime.
pub const NAME: &str = "rehearsal";

/// The rehearsal runtime, with a script (a file, a folder or `@demo`) and a speed.
///
/// A speed of 2 halves every pause, 0 leaves them out. Nothing of the project is read unless
/// `script` names it: scripts run commands, so the caller asks first whether it is trusted.
pub fn spec(script: Option<&Utf8Path>, speed: Option<f64>) -> RuntimeSpec {
    let mut command: Vec<String> =
        ["{crew}", "rehearse", "--prompt", "{prompt_file}"].map(str::to_owned).to_vec();
    if let Some(script) = script {
        command.extend(["--script".to_owned(), template::literal(script.as_str())]);
    }
    if let Some(speed) = speed {
        command.extend(["--speed".to_owned(), speed.to_string()]);
    }
    let mut resume = command.clone();
    resume.extend(["--session".to_owned(), "{session}".to_owned()]);
    RuntimeSpec {
        name: NAME.to_owned(),
        command,
        prompt: PromptVia::File,
        output: OutputFormat::Crew,
        resume: Some(resume),
        ..RuntimeSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::{InvocationInput, StdinPlan};
    use crate::base::flow::Permission;

    #[test]
    fn the_command_is_crew_itself() {
        let spec = spec(Some(Utf8Path::new("/a {model} {{task}} {/s.toml")), Some(0.5));
        let task = "review/1".parse().expect("valid");
        let mut input = InvocationInput {
            crew: Utf8Path::new("/opt/my crew"),
            prompt_file: Utf8Path::new("/run/prompt.md"),
            prompt_text: "unused",
            worktree: Utf8Path::new("/wt"),
            task: &task,
            model: Some("any"),
            session: None,
            mcp_config: None,
            mcp_text: None,
            permission: Permission::Edit,
        };
        let fresh = spec.invocation(&input).expect("valid");
        assert_eq!(
            fresh.argv,
            [
                "/opt/my crew",
                "rehearse",
                "--prompt",
                "/run/prompt.md",
                "--script",
                "/a {model} {{task}} {/s.toml",
                "--speed",
                "0.5"
            ]
        );
        assert_eq!(fresh.stdin, StdinPlan::None);
        input.session = Some("rehearsal-review.1");
        let resumed = spec.invocation(&input).expect("valid");
        assert_eq!(resumed.argv[8..], ["--session", "rehearsal-review.1"]);
    }
}
