//! What a sink wants of the messages: by type, by MMSI, by place and by source. The store, the live picture and each output have
//! one, and all of them judge alike.
//!
//! Each criterion is a text of the configuration, and an empty one wants everything. Types, MMSIs and sources are lists with
//! commas: what is listed is wanted, what is listed behind a `!` is not, and where only the unwanted is listed all else is wanted.
//! An area is one or more boxes; what is known to be outside of all of them is not wanted, and a message of which nobody knows where its
//! sender is, is.
//!
//! Nothing is remembered here from one message to the next, so that the journal alone decides what is a row.

use std::ops::RangeInclusive;

use crate::config::{FilterConfig, boxes};
use crate::picture::Area;
use crate::reject::Filtered;
use crate::report::Place;

/// The highest type of message; 0 is that of a report in fields that does not tell its type.
const TYPE_MAX: u8 = 28;
/// The highest number that an MMSI can be.
const MMSI_MAX: u32 = 999_999_999;

/// What is looked at of a message.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Its type, 0 when nobody tells.
    pub msg_type: u8,
    /// Who sent it.
    pub mmsi: u32,
    /// The feed that brought it.
    pub feed: u8,
    /// Where its sender is, as far as the sink knows.
    pub place: Option<Place>,
}

/// A set of sinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sinks(u32);

impl Sinks {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// All that there may be.
    pub const ALL: Self = Self(u32::MAX);
    /// The store.
    pub const STORE: Self = Self(1);
    /// The live picture.
    pub const LIVE: Self = Self(2);

    /// The output of this place.
    #[must_use]
    pub const fn output(at: usize) -> Self {
        Self(1 << ((at + 2) % 32))
    }

    /// Whether one of these is among them.
    #[must_use]
    pub const fn has(self, these: Self) -> bool {
        self.0 & these.0 != 0
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, these: Self) -> Self {
        Self(self.0 | these.0)
    }

    /// Those that are not among these.
    #[must_use]
    pub const fn but(self, these: Self) -> Self {
        Self(self.0 & !these.0)
    }
}

/// What a sink wants.
#[derive(Clone, Debug)]
pub struct Filter {
    /// One bit for each type; absent for all.
    types: Option<u32>,
    mmsi: List<RangeInclusive<u32>>,
    area: Vec<Area>,
    /// One bit for each feed; absent for all.
    feeds: Option<[u64; 4]>,
    is_open: bool,
}

/// What is wanted and what is not.
#[derive(Clone, Debug)]
struct List<T> {
    wanted: Vec<T>,
    unwanted: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { wanted: Vec::new(), unwanted: Vec::new() }
    }
}

impl<T> List<T> {
    /// Of a text with commas; nothing when one of its parts cannot be read.
    fn read(text: &str, mut one: impl FnMut(&str) -> Option<T>) -> Option<Self> {
        let mut list = Self::default();
        for part in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            match part.strip_prefix('!') {
                Some(part) => list.unwanted.push(one(part.trim())?),
                None => list.wanted.push(one(part)?),
            }
        }
        Some(list)
    }

    const fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    fn wants(&self, is: impl Fn(&T) -> bool) -> bool {
        (self.wanted.is_empty() || self.wanted.iter().any(&is)) && !self.unwanted.iter().any(&is)
    }
}

impl Default for Filter {
    /// Everything.
    fn default() -> Self {
        Self::new(&FilterConfig::default(), &[])
    }
}

impl Filter {
    /// The filter of these settings, where the feeds have these names by their numbers. A name that no feed has is nobody's.
    #[must_use]
    pub fn new(config: &FilterConfig, feeds: &[String]) -> Self {
        let types = List::read(&config.types, read_type).unwrap_or_default();
        let bits = (0..=TYPE_MAX).filter(|kind| types.wants(|it| it == kind));
        let types = (!types.is_empty()).then(|| bits.fold(0, |bits, kind| bits | 1 << kind));
        let mmsi = List::read(&config.mmsi, read_mmsi).unwrap_or_default();
        let area: Vec<Area> = areas(&config.area).unwrap_or_default();
        let names = List::read(&config.sources, read_name).unwrap_or_default();
        let feeds = (!names.is_empty()).then(|| {
            let wanted = feeds.iter().enumerate().filter(|(_, name)| names.wants(|it| it == *name));
            wanted.fold([0; 4], |mut bits, (feed, _)| {
                bits[feed / 64 % 4] |= 1 << (feed % 64);
                bits
            })
        });
        let is_open = types.is_none() && mmsi.is_empty() && area.is_empty() && feeds.is_none();
        Self { types, mmsi, area, feeds, is_open }
    }

    /// Whether it wants everything.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether it wants what this feed brings.
    #[must_use]
    pub fn wants_source(&self, feed: u8) -> bool {
        let feed = usize::from(feed);
        self.feeds.is_none_or(|feeds| feeds[feed / 64] >> (feed % 64) & 1 == 1)
    }

    /// Whether it asks where messages come from.
    #[must_use]
    pub const fn has_area(&self) -> bool {
        !self.area.is_empty()
    }

    /// Why this message is not wanted; nothing when it is.
    #[must_use]
    pub fn judge(&self, message: &Traits) -> Option<Filtered> {
        if self.is_open { None } else { self.look(message) }
    }

