//! All schedules of a project: its own, and those of the user that name it.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::file::{Schedule, parse};
use crate::resource::{Diagnostic, Severity, read_text};

/// Whose a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The user's: `schedules/` beside the user's configuration.
    User,
    /// The project's: `.crew/schedules/`, executed after trust.
    Project,
}

impl Scope {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
        }
    }
}

/// The schedules of a project, and what is wrong with files that hold none.
#[derive(Debug, Default)]
pub struct Schedules {
    /// By name.
    pub list: Vec<Schedule>,
    /// One finding for each file that cannot be used; the others go on.
    pub broken: Vec<Diagnostic>,
    /// The folders that were looked into, whether they exist or not.
    pub folders: Vec<Utf8PathBuf>,
}

impl Schedules {
    /// Reads all schedules of the project at `root`; `user` is the folder of the user's configuration.
    ///
    /// A project's schedule loses against one of the user with the same name.
    pub fn load(root: &Utf8Path, user: Option<&Utf8Path>, home: Option<&str>) -> Self {
        let mut all = Self::default();
        let own = user.map(|folder| (Scope::User, folder.join("schedules")));
        let project = Some((Scope::Project, root.join(".crew/schedules")));
        for (scope, folder) in own.into_iter().chain(project) {
            all.read_folder(root, home, scope, &folder);
            all.folders.push(folder);
        }
        all.list.sort_by(|a, b| a.name.cmp(&b.name));
        all.broken.sort();
        all
    }

    fn read_folder(
        &mut self,
        root: &Utf8Path,
        home: Option<&str>,
        scope: Scope,
        folder: &Utf8Path,
    ) {
        let shown = |path: &Utf8Path| path.strip_prefix(root).unwrap_or(path).to_owned();
        let entries = match folder.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return,
            Err(error) => {
                self.broken.push(whole(shown(folder), format!("cannot be listed: {error}")));
                return;
            }
        };
        let mut paths: Vec<Utf8PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.into_path()))
            .filter(|path| path.extension() == Some("toml"))
            .collect();
        paths.sort();
        for path in paths {
            let inside = (scope == Scope::Project).then_some(root);
            let found = match read_text(&path, inside) {
                Ok(text) => parse(&path, &shown(&path), scope, root, home, &text),
                Err((why, fix)) => {
                    Err(Diagnostic { fix: fix.to_owned(), ..whole(shown(&path), why) })
                }
            };
            match found {
                Ok(Some(schedule)) => {
                    if let Some(first) = self.list.iter().find(|one| one.name == schedule.name) {
                        let message = format!("`{}` has the same name, and counts", first.path);
                        let fix = "give this file another name".to_owned();
                        self.broken.push(Diagnostic { fix, ..whole(shown(&path), message) });
                    } else {
                        self.list.push(schedule);
                    }
                }
                Ok(None) => {}
                Err(found) => self.broken.push(found),
            }
        }
    }
}

fn whole(file: Utf8PathBuf, message: String) -> Diagnostic {
    let (severity, fix) = (Severity::Error, String::new());
    Diagnostic { file, line: 1, column: 1, severity, message, fix }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_broken_file_is_told_and_the_others_go_on() {
        let keep = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
        let (root, user) = (top.join("shop"), top.join("config"));
        let write = |path: Utf8PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let own = root.join(".crew/schedules");
        write(own.join("a.toml"), "goal = \"a\"\nevery = \"1h\"\n");
        write(own.join("b.toml"), "gaol = \"b\"\n");
        write(own.join("mine.toml"), "goal = \"theirs\"\nevery = \"1h\"\n");
        write(own.join("notes.txt"), "");
        let mine = format!("goal = \"mine\"\nevery = \"1h\"\nproject = \"{root}\"\n");
        write(user.join("schedules/mine.toml"), &mine);
        let all = Schedules::load(&root, Some(&user), None);
        let names: Vec<_> =
            all.list.iter().map(|one| (one.name.as_str(), one.ask.goal())).collect();
        assert_eq!(names, [("a", "a"), ("mine", "mine")]);
        let told: Vec<_> = all.broken.iter().map(ToString::to_string).collect();
        assert!(
            told[0].starts_with(".crew/schedules/b.toml:1:1: error: unknown field"),
            "{told:?}"
        );
        assert!(told[1].contains("mine.toml` has the same name, and counts"), "{told:?}");
    }
}
