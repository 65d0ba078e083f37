//! The four kinds of resources, and who brings them.

use crate::base::flow::words;

words! {
    /// A kind of resource.
    Kind {
        /// A role definition.
        Agent = "agent",
        /// Roles and their agents.
        Team = "team",
        /// Steps, channels and gates.
        Workflow = "workflow",
        /// Instructions for prompts.
        Skill = "skill",
    }
}

words! {
    /// Who brings a resource.
    Scope {
        /// The program.
        Builtin = "built-in",
        /// The user's configuration folder.
        User = "user",
        /// The project.
        Project = "project",
    }
}

impl Kind {
    /// The folder for files of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Agent => "agents",
            Self::Team => "teams",
            Self::Workflow => "workflows",
            Self::Skill => "skills",
        }
    }

    /// Path of a file of this kind, relative to the user's or project's folder of crew.
    pub fn file(self, name: &str) -> String {
        let folder = self.folder();
        match self {
            Self::Agent => format!("{folder}/{name}.md"),
            Self::Team => format!("{folder}/{name}.team.md"),
            Self::Workflow => format!("{folder}/{name}.workflow.md"),
            Self::Skill => format!("{folder}/{name}/SKILL.md"),
        }
    }

    /// Whether a file of that name in the folder is of this kind.
    pub(super) fn is_file_name(self, name: &str) -> bool {
        match self {
            Self::Agent => {
                let is_other = [".team.md", ".workflow.md"].iter().any(|end| name.ends_with(end));
                name.strip_suffix(".md")
                    .is_some_and(|stem| !is_other && !stem.eq_ignore_ascii_case("readme"))
            }
            Self::Team => name.ends_with(".team.md"),
            Self::Workflow => name.ends_with(".workflow.md"),
            Self::Skill => name == "SKILL.md",
        }
    }
}
