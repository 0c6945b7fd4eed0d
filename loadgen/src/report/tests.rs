//! What a report promises: the page, the exit code and the run agree, and nothing is said that the run does not show.

use super::*;
use crate::account::Reason;
use crate::ledger::{Entry, Ledger};
use crate::live::Shown;
use clap::Parser;
use std::time::Instant;

/// A run that sent three messages, with these arguments, and of which all was found.
fn results(arguments: &[&str]) -> Results {
    let target = ["loadgen", "--target", "null"];
    let arguments = Arguments::parse_from(target.iter().chain(arguments));
    let mut ledger = Ledger::default();
    ledger.note(&[Entry { msg_type: 1, ..Entry::NONE }; 3]);
    let (started, us) = (Instant::now(), Histogram::new_with_bounds(1, 1000, 3).unwrap());
    let sent = Sent {
        ledger,
        followed: crate::commits::Followed::default(),
        started,
        started_us: 0,
        late_us: us,
        took: Duration::from_secs(1),
        late_max: Duration::ZERO,
        busy: None,
        refused: 0,
        answers: None,
        failure: None,
    };
    Results {
        arguments,
        target: Target::Null,
        made_ahead: true,
        sent,
        points: Vec::new(),
        used_s: BTreeMap::new(),
        settled: Some(Settled { count: 3, at: started + Duration::from_secs(2), complete: true }),
        verdict: Some(Verdict { stored: 3, rows: 3, ..Verdict::default() }),
        latencies: None,
        figures: None,
        live: None,
        not_stored: Map::new(),
        account: Account::default(),
        trials: Vec::new(),
        failure: None,
        environment: Value::Null,
    }
}

/// The page has a class for how it ended; both must agree with the exit code.
fn check(results: &Results, code: u8, class: &str, says: &str) {
    let ended = outcome::of(results);
    assert_eq!((ended.code, ended.told().as_str()), (code, says));
    let page = html::page(results);
    let verdict = format!("<p class=\"{class} verdict\">{says}</p>");
    assert!(page.contains(&verdict), "no {verdict} in {}", &page[..page.len().min(4000)]);
}

/// The page was green over a run that ended with 1, when refusals were not counted or the live picture was wrong.
#[test]
fn the_page_and_the_exit_code_agree() {
    let good = || results(&["--rate", "5"]);
    check(&good(), 0, "good", "Everything that was sent is in the store, once.");
    let lost = Verdict { lost: 1, ..Verdict::default() };
    let lost = Results { verdict: Some(lost), ..good() };
    check(&lost, 1, "bad", "The store does not hold what was sent.");
    let account = |counted| Account {
        reasons: vec![Reason { name: "checksum", sent: 5, counted }],
        ..Account::default()
    };
    let refused = |counted| Results { account: account(counted), ..good() };
    check(&refused(Some(3)), 1, "bad", "2 refusals were counted by nobody.");
    let says = "Everything that was sent is in the store, once; what was spoilt on purpose was refused and counted.";
    check(&refused(Some(5)), 0, "good", says);
    let shown =
        |went_back| Results { live: Some(Shown { went_back, ..Shown::new().unwrap() }), ..good() };
    check(&shown(1), 1, "bad", "The live picture did not show what was sent.");
    assert_eq!(outcome::of(&shown(0)).code, 0);
    let failed = || Some("out of reach".to_owned());
    check(&Results { failure: failed(), ..good() }, 3, "bad", "The run failed: out of reach.");
    let says = "The run failed: out of reach; the store does not hold what was sent.";
    check(&Results { failure: failed(), ..lost }, 1, "bad", says);
    let unread = Results { verdict: None, ..good() };
    check(&unread, 0, "none", "The store was not compared with what was sent.");
}

/// When no rate held, the code and the rate were those of the last run that was tried, at a rate nobody asked for.
#[test]
fn when_no_rate_held_there_is_none_and_the_code_says_so() {
    let trial = |rate, why: Option<&str>| Trial { rate, why: why.map(str::to_owned) };
    let of = |trials| Results { trials, ..results(&["--rate", "5"]) };
    let none = of(vec![trial(5.0, Some("late")), trial(2.0, Some("late"))]);
    check(&none, 1, "bad", "None of the rates that were tried holds.");
    assert_eq!((none.rate_held(), &none.json()["rate_held"]), (None, &Value::Null));
    let one = of(vec![trial(5.0, Some("late")), trial(2.0, None)]);
    check(&one, 0, "good", "Everything that was sent is in the store, once.");
    assert_eq!(one.rate_held(), Some(1.5));
}

/// Of a file only the positions are looked for, and the page said that everything is there.
#[test]
fn of_a_file_only_the_positions_are_said_to_be_there() {
    let results = results(&["--file", "a.nmea"]);
    let says = "Every position of the file is in the store, once; what else its lines say was not looked for.";
    check(&results, 0, "good", says);
    let page = html::page(&results);
    assert!(page.contains("a ledger of the positions in the lines"), "{page}");
    assert!(!page.contains("a ledger of everything"), "{page}");
}

/// As fast as the target takes them is a closed loop, and the page spoke of a schedule that was fixed beforehand.
#[test]
fn a_closed_loop_is_called_one() {
    let check = |arguments: &[&str], is_open: bool| {
        let mut results = results(arguments);
        let page = html::page(&results);
        assert_eq!(page.contains("an open loop"), is_open, "{arguments:?}");
        assert_eq!(page.contains("a closed loop"), !is_open, "{arguments:?}");
        assert_eq!(page.contains("ms of the schedule"), is_open, "{arguments:?}");
        assert_eq!(results.json()["loop"], if is_open { "open" } else { "closed" });
        assert!(page.contains("The bytes were made before the clock started"));
        results.made_ahead = false;
        assert!(html::page(&results).contains("the rest meanwhile"));
    };
    check(&["--rate", "5"], true);
    check(&["--rate", "natural"], true);
    check(&["--file", "a.nmea"], true);
    check(&["--rate", "max"], false);
}
