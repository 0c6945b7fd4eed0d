//! The data directory: one owner at a time, an identity for good, and a new generation at each start.
//!
//! ```text
//! lock         held by the running process, names its pid
//! instance     the UUID of this directory; offsets in a store are kept by it
//! generation   the number of the last start, synced before the first append of that start
//! journal/     segments, and quarantine/ for files that are none
//! ```

use std::io::{self, ErrorKind::InvalidInput, ErrorKind::PermissionDenied};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::GENERATIONS_MAX;
use crate::disk::{self, File, Lock, Mode};
use crate::resilience::reserve::Reserve;

/// A data directory that this process owns until it is dropped.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    instance: Uuid,
    generation: u64,
    reserve: Option<Arc<Reserve>>,
    _lock: Lock,
}

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Another process owns it.
    #[error("data directory {path} is in use by process {owner}")]
    Owned {
        /// The directory.
        path: String,
        /// What the lock file says of its owner.
        owner: String,
    },
    /// It cannot be made, read or written.
    #[error("data directory {path}: {doing}: {error}")]
    Io {
        /// The directory.
        path: String,
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        error: io::Error,
    },
    /// One of its files does not hold what it should.
    #[error(
        "data directory {path}: {file} holds {found:?}, which is no {what}; restore it, or start with an empty directory"
    )]
    Damaged {
        /// The directory.
        path: String,
        /// The file.
        file: &'static str,
        /// The beginning of what it holds.
        found: String,
        /// What it should hold.
        what: &'static str,
    },
}

impl Directory {
    /// Takes the directory, making it when it is not there, and begins a new generation.
    ///
    /// # Errors
    /// When another process owns it, or it cannot be read or written.
    pub fn take(root: &Path) -> Result<Self, Unavailable> {
        let failed = |doing| {
            let path = root.display().to_string();
            move |error| Unavailable::Io { path, doing, error }
        };
        disk::make_directory(&journal_dir(root)).map_err(failed("make it"))?;
        disk::make_directory(&quarantine_dir(root)).map_err(failed("make it"))?;
        let lock = lock(root)?;
        if !disk::exists(&root.join("instance")) {
            sync_names(root).map_err(failed("sync the directories that it lies in"))?;
        }
        let instance = instance(root)?;
        let last = last_generation(root)?;
        let (root, generation) = (root.to_owned(), last);
        let mut directory = Self { root, instance, generation, reserve: None, _lock: lock };
        directory.next_generation().map_err(failed("begin a new generation"))?;
        Ok(directory)
    }

    /// The room on the disk that no segment may take.
    pub fn reserve(&mut self, reserve: Arc<Reserve>) {
        self.reserve = Some(reserve);
    }

    /// Keeps that room, before a segment is begun.
    ///
    /// # Errors
    /// When there is not that much.
    pub fn keep_reserve(&self) -> io::Result<()> {
        self.reserve.as_ref().map_or(Ok(()), |reserve| reserve.keep())
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its identity.
    #[must_use]
    pub const fn instance(&self) -> Uuid {
        self.instance
    }

    /// The number of this start, from 1.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Begins another generation while running, when one is used up.
    ///
    /// # Errors
    /// When its number cannot be made durable, or there is none left.
    pub fn next_generation(&mut self) -> io::Result<u64> {
        self.generation_after(self.generation)
    }

    /// Begins the generation after this one, however far ahead that is.
    ///
    /// # Errors
    /// When its number cannot be made durable, or there is none left.
    pub fn generation_after(&mut self, newest: u64) -> io::Result<u64> {
        let next = newest.saturating_add(1);
        if next >= GENERATIONS_MAX {
            return Err(io::Error::other(format!(
                "all {GENERATIONS_MAX} generations of this data directory are used up; start with an empty directory"
            )));
        }
        write_synced(&self.root, "generation", &next.to_string())?;
        self.generation = next;
        Ok(next)
    }
}

/// A data directory that nobody else owns while this is held.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not used")] Lock);

/// Holds a directory for a command that works on its files while no daemon does.
///
/// # Errors
/// When a process owns it, or it cannot be locked.
pub fn hold(root: &Path) -> Result<Held, Unavailable> {
    lock(root).map(Held)
}

/// Where the segments of a data directory are.
#[must_use]
pub fn journal_dir(root: &Path) -> PathBuf {
    root.join("journal")
}

/// Where files that are no segments are put.
#[must_use]
pub fn quarantine_dir(root: &Path) -> PathBuf {
    journal_dir(root).join("quarantine")
}

/// The identity of a data directory that is not owned, for commands that only read.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn read_instance(root: &Path) -> Result<Uuid, Unavailable> {
    let text = disk::read_text(&root.join("instance")).map_err(|error| Unavailable::Io {
        path: root.display().to_string(),
        doing: "read its identity",
        error,
    })?;
    parse(root, "instance", "UUID", &text)
}

