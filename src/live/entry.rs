//! A changed vessel as arguments of the scripts.

use redis::Cmd;

use super::fields::{self, Kept};
use super::text;
use crate::clock::SECOND_US;
use crate::config::Layout;
use crate::picture::{Change, LastPosition, VesselView};

/// Places further north or south cannot be kept in `geo`: 85.05112878 degrees in the unit of places.
const GEO_LAT_MAX: i32 = 51_030_677;

/// Where a vessel belongs in `geo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where it is already, if anywhere: its newest position tells no place, or is older than anything shown.
    AsItIs,
    /// Nowhere: too near to a pole.
    Away,
    /// At this longitude and latitude.
    At(i32, i32),
}

/// Writes vessels as arguments.
pub struct Entries {
    layout: Layout,
    kept: Kept,
    ttl_us: i64,
    /// Names of the feeds, by their number.
    sources: Vec<String>,
    /// One value at a time.
    value: String,
}

/// What there is to write of a vessel.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The vessel.
    pub view: &'a VesselView,
    /// Its position, if that is to be written.
    pub last: Option<&'a LastPosition>,
    has_statics: bool,
    lacks_statics: bool,
    ttl_s: i64,
    is_active: bool,
}

/// How much later than its own clock says, give or take what two clocks may differ by, a writer believes a time that is there.
const AHEAD_MAX_US: i64 = 120 * SECOND_US;

/// The time of a writing, as the scripts take it behind all vessels: see `is_ahead` in `script/common.lua`.
pub struct Moment {
    limit: String,
    seconds: i64,
}

impl Moment {
    /// Of the writer's clock.
    #[must_use]
    pub fn new(now_us: i64) -> Self {
        let mut limit = String::new();
        text::time(now_us.saturating_add(AHEAD_MAX_US), &mut limit);
        Self { limit, seconds: now_us.div_euclid(SECOND_US) }
    }

    /// Adds it.
    pub fn add(&self, to: &mut Cmd) {
        to.arg(&self.limit).arg(self.seconds);
    }
}

impl Entries {
    /// For a layout and a format; vessels not heard of for so long are not shown.
    #[must_use]
    pub fn new(layout: Layout, kept: Kept, ttl_seconds: u64, sources: Vec<String>) -> Self {
        let ttl_s = i64::try_from(ttl_seconds).unwrap_or(i64::MAX / SECOND_US);
        Self { layout, kept, ttl_us: ttl_s * SECOND_US, sources, value: String::new() }
    }

    /// The oldest time that is shown as active, microseconds since 1970.
    #[must_use]
    pub const fn active_from(&self, now_us: i64) -> i64 {
        now_us - self.ttl_us
    }

    /// What there is to write; nothing of a vessel that was not heard of for too long.
    #[must_use]
    pub fn entry<'a>(&self, change: &'a Change, now_us: i64) -> Option<Entry<'a>> {
        let view = &change.view;
        let ttl_s = (self.ttl_us - (now_us - view.last_seen_us)) / SECOND_US;
        let last = view.last.as_ref().filter(|last| match self.layout {
            Layout::Aisd => change.what.position,
            // A name goes along with a place, or its readers see a vessel at none.
            Layout::Original => last.position.place.is_some(),
        });
        let shows = last.is_some() || self.layout == Layout::Aisd;
        let mut names = fields::statics(self.layout).iter();
        let tells = shows && names.any(|field| field.is_in(&view.statics));
        let (has_statics, lacks_statics) =
            (tells && change.what.statics, tells && !change.what.statics);
        let is_active = last.is_some_and(|last| last.time_us >= self.active_from(now_us));
        let ttl_s = ttl_s.min(self.ttl_us / SECOND_US);
        (ttl_s > 0 && (last.is_some() || has_statics)).then_some(Entry {
            view,
            last,
            has_statics,
            lacks_statics,
            ttl_s,
            is_active,
        })
    }

    /// Adds what `write` takes.
    pub fn add(&mut self, entry: &Entry<'_>, to: &mut Cmd) {
        to.arg(entry.ttl_s).arg(entry.view.mmsi);
        match entry.last {
            None => to.arg("").arg(""),
            Some(last) => {
                self.value.clear();
                text::time(last.time_us, &mut self.value);
                to.arg(&self.value).arg(last.seq)
            }
        };
        let statics = self.statics(entry);
        to.arg(statics.len() / 3);
        if let Some(last) = entry.last {
            self.add_position(last, to);
        }
        for text in &statics {
            to.arg(text);
        }
    }

    fn add_position(&mut self, last: &LastPosition, to: &mut Cmd) {
        let source = self.sources.get(usize::from(last.feed)).map_or("", String::as_str);
        let names = fields::position(self.layout);
        self.value.clear();
        match self.kept {
            Kept::Hash => {
                for (_, field) in names {
                    self.value.clear();
                    fields::tell(*field, last, source, &mut self.value);
                    to.arg(&self.value);
                }
            }
            Kept::Json => {
                fields::members(names, last, source, &mut self.value);
                // The first comma becomes the opening brace.
                self.value.replace_range(..1, "{");
                self.value.push('}');
                to.arg(&self.value);
            }
        }
    }

    /// Name, text and time of each static value.
    fn statics(&mut self, entry: &Entry<'_>) -> Vec<String> {
        let mut values = Vec::new();
        if !entry.has_statics {
            return values;
        }
        let view = entry.view;
        for field in fields::statics(self.layout).iter().filter(|it| it.is_in(&view.statics)) {
            let mut time = String::new();
            text::time(view.said.of(*field), &mut time);
            fields::each_static(*field, &view.statics, self.kept, &mut self.value, |name, text| {
                values.extend([name.to_owned(), text.to_owned(), time.clone()]);
            });
        }
        values
    }

    /// Adds what is published of the position; false when it tells no place.
    pub fn publication(&self, entry: &Entry<'_>, out: &mut String) -> bool {
        let placed = entry.last.filter(|last| last.position.place.is_some());
        let Some(last) = placed else { return false };
        let source = self.sources.get(usize::from(last.feed)).map_or("", String::as_str);
        out.push_str("{\"mmsi\":");
        text::whole(entry.view.mmsi, out);
        out.push_str(",\"time\":\"");
        text::time(last.time_us, out);
        out.push_str("\",\"seq\":\"");
        text::whole(last.seq, out);
        out.push('"');
        fields::members(fields::PUBLISHED, last, source, out);
        out.push('}');
        true
    }
}

impl Entry<'_> {
    /// Its score in `active`: milliseconds since 1970; none when it is older than what is shown there.
    #[must_use]
    pub fn score(&self) -> Option<i64> {
        let last = self.last.filter(|_| self.is_active);
        last.map(|last| last.time_us.div_euclid(1000))
    }

    /// Where it belongs in `geo`. Only who is active does: the others would never be taken out.
    #[must_use]
    pub fn place(&self) -> Place {
        let place = self.last.filter(|_| self.is_active).and_then(|last| last.position.place);
        match place {
            None => Place::AsItIs,
            Some(place) if place.lat.abs() > GEO_LAT_MAX => Place::Away,
            Some(place) => Place::At(place.lon, place.lat),
        }
    }

    /// Whether the vessel said things of itself that are not written now.
    #[must_use]
    pub const fn lacks_statics(&self) -> bool {
        self.lacks_statics
    }
}
