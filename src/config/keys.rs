//! The one list of keys: where each lives, what it may be, how it is read and written.
//!
//! The file, the environment, `print-config` and the test of `config/aisd.toml` all walk this list, so a key that is
//! here is known everywhere. The keys of feeds, which come in tables of their own, are listed in `feeds`.

use std::path::PathBuf;

use super::judging::weights;
use super::rule::{Rule, Value, boxes};
use super::{AtBound, Config, Format, Hidden, Index, Layout, LogFormat, Secret};
use crate::filter;

/// One key.
pub struct Key {
    /// `section.name`, or `name` when it stands above all sections.
    pub path: &'static str,
    /// What it may be.
    pub rule: Rule,
    /// Its value in a configuration.
    pub get: fn(&Config) -> Value,
    /// Puts a value that the rule allows; says whether it could.
    pub set: fn(&mut Config, Value) -> bool,
    /// Whether two configurations have the same value, also where it is never shown.
    pub same: fn(&Config, &Config) -> bool,
}

impl Key {
    /// The name that others know the key's variable by, if it has one; `AISD_…` wins over it.
    #[must_use]
    pub fn common_variable(&self) -> Option<&'static str> {
        COMMON_VARIABLES.iter().find(|(_, path)| *path == self.path).map(|(name, _)| *name)
    }

    /// The environment variable of the key: `AISD_` and the path in capitals, points as underscores.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("AISD_{}", self.path.to_uppercase().replace('.', "_"))
    }

    /// Checks a value and puts it into its place.
    ///
    /// # Errors
    /// What is wrong with it, in words that name the key.
    pub fn put(&self, config: &mut Config, value: Value) -> Result<(), String> {
        let shown = match (&self.rule, &value) {
            (Rule::UrlOrNone(_), Value::Text(url)) => {
                Value::Text(Secret::new(url).to_string()).to_string()
            }
            (Rule::HiddenOrNone | Rule::TokenOrNone, Value::Text(text)) => {
                Value::Text(Hidden::new(text).to_string()).to_string()
            }
            _ => value.to_string(),
        };
        let wrong = |must_be: String| {
            let default = (self.get)(&Config::default());
            format!("{} is {shown}, must be {must_be}; the default is {default}", self.path)
        };
        let value = self.rule.check(value).map_err(wrong)?;
        if (self.set)(config, value) { Ok(()) } else { Err(wrong(self.rule.to_string())) }
    }
}

/// Variables that are known to more programs than this one.
pub const COMMON_VARIABLES: &[(&str, &str)] = &[
    ("DATABASE_URL", "store.url"),
    ("DIRECT_DATABASE_URL", "store.direct_url"),
    ("REDIS_URL", "redis.url"),
    ("JWT_SECRET", "http.jwt_secret"),
    ("AISSTREAM_API_KEY", "aisstream.api_key"),
];

/// A field that can be shown as a value and set from one.
trait Setting {
    fn show(&self) -> Value;
    /// The field's new content, if the value is one for it.
    fn from_value(value: Value) -> Option<Self>
    where
        Self: Sized;
}

macro_rules! key {
    ($section:ident . $name:ident, $rule:expr) => {
        Key {
            path: concat!(stringify!($section), ".", stringify!($name)),
            rule: $rule,
            get: |config| Setting::show(&config.$section.$name),
            set: |config, value| put(&mut config.$section.$name, value),
            same: |one, other| one.$section.$name == other.$section.$name,
        }
    };
    ($name:ident, $rule:expr) => {
        Key {
            path: stringify!($name),
            rule: $rule,
            get: |config| Setting::show(&config.$name),
            set: |config, value| put(&mut config.$name, value),
            same: |one, other| one.$name == other.$name,
        }
    };
}

fn put<T: Setting>(field: &mut T, value: Value) -> bool {
    T::from_value(value).map(|new| *field = new).is_some()
}

const POSTGRES: &[&str] = &["postgres", "postgresql"];
const REDIS: &[&str] = &["redis", "rediss", "redis+unix", "unix"];
pub(super) const TYPES: Rule =
    Rule::List(filter::are_types, "0 to 28 with commas, ! before what is not wanted");
pub(super) const MMSIS: Rule =
    Rule::List(filter::are_mmsis, "MMSIs or FIRST-LAST with commas, ! before what is not wanted");
