//! Changes one value in a configuration file: comments and everything else stay, and nothing wrong is written.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};

use camino::{Utf8Path, Utf8PathBuf};
use toml_edit::{DocumentMut, Item, Key as Name, Table, TableLike};

use super::environment::Environment;
use super::file::dotted;
use super::keys::{self, Key};
use super::load::{CONFIG_FILE, Loaded, PROJECT_FILE};
use super::merge::Overrides;
use super::model::Config;
use super::problem::{Place, Problem};
use super::value::{Kind, Value};
use crate::base::path::{PathContext, PathError};

/// Which file is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// The user's own.
    User,
    /// The project's.
    Project,
}

/// Why a value was not set; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// There is no such key.
    #[error("no key `{0}`")]
    NoKey(String, Option<String>),
    /// There is no folder for the file.
    #[error("there is no place for your configuration: neither HOME nor CREW_CONFIG_DIR is set")]
    NoFolder,
    /// There is no project.
    #[error("there is no project whose configuration could be changed")]
    NoProject,
    /// The file is no TOML: it has to be mended first.
    #[error("`{0}` is broken and was left as it is: {1}")]
    Broken(Utf8PathBuf, String),
    /// The value is wrong, or would not hold.
    #[error("{}", .0.what)]
    Wrong(Problem),
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl SetError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoKey(_, near) => Some(near.as_ref().map_or_else(
                || "`crew config` lists all keys".to_owned(),
                |near| format!("did you mean {near}?"),
            )),
            Self::Wrong(problem) => problem.hint.clone(),
            Self::Broken(..) => Some("`crew config` says what is wrong with it".to_owned()),
            Self::NoFolder | Self::NoProject | Self::Io(_) => None,
        }
    }
}

/// What a key takes, as a fragment that fits "must be …", and a right value; nothing when there is no such key.
pub fn expected(key: &str) -> Option<(String, &'static str)> {
    let key = keys::find(&path_of(key)?)?;
    Some((key.kind.expected(), key.example))
}

impl Config {
    /// Sets a key in one of the files, or takes it out there, and returns the file.
    ///
    /// The text is what a variable of the environment would hold, or TOML.
    ///
    /// # Errors
    /// There is no such key, the value is wrong or would not hold in that file, or the file cannot be written.
    pub fn set(
        env: &Environment,
        root: Option<&Utf8Path>,
        layer: Layer,
        key: &str,
        text: Option<&str>,
    ) -> Result<Utf8PathBuf, SetError> {
        let path = path_of(key).ok_or_else(|| SetError::NoKey(key.to_owned(), None))?;
        let known =
            keys::find(&path).ok_or_else(|| SetError::NoKey(key.to_owned(), keys::guess(&path)))?;
        let file = match layer {
            Layer::User => env.config_dir().ok_or(SetError::NoFolder)?.join(CONFIG_FILE),
            Layer::Project => root.ok_or(SetError::NoProject)?.join(PROJECT_FILE),
        };
        let source = match fs::read_to_string(&file) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).at("cannot read", &file)?,
        };
        let mut document: DocumentMut = source.parse().map_err(|error: toml_edit::TomlError| {
            SetError::Broken(file.clone(), error.message().to_owned())
        })?;
        match text {
            Some(text) => {
                let value = read(known, &path, text)?;
                put(document.as_table_mut(), &path, &value).ok_or_else(|| {
                    let what = format!("`{}` does not fit into the file", dotted(&path));
                    SetError::Wrong(Problem::new(Place::Whole(file.clone()), what))
                })?;
            }
            None => take_out(document.as_table_mut(), &path),
        }
        let new = document.to_string();
        check(env, root, &file, &new)?;
        write(&file, &new)?;
        Ok(file)
    }
}

/// The path of a dotted key; names may be in quotes.
fn path_of(key: &str) -> Option<Vec<String>> {
    let names = Name::parse(key).ok()?;
    Some(names.iter().map(|name| name.get().to_owned()).collect())
}

