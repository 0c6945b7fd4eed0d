//! What is known of the neighbours: the store's server, Redis and each server that a feed connects to, each with its circuit
//! breaker, its present trouble and what it last opened for.
//!
//! Those that talk to a neighbour tell it through `resilience::attempts`; the faces read it. All who talk to one neighbour
//! share one breaker, so several writers open it together and one of them alone probes. Where several are in trouble,
//! the one that has failed most often is shown.
//!
//! In:      attempts that worked or failed
//! Out:     whether to try, lines for the log, the present trouble in words
//! Metrics: `circuit_breaker_state`, `circuit_breaker_trips_total`, `ais_neighbour_failures_total`

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::config::{BreakerConfig, Config};
use crate::observe::counts::{Counter, Gauge};
use crate::resilience::breaker::{Asker, Breaker, State};
use crate::resilience::quiet::Quiet;
use crate::resilience::words::{one_line, spoken};

/// Characters of a cause that are kept.
const CAUSE_MAX: usize = 300;
/// Before the name of a feed: it may be that of another neighbour.
const OF_FEED: &str = "feed:";

/// All neighbours, there from the first scrape, also those that are not configured.
#[derive(Debug)]
pub struct Neighbours {
    /// What rows are stored in.
    pub store: Arc<Neighbour>,
    /// Where the live picture is.
    pub redis: Arc<Neighbour>,
    /// Servers that feeds connect to, in the order of the feeds.
    pub feeds: Vec<Arc<Neighbour>>,
    /// Where outputs send to, in their order.
    pub outputs: Vec<Arc<Neighbour>>,
}

impl Default for Neighbours {
    /// The embedded store, and no Redis.
    fn default() -> Self {
        Self::of(&Config::default())
    }
}

impl Neighbours {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let neighbour = |name: &str, is_there| Arc::new(Neighbour::new(name, is_there));
        let clients = config.feeds.iter().filter(|feed| feed.kind.is_client());
        let names = clients.filter_map(|feed| feed.name.as_deref());
        Self {
            store: neighbour(if config.store.url.is_empty() { "sqlite" } else { "postgres" }, true),
            redis: neighbour("redis", !config.redis.url.is_empty()),
            feeds: names.map(|name| Arc::new(Neighbour::of_feed(name))).collect(),
            outputs: config.outputs.iter().map(|it| neighbour(&it.peer(), true)).collect(),
        }
    }

    /// The server that the feed of this name connects to.
    #[must_use]
    pub fn feed(&self, name: &str) -> Option<&Arc<Neighbour>> {
        self.feeds.iter().find(|it| it.name.strip_prefix(OF_FEED) == Some(name))
    }

    /// Each of them.
    #[must_use]
    pub fn all(&self) -> Vec<&Arc<Neighbour>> {
        [&self.store, &self.redis].into_iter().chain(&self.feeds).chain(&self.outputs).collect()
    }
}

/// One neighbour.
#[derive(Debug)]
pub struct Neighbour {
    name: String,
    is_configured: bool,
    /// Times that the breaker opened, also those after a probe in vain.
    pub trips: Counter,
    /// Attempts that failed.
    pub failures: Counter,
    /// Reports that wait for it in the journal, as those last told who talk to it; for the log.
    pub waiting: Gauge,
    state: AtomicU8,
    askers: AtomicU32,
    watch: Mutex<Watch>,
}

/// What changes together.
#[derive(Debug)]
struct Watch {
    breaker: Breaker,
    has_begun: bool,
    troubles: Vec<(Asker, Trouble)>,
    down_since: Option<Instant>,
    /// What the breaker last opened for.
    opened_for: Option<String>,
    causes: Quiet,
    changes: Quiet,
    /// Whether the last line of the log about the breaker says that it is open.
    told_open: bool,
    /// Whether the last line of the log about attempts says that they fail.
    told_failing: bool,
}

/// Why a neighbour does not do its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What went wrong last, on one line.
    pub cause: String,
    /// Attempts that failed, one after the other.
    pub attempt: u32,
    /// When it is tried again.
    pub next: Instant,
}

impl Trouble {
    /// In words: the cause, which attempt that was, and when the next one is.
    #[must_use]
    pub fn text(&self, now: Instant) -> String {
        let wait = self.next.saturating_duration_since(now);
        let next = if wait.is_zero() { "next is due".to_owned() } else { next_in(wait) };
        format!("{} (attempt {}, {next})", self.cause, self.attempt)
    }
}

/// A line for the log, by what the operator must do.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing.
    Info(String),
    /// Nothing yet: it is tried again.
    Warn(String),
    /// Look at the neighbour.
    Error(String),
}

