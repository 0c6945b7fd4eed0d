//! What ships for Prometheus and Grafana says what it should: each alert fires and does not, and every query has an answer.

mod promql;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::http::get;
use crate::support::process::{Home, wait_until};
use crate::support::servers::Prometheus;
use crate::support::traffic::Traffic;

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(shipped(path)).unwrap()
}

/// A daemon that has everything that is asked about.
const WITH_AN_OUTPUT: &str = "[[outputs]]\nkind = \"udp\"\naddress = \"127.0.0.1:9\"\n";

fn promtool(arguments: &[&str], file: &str) {
    let mut promtool = Command::new("promtool");
    let output = promtool.args(arguments).arg(shipped(file)).output();
    let output = output.expect("promtool must be installed (Debian package prometheus)");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{arguments:?} {file}: {said}");
}

/// The names of all alerts.
fn alerts() -> Vec<String> {
    let rules = text("prometheus/aisd.yml");
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 20, "only {names:?}");
    names
}

/// The expressions of all rules, each on one line.
fn rules() -> Vec<String> {
    let (mut found, mut margin): (Vec<String>, Option<usize>) = (Vec::new(), None);
    for line in text("prometheus/aisd.yml").lines() {
        let indent = line.len() - line.trim_start().len();
        if let Some(expression) = line.trim().strip_prefix("expr: ") {
            found.push(if expression == "|" { String::new() } else { expression.to_owned() });
            margin = (expression == "|").then_some(indent);
        } else if margin.is_some_and(|margin| indent > margin) {
            found.last_mut().unwrap().push_str(&format!(" {}", line.trim()));
        } else {
            margin = None;
        }
    }
    assert!(found.len() > alerts().len(), "as many as alerts, and those that record");
    found
}

/// The queries of all panels and annotations, as Grafana sends them; each with its panel's title.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value =
        serde_json::from_str(&text("grafana/dashboards/aisd.json")).expect("a dashboard is JSON");
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let mut found = Vec::new();
    for panel in panels.filter(|panel| panel["type"] != "row") {
        for target in panel["targets"].as_array().unwrap() {
            found.push((panel["title"].to_string(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    assert!(found.len() > 50, "only {} queries", found.len());
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        let query = annotation["expr"].as_str().unwrap().to_owned();
        found.push((annotation["name"].to_string(), query));
    }
    let filled = |query: &str| query.replace("$__rate_interval", "5s").replace("$instance", ".*");
    found.into_iter().map(|(title, query)| (title, filled(&query))).collect()
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules_and_each_fires_and_does_not() {
    promtool(&["check", "config"], "prometheus/prometheus.yml");
    promtool(&["check", "rules"], "prometheus/aisd.yml");
    promtool(&["test", "rules"], "prometheus/aisd_test.yml");
    let tests = text("prometheus/aisd_test.yml");
    for alert in alerts() {
        for what in [format!("'{alert} fires: "), format!("'{alert} does not fire: ")] {
            let case = tests.split("  - name: ").find(|case| case.starts_with(&what));
            let case = case.unwrap_or_else(|| panic!("no test of {what}"));
            assert!(case.contains(&format!("alertname: {alert}\n")), "{what}: of another alert");
            let fires = case.contains("exp_labels:");
            assert_eq!(fires, what.contains(" fires: "), "{what}: expects something else");
        }
    }
}

/// The triggers of the deployment checklist, each with the alert that stands for it.
#[test]
fn each_trigger_of_the_checklist_has_its_alert() {
    let rules = text("prometheus/aisd.yml");
    let check = |severity: &str, alerts: &[&str]| {
        for alert in alerts {
            let rule = rules.split("- alert: ").find(|it| it.starts_with(&format!("{alert}\n")));
            let rule = rule.unwrap_or_else(|| panic!("no {alert}"));
            assert!(rule.contains(&format!("severity: {severity} ")), "{alert}: {rule}");
            assert!(rule.contains(&format!("#{}\n", alert.to_lowercase())), "{alert}: no runbook");
        }
    };
    check("rollback", &["AisdCrashing", "AisdErrorsHigh", "AisdDataLoss", "AisdBreakerOpen"]);
    check("rollback", &["AisdMemoryLeak", "AisdCorruption"]);
    check("consider", &["AisdThroughputLow", "AisdLatencyHigh", "AisdDeadLettersMany"]);
    check("consider", &["AisdErrorsUnusual"]);
    check("critical", &["AisdFeedSilent", "AisdOldestUnstored"]);
    check("warning", &["AisdJournalGrowing", "AisdDiskFilling"]);
}

#[test]
fn every_query_names_a_metric_and_labels_that_a_daemon_exposes() {
    let home = Home::new(WITH_AN_OUTPUT);
    let daemon = home.start();
    let (status, body) = get(daemon.http(), "/metrics/prometheus");
    assert_eq!(status, 200);
    let mut exposed: BTreeMap<String, Vec<String>> =
        promql::exposed(&String::from_utf8(body).unwrap());
    // Prometheus' own, and what the rules record.
    exposed.insert("up".to_owned(), vec![]);
    exposed.insert("instance:ais_errors:ratio_rate5m".to_owned(), vec![]);
    let mut wrong = Vec::new();
    for query in rules().into_iter().chain(queries().into_iter().map(|(_, query)| query)) {
        let selectors = promql::selectors(&query);
        assert!(!selectors.is_empty(), "no metric in {query}");
        for (name, labels) in selectors {
            let Some(has) = exposed.get(&name) else {
                wrong.push(format!("{name}: {query}"));
                continue;
            };
            let ours = |label: &&String| !["job", "instance"].contains(&label.as_str());
            let strange = labels.iter().filter(ours).filter(|label| !has.contains(label));
            wrong.extend(strange.map(|label| format!("{name} has no {label}: {query}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_real_prometheus_answers_every_query_of_a_daemon_under_load() {
    let home = Home::new(WITH_AN_OUTPUT);
    let daemon = home.start();
    let traffic = Traffic::start(500);
    traffic.aim(&daemon);
    let prometheus = Prometheus::watching(daemon.http(), &shipped("prometheus/aisd.yml"));
    let mut empty = Vec::new();
    let answered = |query: &str| !prometheus.query(query).unwrap().is_empty();
    wait_until("rates", || answered("rate(ais_messages_processed_total[5s]) > 500"));
    for (panel, query) in queries() {
        match prometheus.query(&query) {
            Err(why) => empty.push(format!("{panel}: {query}: {why}")),
            // Annotations mark starts, of which there need be none.
            Ok(found) if found.is_empty() && panel != "\"Starts\"" => {
                empty.push(format!("{panel}: {query}: nothing"));
            }
            Ok(_) => {}
        }
    }
    assert!(empty.is_empty(), "{}", empty.join("\n"));
    wait_until("rules", || prometheus.rules().iter().all(|(_, health)| health == "ok"));
    assert!(prometheus.rules().len() > alerts().len());
    traffic.stop();
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn every_alert_has_its_section_in_the_guide() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATIONS.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let mut sections: Vec<(&str, &str)> = guide
        .split("\n### ")
        .skip(1)
        .filter(|section| section.starts_with("Aisd"))
        .map(|section| section.split_once('\n').unwrap())
        .collect();
    for alert in alerts() {
        let at = sections.iter().position(|(title, _)| *title == alert);
        let (_, body) = sections.remove(at.unwrap_or_else(|| panic!("no section on {alert}")));
        for part in ["Means: ", "Do: "] {
            assert!(body.contains(part), "{alert} lacks `{part}`");
        }
    }
    assert!(sections.is_empty(), "sections on alerts that are not there: {sections:?}");
}
