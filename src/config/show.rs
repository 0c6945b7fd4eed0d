//! Writes a configuration as TOML that can be read back.

use std::fmt::Write as _;

use super::Config;
use super::feeds;
use super::keys::KEYS;
use super::outputs;
use super::sources::{FEEDS, Sources};

/// The whole configuration, every key of it.
#[must_use]
pub fn to_toml(config: &Config) -> String {
    written(config, |_| String::new())
}

/// The same with the place of each setting behind it, as a remark that does not hinder reading it back.
#[must_use]
pub fn to_toml_with(config: &Config, sources: &Sources) -> String {
    // A line's end in the name of a file would end the remark.
    let plain = |place: &str| place.replace(|letter: char| letter.is_control(), "?");
    written(config, |path| format!("  # {}", plain(sources.of(path))))
}

fn written(config: &Config, remark: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut section = "";
    for key in KEYS {
        let (its_section, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if its_section != section {
            section = its_section;
            let _ = writeln!(out, "\n[{section}]");
        }
        let _ = writeln!(out, "{name} = {}{}", (key.get)(config), remark(key.path));
    }
    for feed in &config.feeds {
        let _ = writeln!(out, "\n[[feeds]]{}\nkind = \"{}\"", remark(FEEDS), feed.kind.label());
        for (name, value) in feeds::values_of(feed) {
            let _ = writeln!(out, "{name} = {value}");
        }
    }
    for output in &config.outputs {
        let _ = writeln!(out, "\n[[outputs]]\nkind = \"{}\"", output.kind.label());
        for (name, value) in outputs::values_of(output) {
            let _ = writeln!(out, "{name} = {value}");
        }
    }
    out
}
