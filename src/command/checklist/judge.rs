//! Holds a daemon to the rules, look by look.
//!
//! A rule is broken when its number has been on the wrong side of its bound for as long as its patience. What was broken once stays so
//! in the verdict: a watch is there to see it.

use std::time::Duration;

use super::list::RULES;
use super::look::{History, Look, Seen};
use super::rules::{Bound, Column, Grade, Rule};

/// What was made of one rule.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule, with the bound that applies.
    pub rule: Rule,
    /// The number now, as far as it can be told.
    pub now: Option<f64>,
    /// The worst number so far.
    pub worst: Option<f64>,
    /// Since when it has been on the wrong side.
    pub since: Option<Duration>,
    /// When it was broken.
    pub broken_at: Option<Duration>,
}

/// Changes of the rules for one watch.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Other bounds, by the names of rules.
    pub bounds: Vec<(String, f64)>,
    /// Windows and patience are divided by this.
    pub hurry: u32,
    /// Patience is never longer than this.
    pub patience_max: Duration,
    /// Rules that are not looked at.
    pub without: &'static [Column],
}

/// The rules, and how far each is from being broken.
pub struct Judge {
    history: History,
    findings: Vec<Finding>,
}

impl Judge {
    /// On these terms.
    #[must_use]
    pub fn new(terms: &Terms) -> Self {
        let hurry = terms.hurry.max(1);
        let applies = RULES.iter().filter(|rule| !terms.without.contains(&rule.column));
        let findings = applies.map(|rule| {
            let told = terms.bounds.iter().rev().find(|(name, _)| name == rule.name);
            let bound = told.map_or(rule.bound, |(_, bound)| rule.bound.at(*bound));
            let patience = (rule.patience / hurry).min(terms.patience_max);
            let rule = Rule { bound, patience, window: rule.window / hurry, ..*rule };
            Finding { rule, now: None, worst: None, since: None, broken_at: None }
        });
        Self { history: History::default(), findings: findings.collect() }
    }

    /// Takes one look into account.
    pub fn look(&mut self, at: Duration, seen: Option<Seen>) {
        self.history.add(at, seen);
        for finding in &mut self.findings {
            finding.judge(at, (finding.rule.measure)(&self.history, finding.rule.window));
        }
    }

    /// What was made of each rule.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What has been seen.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The newest look.
    #[must_use]
    pub fn newest(&self) -> Option<&Look> {
        self.history.newest()
    }

    /// The gravest of all broken rules.
    #[must_use]
    pub fn verdict(&self) -> Option<Grade> {
        let broken = self.findings.iter().filter(|finding| finding.broken_at.is_some());
        broken.map(|finding| finding.rule.grade).max()
    }

    /// The gravest rule of a column whose number is wrong now.
    #[must_use]
    pub fn wrong_now(&self, column: Column) -> Option<Grade> {
        let wrong = self.findings.iter().filter(|it| it.rule.column == column && it.is_wrong());
        wrong.map(|finding| finding.rule.grade).max()
    }
}

impl Finding {
    fn judge(&mut self, at: Duration, value: Option<f64>) {
        self.now = value;
        let Some(value) = value else {
            self.since = None;
            return;
        };
        self.worst = Some(self.worst.map_or(value, |worst| self.rule.bound.worse(worst, value)));
        if !self.rule.bound.is_broken_by(value) {
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(at);
        if at - since >= self.rule.patience {
            self.broken_at.get_or_insert(at);
        }
    }

    /// Whether its number is on the wrong side now.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        self.since.is_some()
    }