impl Line {
    /// Writes it.
    pub fn log(&self) {
        match self {
            Self::Info(text) => tracing::info!("{text}"),
            Self::Warn(text) => tracing::warn!("{text}"),
            Self::Error(text) => tracing::error!("{text}"),
        }
    }
}

impl Neighbour {
    /// A neighbour that nobody has talked to yet.
    #[must_use]
    pub fn new(name: &str, is_configured: bool) -> Self {
        let watch = Watch {
            breaker: Breaker::new(BreakerConfig::default()),
            has_begun: false,
            troubles: Vec::new(),
            down_since: None,
            opened_for: None,
            causes: Quiet::default(),
            changes: Quiet::default(),
            told_open: false,
            told_failing: false,
        };
        Self {
            name: name.to_owned(),
            is_configured,
            trips: Counter::default(),
            failures: Counter::default(),
            waiting: Gauge::default(),
            state: AtomicU8::new(State::Closed.number()),
            askers: AtomicU32::new(0),
            watch: Mutex::new(watch),
        }
    }

    /// The server that a feed connects to.
    #[must_use]
    pub fn of_feed(feed: &str) -> Self {
        Self::new(&format!("{OF_FEED}{feed}"), true)
    }

    /// What it is called in metrics and in the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the breaker last opened for, if it ever did.
    #[must_use]
    pub fn opened_for(&self) -> Option<String> {
        self.watch.lock().opened_for.clone()
    }

    /// Whether the configuration names it.
    #[must_use]
    pub const fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// What its breaker does.
    #[must_use]
    pub fn state(&self) -> State {
        let state = self.state.load(Ordering::Acquire);
        let states = [State::Closed, State::HalfOpen];
        states.into_iter().find(|known| known.number() == state).unwrap_or(State::Open)
    }

    /// The present trouble; of several, that with the most attempts.
    #[must_use]
    pub fn trouble(&self) -> Option<Trouble> {
        let watch = self.watch.lock();
        let worst = watch.troubles.iter().max_by_key(|(_, trouble)| trouble.attempt);
        worst.map(|(_, trouble)| trouble.clone())
    }

    /// Gives the breaker its limits and says so in the log, the first time; says whether that was now.
    pub fn begin(&self, limits: &BreakerConfig) -> bool {
        let mut watch = self.watch.lock();
        let is_first = !std::mem::replace(&mut watch.has_begun, true);
        if is_first {
            watch.breaker = Breaker::new(*limits);
            tracing::info!("Circuit breaker initialized: {}, closed", self.name);
        }
        is_first
    }