/// The value of a text: TOML where it looks like it, else as in a variable.
fn read(key: &Key, path: &[String], text: &str) -> Result<Value, SetError> {
    let is_toml = text.trim_start().starts_with(['[', '"', '\'']);
    let line = format!("v = {text}");
    let parsed = toml::de::DeTable::parse(&line).ok();
    let toml = parsed.as_ref().and_then(|table| table.get_ref().get("v"));
    let found = match (key.kind, toml) {
        (_, Some(value)) if is_toml => key.kind.of_toml(value.get_ref()),
        // A number without a unit is one of seconds or bytes, as in a file.
        (Kind::Duration | Kind::Size, Some(value)) => key.kind.of_toml(value.get_ref()),
        (_, _) => key.kind.of_text(text),
    };
    found.map_err(|found| {
        let what = format!("`{}` must be {}, not {found}", dotted(path), key.kind.expected());
        let hint = format!("a right value is {}", key.example);
        SetError::Wrong(Problem::new(Place::Flag(dotted(path)), what).hinted(hint))
    })
}

/// Puts a value into its table, which is made when it is missing; the comment behind an old value stays.
fn put(root: &mut Table, path: &[String], value: &Value) -> Option<()> {
    let (name, parents) = path.split_last()?;
    let mut table: &mut dyn TableLike = root;
    for (depth, parent) in parents.iter().enumerate() {
        if !table.contains_key(parent) {
            let mut new = Table::new();
            // Only the innermost table gets a heading of its own.
            new.set_implicit(depth + 1 < parents.len());
            table.insert(parent, Item::Table(new));
        }
        table = table.get_mut(parent)?.as_table_like_mut()?;
    }
    let mut new: toml_edit::Value = value.to_string().parse().ok()?;
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        Some(_) => return None,
        None => {
            table.insert(name, Item::Value(new));
        }
    }
    Some(())
}

fn take_out(root: &mut Table, path: &[String]) {
    let Some((name, parents)) = path.split_last() else { return };
    let mut table: &mut dyn TableLike = root;
    for parent in parents {
        match table.get_mut(parent).and_then(Item::as_table_like_mut) {
            Some(inner) => table = inner,
            None => return,
        }
    }
    table.remove(name);
}

/// Refuses a change that makes the configuration wrong, or that would be ignored.
fn check(
    env: &Environment,
    root: Option<&Utf8Path>,
    file: &Utf8Path,
    new: &str,
) -> Result<(), SetError> {
    let flags = Overrides::default();
    let faults = |loaded: Loaded| {
        let here = |problem: &Problem| match &problem.place {
            Place::File { path, .. } | Place::Whole(path) => path == file,
            Place::Variable(_) | Place::Flag(_) => false,
        };
        let ignored = loaded.warnings.into_iter().filter(here);
        loaded.errors.into_iter().chain(ignored).collect::<Vec<_>>()
    };
    let before = faults(Config::load(env, root, &flags));
    let before: BTreeSet<String> = before.into_iter().map(|problem| problem.what).collect();
    let after = faults(Config::load_with(env, root, &flags, Some((file, new))));
    // What was wrong before is not this change's fault.
    match after.into_iter().find(|problem| !before.contains(&problem.what)) {
        Some(problem) => Err(SetError::Wrong(problem)),
        None => Ok(()),
    }
}

