//! The numbers of feeds, for good: a record names its feed by a number that means the same after every restart.
//!
//! The file `feeds` in the data directory has one name a line; the line's place is the number. Names are only ever added.

use std::io;
use std::path::Path;

use super::directory::write_synced;
use crate::disk;

/// Feeds that one data directory can know, over its whole life.
pub const FEEDS_MAX: usize = 256;

/// The names of all feeds that this directory ever had; a feed's number is its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedNames(Vec<String>);

impl FeedNames {
    /// Reads the names; none when there is no file yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(root: &Path) -> io::Result<Self> {
        match disk::read_text(&root.join("feeds")) {
            Ok(text) => Ok(Self(text.lines().map(str::to_owned).collect())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// The numbers of these feeds, new names added and made durable.
    ///
    /// # Errors
    /// When there are too many names, or they cannot be written.
    pub fn number(&mut self, root: &Path, names: &[String]) -> io::Result<Vec<u8>> {
        let known = self.0.len();
        for name in names {
            if !self.0.contains(name) {
                self.0.push(name.clone());
            }
        }
        if self.0.len() > FEEDS_MAX {
            return Err(io::Error::other(format!(
                "{} feed names over the life of this data directory, at most {FEEDS_MAX}; reuse names",
                self.0.len()
            )));
        }
        if self.0.len() > known {
            write_synced(root, "feeds", &self.0.join("\n"))?;
        }
        let number = |name| self.0.iter().position(|known| known == name).unwrap_or(0);
        Ok(names.iter().map(|name| u8::try_from(number(name)).unwrap_or(0)).collect())
    }

    /// All names; a feed's number is its place.
    #[must_use]
    pub fn all(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_keeps_its_number_whatever_is_configured_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let number = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            FeedNames::read(dir.path()).unwrap().number(dir.path(), &names).unwrap()
        };
        assert_eq!(number(&["udp", "tcp"]), [0, 1]);
        assert_eq!(number(&["tcp", "file"]), [1, 2]);
        assert_eq!(number(&["udp"]), [0]);
        assert_eq!(FeedNames::read(dir.path()).unwrap().all(), ["udp", "tcp", "file"]);
    }
}
