//! Writes a configuration as TOML that can be read back.

use std::fmt::Write as _;

use super::Config;
use super::feeds;
use super::keys::KEYS;

/// The whole configuration, every key of it.
#[must_use]
pub fn to_toml(config: &Config) -> String {
    let mut out = String::new();
    let mut section = "";
    for key in KEYS {
        let (its_section, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if its_section != section {
            section = its_section;
            let _ = writeln!(out, "\n[{section}]");
        }
        let _ = writeln!(out, "{name} = {}", (key.get)(config));
    }
    for feed in &config.feeds {
        let _ = writeln!(out, "\n[[feeds]]\nkind = \"{}\"", feed.kind.label());
        for (name, value) in feeds::values_of(feed) {
            let _ = writeln!(out, "{name} = {value}");
        }
    }
    out
}
