//! Tells systemd how the daemon is: that it starts, is ready, stops, and lives.
//!
//! In:      what the engine is about, what it counts, and which thread stands still
//! Out:     datagrams to `NOTIFY_SOCKET`; nothing where systemd has not named one
//! Drops:   what cannot be sent; that is logged, and the next comes in its time
//!
//! `READY=1` comes when everything is bound and what earlier runs left is looked at. `WATCHDOG=1` comes four times in each
//! `WatchdogSec` while every thread turns. One that has not turned for half of that time, and for as long as its calls to a
//! neighbour may take, stands still: then nothing is fed, and systemd ends the process and starts another. The supervisor
//! sends all this itself, so it also stops when the supervisor stands still.
//!
//! A start that reads a large journal, and a drain, may take longer than systemd waits: it is asked for more time for as
//! long as they get on.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::build::Engine;
use crate::observe::accounting::Sums;
use crate::observe::status::State;
use crate::resilience::quiet::Quiet;

/// The status is told anew this often.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// While it starts or stops, something is said this often.
const EXTEND_EVERY: Duration = Duration::from_secs(1);
/// How much time is asked for.
const EXTEND_BY: Duration = Duration::from_secs(30);

/// What is told, and when it was.
pub struct Systemd {
    /// Somebody listens.
    is_there: bool,
    /// `WatchdogSec`, if there is one.
    watchdog: Option<Duration>,
    fed_at: Option<Instant>,
    told_at: Option<(Instant, State)>,
    before: Seen,
    quiet: Quiet,
}

/// What the status is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    state: State,
    /// Records that the shards have looked at.
    looked_at: u64,
    received: u64,
    stored: u64,
    in_flight: u64,
}

impl Seen {
    fn of(engine: &Engine) -> Self {
        let mut seen = Self { state: engine.status.state(), ..Self::nothing() };
        seen.looked_at = engine.counts.shards.iter().map(|shard| shard.records.get()).sum();
        for sums in engine.counts.feeds.iter().map(Sums::read) {
            seen.received += sums.received;
            seen.stored += sums.stored;
            seen.in_flight += sums.in_flight();
        }
        seen
    }

    const fn nothing() -> Self {
        Self { state: State::Starting, looked_at: 0, received: 0, stored: 0, in_flight: 0 }
    }

    /// Whether something was done since.
    const fn is_further_than(&self, before: &Self) -> bool {
        self.looked_at > before.looked_at || self.stored > before.stored
    }

    fn text(&self, before: &Self, passed: Duration) -> String {
        let (looked_at, stored) = (self.looked_at, self.stored);
        match self.state {
            State::Starting => format!("starting: {looked_at} messages of earlier runs looked at"),
            State::Draining => format!("draining: {} messages on their way", self.in_flight),
            State::Ready => {
                let ms = passed.as_millis().max(1);
                let rate = u128::from(self.received.saturating_sub(before.received)) * 1000 / ms;
                format!(
                    "ready: {rate} messages/s, {stored} stored, {} on their way",
                    self.in_flight
                )
            }
        }
    }
}

impl Systemd {
    /// As the environment says; the start begins.
    #[must_use]
    pub fn new() -> Self {
        let mut systemd = Self {
            is_there: std::env::var_os("NOTIFY_SOCKET").is_some(),
            watchdog: sd_notify::watchdog_enabled().filter(|every| !every.is_zero()),
            fed_at: None,
            told_at: None,
            before: Seen::nothing(),
            quiet: Quiet::default(),
        };
        systemd.send(&[NotifyState::Status("starting"), extension(EXTEND_BY)]);
        systemd
    }

    /// Says what there is to say; called again and again.
    pub fn look(&mut self, engine: &mut Engine) {
        if !self.is_there {
            return;
        }
        let now = Instant::now();
        if let Some(every) = self.watchdog.filter(|every| self.is_hungry(*every, now)) {
            match engine.threads.standing_still(every / 2, now) {
                None => {
                    self.fed_at = Some(now);
                    self.send(&[NotifyState::Watchdog]);
                }
                Some((name, still)) => {
                    let name = name.to_owned();
                    if self.quiet.may_say(&name, now) {
                        tracing::error!(
                            "{name} has stood still for {} s; systemd hears no more that the daemon lives, and ends it after \
                             WatchdogSec",
                            still.as_secs()
                        );
                    }
                }
            }
        }
        let state = engine.status.state();
        let (is_due, passed) = self.is_due(state, now);
        if is_due {
            self.tell(Seen::of(engine), passed, now);
        }
    }

    fn is_hungry(&self, every: Duration, now: Instant) -> bool {
        self.fed_at.is_none_or(|fed| now.saturating_duration_since(fed) >= every / 4)
    }

    /// Whether the status is to be told, and how long ago it was.
    fn is_due(&self, state: State, now: Instant) -> (bool, Duration) {
        let Some((told, as_it_was)) = self.told_at else { return (true, Duration::ZERO) };
        let passed = now.saturating_duration_since(told);
        let every = if state == State::Ready { STATUS_EVERY } else { EXTEND_EVERY };
        (passed >= every || state != as_it_was, passed)
    }

    fn tell(&mut self, seen: Seen, passed: Duration, now: Instant) {
        let text = seen.text(&self.before, passed);
        let mut news = vec![NotifyState::Status(&text)];
        match seen.state {
            State::Starting if seen.is_further_than(&self.before) => {
                news.push(extension(EXTEND_BY));
            }
            State::Ready if self.told_at.is_none_or(|(_, state)| state == State::Starting) => {
                news.push(NotifyState::Ready);
            }
            _ => {}
        }
        (self.before, self.told_at) = (seen, Some((now, seen.state)));
        self.send(&news);
    }

    /// It is being drained, which takes this long at most.
    pub fn stopping(&mut self, within: Duration) {
        self.send(&[NotifyState::Stopping, extension(within + EXTEND_BY)]);
    }

    fn send(&mut self, news: &[NotifyState<'_>]) {
        if self.is_there
            && let Err(error) = sd_notify::notify(news)
            && self.quiet.may_say("unheard", Instant::now())
        {
            tracing::warn!(%error, "cannot tell systemd how the daemon is");
        }
    }
}

fn extension(time: Duration) -> NotifyState<'static> {
    NotifyState::ExtendTimeoutUsec(u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_says_what_it_is_about() {
        let check = |state, expected: &str| {
            let before = Seen { received: 5_000, ..Seen::nothing() };
            let seen = Seen { state, looked_at: 7, received: 25_000, stored: 9, in_flight: 3 };
            assert_eq!(seen.text(&before, Duration::from_secs(2)), expected);
        };
        check(State::Starting, "starting: 7 messages of earlier runs looked at");
        check(State::Ready, "ready: 10000 messages/s, 9 stored, 3 on their way");
        check(State::Draining, "draining: 3 messages on their way");
    }

    #[test]
    fn more_time_is_asked_for_only_while_a_start_gets_on() {
        let before = Seen { looked_at: 7, stored: 9, ..Seen::nothing() };
        assert!(!before.is_further_than(&before));
        assert!(Seen { looked_at: 8, ..before }.is_further_than(&before));
        assert!(Seen { stored: 10, ..before }.is_further_than(&before));
        assert!(!Seen { received: 10, ..before }.is_further_than(&before));
    }
}
