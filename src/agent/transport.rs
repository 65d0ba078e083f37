//! Whether a program has its prompt and nothing more, or takes input while it works.

use serde::Deserialize;
use toml::Table;

use super::decoder::OutputFormat;
use super::live::Protocol;
use super::spec::{McpForm, PromptVia, RuntimeSpec, SpecProblem, permissions, value, words};

/// The two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Transport {
    Headless,
    Live,
}

/// Makes it the runtime in the way that its table chooses: live where it knows no other, else headless.
pub(super) fn choose(spec: &mut RuntimeSpec, table: &Table) -> Result<(), SpecProblem> {
    let protocol: Option<Protocol> = value(table, "live", "one of `claude`, `pi`, `codex`, `acp`")?;
    let transport: Option<Transport> = value(table, "transport", "`headless` or `live`")?;
    let (command, resume) = (words(table, "live_command")?, words(table, "live_resume")?);
    let Some(protocol) = protocol else {
        let is_live = transport == Some(Transport::Live);
        let key = [("transport", is_live), ("live_command", !command.is_empty())];
        return match key.into_iter().find(|(_, is_set)| *is_set) {
            Some((key, _)) => Err(SpecProblem::NoProtocol { key }),
            None => Ok(()),
        };
    };
    let levels = permissions(table, "live_permissions")?;
    let only_live = command.is_empty() && transport.is_none();
    if transport != Some(Transport::Live) && !only_live {
        spec.permissions.note_live(levels);
        return Ok(());
    }
    // Arguments for a model are those of the other way.
    spec.asks_model =
        protocol.resumes_by_itself() && (!command.is_empty() || spec.model.is_empty());
    if !command.is_empty() {
        spec.command = command;
        spec.resume = None;
    }
    if !resume.is_empty() {
        spec.resume = Some(resume);
    }
    spec.permissions.extend(levels);
    spec.prompt = PromptVia::Stdin;
    spec.output = match (protocol, spec.output) {
        // It prints the same family in its own way.
        (Protocol::Claude, OutputFormat::Qwen) => OutputFormat::Qwen,
        (Protocol::Claude, _) => OutputFormat::Claude,
        (Protocol::Pi, _) => OutputFormat::Pi,
        (Protocol::Codex, _) => OutputFormat::CodexServer,
        (Protocol::Acp, _) => OutputFormat::Acp,
    };
    if protocol == Protocol::Acp {
        // The driver tells it of servers in the words of the protocol.
        spec.mcp_form = McpForm::Servers;
        (spec.mcp, spec.mcp_set) = Default::default();
    }
    spec.live = Some(protocol);
    Ok(())
}

impl Protocol {
    /// Whether the driver itself asks for the session to go on with; other programs take it as an argument.
    pub fn resumes_by_itself(self) -> bool {
        matches!(self, Self::Codex | Self::Acp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::text::error_chain;

    fn spec(text: &str) -> Result<RuntimeSpec, String> {
        let table: Table = text.parse().expect("TOML");
        RuntimeSpec::from_table("mytool", &table).map_err(|error| error_chain(&error))
    }

    #[test]
    fn a_program_is_live_when_it_is_wanted_or_knows_no_other_way() {
        let both = "command = 't -p {prompt}'\nresume = 't {session}'\noutput = 'qwen'\n\
            live = 'claude'\nlive_command = 't --stream'\nlive_resume = 't --stream {session}'\n";
        let headless = spec(both).expect("valid");
        assert_eq!((headless.live, headless.prompt), (None, PromptVia::Arg));
        assert_eq!(headless.command, ["t", "-p", "{prompt}"]);
        let live = spec(&format!("{both}transport = 'live'")).expect("valid");
        assert_eq!((live.live, live.prompt), (Some(Protocol::Claude), PromptVia::Stdin));
        assert_eq!((live.command.len(), live.output), (2, OutputFormat::Qwen));
        assert_eq!(live.resume.expect("kept").len(), 3);
        let acp = spec("command = 'agent --acp'\nlive = 'acp'").expect("valid");
        assert_eq!((acp.live, acp.output), (Some(Protocol::Acp), OutputFormat::Acp));
        let told = spec("command = 't'\nlive = 'acp'\ntransport = 'headless'").expect("valid");
        assert_eq!(told.live, None);
    }

    #[test]
    fn a_live_command_needs_a_protocol() {
        for (text, part) in [
            ("command = 't'\ntransport = 'live'", "`transport` needs `live`"),
            ("command = 't'\nlive_command = 'x'", "`live_command` needs `live`"),
            ("command = 't'\nlive = 'telnet'", "`live` must be one of"),
            ("command = 't'\nlive = 'pi'\ntransport = 'fax'", "must be `headless` or `live`"),
        ] {
            let error = spec(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
