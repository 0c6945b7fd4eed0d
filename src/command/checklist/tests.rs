//! The rules of `watch` and the alerts of Prometheus say the same, each in its own words.

use std::time::Duration;

use super::list::RULES;
use super::rules::{Bound, Grade, Rule, alert_of};

const ALERTS: &str = include_str!("../../../config/prometheus/aisd.yml");

/// One alert, as far as it is compared.
#[derive(Debug)]
struct Alert {
    name: &'static str,
    severity: &'static str,
    expression: String,
    patience: Duration,
}

fn alerts() -> Vec<Alert> {
    ALERTS.split("- alert: ").skip(1).map(alert).collect()
}

fn alert(text: &'static str) -> Alert {
    let (name, rest) = text.split_once('\n').unwrap();
    let rest = rest.split("annotations:").next().unwrap();
    let after = |key: &str| rest.split_once(key).map(|(_, after)| after.trim_start());
    let expression = after("expr:").unwrap().split("labels:").next().unwrap();
    let expression = expression.split("\n        for:").next().unwrap();
    let patience =
        after("\n        for:").map_or(Duration::ZERO, |it| time(it.lines().next().unwrap()));
    let severity = after("severity:").unwrap().split(' ').next().unwrap();
    let words: Vec<&str> = expression.split_whitespace().filter(|word| *word != "|").collect();
    // What else an alert tells of is no rule's.
    let expression = words.split(|word| *word == "or").next().unwrap().join(" ");
    Alert { name, severity, expression, patience }
}

fn time(text: &str) -> Duration {
    crate::command::duration::duration(text.trim()).unwrap()
}

/// Each number that something is compared with, with the side that is wrong.
fn bounds(expression: &str) -> Vec<Bound> {
    let words: Vec<&str> = expression.split(' ').collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let number = pair[1].parse().ok()?;
        match pair[0] {
            ">" => Some(Bound::AtMost(number)),
            "<" => Some(Bound::AtLeast(number)),
            // `== 0` of something that is 1 when all is well.
            "==" => Some(Bound::AtMost(number)),
            _ => None,
        }
    });
    pairs.collect()
}

/// Each `[5m]`, and that of a recorded rule.
fn windows(expression: &str) -> Vec<Duration> {
    let recorded = expression.contains(":ratio_rate5m").then(|| Duration::from_secs(300));
    let written = expression.split('[').skip(1).map(|rest| time(rest.split(']').next().unwrap()));
    written.chain(recorded).collect()
}

fn compare(rule: &Rule, alert: &Alert) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut same = |what: &str, is_so: bool| {
        if !is_so {
            wrong.push(format!("{what}: {rule:?} is not {alert:?}"));
        }
    };
    same("severity", rule.severity == Some(alert.severity));
    same("patience", rule.patience == alert.patience);
    same("bound", bounds(&alert.expression).first() == Some(&rule.bound));
    let windows = windows(&alert.expression);
    same("window", windows.is_empty() || windows.contains(&rule.window));
    wrong
}

#[test]
fn the_rules_of_watch_are_the_alerts_of_prometheus() {
    let alerts = alerts();
    assert!(alerts.len() > 20, "only {}", alerts.len());
    let mut wrong = Vec::new();
    for rule in RULES {
        let alert = alerts.iter().find(|alert| alert.name == alert_of(rule));
        match (alert, rule.severity) {
            (Some(alert), _) => wrong.extend(compare(rule, alert)),
            (None, Some(_)) => wrong.push(format!("no alert {}", alert_of(rule))),
            (None, None) => {}
        }
    }
    for alert in alerts.iter().filter(|it| ["rollback", "consider"].contains(&it.severity)) {
        let rule = RULES.iter().find(|rule| alert_of(rule) == alert.name);
        let grade = if alert.severity == "rollback" { Grade::Rollback } else { Grade::Consider };
        if rule.is_none_or(|rule| rule.grade != grade) {
            wrong.push(format!("no rule of its grade for {alert:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// It would notice each difference.
#[test]
fn a_rule_that_is_not_its_alert_is_noticed() {
    let alert = alerts().into_iter().find(|alert| alert.name == "AisdErrorsHigh").unwrap();
    let rule = RULES.iter().find(|rule| rule.name == "errors-high").unwrap();
    assert_eq!(compare(rule, &alert), Vec::<String>::new());
    let minute = Duration::from_secs(60);
    for other in [
        Rule { bound: Bound::AtMost(0.2), ..*rule },
        Rule { bound: Bound::AtLeast(0.1), ..*rule },
        Rule { patience: minute, ..*rule },
        Rule { window: minute, ..*rule },
        Rule { severity: Some("consider"), ..*rule },
    ] {
        assert_eq!(compare(&other, &alert).len(), 1, "{other:?}");
    }
}

#[test]
fn every_rule_has_a_name_of_its_own_and_grades_are_told() {
    for (at, rule) in RULES.iter().enumerate() {
        assert!(RULES[..at].iter().all(|other| other.name != rule.name), "{}", rule.name);
        assert!(!rule.grade.label().is_empty());
    }
}