    fn look(&self, message: &Traits) -> Option<Filtered> {
        if !self.wants_source(message.feed) {
            return Some(Filtered::Source);
        }
        if self.types.is_some_and(|types| types.unbounded_shr(message.msg_type.into()) & 1 == 0) {
            return Some(Filtered::Type);
        }
        if !self.mmsi.is_empty() && !self.mmsi.wants(|range| range.contains(&message.mmsi)) {
            return Some(Filtered::Mmsi);
        }
        let is_outside = |place| !self.area.iter().any(|area| area.contains(place));
        if !self.area.is_empty() && message.place.is_some_and(is_outside) {
            return Some(Filtered::Area);
        }
        None
    }
}

/// The boxes of a text of the configuration.
#[must_use]
pub fn areas(text: &str) -> Option<Vec<Area>> {
    boxes(text).map(|all| all.into_iter().map(Area::between).collect())
}

fn read_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|kind| *kind <= TYPE_MAX)
}

/// One MMSI, or two with a dash between.
fn read_mmsi(text: &str) -> Option<RangeInclusive<u32>> {
    let one = |text: &str| text.trim().parse().ok().filter(|mmsi| *mmsi <= MMSI_MAX);
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (one(from)?, one(to)?);
    (from <= to).then_some(from..=to)
}

fn read_name(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether these are types of messages, as the configuration writes them.
#[must_use]
pub fn are_types(text: &str) -> bool {
    List::read(text, read_type).is_some()
}

/// Whether these are MMSIs.
#[must_use]
pub fn are_mmsis(text: &str) -> bool {
    List::read(text, read_mmsi).is_some()
}

/// Whether these may be names of feeds.
#[must_use]
pub fn are_names(text: &str) -> bool {
    List::read(text, read_name).is_some()
}

/// The names in such a list, wanted or not.
#[must_use]
pub fn names(text: &str) -> Vec<String> {
    List::read(text, read_name).map_or_else(Vec::new, |list| [list.wanted, list.unwanted].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIP: Traits = Traits { msg_type: 1, mmsi: 244_660_000, feed: 1, place: None };

    fn filter(change: impl FnOnce(&mut FilterConfig)) -> Filter {
        let mut config = FilterConfig::default();
        change(&mut config);
        Filter::new(&config, &["udp".to_owned(), "tcp".to_owned(), "other".to_owned()])
    }

    #[test]
    fn what_is_listed_is_wanted_and_what_stands_behind_a_mark_is_not() {
        let by_type = |types: &str, msg_type| {
            let filter = filter(|config| config.types = types.to_owned());
            filter.judge(&Traits { msg_type, ..SHIP })
        };
        let check = |types, wanted: &[u8], unwanted: &[u8]| {
            for kind in wanted {
                assert_eq!(by_type(types, *kind), None, "{types} {kind}");
            }
            for kind in unwanted {
                assert_eq!(by_type(types, *kind), Some(Filtered::Type), "{types} {kind}");
            }
        };
        check("", &[0, 1, 28, 255], &[]);
        check("1, 2,3", &[1, 2, 3], &[0, 5, 28, 32, 255]);
        check("!27", &[0, 1, 26, 28], &[27]);
        check("1,5,!5", &[1], &[5, 2]);
    }

    #[test]
    fn each_criterion_gives_its_own_reason() {
        let check = |change: fn(&mut FilterConfig), message: Traits, expected| {
            assert_eq!(filter(change).judge(&message), expected, "{message:?}");
        };
        let ships: fn(&mut FilterConfig) = |config| {
            config.mmsi = "200000000-799999999,!244660000".to_owned();
        };
        check(ships, SHIP, Some(Filtered::Mmsi));
        check(ships, Traits { mmsi: 244_660_001, ..SHIP }, None);
        check(ships, Traits { mmsi: 2_442_000, ..SHIP }, Some(Filtered::Mmsi));
        let sources: fn(&mut FilterConfig) = |config| config.sources = "udp,other".to_owned();
        check(sources, SHIP, Some(Filtered::Source));
        check(sources, Traits { feed: 2, ..SHIP }, None);
        check(sources, Traits { feed: 255, ..SHIP }, Some(Filtered::Source));
        let areas: fn(&mut FilterConfig) =
            |config| config.area = "51,3,54,8;-20,177,-15,180;-20,-180,-15,-178".to_owned();
        let at =
            |lon: i32, lat: i32| Traits { place: Place::new(lon * 600_000, lat * 600_000), ..SHIP };
        check(areas, at(4, 52), None);
        check(areas, at(-179, -16), None);
        check(areas, at(9, 52), Some(Filtered::Area));
        check(areas, SHIP, None);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for good in ["", " ", "1", "1,2", "!5", "0, 28"] {
            assert!(are_types(good), "{good}");
        }
        for bad in ["29", "x", "1,", ",", "1-3", "!!1"] {
            assert!(!are_types(bad), "{bad}");
        }
        for good in ["", "244660000", "200000000-299999999, !244660000", "1 - 2"] {
            assert!(are_mmsis(good), "{good}");
        }
        for bad in ["1000000000", "5-4", "244660000;1", "-", "ship"] {
            assert!(!are_mmsis(bad), "{bad}");
        }
        assert!(are_names("udp,!tcp") && !are_names("udp,,tcp") && !are_names("!"));
        assert_eq!(names("udp, !tcp"), ["udp", "tcp"]);
    }
}
