//! The breaker against a model of it, in every sequence of events up to a length.

use super::*;

/// Everything that can happen to a breaker. Two ask: more would be like the second.
const EVENTS: &[Event] = &[
    Event::Ask(1),
    Event::Ask(2),
    Event::Succeeded(1),
    Event::Succeeded(2),
    Event::Failed(1),
    Event::Failed(2),
    Event::Leave(1),
    Event::Pass(OPEN_MS / 2),
    Event::Pass(OPEN_MS),
];
const OPEN_MS: u64 = 1000;
/// Long enough for a breaker to open, try in vain, try again and close.
const EVENTS_MAX: u32 = 7;

#[derive(Clone, Copy, Debug)]
enum Event {
    Ask(Asker),
    Succeeded(Asker),
    Failed(Asker),
    Leave(Asker),
    /// Milliseconds pass.
    Pass(u64),
}

/// What is demanded of a breaker, in other words than its own: when it opened, and who went through the door since.
#[derive(Clone)]
struct Model {
    limits: BreakerConfig,
    now_ms: u64,
    opened_ms: Option<u64>,
    /// Failures while it is closed, successes while it is not.
    in_a_row: u32,
    door: Option<(Asker, u64)>,
    was_at_the_door: bool,
}

impl Model {
    fn new(limits: BreakerConfig) -> Self {
        let (now_ms, in_a_row) = (0, 0);
        Self { limits, now_ms, opened_ms: None, in_a_row, door: None, was_at_the_door: false }
    }

    fn may(&mut self, who: Asker) -> bool {
        let Some(opened_ms) = self.opened_ms else { return true };
        let waited = |since_ms: u64| self.now_ms - since_ms >= OPEN_MS;
        let free = self.door.is_none_or(|(holder, since_ms)| holder == who || waited(since_ms));
        if !waited(opened_ms) || !free {
            return false;
        }
        self.door = Some((who, self.now_ms));
        self.was_at_the_door = true;
        true
    }

    fn tell(&mut self, who: Asker, well: bool) {
        if !self.may(who) {
            return;
        }
        let closed = self.opened_ms.is_none();
        self.in_a_row = if well == closed { 0 } else { self.in_a_row + 1 };
        let turns = match (closed, well) {
            (true, _) => self.in_a_row == self.limits.failures_to_open,
            (false, true) => self.in_a_row == self.limits.successes_to_close,
            (false, false) => true,
        };
        if turns {
            self.opened_ms = (!well).then_some(self.now_ms);
            (self.in_a_row, self.door, self.was_at_the_door) = (0, None, false);
        }
    }

    fn state(&self) -> State {
        match self.opened_ms {
            None => State::Closed,
            Some(_) if self.was_at_the_door => State::HalfOpen,
            Some(_) => State::Open,
        }
    }
}

/// Walks through every sequence; how many events were tried.
fn walk(breaker: &Breaker, model: &Model, start: Instant, path: &mut Vec<Event>) -> u64 {
    if path.len() == EVENTS_MAX as usize {
        return 0;
    }
    let mut tried = 0;
    for event in EVENTS {
        let (mut breaker, mut model) = (breaker.clone(), model.clone());
        path.push(*event);
        let now = start + Duration::from_millis(model.now_ms);
        match *event {
            Event::Ask(who) => {
                let (wait, may) = (breaker.ask(who, now), model.may(who));
                assert_eq!(wait.is_none(), may, "{path:?}");
                assert!(wait != Some(Duration::ZERO), "{path:?}");
            }
            Event::Succeeded(who) => {
                breaker.succeeded(who, now);
                model.tell(who, true);
            }
            Event::Failed(who) => {
                breaker.failed(who, now);
                model.tell(who, false);
            }
            Event::Leave(who) => {
                breaker.leave(who);
                model.door = model.door.filter(|(holder, _)| *holder != who);
            }
            Event::Pass(ms) => model.now_ms += ms,
        }
        assert_eq!(breaker.state(), model.state(), "{path:?}");
        nobody_is_shut_out_for_ever(&breaker, now, path);
        tried += 1 + walk(&breaker, &model, start, path);
        path.pop();
    }
    tried
}

