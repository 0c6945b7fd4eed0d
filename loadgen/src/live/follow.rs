//! Joins what was sent with what was published.

use super::picture::Picture;
use super::publication::{self, Published};
use super::ships::{Ships, Step};
use super::{Event, Place};
use crate::stored::Outcome;
use hdrhistogram::Histogram;
use std::time::Instant;

const UNITS_PER_DEGREE: f64 = 600_000.0;
/// Microseconds that are told apart: 1 to an hour, to three digits.
const LATENCY_US_MAX: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// What came of following.
pub struct Shown {
    /// Messages on the channel.
    pub publications: u64,
    /// Vessels in them.
    pub vessels: u64,
    /// Of these, reports that were published for the first time and whose sending is remembered.
    pub matched: u64,
    /// Reports that nobody here sent, or whose sending is forgotten.
    pub unmatched: u64,
    /// Reports without a place, by which their sending could be found.
    pub without_place: u64,
    /// The same report as the one before.
    pub again: u64,
    /// Reports older than the one before. None may be.
    pub went_back: u64,
    /// Vessels without time or number, so that nobody can tell whether they went back. None may be.
    pub unordered: u64,
    /// What was no list of vessels, or no vessel. None may be.
    pub unreadable: u64,
    /// Microseconds from the intended sending of a report to the arrival of its publication.
    pub latency_us: Histogram<u64>,
    /// How often the subscription broke.
    pub disconnects: u64,
    /// The vessels' keys when the run was over.
    pub picture: Picture,
}

impl Shown {
    /// Nothing yet.
    ///
    /// # Errors
    /// When the bounds of the histogram make no sense.
    pub fn new() -> Outcome<Self> {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS);
        Ok(Self {
            publications: 0,
            vessels: 0,
            matched: 0,
            unmatched: 0,
            without_place: 0,
            again: 0,
            went_back: 0,
            unordered: 0,
            unreadable: 0,
            latency_us: latency_us.map_err(|error| error.to_string())?,
            disconnects: 0,
            picture: Picture::default(),
        })
    }

    /// Whether the picture is right and never went back.
    pub const fn is_good(&self) -> bool {
        let followed = self.vessels > 0 || self.picture.expected == 0;
        followed && self.went_back + self.unordered + self.unreadable == 0 && self.picture.is_good()
    }

    #[cfg(test)]
    /// A quantile of send-to-publish, in milliseconds; `None` when nothing was matched.
    pub fn latency_ms(&self, quantile: f64) -> Option<f64> {
        let some = !self.latency_us.is_empty();
        some.then(|| self.latency_us.value_at_quantile(quantile) as f64 / 1000.0)
    }
}

/// Looks at everything in the order in which it happened.
pub struct Follower {
    ships: Ships,
    began: Instant,
    shown: Shown,
}

impl Follower {
    /// Of a run whose times are counted from `began`.
    ///
    /// # Errors
    /// When the bounds of the histogram make no sense.
    pub fn new(ships: Ships, began: Instant) -> Outcome<Self> {
        Ok(Self { ships, began, shown: Shown::new()? })
    }

    /// One thing that happened.
    pub fn hear(&mut self, event: Event) {
        match event {
            Event::Sending(now_us, notes) => {
                notes.iter().for_each(|note| self.ships.sending(now_us.cast_signed(), note));
            }
            Event::Published(arrived, text) => self.published(arrived, &text),
            // Who does not wait any more needs no answer.
            Event::Asked(answer) => drop(answer.try_send(self.ships.sailing())),
        }
    }

    /// What was found.
    pub fn shown(self) -> Shown {
        self.shown
    }

    fn published(&mut self, arrived: Instant, text: &[u8]) {
        self.shown.publications += 1;
        let Ok(vessels) = publication::read(text) else {
            self.shown.unreadable += 1;
            return;
        };
        let since = arrived.saturating_duration_since(self.began);
        let arrived_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        for vessel in vessels {
            self.shown.vessels += 1;
            match vessel {
                Some(vessel) => self.vessel(&vessel, arrived_us),
                None => self.shown.unreadable += 1,
            }
        }
    }