pub(super) const AREA: Rule = Rule::List(
    is_area,
    "degrees south,west,north,east of one or more boxes, with semicolons between them",
);
pub(super) const SOURCES: Rule =
    Rule::List(filter::are_names, "names of feeds with commas, ! before what is not wanted");
const WEIGHTS: Rule = Rule::List(are_weights, "NAME=0..1 with commas");
const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

fn is_area(text: &str) -> bool {
    boxes(text).is_some()
}

fn are_weights(text: &str) -> bool {
    weights(text).is_some()
}

/// Every key outside the feeds, in the order of `config/aisd.toml`.
pub const KEYS: &[Key] = &[
    key!(data_dir, Rule::Text),
    key!(shutdown_seconds, Rule::Whole(1, 3600)),
    key!(aisstream.api_key, Rule::TokenOrNone),
    key!(nmea.require_checksum, Rule::Truth),
    key!(nmea.line_bytes_max, Rule::Whole(128, 8192)),
    key!(nmea.fragments_max, Rule::Whole(1, 65_536)),
    key!(nmea.fragment_seconds, Rule::Whole(1, 600)),
    key!(journal.segment_bytes, Rule::Whole(MIB, GIB)),
    key!(journal.bytes_max, Rule::Whole(4 * MIB, 16_384 * GIB)),
    key!(journal.sync_interval_ms, Rule::Whole(0, 60_000)),
    key!(journal.reserve_bytes, Rule::Whole(0, GIB)),
    key!(journal.keep_all, Rule::Truth),
    key!(shards.count, Rule::Whole(0, 64)),
    key!(shards.pin, Rule::TruthOrAuto),
    key!(shards.vessels_max, Rule::Whole(1000, 10_000_000)),
    key!(shards.dedup_seconds, Rule::Whole(1, 3600)),
    key!(shards.retry_seconds, Rule::Whole(1, 86_400)),
    key!(shards.dedup_bytes_max, Rule::Whole(MIB, 16 * GIB)),
    key!(shards.ahead_hours_max, Rule::Whole(0, 8760)),
    key!(shards.age_hours_max, Rule::Whole(1, 87_600)),
    key!(shards.speed_knots_max, Rule::Real(1.0, 1022.0)),
    key!(fusion.weights, WEIGHTS),
    key!(fusion.default_weight, Rule::Real(0.0, 1.0)),
    key!(fusion.window_seconds, Rule::Whole(1, 86_400)),
    key!(thinning.enabled, Rule::Truth),
    key!(thinning.min_distance_m, Rule::Real(0.0, 20_000_000.0)),
    key!(thinning.max_interval_seconds, Rule::Whole(1, 31_536_000)),
    key!(store_filter.types, TYPES),
    key!(store_filter.mmsi, MMSIS),
    key!(store_filter.area, AREA),
    key!(store_filter.sources, SOURCES),
    key!(live_filter.types, TYPES),
    key!(live_filter.mmsi, MMSIS),
    key!(live_filter.area, AREA),
    key!(live_filter.sources, SOURCES),
    key!(store.url, Rule::UrlOrNone(POSTGRES)),
    key!(store.direct_url, Rule::UrlOrNone(POSTGRES)),
    key!(store.index, Rule::OneOf(&["track", "append"])),
    key!(store.batch_rows_max, Rule::Whole(1, 1_048_576)),
    key!(store.linger_ms, Rule::Whole(0, 60_000)),
    key!(store.writers, Rule::Whole(1, 64)),
    key!(store.connect_seconds, Rule::Whole(1, 300)),
    key!(store.commit_seconds, Rule::Whole(1, 3600)),
    key!(store.query_seconds, Rule::Whole(1, 300)),
    key!(store.retention_days, Rule::Whole(0, 36_500)),
    key!(store.days_ahead, Rule::Whole(1, 365)),
    key!(store.days_late_max, Rule::Whole(0, 36_500)),
    key!(store.cache_bytes, Rule::Whole(MIB, 16 * GIB)),
    key!(redis.url, Rule::UrlOrNone(REDIS)),
    key!(redis.prefix, Rule::AnyText),
    key!(redis.layout, Rule::OneOf(&["aisd", "original"])),
    key!(redis.format, Rule::OneOf(&["auto", "json", "hash"])),
    key!(redis.interval_ms, Rule::Whole(1, 60_000)),
    key!(redis.busy_percent, Rule::Whole(1, 100)),
    key!(redis.timeout_ms, Rule::Whole(10, 60_000)),
    key!(redis.ttl_seconds, Rule::Whole(1, 31_536_000)),
    key!(breakers.failures_to_open, Rule::Whole(1, 1000)),
    key!(breakers.open_ms, Rule::Whole(10, 3_600_000)),
    key!(breakers.successes_to_close, Rule::Whole(1, 1000)),
    key!(breakers.window_ms, Rule::Whole(0, 3_600_000)),
    key!(breakers.window_attempts_min, Rule::Whole(1, 1_000_000)),
    key!(breakers.window_failures_percent, Rule::Whole(1, 100)),
    key!(dead_letters.rows_max, Rule::Whole(1, 1_000_000_000)),
    key!(dead_letters.at_bound, Rule::OneOf(&["wait", "drop"])),
    key!(dead_letters.retry_seconds, Rule::Whole(1, 604_800)),
    key!(dead_letters.retries_max, Rule::Whole(0, 1000)),
    key!(dead_letters.retry_percent, Rule::Whole(1, 100)),
    key!(http.address, Rule::AddressOrNone),
    key!(http.connections_max, Rule::Whole(1, 4096)),
    key!(http.request_seconds, Rule::Whole(1, 300)),
    key!(http.jwt_secret, Rule::HiddenOrNone),
    key!(log.level, Rule::Directives),
    key!(log.format, Rule::OneOf(&["text", "json"])),
];

