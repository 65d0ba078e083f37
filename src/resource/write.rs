//! Starting files for new resources: short, commented, and without a finding.

use crate::base::id::{NameError, check_name};

use super::kind::Kind;

/// The text of a new resource; [`Kind::file`] says where it belongs.
///
/// # Errors
/// The name cannot name a resource.
pub fn template(kind: Kind, name: &str) -> Result<String, NameError> {
    check_name(name)?;
    let text = match kind {
        Kind::Agent => AGENT,
        Kind::Team => TEAM,
        Kind::Workflow => WORKFLOW,
        Kind::Skill => SKILL,
    };
    Ok(text.replace("{{name}}", name))
}

const AGENT: &str = "---
name: {{name}}
description: What this agent does, in one line
tools: read, grep, find, ls, bash, edit, write   # leave out bash, edit and write for a reader
skills: safe-shell, verify-before-done
# runtime: claude          # claude, codex, pi, opencode, gemini or one of your configuration
# model: a-model-name      # left out: the runtime's choice
# triggers: words, of a goal, that call for it
---

You are the {{name}} of a team. Say here what you are responsible for and what you leave alone.

How to work
1. What to look at first.
2. What to do, in which order.
3. What to check before you finish.

Your answer
- **Result**: what you found or did, with evidence as `path:line`.
- **Checks**: commands as you ran them, with their results.
- **Open**: what is left.

Stop when the result is checked, or when you cannot go on; then say why.
";

const TEAM: &str = "---
name: {{name}}
description: What this team is for, in one line
defaultWorkflow: default
maxConcurrency: 2
# triggers: words, of a goal, that call for it
# useWhen: when it is the right choice
---

One line per role: who plays it, and what it does here. `runtime=`, `model=`, `skills=` and `maxConcurrency=` may follow
`agent=`.

- explorer: agent=explorer maps the code that matters for the goal
- planner: agent=planner writes the plan
- executor: agent=executor carries it out
- verifier: agent=verifier proves the result
";

const WORKFLOW: &str = "---
name: {{name}}
description: What this workflow does, in one line
maxConcurrency: 2
# params: { area: \"src\" }     # used as {param:area}, set with --param area=tests
# With gates and channels steps can send work back; see the built-in coding-v2.
---

## plan
role: planner
output: plan.md
access: read

Write the plan for this goal:

{goal}

## execute
role: executor
dependsOn: plan
# timeout: 30m

Carry out the plan:

{output:plan}

## verify
role: verifier
dependsOn: execute
verify: true

Verify that this goal is met: {goal}

End with the line `VERDICT: PASS` or `VERDICT: FAIL`.
";

const SKILL: &str = "---
name: {{name}}
description: What this skill teaches and when to use it, in one or two sentences
---

# {{name}}

Say what to do, step by step, as to a colleague who is new here.

1. First step, with the exact command or place.
2. Second step.

Signs that it went wrong, and what to do then.
";

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::resource::{Catalog, Roots, agent, lint, skill, team, workflow};

    #[test]
    fn new_files_have_no_findings() {
        let catalog = Catalog::load(&Roots::default());
        for (_, kind) in Kind::WORDS {
            let path = Utf8PathBuf::from(kind.file("my-new"));
            let text = template(*kind, "my-new").expect("valid name");
            let (name, mut findings) = match kind {
                Kind::Agent => {
                    let (file, mut findings) = agent::parse(&path, &text);
                    findings.extend(lint::agent(&file, &catalog));
                    (file.name, findings)
                }
                Kind::Team => {
                    let (file, mut findings) = team::parse(&path, &text);
                    findings.extend(lint::team(&file, &catalog));
                    assert_eq!(file.roles.len(), 4);
                    (file.name, findings)
                }
                Kind::Workflow => {
                    let (file, mut findings) = workflow::parse(&path, &text);
                    findings.extend(lint::workflow(&file, None, &catalog));
                    assert_eq!(file.steps.len(), 3);
                    (file.name, findings)
                }
                Kind::Skill => {
                    let (file, mut findings) = skill::parse(&path, &text);
                    findings.extend(lint::skill(&file));
                    (file.name, findings)
                }
            };
            findings.sort();
            assert_eq!((name.as_str(), findings), ("my-new", Vec::new()));
        }
    }

    #[test]
    fn a_name_that_is_none_gets_no_file() {
        assert!(template(Kind::Agent, "../x").is_err());
    }
}
