//! Attempts at a neighbour that goes and comes back, with a clock that the test moves.

use super::*;
use crate::resilience::breaker::State;

const REFUSED: &str = "connect to postgres at db-1:5432: connection refused";

/// A neighbour, those who talk to it, and everything that was logged.
struct Rig {
    neighbour: Arc<Neighbour>,
    attempts: Vec<Attempts>,
    start: Instant,
    now: Instant,
    lines: Vec<(Duration, Line)>,
}

fn rig(askers: usize, limits: BreakerConfig) -> Rig {
    let neighbour = Arc::new(Neighbour::new("postgres", true));
    let one = |_| Attempts::new(Arc::clone(&neighbour), &limits, Backoff::default());
    let attempts = (0..askers).map(one).collect();
    let start = Instant::now();
    Rig { neighbour, attempts, start, now: start, lines: Vec::new() }
}

impl Rig {
    fn note(&mut self, line: Option<Line>) {
        self.lines.extend(line.map(|line| (self.now - self.start, line)));
    }

    /// Waits until this one may try, and has it try.
    fn try_once(&mut self, who: usize, result: Result<(), &str>) {
        loop {
            let (wait, line) = self.attempts[who].wait_at(self.now);
            self.note(line);
            let Some(wait) = wait else { break };
            assert!(!wait.is_zero());
            self.now += wait;
        }
        let line = match result {
            Ok(()) => self.attempts[who].succeeded_at(self.now),
            Err(cause) => self.attempts[who].failed_at(cause, Duration::ZERO, self.now).1,
        };
        self.note(line);
    }

    fn fail_for(&mut self, time: Duration, cause: &str) {
        let end = self.now + time;
        while self.now < end {
            self.try_once(0, Err(cause));
        }
    }

    fn texts(&self) -> Vec<&str> {
        let text = |line| match line {
            &(_, Line::Info(ref text) | Line::Warn(ref text) | Line::Error(ref text)) => text,
        };
        self.lines.iter().map(|line| text(line).as_str()).collect()
    }

    fn numbers(&self) -> (State, u64, u64) {
        let Neighbour { trips, failures, .. } = &*self.neighbour;
        (self.neighbour.state(), trips.get(), failures.get())
    }
}

fn limits(failures_to_open: u32, open_ms: u64) -> BreakerConfig {
    BreakerConfig { failures_to_open, open_ms, ..BreakerConfig::default() }
}

#[test]
fn an_outage_is_told_from_its_first_failure_to_its_end() {
    let mut rig = rig(1, BreakerConfig::default());
    rig.neighbour.waiting.set(41_210);
    for _ in 0..5 {
        rig.try_once(0, Err(REFUSED));
    }
    assert_eq!(rig.numbers(), (State::Open, 1, 5));
    rig.try_once(0, Ok(()));
    assert_eq!(rig.numbers(), (State::HalfOpen, 1, 5));
    rig.try_once(0, Ok(()));
    assert_eq!(rig.numbers(), (State::Closed, 1, 5));
    let seconds = |at: usize| rig.lines[at].0.as_secs();
    assert!(seconds(2) - seconds(1) == 30 && seconds(3) == seconds(2), "{:?}", rig.lines);
    let lines = rig.texts();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let begin = format!("{REFUSED} (attempt 1, next in ");
    assert!(lines[0].starts_with(&begin), "{lines:#?}");
    assert!(lines[0].ends_with(" ms, 41210 reports waiting in the journal)"), "{lines:#?}");
    let opened = format!(
        "circuit breaker of postgres opened: {REFUSED} (attempt 5, next in 30 s, 41210 reports waiting in the journal)"
    );
    assert_eq!(lines[1], opened);
    assert_eq!(lines[2], "circuit breaker of postgres half-open: one attempt is made");
    assert!(lines[3].starts_with("circuit breaker of postgres closed: it works again after 3"));
    assert!(matches!(rig.lines[0].1, Line::Warn(_)) && matches!(rig.lines[1].1, Line::Error(_)));
}