/// The key of this path.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The names of all sections.
#[must_use]
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS
        .iter()
        .filter_map(|key| key.path.split_once('.'))
        .map(|(section, _)| section)
        .collect();
    sections.dedup();
    sections
}

impl Setting for u64 {
    fn show(&self) -> Value {
        Value::Whole(i64::try_from(*self).unwrap_or(i64::MAX))
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Whole(whole) = value { whole.try_into().ok() } else { None }
    }
}

impl Setting for u32 {
    fn show(&self) -> Value {
        Value::Whole(i64::from(*self))
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Whole(whole) = value { whole.try_into().ok() } else { None }
    }
}

impl Setting for usize {
    fn show(&self) -> Value {
        Value::Whole(i64::try_from(*self).unwrap_or(i64::MAX))
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Whole(whole) = value { whole.try_into().ok() } else { None }
    }
}

impl Setting for f64 {
    fn show(&self) -> Value {
        Value::Real(*self)
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Real(real) = value { Some(real) } else { None }
    }
}

impl Setting for bool {
    fn show(&self) -> Value {
        Value::Truth(*self)
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Truth(truth) = value { Some(truth) } else { None }
    }
}

/// Absent is `"auto"`.
impl Setting for Option<bool> {
    fn show(&self) -> Value {
        self.map_or_else(|| Value::Text("auto".to_owned()), Value::Truth)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Truth(truth) => Some(Some(truth)),
            Value::Text(_) => Some(None),
            _ => None,
        }
    }
}

impl Setting for String {
    fn show(&self) -> Value {
        Value::Text(self.clone())
    }
    fn from_value(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Setting for PathBuf {
    fn show(&self) -> Value {
        Value::Text(self.to_string_lossy().into_owned())
    }
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).map(Self::from)
    }
}

/// A choice among words.
macro_rules! words {
    ($($choice:ident: $($variant:ident = $word:literal),+;)+) => {
        $(impl Setting for $choice {
            fn show(&self) -> Value {
                Value::Text(match self { $(Self::$variant => $word,)+ }.to_owned())
            }
            fn from_value(value: Value) -> Option<Self> {
                match String::from_value(value)?.as_str() {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        })+
    };
}

words! {
    Index: Track = "track", Append = "append";
    LogFormat: Text = "text", Json = "json";
    Layout: Aisd = "aisd", Original = "original";
    AtBound: Wait = "wait", Drop = "drop";
    Format: Auto = "auto", Json = "json", Hash = "hash";
}

impl Setting for Hidden {
    fn show(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).map(Self::new)
    }
}

impl Setting for Secret {
    fn show(&self) -> Value {
        Value::Text(self.to_string())
    }
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_obeys_its_own_rule() {
        for key in KEYS {
            let mut config = Config::default();
            let value = (key.get)(&config);
            assert_eq!(key.put(&mut config, value), Ok(()), "{}", key.path);
            assert_eq!(config, Config::default(), "{}", key.path);
        }
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let mut variables: Vec<_> = KEYS.iter().map(Key::variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), KEYS.len());
    }
}
