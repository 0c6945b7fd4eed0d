//! How long messages took from the kernel's receipt to the commit, as exact quantiles.
//!
//! In:      one call for each group of messages that took equally long, from the store's writer
//! Out:     p50, p95, p99, p99.9 and the maximum: since the start, since a client's reset, over the last minute
//!
//! Recording goes to one open histogram and the fixed buckets, nothing else. When somebody asks, and every five
//! seconds, the open one is folded into the others: so one message costs one array addition however many views there
//! are (6 ns). Three significant digits (0.1 %) since the start and for the window, two (1 %) for the last minute; about 0.7 MB
//! in all. Quantiles over the last minute cannot be averaged over processes; the buckets can.

use hdrhistogram::{Counter, Histogram};

use crate::clock::SECOND_US;

/// Upper bounds of the fixed buckets in microseconds, the checklist's limits among them; the last bucket has none.
pub const BUCKETS_US: [u64; 15] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];

/// The longest latency that is told apart; longer ones count as this: an hour.
const LONGEST_US: u64 = 3_600 * 1_000_000;
/// The last minute is kept in this many slots.
const SLOTS: usize = 12;
/// How long a slot is filled.
const SLOT_US: i64 = 5 * SECOND_US;

/// What a histogram says, in milliseconds; all 0 when nothing was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Messages.
    pub count: u64,
    /// Half were faster.
    pub p50: f64,
    /// 95 % were faster.
    pub p95: f64,
    /// 99 % were faster.
    pub p99: f64,
    /// 99.9 % were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// All that is known of latency at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencySnapshot {
    /// Since the start.
    pub start: Quantiles,
    /// Since the last reset by a client, or the start.
    pub window: Quantiles,
    /// Over the last 60 seconds.
    pub minute: Quantiles,
    /// Messages in each of [`BUCKETS_US`] alone, and above them all.
    pub buckets: [u64; BUCKETS_US.len() + 1],
    /// Microseconds of all messages together.
    pub sum_us: u64,
}

/// Latencies since the start, since a client's reset, and over the last minute.
#[derive(Debug)]
pub struct Latency {
    open: Histogram<u64>,
    start: Histogram<u64>,
    window: Histogram<u64>,
    slots: [Histogram<u32>; SLOTS],
    slot: usize,
    /// When the slot that is being filled began; 0 before the first tick.
    slot_began_us: i64,
    buckets: [u64; BUCKETS_US.len() + 1],
    sum_us: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self {
            open: histogram(3),
            start: histogram(3),
            window: histogram(3),
            slots: std::array::from_fn(|_| histogram(2)),
            slot: 0,
            slot_began_us: 0,
            buckets: [0; BUCKETS_US.len() + 1],
            sum_us: 0,
        }
    }
}

#[expect(clippy::expect_used, reason = "the bounds are constants that the library takes")]
fn histogram<C: Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_bounds(1, LONGEST_US, digits).expect("1 and an hour are sound bounds")
}

impl Latency {
    /// Notes that this many messages took this many microseconds.
    pub fn record(&mut self, took_us: u64, count: u64) {
        let bucket = BUCKETS_US.iter().take_while(|bound| **bound < took_us).count();
        self.buckets[bucket] += count;
        self.sum_us = self.sum_us.saturating_add(took_us.saturating_mul(count));
        self.open.saturating_record_n(took_us.max(1), count);
    }

    /// Moves the last minute on; at least once in a few seconds, cheap when nothing is due.
    pub fn tick(&mut self, now_us: i64) {
        if self.slot_began_us == 0 {
            self.slot_began_us = now_us;
        }
        let passed = (now_us - self.slot_began_us) / SLOT_US;
        if passed <= 0 {
            return;
        }
        self.fold();
        for _ in 0..usize::try_from(passed).unwrap_or(SLOTS).min(SLOTS) {
            self.slot = (self.slot + 1) % SLOTS;
            self.slots[self.slot].reset();
        }
        self.slot_began_us += passed * SLOT_US;
    }

    /// Starts the window anew.
    pub fn reset_window(&mut self) {
        self.fold();
        self.window.reset();
    }

