//! Finds the resource files of the program, the user and the project, and reads them when they are asked for.
//!
//! Order: built-in, user, project. A user's file takes the place of a built-in one of the same name; a project's
//! file never takes the place of another, so that a repository cannot quietly become your `executor`. Whoever wins,
//! the loser is reported. Built-in files are parsed one by one, the others all at once per kind, because their
//! names stand inside them. This is the only file of the layer that does input.

use std::collections::BTreeMap;
use std::fs;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::text::did_you_mean;

use super::agent::{self, AgentFile};
use super::builtin::{self, Builtin};
use super::diagnostic::{Diagnostic, Findings};
use super::file::{Problem, read_text};
use super::kind::{Kind, Scope};
use super::skill::{self, SkillFile};
use super::team::{self, TeamFile};
use super::value::Pos;
use super::workflow::{self, WorkflowFile};

/// Where to look besides the program itself.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// The user's configuration folder of crew.
    pub user: Option<Utf8PathBuf>,
    /// The root of the project.
    pub project: Option<Utf8PathBuf>,
}

/// Where a resource comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Who brought it.
    pub scope: Scope,
    /// The file; for a built-in one its path in crew's repository.
    pub path: Utf8PathBuf,
}

/// One resource as it was read.
#[derive(Debug, Clone)]
pub struct Resource<T> {
    /// What the file says.
    pub file: T,
    /// Where it comes from.
    pub origin: Origin,
    /// The file's text.
    pub text: String,
    /// What its parser found.
    pub diagnostics: Vec<Diagnostic>,
}

/// There is no resource of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {kind} is called `{name}`")]
pub struct NotFound {
    /// What was looked for.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// The name that was probably meant.
    pub did_you_mean: Option<String>,
    /// All names there are.
    pub available: Vec<String>,
}

impl NotFound {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match &self.did_you_mean {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", self.available.join(", ")),
        }
    }
}

/// Every resource that can be named.
#[derive(Debug)]
pub struct Catalog {
    agents: Shelf<AgentFile>,
    teams: Shelf<TeamFile>,
    workflows: Shelf<WorkflowFile>,
    skills: Shelf<SkillFile>,
}

impl Catalog {
    /// Prepares a catalog. Nothing is read before it is asked for.
    pub fn load(roots: &Roots) -> Self {
        Self {
            agents: Shelf::new(Kind::Agent, roots, builtin::AGENTS, agent::parse, |file| {
                &file.name
            }),
            teams: Shelf::new(Kind::Team, roots, builtin::TEAMS, team::parse, |file| &file.name),
            workflows: Shelf::new(
                Kind::Workflow,
                roots,
                builtin::WORKFLOWS,
                workflow::parse,
                |file| &file.name,
            ),
            skills: Shelf::new(Kind::Skill, roots, builtin::SKILLS, skill::parse, |file| {
                &file.name
            }),
        }
    }

    /// The agent of that name.
    pub fn agent(&self, name: &str) -> Result<&Resource<AgentFile>, NotFound> {
        self.agents.get(name)
    }

    /// The team of that name.
    pub fn team(&self, name: &str) -> Result<&Resource<TeamFile>, NotFound> {
        self.teams.get(name)
    }

    /// The workflow of that name.
    pub fn workflow(&self, name: &str) -> Result<&Resource<WorkflowFile>, NotFound> {
        self.workflows.get(name)
    }

    /// The skill of that name.
    pub fn skill(&self, name: &str) -> Result<&Resource<SkillFile>, NotFound> {
        self.skills.get(name)
    }

    /// All agents by name.
    pub fn agents(&self) -> Vec<&Resource<AgentFile>> {
        self.agents.all()
    }

    /// All teams by name.
    pub fn teams(&self) -> Vec<&Resource<TeamFile>> {
        self.teams.all()
    }

    /// All workflows by name.
    pub fn workflows(&self) -> Vec<&Resource<WorkflowFile>> {
        self.workflows.all()
    }

    /// All skills by name.
    pub fn skills(&self) -> Vec<&Resource<SkillFile>> {
        self.skills.all()
    }

    /// All names of one kind.
    pub fn names(&self, kind: Kind) -> Vec<&str> {
        match kind {
            Kind::Agent => self.agents.names(),
            Kind::Team => self.teams.names(),
            Kind::Workflow => self.workflows.names(),
            Kind::Skill => self.skills.names(),
        }
    }

    /// What was found while reading: of every file that parsers saw, files that could not be read, files that lost.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.agents.diagnostics();
        all.extend(self.teams.diagnostics());
        all.extend(self.workflows.diagnostics());
        all.extend(self.skills.diagnostics());
        all.sort();
        all
    }
}

type Parse<T> = fn(&Utf8Path, &str) -> (T, Vec<Diagnostic>);

/// All resources of one kind.
#[derive(Debug)]
struct Shelf<T> {
    kind: Kind,
    roots: Roots,
    builtin: Vec<(Builtin, OnceLock<Resource<T>>)>,
    found: OnceLock<FoundFiles<T>>,
    parse: Parse<T>,
    name_of: fn(&T) -> &String,
}

#[derive(Debug)]
struct FoundFiles<T> {
    by_name: BTreeMap<String, Resource<T>>,
    diagnostics: Vec<Diagnostic>,
}

impl<T> Shelf<T> {
    fn new(
        kind: Kind,
        roots: &Roots,
        builtin: &[Builtin],
        parse: Parse<T>,
        name_of: fn(&T) -> &String,
    ) -> Self {
        Self {
            kind,
            roots: roots.clone(),
            builtin: builtin.iter().map(|file| (*file, OnceLock::new())).collect(),
            found: OnceLock::new(),
            parse,
            name_of,
        }
    }

