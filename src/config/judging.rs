//! What each sink wants, what is thinned out, and how far each source is believed.

use super::Config;
use crate::filter::names;

/// What a sink wants of the messages, as [`crate::filter`] reads it; an empty text wants everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterConfig {
    /// Types of messages, with commas.
    pub types: String,
    /// MMSIs and ranges of them, with commas.
    pub mmsi: String,
    /// Boxes of south, west, north, east, separated by semicolons.
    pub area: String,
    /// Names of feeds, with commas.
    pub sources: String,
}

/// Which positions are too near to the last stored one to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ThinningConfig {
    /// Whether any is.
    pub enabled: bool,
    /// Nearer than this, and
    pub min_distance_m: f64,
    /// sooner than this.
    pub max_interval_seconds: u64,
}

impl Default for ThinningConfig {
    fn default() -> Self {
        Self { enabled: false, min_distance_m: 10_000.0, max_interval_seconds: 3600 }
    }
}

/// How one picture is made of what several sources say.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionConfig {
    /// How far sources are believed, as `NAME=WEIGHT` with commas; names of feeds or of kinds of feed.
    pub weights: String,
    /// How far all others are.
    pub default_weight: f64,
    /// Seconds for which what a vessel told once goes on to hold.
    pub window_seconds: u64,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self { weights: WEIGHTS.to_owned(), default_weight: 0.7, window_seconds: 300 }
    }
}

/// Those of the backend that aisd replaces.
const WEIGHTS: &str =
    "marine_traffic=0.90,aisstream=0.88,vessel_finder=0.85,signalr=0.82,china_port=0.80";

impl FusionConfig {
    /// How far a feed of this name and kind is believed, 0 to 1.
    #[must_use]
    pub fn weight(&self, name: &str, kind: &str) -> f64 {
        let weights = weights(&self.weights).unwrap_or_default();
        let of = |wanted: &str| weights.iter().find(|(name, _)| name == wanted).map(|(_, it)| *it);
        of(name).or_else(|| of(kind)).unwrap_or(self.default_weight)
    }
}

/// Weights as text: `NAME=WEIGHT`, with commas between; nothing when one of them cannot be read.
#[must_use]
pub fn weights(text: &str) -> Option<Vec<(String, f64)>> {
    let one = |part: &str| {
        let (name, weight) = part.split_once('=')?;
        let weight: f64 = weight.trim().parse().ok()?;
        let is_good = !name.trim().is_empty() && (0.0..=1.0).contains(&weight);
        is_good.then(|| (name.trim().to_owned(), weight))
    };
    if text.trim().is_empty() { Some(Vec::new()) } else { text.split(',').map(one).collect() }
}

/// Names in the filters that no feed of the configuration has. No fault: it may be one of an earlier run.
#[must_use]
pub fn strangers(config: &Config) -> Vec<String> {
    let sinks = [("store_filter", &config.store_filter), ("live_filter", &config.live_filter)];
    let sinks = sinks.into_iter().map(|(section, filter)| (format!("{section}.sources"), filter));
    let outputs = config.outputs.iter().map(|output| {
        let name = output.name.as_deref().unwrap_or_default();
        (format!("the output \"{name}\": sources"), &output.filter)
    });
    let named = sinks.chain(outputs).flat_map(|(place, filter)| {
        names(&filter.sources).into_iter().map(move |name| (place.clone(), name))
    });
    let known = |name: &String| config.feeds.iter().any(|feed| feed.name.as_ref() == Some(name));
    let strange = named.filter(|(_, name)| !known(name));
    strange
        .map(|(place, name)| format!("{place} names \"{name}\", which no feed is called"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::*;

    #[test]
    fn a_feed_has_the_weight_of_its_name_or_else_of_its_kind() {
        let fusion =
            FusionConfig { weights: "harbour=0.95, udp=0.5".to_owned(), ..FusionConfig::default() };
        let check = |name, kind, expected: f64| {
            assert!((fusion.weight(name, kind) - expected).abs() < 1e-9, "{name} {kind}");
        };
        check("harbour", "udp", 0.95);
        check("udp2", "udp", 0.5);
        check("tcp", "tcp", 0.7);
        assert!((FusionConfig::default().weight("x", "aisstream") - 0.88).abs() < 1e-9);
    }

    #[test]
    fn a_filter_that_names_a_feed_that_is_not_there_is_told() {
        let text = "[[feeds]]\nkind = \"udp\"\naddress = \"a:1\"\n[live_filter]\nsources = \"!udp, tcp\"\n\
            [[outputs]]\nkind = \"tcp\"\naddress = \"b:2\"\nsources = \"upd\"\n";
        let strange = strangers(&parse("a", text).unwrap());
        let expected = [
            "live_filter.sources names \"tcp\", which no feed is called",
            "the output \"tcp\": sources names \"upd\", which no feed is called",
        ];
        assert_eq!(strange, expected);
    }

    #[test]
    fn weights_that_cannot_be_read_are_told() {
        assert_eq!(weights(" "), Some(Vec::new()));
        for bad in ["a", "a=", "=1", "a=1.1", "a=-0.1", "a=NaN", "a=1,,b=1"] {
            assert_eq!(weights(bad), None, "{bad}");
        }
    }
}