/// A new data directory is on disk only when its name is, and the names of those that were made with it.
fn sync_names(root: &Path) -> io::Result<()> {
    for outer in root.ancestors().skip(1) {
        let outer = if outer == Path::new("") { Path::new(".") } else { outer };
        match disk::sync_directory(outer) {
            // It was not made by us, or its file system knows no such thing.
            Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput) => {}
            done => done?,
        }
    }
    Ok(())
}

fn lock(root: &Path) -> Result<Lock, Unavailable> {
    let path = root.display().to_string();
    match disk::lock(&root.join("lock"), &std::process::id().to_string()) {
        Ok(Ok(lock)) => Ok(lock),
        Ok(Err(owner)) => Err(Unavailable::Owned { path, owner }),
        Err(error) => Err(Unavailable::Io { path, doing: "lock it", error }),
    }
}

fn instance(root: &Path) -> Result<Uuid, Unavailable> {
    match disk::read_text(&root.join("instance")) {
        Ok(text) => parse(root, "instance", "UUID", &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let instance = Uuid::new_v4();
            write_synced(root, "instance", &instance.to_string()).map_err(|error| {
                Unavailable::Io {
                    path: root.display().to_string(),
                    doing: "write its identity",
                    error,
                }
            })?;
            Ok(instance)
        }
        Err(error) => Err(Unavailable::Io {
            path: root.display().to_string(),
            doing: "read its identity",
            error,
        }),
    }
}

fn last_generation(root: &Path) -> Result<u64, Unavailable> {
    match disk::read_text(&root.join("generation")) {
        Ok(text) => parse(root, "generation", "number", &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Unavailable::Io {
            path: root.display().to_string(),
            doing: "read its generation",
            error,
        }),
    }
}

fn parse<T: std::str::FromStr>(
    root: &Path,
    file: &'static str,
    what: &'static str,
    text: &str,
) -> Result<T, Unavailable> {
    text.trim().parse().map_err(|_| Unavailable::Damaged {
        path: root.display().to_string(),
        file,
        found: text.chars().take(40).collect(),
        what,
    })
}

/// Replaces a small file so that after a crash either the old or the new one is there, whole.
///
/// # Errors
/// When that cannot be done; the old one is then still there.
pub fn write_synced(root: &Path, name: &str, text: &str) -> io::Result<()> {
    let temporary = root.join(format!("{name}.new"));
    let file = File::open(&temporary, Mode::Empty)?;
    file.write_all_at(format!("{text}\n").as_bytes(), 0)?;
    file.sync()?;
    disk::rename(&temporary, &root.join(name))?;
    disk::sync_directory(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_has_a_number_of_its_own_and_the_identity_stays() {
        let dir = tempfile::tempdir().unwrap();
        let first = Directory::take(dir.path()).unwrap();
        let (instance, generation) = (first.instance(), first.generation());
        drop(first);
        let second = Directory::take(dir.path()).unwrap();
        assert_eq!((second.instance(), second.generation()), (instance, generation + 1));
    }

    #[test]
    fn a_second_owner_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Directory::take(dir.path()).unwrap();
        let refused = Directory::take(dir.path()).unwrap_err().to_string();
        assert!(
            refused.ends_with(&format!("in use by process {}", std::process::id())),
            "{refused}"
        );
    }

    #[test]
    fn a_damaged_generation_is_not_guessed() {
        let dir = tempfile::tempdir().unwrap();
        drop(Directory::take(dir.path()).unwrap());
        std::fs::write(dir.path().join("generation"), "many").unwrap();
        let refused = Directory::take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("generation holds \"many\", which is no number"), "{refused}");
    }
}
