//! Where each setting comes from: for people who wonder why it is what it is.
//!
//! The layers are walked again in their order, names alone: what the last one that names a key is called is the answer.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::{self, KEYS, Key};
use super::load::{FEED_VARIABLES, Flags};
use super::secret_files::Found;

/// What no layer names.
const DEFAULT: &str = "default";
/// Stands for all feeds: any layer that names one takes the place of all others.
pub const FEEDS: &str = "feeds";

/// The place of each key that some layer names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<&'static str, String>);

/// The layers.
pub struct Layers<'a> {
    /// The file and its text.
    pub file: Option<(&'a Path, &'a str)>,
    /// Variables that concern us, with the file that each comes from, if any; the later wins.
    pub environment: &'a [(String, Option<&'a Path>)],
    /// Secrets out of files of their own.
    pub secrets: &'a [Found],
    /// The command line.
    pub flags: &'a Flags,
}

impl Sources {
    /// Walks the layers.
    #[must_use]
    pub fn of_layers(layers: &Layers<'_>) -> Self {
        let mut sources = Self::default();
        if let Some((path, text)) = layers.file {
            sources.add_file(path, text);
        }
        for (name, file) in layers.environment {
            sources.add_variable(name, *file);
        }
        for Found { place, key, .. } in layers.secrets {
            sources.note(key, format!("secret {place}"));
        }
        for (path, flag, is_there) in [
            ("data_dir", "--data-dir", layers.flags.data_dir.is_some()),
            ("http.address", "--http", layers.flags.http.is_some()),
            (FEEDS, "command line", !layers.flags.feeds.is_empty()),
        ] {
            if is_there {
                sources.note(path, format!("flag {flag}"));
            }
        }
        sources
    }

    /// The place of a key, or of all feeds.
    #[must_use]
    pub fn of(&self, path: &str) -> &str {
        self.0.get(path).map_or(DEFAULT, String::as_str)
    }

    fn note(&mut self, path: &'static str, place: String) {
        self.0.insert(path, place);
    }

    fn add_file(&mut self, path: &Path, text: &str) {
        let (table, _) = DeTable::parse_recoverable(text);
        let line = |at: usize| {
            let before = text.as_bytes().get(..at).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            format!("{}:{line}", path.display())
        };
        for (name, value) in table.get_ref() {
            let at = line(name.span().start);
            if name.get_ref() == FEEDS {
                self.note(FEEDS, at);
            } else if let DeValue::Table(section) = value.get_ref() {
                for key in section.keys() {
                    let path = format!("{}.{}", name.get_ref(), key.get_ref());
                    if let Some(Key { path, .. }) = keys::find(&path) {
                        self.note(path, line(key.span().start));
                    }
                }
            } else if let Some(Key { path, .. }) = keys::find(name.get_ref()) {
                self.note(path, at);
            }
        }
    }

    fn add_variable(&mut self, name: &str, file: Option<&Path>) {
        let place = || match file {
            Some(file) => format!("{name} in {}", file.display()),
            None => format!("environment {name}"),
        };
        let is_named = |key: &&Key| key.variable() == name || key.common_variable() == Some(name);
        if let Some(key) = KEYS.iter().find(is_named) {
            self.note(key.path, place());
        } else if FEED_VARIABLES.iter().any(|(known, _)| *known == name) {
            self.note(FEEDS, place());
        }
    }
}
