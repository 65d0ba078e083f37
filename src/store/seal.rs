//! Whether a run was made by this user: its random name carries a seal that nobody else can make.
//!
//! A run's log says what is executed, and a folder `.crew/state` can come with a repository or an archive like any other
//! file. The key of the seal lies with what crew remembers about the user, so that no such folder brings a fitting one.

use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rustix::rand::{GetRandomFlags, getrandom};

use super::files::{self, Durability};
use crate::base::path::{PathContext, PathError};
use crate::event::RunCreated;
use crate::lock::FileLock;

/// Bytes of the key.
const KEY_BYTES: usize = 32;
/// Bytes of the list of runs that were taken over: room for some ten thousand.
const ADOPTED_BYTES_MAX: u64 = 1 << 20;

/// Where the key of this process's user is; without a place nothing is sealed and everything is believed.
#[derive(Debug)]
struct Place {
    folder: Utf8PathBuf,
    believes: bool,
    key: Option<[u8; KEY_BYTES]>,
}

static PLACE: Mutex<Option<Place>> = Mutex::new(None);

/// Says where the key is kept, once, before any run is opened.
///
/// Whoever `believes` seals what it makes and checks nothing: an agent, whose home may be another one.
pub fn keep_in(folder: Option<Utf8PathBuf>, believes: bool) {
    let place = folder.map(|folder| Place { folder, believes, key: None });
    *PLACE.lock().unwrap_or_else(PoisonError::into_inner) = place;
}

/// A random name for a new run, sealed where there is a place for the key.
///
/// # Errors
/// The key cannot be read or made.
pub fn mint() -> Result<String, PathError> {
    let random = format!("{:016x}", fastrand::u64(..));
    let mut place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    match place.as_mut() {
        Some(place) => {
            let key = match key(place)? {
                Some(key) => key,
                None => make(place)?,
            };
            Ok(format!("{random}{}", seal(&key, &random)))
        }
        None => Ok(format!("{random}{:016x}", fastrand::u64(..))),
    }
}

/// A sealed name as the user with this folder would get it.
///
/// # Errors
/// The key cannot be read or made.
pub fn mint_in(folder: &Utf8Path) -> Result<String, PathError> {
    let mut place = Place { folder: folder.to_owned(), believes: false, key: None };
    let random = format!("{:016x}", fastrand::u64(..));
    let key = match key(&mut place)? {
        Some(key) => key,
        None => make(&mut place)?,
    };
    Ok(format!("{random}{}", seal(&key, &random)))
}

/// Whether this user made the run, or took it over.
///
/// What cannot be read counts as no.
pub fn is_ours(created: &RunCreated) -> bool {
    let mut place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(place) = place.as_mut().filter(|place| !place.believes) else { return true };
    let fits = |key: [u8; KEY_BYTES]| {
        let uid = created.uid.as_str();
        let split = uid.is_char_boundary(16) && uid.len() == 32;
        split && seal(&key, &uid[..16]) == uid[16..]
    };
    key(place).ok().flatten().is_some_and(fits) || adopted(&place.folder).contains(&mark(created))
}

/// Takes over runs that somebody else made: they are driven from now on.
///
/// # Errors
/// There is no place to remember it in, or it cannot be written.
pub fn adopt<'a>(runs: impl IntoIterator<Item = &'a RunCreated>) -> Result<(), PathError> {
    let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(place) = place.as_ref() else { return Ok(()) };
    files::create_private_dir(&place.folder)?;
    let _lock = FileLock::exclusive(&place.folder.join("adopted.lock"))?;
    let mut text = adopted(&place.folder);
    for run in runs {
        text.push_str(&mark(run));
        text.push('\n');
    }
    files::write_atomic(place.folder.join("adopted"), text.as_bytes(), Durability::Synced)
}

fn adopted(folder: &Utf8Path) -> String {
    files::read_text_capped(folder.join("adopted"), ADOPTED_BYTES_MAX).unwrap_or_default()
}

/// Names a run by all that its first line says.
fn mark(created: &RunCreated) -> String {
    let text = serde_json::to_vec(created).unwrap_or_default();
    blake3::hash(&text).to_hex().to_string()
}

fn seal(key: &[u8; KEY_BYTES], random: &str) -> String {
    let hash = blake3::keyed_hash(key, random.as_bytes());
    hash.to_hex().as_str()[..16].to_owned()
}

/// The key, once there is one.
fn key(place: &mut Place) -> Result<Option<[u8; KEY_BYTES]>, PathError> {
    if place.key.is_none() {
        place.key = read(&place.folder.join("key"))?;
    }
    Ok(place.key)
}

fn read(path: &Utf8Path) -> Result<Option<[u8; KEY_BYTES]>, PathError> {
    let mut key = [0; KEY_BYTES];
    match files::open_read(path) {
        Ok(mut file) => file.read_exact(&mut key).at("cannot read the key", path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(Some(key))
}

/// Makes the key; of two processes that do so at once the first one wins.
fn make(place: &mut Place) -> Result<[u8; KEY_BYTES], PathError> {
    files::create_private_dir(&place.folder)?;
    let path = place.folder.join("key");
    let _lock = FileLock::exclusive(&place.folder.join("key.lock"))?;
    if let Some(key) = read(&path)? {
        place.key = Some(key);
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    let mut filled = 0;
    while filled < KEY_BYTES {
        let got = getrandom(&mut key[filled..], GetRandomFlags::empty());
        filled += got.map_err(io::Error::from).at("cannot get random bytes for", &path)?;
    }
    files::write_atomic(&path, &key, Durability::Synced)?;
    place.key = Some(key);
    Ok(key)
}