fn nobody_is_shut_out_for_ever(breaker: &Breaker, now: Instant, path: &[Event]) {
    let later = now + Duration::from_millis(2 * OPEN_MS);
    assert_eq!(breaker.clone().ask(3, later), None, "{path:?}");
}

#[test]
fn in_every_sequence_of_events_it_does_what_the_model_does() {
    let mut sequences = 0;
    for (failures_to_open, successes_to_close) in [(1, 1), (2, 2), (3, 1)] {
        let limits = BreakerConfig {
            failures_to_open,
            open_ms: OPEN_MS,
            successes_to_close,
            ..BreakerConfig::default()
        };
        let (breaker, model) = (Breaker::new(limits), Model::new(limits));
        sequences += walk(&breaker, &model, Instant::now(), &mut Vec::new());
    }
    let events = u64::try_from(EVENTS.len()).unwrap();
    let all: u64 = (1..=EVENTS_MAX).map(|length| events.pow(length)).sum();
    assert_eq!(sequences, 3 * all);
}

#[test]
fn five_failures_open_it_and_two_successes_close_it() {
    let mut breaker = Breaker::new(BreakerConfig::default());
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    for second in 0..4 {
        breaker.failed(1, at(second));
        assert_eq!(breaker.state(), State::Closed);
    }
    breaker.failed(1, at(4));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.ask(1, at(10)), Some(Duration::from_secs(24)));
    assert_eq!(breaker.ask(1, at(34)), None);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.succeeded(1, at(35));
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.succeeded(1, at(35));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn the_share_of_failures_in_a_window_opens_it_too_if_that_is_configured() {
    let limits = BreakerConfig { window_attempts_min: 10, ..BreakerConfig::default() };
    let opens_after = |limits: BreakerConfig| {
        let (mut breaker, start) = (Breaker::new(limits), Instant::now());
        // Every second attempt fails, one attempt each second.
        (0..200_u32).find(|second| {
            let now = start + Duration::from_secs(u64::from(*second));
            if second % 2 == 0 {
                breaker.succeeded(1, now);
                return false;
            }
            breaker.failed(1, now)
        })
    };
    assert_eq!(opens_after(limits), None, "off by default");
    assert_eq!(opens_after(BreakerConfig { window_ms: 60_000, ..limits }), Some(9));
    let sooner = BreakerConfig { window_failures_percent: 60, ..limits };
    assert_eq!(opens_after(BreakerConfig { window_ms: 60_000, ..sooner }), None);
    // The window never holds as many attempts as it takes.
    assert_eq!(opens_after(BreakerConfig { window_ms: 5_000, ..limits }), None);
}

#[test]
fn one_probes_while_all_others_wait() {
    let mut breaker = Breaker::new(BreakerConfig { failures_to_open: 1, ..Default::default() });
    let start = Instant::now();
    breaker.failed(1, start);
    let later = start + Duration::from_secs(30);
    assert_eq!(breaker.ask(2, later), None);
    for other in [1, 3, 4] {
        assert_eq!(breaker.ask(other, later), Some(LOOK_AGAIN));
    }
    // The one that probes goes on, whatever those say that began before.
    breaker.failed(1, later);
    assert_eq!(breaker.ask(2, later), None);
    breaker.leave(2);
    assert_eq!(breaker.ask(3, later), None);
}

#[test]
fn states_are_numbered_as_dashboards_know_them() {
    let shown = [State::Closed, State::HalfOpen, State::Open].map(|it| (it.number(), it.label()));
    assert_eq!(shown, [(0, "closed"), (1, "half-open"), (2, "open")]);
}