    /// What is allowed.
    #[must_use]
    pub const fn bound(&self) -> Bound {
        self.rule.bound
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::Counted;
    use super::*;

    const PLAIN: Terms =
        Terms { bounds: Vec::new(), hurry: 1, patience_max: Duration::MAX, without: &[] };

    fn well() -> Seen {
        Seen { ready: true, started: 1.0, uptime_seconds: 1e6, ..Seen::default() }
    }

    /// Looks once a second, as often as told, at what `seen` makes of a healthy daemon that stores 9000 messages a second.
    fn watched(
        terms: &Terms,
        seconds: u32,
        mut seen: impl FnMut(u32, &mut Option<Seen>),
    ) -> Vec<(&'static str, u64)> {
        let mut judge = Judge::new(terms);
        for second in 0..=seconds {
            let much = f64::from(second) * 9000.0;
            let counted =
                Counted { received: much, stored: much, hits: much, ..Counted::default() };
            let mut look = Some(Seen { counted, ..well() });
            seen(second, &mut look);
            judge.look(Duration::from_secs(second.into()), look);
        }
        let broken = judge.findings().iter();
        broken.filter_map(|it| Some((it.rule.name, it.broken_at?.as_secs()))).collect()
    }

    #[test]
    fn a_healthy_daemon_breaks_nothing() {
        assert_eq!(watched(&PLAIN, 900, |_, _| {}), []);
    }

    #[test]
    fn each_rule_is_broken_after_its_patience() {
        let check = |seen: &dyn Fn(u32, &mut Seen), expected: &[(&str, u64)]| {
            let broken = watched(&PLAIN, 700, |second, look| {
                seen(second, look.as_mut().unwrap());
            });
            assert_eq!(broken, expected);
        };
        check(
            &|n, it| it.breakers_open.extend((n > 9).then(|| "redis".into())),
            &[("breaker-open", 310), ("breaker-opened", 10)],
        );
        check(
            &|n, it| it.breakers_open.extend((n > 9 && n < 300).then(|| "redis".into())),
            &[("breaker-opened", 10)],
        );
        check(
            &|_, it| it.counted.errors = it.counted.received * 0.2,
            &[("errors-high", 121), ("errors-unusual", 301)],
        );
        check(&|_, it| it.counted.errors = it.counted.received * 0.05, &[("errors-unusual", 301)]);
        check(&|n, it| it.counted.lost = f64::from(n / 50), &[("data-loss", 50)]);
        check(&|n, it| it.damage = f64::from(n / 50), &[("corruption", 50)]);
        check(&|_, it| it.memory_bytes = 2.1e9, &[("memory-leak", 60), ("memory-raised", 300)]);
        check(
            &|_, it| it.p99_ms = 250.0,
            &[("latency-high", 60), ("latency-raised", 300), ("latency-best", 0)],
        );
        check(
            &|_, it| it.letters = 101.0,
            &[("dead-letters-many", 0), ("dead-letters", 0), ("dead-letters-none", 0)],
        );
        check(
            &|_, it| it.counted.stored /= 6.0,
            &[("throughput-low", 301), ("throughput", 301), ("throughput-best", 301)],
        );
        check(&|n, it| it.ready = n < 10, &[("not-ready", 70)]);
    }

    #[test]
    fn one_start_is_seen_and_two_are_too_many() {
        let started = |at: &'static [u32]| {
            watched(&PLAIN, 100, move |second, look| {
                let starts = at.iter().filter(|at| **at <= second).count();
                let look = look.as_mut().unwrap();
                look.started += f64::from(u32::try_from(starts).unwrap());
            })
        };
        assert_eq!(started(&[20]), [("restarted", 20)]);
        assert_eq!(started(&[20, 40]), [("crashing", 40), ("restarted", 20)]);
    }

    #[test]
    fn who_does_not_answer_for_a_minute_is_down() {
        let gone = |from: u32, to: u32| {
            watched(&PLAIN, 200, move |second, look| {
                *look = look.take().filter(|_| !(from..to).contains(&second));
            })
        };
        assert_eq!(gone(10, 60), []);
        assert_eq!(gone(10, 100), [("down", 70)]);
    }

    #[test]
    fn bounds_and_times_follow_the_terms() {
        let slow = |_: u32, look: &mut Option<Seen>| look.as_mut().unwrap().counted.stored /= 90.0;
        let hurried = Terms { hurry: 30, ..PLAIN };
        let names = |broken: Vec<(&'static str, u64)>| broken[0];
        assert_eq!(names(watched(&hurried, 60, slow)), ("throughput-low", 11));
        let short = Terms { patience_max: Duration::from_secs(20), ..PLAIN };
        assert_eq!(names(watched(&short, 60, slow)), ("throughput-low", 21));
        let lowered =
            Terms { bounds: vec![("throughput-low".to_owned(), 50.0)], ..hurried.clone() };
        assert_eq!(names(watched(&lowered, 60, slow)), ("throughput", 11));
        let without = Terms { without: &[Column::Stored], ..hurried };
        assert_eq!(watched(&without, 60, slow), []);
    }
}
