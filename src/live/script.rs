//! The scripts that guard the picture, put together for a layout and a format.
//!
//! A script runs in Redis as one step, so what it compares and what it writes belong together whoever else writes: another
//! daemon, or a rebuild. On a single server one call takes many vessels with `geo`, `active` and the publication; in a
//! cluster, where these lie on different nodes, one call takes one vessel.

use super::fields::{self, Kept};
use crate::config::Layout;

/// What all of them share.
const COMMON: &str = include_str!("script/common.lua");
const HASH: &str = include_str!("script/hash.lua");
const JSON: &str = include_str!("script/json.lua");

/// A script, and the name by which the server remembers it.
pub struct Script {
    /// What it does.
    pub text: String,
    /// Its SHA-1.
    pub hash: String,
}

impl Script {
    fn new(text: &str) -> Self {
        // Comments need not travel.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }
}

/// Writes many vessels, and what follows from them.
#[must_use]
pub fn many(layout: Layout, kept: Kept) -> Script {
    assemble(layout, kept, include_str!("script/many.lua"))
}

/// Writes one vessel.
#[must_use]
pub fn one(layout: Layout, kept: Kept) -> Script {
    assemble(layout, kept, include_str!("script/one.lua"))
}

/// Takes those out that were not heard of for long.
#[must_use]
pub fn trim() -> Script {
    Script::new(include_str!("script/trim.lua"))
}

fn assemble(layout: Layout, kept: Kept, end: &str) -> Script {
    let names: Vec<&str> = fields::position(layout).iter().map(|(name, _)| *name).collect();
    let (body, count) = match kept {
        Kept::Hash => (HASH, names.len()),
        Kept::Json => (JSON, 1),
    };
    let values = names.iter().enumerate().map(|(n, name)| format!("'{name}', ARGV[at + {n}]"));
    let values = values.collect::<Vec<_>>().join(", ");
    let quoted = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let begin = match fields::blank(layout) {
        Some(name) => format!("redis.call('HSET', key, '{name}', '')"),
        None => String::new(),
    };
    Script::new(
        &[COMMON, body, end]
            .concat()
            .replace("POSITION_VALUES", &values)
            .replace("POSITION_COUNT", &count.to_string())
            .replace("POSITION_NAMES", &quoted)
            .replace("BEGIN", &begin),
    )
}