    fn vessel(&mut self, vessel: &Published, arrived_us: u64) {
        match vessel.order.map(|order| self.ships.published(vessel.mmsi, order)) {
            Some(Step::Forward) => {}
            Some(Step::Again) => {
                self.shown.again += 1;
                return;
            }
            Some(Step::Back) => {
                self.shown.went_back += 1;
                return;
            }
            None => self.shown.unordered += 1,
        }
        let Some(place) = vessel.place.map(units) else {
            self.shown.without_place += 1;
            return;
        };
        let Some(due_us) = self.ships.due_us(vessel.mmsi, place) else {
            self.shown.unmatched += 1;
            return;
        };
        self.shown.matched += 1;
        self.shown.latency_us.saturating_record(arrived_us.saturating_sub(due_us).max(1));
    }
}

/// The nearest place in units of the air.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is outside saturates and matches nothing"
)]
fn units((lon, lat): (f64, f64)) -> Place {
    let units = |degrees: f64| (degrees * UNITS_PER_DEGREE).round() as i32;
    (units(lon), units(lat))
}

#[cfg(test)]
mod tests {
    use super::super::Note;
    use super::super::ships::Way;
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    const NOW_US: u64 = 1_700_000_040_000_000;

    struct Run(Follower, Instant);

    impl Run {
        fn new() -> Self {
            let way = Way { tagged: false, in_order: true };
            let began = Instant::now();
            Self(Follower::new(Ships::new(10, way), began).unwrap(), began)
        }

        fn send(&mut self, mmsi: u32, lon: i32, due_us: u64) {
            let note = Note { mmsi, place: (lon, 600_000), second: 0, due_us };
            self.0.hear(Event::Sending(NOW_US, vec![note]));
        }

        fn publish(&mut self, at_us: u64, text: &str) {
            let arrived = self.1 + Duration::from_micros(at_us);
            self.0.hear(Event::Published(arrived, text.as_bytes().to_vec()));
        }
    }

    #[test]
    fn the_time_from_the_intended_sending_to_the_publication_is_measured() {
        let mut run = Run::new();
        run.send(7, 300_000, 1000);
        run.send(7, 300_001, 2000);
        run.send(8, 300_000, 2500);
        run.publish(5000, r#"[{"mmsi":7,"lon":0.500001667,"lat":1,"time":1700000040000,"seq":2}]"#);
        run.publish(5500, r#"[{"mmsi":8,"lon":0.5,"lat":1.0,"time":1700000040000,"seq":3}]"#);
        let shown = run.0.shown();
        assert_eq!((shown.publications, shown.vessels, shown.matched), (2, 2, 2));
        assert!(shown.is_good());
        let ms = [0.5, 1.0].map(|quantile| shown.latency_ms(quantile).unwrap());
        assert!(ms.iter().all(|ms| (ms - 3.0).abs() < 0.01), "{ms:?}");
    }

    #[test]
    fn what_cannot_be_matched_is_counted_where_it_belongs() {
        let mut run = Run::new();
        run.send(7, 300_000, 1000);
        let vessel = |seq, lon| {
            format!(r#"[{{"mmsi":7,"lon":{lon},"lat":1,"time":1700000040000,"seq":{seq}}}]"#)
        };
        run.publish(5000, &vessel(2, 0.5));
        run.publish(9000, &vessel(2, 0.5));
        run.publish(9000, &vessel(3, 0.6));
        let shown = &run.0.shown;
        assert_eq!((shown.matched, shown.again, shown.unmatched), (1, 1, 1));
        run.publish(9000, r#"[{"mmsi":7,"time":1700000040000,"seq":4}]"#);
        let shown = &run.0.shown;
        assert_eq!((shown.vessels, shown.without_place), (4, 1));
        assert!(shown.is_good() && shown.latency_us.len() == 1);
        run.publish(9000, &vessel(1, 0.5));
        assert!(run.0.shown.went_back == 1 && !run.0.shown.is_good());
    }

    #[test]
    fn what_cannot_be_read_or_ordered_is_not_good() {
        let check = |text: &str| {
            let mut run = Run::new();
            run.publish(1, text);
            assert!(!run.0.shown().is_good(), "{text}");
        };
        check("{}");
        check("[5]");
        check(r#"[{"mmsi":7,"lon":0.5,"lat":1}]"#);
    }

    #[test]
    fn whoever_asks_hears_what_must_be_shown() {
        let mut run = Run::new();
        run.send(7, 300_000, 1000);
        let (ask, answer) = sync_channel(1);
        run.0.hear(Event::Asked(ask));
        assert_eq!(answer.recv().unwrap()[0].places, [(300_000, 600_000)]);
    }
}