/// Writes beside the file and renames, so that a crash leaves the old or the new one.
fn write(file: &Utf8Path, text: &str) -> Result<(), PathError> {
    // A link to where somebody keeps such files stays one.
    let real = file.canonicalize_utf8().unwrap_or_else(|_| file.to_owned());
    let folder = real.parent().unwrap_or(Utf8Path::new("."));
    fs::create_dir_all(folder).at("cannot create", folder)?;
    let mut new = tempfile::NamedTempFile::new_in(folder).at("cannot write into", folder)?;
    new.write_all(text.as_bytes()).at("cannot write", &real)?;
    let mode = fs::metadata(&real).map(|known| known.permissions());
    let mode = mode.unwrap_or_else(|_| std::os::unix::fs::PermissionsExt::from_mode(0o644));
    new.as_file().set_permissions(mode).at("cannot write", &real)?;
    new.as_file().sync_all().at("cannot write", &real)?;
    new.persist(&real).at("cannot write", &real)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new(user: &str, project: &str) -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            for (file, text) in [("c/config.toml", user), ("p/.crew/config.toml", project)] {
                let path = home.path(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            home
        }

        fn path(&self, name: &str) -> Utf8PathBuf {
            Utf8PathBuf::from_path_buf(self.0.path().canonicalize().unwrap()).unwrap().join(name)
        }

        fn set(&self, layer: Layer, key: &str, text: Option<&str>) -> Result<String, String> {
            let env: Environment = [("CREW_CONFIG_DIR", self.path("c"))]
                .map(|(name, path)| (name.to_owned(), path.into_string()))
                .into_iter()
                .collect();
            Config::set(&env, Some(&self.path("p")), layer, key, text)
                .map(|file| fs::read_to_string(file).unwrap())
                .map_err(|error| error.to_string())
        }
    }

    const COMMENTED: &str = "\
# mine
[limits]
# how many at once
agents = 3 # not more

[ui]   # how it looks
theme = \"dark\"
";

    #[test]
    fn comments_and_order_stay() {
        let home = Home::new(COMMENTED, "");
        let expected = COMMENTED.replace("agents = 3", "agents = 5");
        assert_eq!(home.set(Layer::User, "limits.agents", Some("5")).unwrap(), expected);
        let expected = expected.replace("\"dark\"", "\"light\"") + "ascii = true\n";
        home.set(Layer::User, "ui.theme", Some("light")).unwrap();
        assert_eq!(home.set(Layer::User, "ui.ascii", Some("yes")).unwrap(), expected);
        let expected = expected.replace("ascii = true\n", "");
        assert_eq!(home.set(Layer::User, "ui.ascii", None).unwrap(), expected);
    }

    #[test]
    fn tables_that_are_missing_are_made() {
        let home = Home::new("", "");
        assert_eq!(
            home.set(Layer::User, "ui.keys.approve", Some("Y")).unwrap(),
            "[ui.keys]\napprove = [\"Y\"]\n"
        );
        assert_eq!(
            home.set(Layer::Project, "paths.deny", Some("[\"a,b\", \"c\"]")).unwrap(),
            "[paths]\ndeny = [\"a,b\", \"c\"]\n"
        );
        let prices = home.set(Layer::User, "prices.\"some-4.5\".input", Some("3")).unwrap();
        assert!(prices.ends_with("[prices.\"some-4.5\"]\ninput = 3.0\n"), "{prices}");
    }

    #[test]
    fn nothing_wrong_is_written() {
        let home = Home::new(COMMENTED, "");
        for (layer, key, text, why) in [
            (Layer::User, "limits.agents", "many", "must be a whole number"),
            (Layer::User, "limits.agnets", "3", "no key"),
            (Layer::User, "heartbeat.warn", "10m", "`warn` < `stale` < `dead`"),
            (Layer::Project, "defaults.permission", "full", "not for a project to set"),
            (Layer::Project, "limits.runs", "50", "loosen"),
            (Layer::User, "runtimes.x.command", "prog --flag", "must be a list"),
        ] {
            let error = home.set(layer, key, Some(text)).unwrap_err();
            assert!(error.contains(why), "{key}: {error}");
        }
        assert_eq!(fs::read_to_string(home.path("c/config.toml")).unwrap(), COMMENTED);
        assert_eq!(fs::read_to_string(home.path("p/.crew/config.toml")).unwrap(), "");
    }

    #[test]
    fn a_broken_file_is_left_as_it_is() {
        let home = Home::new("[limits\nagents = 3\n", "");
        let error = home.set(Layer::User, "limits.runs", Some("2")).unwrap_err();
        assert!(error.contains("is broken and was left as it is"), "{error}");
    }

    #[test]
    fn an_old_fault_does_not_keep_other_values_from_being_set() {
        let home = Home::new("[limits]\nagents = \"x\"\n", "");
        home.set(Layer::User, "limits.runs", Some("2")).unwrap();
        home.set(Layer::User, "limits.agents", Some("2")).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let home = Home::new("", "");
        let kept = home.path("kept.toml");
        fs::rename(home.path("c/config.toml"), &kept).unwrap();
        std::os::unix::fs::symlink(&kept, home.path("c/config.toml")).unwrap();
        home.set(Layer::User, "limits.runs", Some("2")).unwrap();
        assert!(home.path("c/config.toml").is_symlink());
        assert_eq!(fs::read_to_string(kept).unwrap(), "[limits]\nruns = 2\n");
    }
}