    /// Everything that is known now.
    pub fn snapshot(&mut self, now_us: i64) -> LatencySnapshot {
        self.tick(now_us);
        self.fold();
        let mut minute = histogram::<u32>(2);
        for slot in &self.slots {
            // All slots have the same bounds, so this cannot fail.
            let _ = minute.add(slot);
        }
        LatencySnapshot {
            start: quantiles(&self.start),
            window: quantiles(&self.window),
            minute: quantiles(&minute),
            buckets: self.buckets,
            sum_us: self.sum_us,
        }
    }

    /// Empties the open histogram into those that are read.
    fn fold(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let slot = &mut self.slots[self.slot];
        for step in self.open.iter_recorded() {
            let (took_us, count) = (step.value_iterated_to(), step.count_at_value());
            self.start.saturating_record_n(took_us, count);
            self.window.saturating_record_n(took_us, count);
            slot.saturating_record_n(took_us, u32::try_from(count).unwrap_or(u32::MAX));
        }
        self.open.reset();
    }
}

fn quantiles<C: Counter>(histogram: &Histogram<C>) -> Quantiles {
    if histogram.is_empty() {
        return Quantiles::default();
    }
    let at = |quantile: f64| milliseconds(histogram.value_at_quantile(quantile));
    Quantiles {
        count: histogram.len(),
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: milliseconds(histogram.max()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "an hour in microseconds is exact in a double")]
fn milliseconds(us: u64) -> f64 {
    us as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: i64 = 1_700_000_000 * SECOND_US;

    fn near(measured: f64, expected: f64, tolerance: f64) {
        assert!((measured - expected).abs() <= expected * tolerance, "{measured} for {expected}");
    }

    #[test]
    fn quantiles_are_exact_to_three_digits() {
        let mut latency = Latency::default();
        for us in 1..=100_000 {
            latency.record(us, 1);
        }
        let all = latency.snapshot(START_US);
        for view in [all.start, all.window] {
            assert_eq!(view.count, 100_000);
            near(view.p50, 50.0, 0.001);
            near(view.p95, 95.0, 0.001);
            near(view.p99, 99.0, 0.001);
            near(view.p999, 99.9, 0.001);
            near(view.max, 100.0, 0.001);
        }
        near(all.minute.p99, 99.0, 0.01);
    }

    #[test]
    fn buckets_are_exact_at_their_bounds() {
        let mut latency = Latency::default();
        for bound in BUCKETS_US {
            latency.record(bound, 2);
            latency.record(bound + 1, 3);
        }
        let all = latency.snapshot(START_US);
        assert_eq!(all.buckets[0], 2);
        assert!(all.buckets[1..BUCKETS_US.len()].iter().all(|count| *count == 5));
        assert_eq!(all.buckets[BUCKETS_US.len()], 3);
        assert_eq!(all.buckets.iter().sum::<u64>(), all.start.count);
        assert_eq!(all.sum_us, BUCKETS_US.iter().map(|bound| bound * 5 + 3).sum::<u64>());
    }

    #[test]
    fn a_reset_touches_the_window_alone() {
        let mut latency = Latency::default();
        latency.record(1000, 10);
        latency.reset_window();
        latency.record(9000, 1);
        let all = latency.snapshot(START_US);
        assert_eq!((all.start.count, all.window.count, all.minute.count), (11, 1, 11));
        near(all.window.p50, 9.0, 0.001);
    }

    #[test]
    fn the_last_minute_forgets_what_is_older() {
        let mut latency = Latency::default();
        latency.tick(START_US);
        latency.record(1000, 1);
        let at = |seconds: i64| START_US + seconds * SECOND_US;
        assert_eq!(latency.snapshot(at(50)).minute.count, 1);
        latency.record(2000, 1);
        assert_eq!(latency.snapshot(at(61)).minute.count, 1);
        assert_eq!(latency.snapshot(at(121)).minute.count, 0);
        assert_eq!(latency.snapshot(at(1_000_000)).start.count, 2);
        // A clock that is set back changes nothing.
        assert_eq!(latency.snapshot(START_US).minute.count, 0);
    }

    #[test]
    fn extremes_are_counted_not_lost() {
        let mut latency = Latency::default();
        latency.record(0, 1);
        latency.record(u64::MAX, 1);
        let all = latency.snapshot(START_US);
        assert_eq!(all.start.count, 2);
        near(all.start.max, 3_600_000.0, 0.001);
    }
}