    /// A number for one that will talk to it.
    pub fn join(&self) -> Asker {
        self.askers.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether this one may try now: nothing, or how long to wait.
    pub fn ask(&self, by: Asker, now: Instant) -> (Option<Duration>, Option<Line>) {
        let mut watch = self.watch.lock();
        let before = watch.breaker.state();
        let wait = watch.breaker.ask(by, now);
        let probes = before == State::Open && self.show(&watch) == State::HalfOpen;
        let told = probes && watch.told_open && watch.changes.may_say("half-open", now);
        let line = told.then(|| {
            Line::Info(format!("circuit breaker of {} half-open: one attempt is made", self.name))
        });
        (wait, line)
    }

    /// An attempt worked.
    pub fn succeeded(&self, by: Asker, now: Instant) -> Option<Line> {
        let mut watch = self.watch.lock();
        let closed = watch.breaker.succeeded(by, now);
        let state = self.show(&watch);
        let healed = watch.forget(by);
        if state != State::Closed || !watch.troubles.is_empty() {
            return None;
        }
        let down_since = watch.down_since.take()?;
        let down = spoken(now.saturating_duration_since(down_since));
        if closed && std::mem::take(&mut watch.told_open) {
            watch.told_failing = false;
            let name = &self.name;
            let text = format!("circuit breaker of {name} closed: it works again after {down}");
            return Some(Line::Info(text));
        }
        let told = healed && watch.told_failing && watch.changes.may_say("again", now);
        told.then(|| {
            watch.told_failing = false;
            Line::Info(format!("{} works again after {down}", self.name))
        })
    }

    /// An attempt failed for the n-th time in a row, and the next is to be made after `wait`; the wait, longer if the
    /// breaker wants it so.
    pub fn failed(
        &self,
        by: Asker,
        (cause, attempt): (&str, u32),
        wait: Duration,
        now: Instant,
    ) -> (Duration, Option<Line>) {
        self.failures.add(1);
        let mut watch = self.watch.lock();
        let opened = watch.breaker.failed(by, now);
        self.show(&watch);
        self.trips.add(u64::from(opened));
        let wait = wait.max(watch.breaker.open_for(now));
        let trouble = Trouble { cause: one_line(cause, CAUSE_MAX), attempt, next: now + wait };
        if opened {
            watch.opened_for = Some(trouble.cause.clone());
        }
        let line = self.tell(&mut watch, &trouble, opened, now);
        watch.down_since.get_or_insert(now);
        watch.forget(by);
        watch.troubles.push((by, trouble));
        (wait, line)
    }

    /// This one will not talk to it any more.
    pub fn leave(&self, by: Asker) {
        let mut watch = self.watch.lock();
        watch.breaker.leave(by);
        watch.forget(by);
    }

    /// The line about a failure, if one is due.
    fn tell(
        &self,
        watch: &mut Watch,
        trouble: &Trouble,
        opened: bool,
        now: Instant,
    ) -> Option<Line> {
        let Trouble { cause, attempt, next } = trouble;
        let next = next_in(next.saturating_duration_since(now));
        let waiting = match self.waiting.get() {
            0 => String::new(),
            reports => format!(", {reports} reports waiting in the journal"),
        };
        let text = format!("{cause} (attempt {attempt}, {next}{waiting})");
        let cause_is_due = watch.causes.may_say(cause, now);
        if opened && watch.changes.may_say("open", now) {
            (watch.told_open, watch.told_failing) = (true, true);
            return Some(Line::Error(format!("circuit breaker of {} opened: {text}", self.name)));
        }
        cause_is_due.then(|| {
            watch.told_failing = true;
            Line::Warn(text)
        })
    }

    fn show(&self, watch: &Watch) -> State {
        let state = watch.breaker.state();
        self.state.store(state.number(), Ordering::Release);
        state
    }
}

impl Watch {
    /// Says whether this one was in trouble.
    fn forget(&mut self, by: Asker) -> bool {
        let before = self.troubles.len();
        self.troubles.retain(|(asker, _)| *asker != by);
        self.troubles.len() < before
    }
}

fn next_in(wait: Duration) -> String {
    format!("next in {}", spoken(wait))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FeedKind;

    #[test]
    fn the_store_and_redis_are_there_with_nothing_configured_and_each_server_of_a_feed() {
        let neighbours = Neighbours::default();
        let shown = |it: &Arc<Neighbour>| (it.name().to_owned(), it.is_configured());
        let all = |neighbours: &Neighbours| -> Vec<(String, bool)> {
            assert!(neighbours.all().iter().all(|it| it.state() == State::Closed));
            neighbours.all().into_iter().map(shown).collect()
        };
        let named = |name: &str, is_configured| (name.to_owned(), is_configured);
        assert_eq!(all(&neighbours), [named("sqlite", true), named("redis", false)]);
        let mut config = Config::default();
        config.store.url = crate::config::Secret::new("postgres://db/ais");
        config.redis.url = crate::config::Secret::new("redis://cache");
        let kind =
            FeedKind::TcpClient { address: "rx:1".to_owned(), hello: None, silent_seconds: 60 };
        config.feeds = vec![crate::config::FeedConfig { name: Some("redis".to_owned()), kind }];
        let neighbours = Neighbours::of(&config);
        assert_eq!(all(&neighbours), ["postgres", "redis", "feed:redis"].map(|it| named(it, true)));
        assert_eq!(neighbours.feed("redis").unwrap().name(), "feed:redis");
    }

    #[test]
    fn a_cause_is_one_line_of_bounded_length() {
        let neighbour = Neighbour::new("postgres", true);
        let cause = format!("first\nsecond\x1b[31m{}", "x".repeat(5000));
        neighbour.failed(0, (&cause, 1), Duration::ZERO, Instant::now());
        let shown = neighbour.trouble().unwrap().cause;
        assert!(shown.starts_with("first second [31mxxx") && shown.len() == CAUSE_MAX, "{shown}");
    }

    #[test]
    fn of_several_in_trouble_the_worst_is_shown_until_it_is_mended() {
        let neighbour = Neighbour::new("postgres", true);
        let (now, wait) = (Instant::now(), Duration::from_millis(200));
        neighbour.failed(1, ("disk full", 3), wait, now);
        neighbour.failed(2, ("time-out", 1), wait, now);
        let text = || neighbour.trouble().map(|trouble| trouble.text(now));
        assert_eq!(text().as_deref(), Some("disk full (attempt 3, next in 200 ms)"));
        neighbour.succeeded(1, now);
        assert_eq!(text().as_deref(), Some("time-out (attempt 1, next in 200 ms)"));
        neighbour.leave(2);
        assert_eq!(text(), None);
    }
}