/// With the shortest times that can be configured, attempts come hundreds of times a second.
#[test]
fn each_cause_and_each_change_has_one_line_in_ten_seconds_at_most() {
    for limits in [limits(1000, 10), limits(1, 10)] {
        let mut rig = rig(1, limits);
        rig.fail_for(Duration::from_secs(600), REFUSED);
        rig.try_once(0, Ok(()));
        rig.try_once(0, Ok(()));
        assert!(rig.numbers().2 > 100, "{:?}", rig.numbers());
        // What a line is about: its beginning up to where its numbers are.
        let about = |text: &str| text.split([':', '(']).next().unwrap().to_owned();
        let abouts: Vec<String> = rig.texts().into_iter().map(about).collect();
        for (n, about) in abouts.iter().enumerate() {
            let before = abouts[..n].iter().rposition(|earlier| earlier == about);
            let gap = before.map(|before| rig.lines[n].0 - rig.lines[before].0);
            assert!(gap.is_none_or(|gap| gap >= Duration::from_secs(10)), "{about} {gap:?}");
        }
        assert!((20..=200).contains(&abouts.len()), "{} lines", abouts.len());
        assert!(rig.texts().last().unwrap().contains("works again after 6"), "{:?}", rig.texts());
    }
}

#[test]
fn a_short_trouble_ends_with_a_line_and_leaves_no_trace() {
    let mut rig = rig(1, BreakerConfig::default());
    rig.try_once(0, Err(REFUSED));
    assert_eq!(rig.neighbour.trouble().map(|trouble| trouble.attempt), Some(1));
    rig.try_once(0, Ok(()));
    assert_eq!(rig.neighbour.trouble(), None);
    assert_eq!(rig.numbers(), (State::Closed, 0, 1));
    assert_eq!(rig.texts().len(), 2);
    assert!(rig.texts()[1].starts_with("postgres works again after "), "{:?}", rig.texts());
    for _ in 0..100 {
        rig.try_once(0, Ok(()));
    }
    assert_eq!(rig.texts().len(), 2);
}

#[test]
fn the_wait_that_was_told_is_the_wait_that_is_kept() {
    let mut rig = rig(1, BreakerConfig::default());
    for attempt in 1..=20 {
        let (wait, _) = rig.attempts[0].failed_at(REFUSED, Duration::ZERO, rig.now);
        let bound = if attempt < 5 { Duration::from_secs(5) } else { Duration::from_secs(30) };
        assert!(wait >= Duration::from_millis(100) && wait <= bound, "{attempt}: {wait:?}");
        assert_eq!(rig.attempts[0].wait_at(rig.now).0, Some(wait));
        let trouble = rig.neighbour.trouble().unwrap();
        assert_eq!((trouble.attempt, trouble.next), (attempt, rig.now + wait));
        rig.now += wait;
        assert_eq!(rig.attempts[0].wait_at(rig.now).0, None);
    }
    assert_eq!(rig.numbers(), (State::HalfOpen, 16, 20));
}

#[test]
fn several_open_the_breaker_together_and_one_of_them_probes() {
    let mut rig = rig(3, BreakerConfig::default());
    for who in [0, 1, 2, 0, 1] {
        rig.attempts[who].failed_at(REFUSED, Duration::ZERO, rig.now);
    }
    assert_eq!(rig.numbers(), (State::Open, 1, 5));
    rig.now += Duration::from_secs(31);
    let may_try = |rig: &Rig| -> Vec<bool> {
        rig.attempts.iter().map(|one| one.wait_at(rig.now).0.is_none()).collect()
    };
    assert_eq!(may_try(&rig), [true, false, false]);
    // The one that probes ends without a word; another takes its place.
    rig.attempts.remove(0);
    assert_eq!(may_try(&rig), [true, false]);
    rig.attempts[0].succeeded_at(rig.now);
    rig.attempts[0].succeeded_at(rig.now);
    assert_eq!(may_try(&rig), [true, true]);
}

#[test]
fn the_first_limits_hold() {
    let neighbour = Arc::new(Neighbour::new("redis", true));
    assert!(neighbour.begin(&limits(1, 1000)));
    let mut attempts =
        Attempts::new(Arc::clone(&neighbour), &BreakerConfig::default(), Backoff::default());
    assert!(!neighbour.begin(&BreakerConfig::default()));
    attempts.failed_at(REFUSED, Duration::ZERO, Instant::now());
    assert_eq!(neighbour.state(), State::Open);
}