    fn get(&self, name: &str) -> Result<&Resource<T>, NotFound> {
        let found = || self.found().by_name.get(name);
        found().or_else(|| self.builtin(name)).ok_or_else(|| {
            let available = self.names();
            NotFound {
                kind: self.kind,
                name: name.to_owned(),
                did_you_mean: did_you_mean(name, available.iter().copied()).map(str::to_owned),
                available: available.into_iter().map(str::to_owned).collect(),
            }
        })
    }

    fn builtin(&self, name: &str) -> Option<&Resource<T>> {
        let (file, cell) = self.builtin.iter().find(|(file, _)| file.name == name)?;
        Some(cell.get_or_init(|| {
            let path = Utf8PathBuf::from(format!("built-in/{}", file.path));
            self.resource(Scope::Builtin, path, file.text.to_owned())
        }))
    }

    fn resource(&self, scope: Scope, path: Utf8PathBuf, text: String) -> Resource<T> {
        let (file, diagnostics) = (self.parse)(&path, &text);
        Resource { file, origin: Origin { scope, path }, text, diagnostics }
    }

    fn names(&self) -> Vec<&str> {
        let found = self.found().by_name.keys().map(String::as_str);
        let mut names: Vec<&str> =
            self.builtin.iter().map(|(file, _)| file.name).chain(found).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn all(&self) -> Vec<&Resource<T>> {
        let names = self.names().into_iter();
        names.filter_map(|name| self.get(name).ok()).collect()
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        let mut all = self.found().diagnostics.clone();
        for resource in self.all() {
            all.extend(resource.diagnostics.iter().cloned());
        }
        all
    }

    fn found(&self) -> &FoundFiles<T> {
        self.found.get_or_init(|| {
            let mut found = FoundFiles { by_name: BTreeMap::new(), diagnostics: Vec::new() };
            for (scope, path) in candidates(self.kind, &self.roots, &mut found.diagnostics) {
                let project = self.roots.project.as_deref();
                let inside = project.filter(|_| scope == Scope::Project);
                match read_text(&path, inside) {
                    Ok(text) => self.add(self.resource(scope, path, text), &mut found),
                    Err((message, fix)) => found.diagnostics.extend(one_error(&path, message, fix)),
                }
            }
            found
        })
    }

    /// Puts a file on the shelf, unless its name is taken by a stronger one.
    fn add(&self, resource: Resource<T>, found: &mut FoundFiles<T>) {
        let name = (self.name_of)(&resource.file).clone();
        let mut findings = Findings::new(&resource.origin.path);
        let builtin = self.builtin.iter().find(|(file, _)| file.name == name);
        if let Some(winner) = found.by_name.get(&name) {
            findings.warning(
                Pos::START,
                format!(
                    "{} `{name}` is not used: {} is found first",
                    self.kind, winner.origin.path
                ),
                "give it another name",
            );
        } else if let (Some(_), Scope::Project) = (builtin, resource.origin.scope) {
            findings.warning(
                Pos::START,
                format!(
                    "{} `{name}` is not used: a project file cannot replace the built-in one",
                    self.kind
                ),
                "give it another name, or put it into your own configuration folder",
            );
        } else {
            if builtin.is_some() {
                findings.info(
                    Pos::START,
                    format!("{} `{name}` takes the place of the built-in one", self.kind),
                    "",
                );
            }
            found.by_name.insert(name, resource);
        }
        found.diagnostics.extend(findings.finish());
    }
}

/// The files that may hold resources of a kind, the stronger ones first.
fn candidates(
    kind: Kind,
    roots: &Roots,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(Scope, Utf8PathBuf)> {
    let mut folders = Vec::new();
    if let Some(user) = &roots.user {
        folders.push((Scope::User, user.join(kind.folder())));
    }
    if let Some(project) = &roots.project {
        let of_others: &[&str] = match kind {
            Kind::Agent => &[".claude/agents", ".pi/teams/agents"],
            Kind::Team => &[".pi/teams/teams"],
            Kind::Workflow => &[".pi/teams/workflows"],
            Kind::Skill => &[".claude/skills", ".agents/skills"],
        };
        let own = format!(".crew/{}", kind.folder());
        let all = std::iter::once(own.as_str()).chain(of_others.iter().copied());
        folders.extend(all.map(|folder| (Scope::Project, project.join(folder))));
    }
    let mut files = Vec::new();
    for (scope, folder) in folders {
        match list(kind, &folder) {
            Ok(paths) => files.extend(paths.into_iter().map(|path| (scope, path))),
            Err((message, fix)) => diagnostics.extend(one_error(&folder, message, fix)),
        }
    }
    files
}

fn one_error(path: &Utf8Path, message: String, fix: &str) -> Vec<Diagnostic> {
    let mut findings = Findings::new(path);
    findings.error(Pos::START, message, fix);
    findings.finish()
}

/// The files of a folder in the order of their names; a folder that does not exist is empty.
fn list(kind: Kind, folder: &Utf8Path) -> Result<Vec<Utf8PathBuf>, Problem> {
    let problem = |error: std::io::Error| {
        (format!("the folder cannot be read: {error}"), "look at its permissions")
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(problem(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(problem)?.path();
        let Ok(path) = Utf8PathBuf::from_path_buf(path) else {
            // A name that is not UTF-8 cannot be typed as the name of a resource either.
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_owned();
        if name.starts_with('.') {
            continue;
        }
        if kind == Kind::Skill {
            let file = path.join("SKILL.md");
            if file.is_file() {
                files.push(file);
            }
        } else if kind.is_file_name(&name) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
