//! Under which names the picture lies in Redis.

use redis::{Cmd, cmd};

use super::fields::Kept;
use crate::config::{Layout, RedisConfig};

/// Slots of a cluster.
const SLOTS: u16 = 16_384;
/// Stretches of slots that each have a mark of their own.
const STRETCHES: u16 = 16;
/// Names that are tried to find one in a stretch of slots; none lies there when the prefix decides the slot.
const TRIES: u32 = 1000;

/// The names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    vessel: String,
    /// Places by MMSI.
    pub geo: String,
    /// Times of the newest position by MMSI, milliseconds since 1970.
    pub active: String,
    /// Where changed positions are published.
    pub channel: String,
    /// Marks that are gone when the picture is: one, or in a cluster one for each stretch of slots.
    pub marks: Vec<String>,
}

impl Keys {
    /// Of a server or a cluster.
    #[must_use]
    pub fn new(config: &RedisConfig, kept: Kept, is_cluster: bool) -> Self {
        let prefix = &config.prefix;
        let part = match (config.layout, kept) {
            (Layout::Aisd, _) => "",
            (Layout::Original, Kept::Hash) => "ais:",
            (Layout::Original, Kept::Json) => "v2:",
        };
        let mark = format!("{prefix}aisd:picture");
        let marks = match is_cluster {
            false => vec![mark],
            true => (0..STRETCHES).map(|stretch| mark_in(&mark, stretch)).collect(),
        };
        Self {
            vessel: format!("{prefix}{part}vessel:"),
            geo: format!("{prefix}{part}vessels:geo"),
            active: format!("{prefix}{part}vessels:active"),
            channel: format!("{prefix}positions"),
            marks,
        }
    }

    /// The key of a vessel.
    #[must_use]
    pub fn vessel(&self, mmsi: u32) -> String {
        format!("{}{mmsi}", self.vessel)
    }

    /// Asks for all marks.
    pub fn look(&self) -> impl Iterator<Item = Cmd> {
        self.marks.iter().map(|mark| cmd("HMGET").arg(mark).arg("made").take())
    }
}

/// A name for a mark in this stretch of slots, so that each master of a cluster holds one.
fn mark_in(mark: &str, stretch: u16) -> String {
    let name = |n: u32| format!("{mark}:{n}");
    let lies_there = |n: &u32| slot(&name(*n)) / (SLOTS / STRETCHES) == stretch;
    name((0..TRIES).find(lies_there).unwrap_or_else(|| u32::from(stretch)))
}

/// The slot of a key, as a cluster has it: of what stands between the first braces, or else of all of it.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let crc = hashed.bytes().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(prefix: &str, layout: Layout, kept: Kept) -> [String; 4] {
        let config = RedisConfig { prefix: prefix.to_owned(), layout, ..RedisConfig::default() };
        let keys = Keys::new(&config, kept, false);
        [keys.vessel(244_660_000), keys.geo, keys.active, keys.channel]
    }

    #[test]
    fn each_layout_has_its_names_behind_the_prefix() {
        let check = |prefix, layout, kept, expected: [&str; 4]| {
            assert_eq!(keys(prefix, layout, kept), expected);
        };
        let ours = ["vessel:244660000", "vessels:geo", "vessels:active", "positions"];
        check("", Layout::Aisd, Kept::Hash, ours);
        check("", Layout::Aisd, Kept::Json, ours);
        check(
            "ais:production:",
            Layout::Original,
            Kept::Hash,
            [
                "ais:production:ais:vessel:244660000",
                "ais:production:ais:vessels:geo",
                "ais:production:ais:vessels:active",
                "ais:production:positions",
            ],
        );
        check(
            "p:",
            Layout::Original,
            Kept::Json,
            ["p:v2:vessel:244660000", "p:v2:vessels:geo", "p:v2:vessels:active", "p:positions"],
        );
    }

    #[test]
    fn a_key_has_the_slot_that_the_cluster_gives_it() {
        // As `CLUSTER KEYSLOT` answers.
        assert_eq!((slot("123456789"), slot("foo")), (12_739, 12_182));
        assert_eq!(slot("{foo}bar"), slot("foo"));
        assert_eq!(slot("a{}b"), slot("a{}b"));
    }

    #[test]
    fn every_stretch_of_a_cluster_has_a_mark() {
        let config = RedisConfig { prefix: "ais:".to_owned(), ..RedisConfig::default() };
        let marks = Keys::new(&config, Kept::Hash, true).marks;
        let stretches: Vec<u16> = marks.iter().map(|mark| slot(mark) / 1024).collect();
        assert_eq!(stretches, (0..16).collect::<Vec<_>>());
        let config = RedisConfig { prefix: "{ais}".to_owned(), ..config };
        assert_eq!(Keys::new(&config, Kept::Hash, true).marks.len(), 16);
    }
}
