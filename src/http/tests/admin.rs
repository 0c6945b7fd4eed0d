//! The admin routes: who is let in, what they do, and that who is not let in learns nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;

use super::served::{LOCAL_KEY, Served};
use crate::config::DeadLetterConfig;
use crate::http::token::sign;
use crate::observe::counts::{Counts, FeedCounts};
use crate::resilience::dead_letters::{DeadLetters, Letter, Refusal};
use crate::rows::{MessageRow, Origin, Rows};

const SECRET: &str = "a secret of thirty-two bytes or so";
const PATHS: [(&str, &str); 5] = [
    ("GET", "/admin/dlq/stats"),
    ("GET", "/api/admin/dlq/peek"),
    ("POST", "/admin/dlq/retry"),
    ("DELETE", "/api/admin/dlq/clear"),
    ("DELETE", "/admin/dlq/dead-letter"),
];

fn bearer(key: &str) -> String {
    let token = sign(key, "ann", Duration::from_secs(60)).unwrap();
    format!("Authorization: Bearer {token}\r\n")
}

/// A face over this many letters; of them the first is dead.
fn served(letters: u64) -> Served {
    let dir = tempfile::tempdir().unwrap();
    let counts = Arc::new(Counts { feeds: vec![FeedCounts::default()], ..Counts::default() });
    let mut kept = DeadLetters::open(dir.path(), &DeadLetterConfig::default(), &counts).unwrap();
    let refusal = Refusal { sqlstate: "23514", reason: "refused", at_us: 3 };
    let letter = |seq| {
        let origin = Origin { seq, time_us: 1, received_us: 2, mmsi: 3, feed: 0 };
        let row = MessageRow { origin, msg_type: 8, json_at: 0, json_len: 2 };
        let rows = Rows { json: b"{}".to_vec(), ..Rows::default() };
        Letter { is_dead: seq == 1, ..Letter::of_message(&rows, &row, &refusal) }
    };
    kept.keep(&(1..=letters).map(letter).collect::<Vec<_>>()).unwrap();
    kept.settle((0..64).map(|partition| (partition, 1000))).unwrap();
    Served::with(16, 5, SECRET, Some((dir, Arc::new(Mutex::new(kept)))))
}

#[test]
fn who_has_no_token_or_one_for_another_role_is_refused_with_the_same_words_everywhere() {
    let served = served(3);
    let other =
        sign("another secret of thirty-two bytes!", "eve", Duration::from_secs(60)).unwrap();
    for (method, path) in PATHS {
        for header in [
            String::new(),
            "Authorization: Bearer\r\n".to_owned(),
            format!("Authorization: Bearer {other}\r\n"),
            format!("Authorization: Basic {other}\r\n"),
        ] {
            let (status, head, body) = unlimited(&served, method, path, &header);
            assert_eq!(status, 401, "{method} {path} {header}");
            assert!(head.contains("WWW-Authenticate: Bearer"), "{head}");
            assert_eq!(body, "{\"error\":\"a token is wanted: Authorization: Bearer\"}\n");
        }
    }
    assert_eq!(served.ask("GET", "/admin/dlq/stats", &bearer(SECRET)).0, 200);
}

#[test]
fn refusals_are_limited_and_do_not_lock_out_who_may() {
    let served = served(1);
    let began = Instant::now();
    let (mut told, mut limited) = (0, 0);
    for _ in 0..60 {
        match served.ask("GET", "/admin/dlq/stats", "").0 {
            401 => told += 1,
            429 => limited += 1,
            other => panic!("{other}"),
        }
        assert_eq!(served.ask("GET", "/admin/dlq/stats", &bearer(SECRET)).0, 200);
    }
    let seconds = began.elapsed().as_secs() + 2;
    assert!(limited > 0 && told >= 5 && told <= 5 * seconds, "{told} in {seconds} s, {limited}");
}

/// The answer once refusals are told apart again.
fn unlimited(served: &Served, method: &str, path: &str, header: &str) -> (u16, String, String) {
    let began = Instant::now();
    loop {
        let answer = served.ask(method, path, header);
        if answer.0 != 429 {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it stays limited for ever");
    }
}

#[test]
fn without_a_secret_the_key_of_the_run_alone_lets_in() {
    let served = Served::new(16, 5);
    let (status, _, body) = served.ask("GET", "/admin/dlq/stats", &bearer(SECRET));
    assert_eq!(status, 403);
    assert!(body.contains("set JWT_SECRET"), "{body}");
    let (status, _, body) = served.ask("GET", "/api/admin/dlq/stats", &bearer(LOCAL_KEY));
    let none = "{\"by_sqlstate\":{},\"dead\":0,\"messages\":0,\"pending\":0,\"total\":0}\n";
    assert_eq!((status, body.as_str()), (200, none));
    assert_eq!(served.ask("POST", "/admin/dlq/retry", &bearer(LOCAL_KEY)).0, 201);
}

#[test]
fn letters_are_counted_shown_tried_and_cleared() {
    let served = served(12);
    let ask = |method: &str, path: &str| {
        let (status, _, body) = served.ask(method, path, &bearer(SECRET));
        (status, serde_json::from_str::<serde_json::Value>(&body).unwrap_or_default())
    };
    let stats = || {
        let (status, stats) = ask("GET", "/api/admin/dlq/stats");
        assert_eq!(status, 200);
        ["pending", "dead", "total"].map(|name| stats[name].as_u64().unwrap())
    };
    assert_eq!(stats(), [11, 1, 12]);
    let (_, shown) = ask("GET", "/admin/dlq/peek");
    assert_eq!(shown.as_array().unwrap().len(), 10);
    assert_eq!((&shown[0]["state"], &shown[1]["state"]), (&json!("dead"), &json!("pending")));
    let (_, shown) = ask("GET", "/admin/dlq/peek?count=1");
    assert_eq!((shown.as_array().unwrap().len(), &shown[0]["sqlstate"]), (1, &json!("23514")));
    for bad in ["count=0", "count=1001", "count=x", "dead=true"] {
        assert_eq!(ask("GET", &format!("/admin/dlq/peek?{bad}")).0, 400, "{bad}");
    }
    assert_eq!(ask("POST", "/admin/dlq/retry"), (201, json!({"due": 11})));
    assert_eq!(ask("POST", "/admin/dlq/retry?dead=maybe").0, 400);
    assert_eq!(ask("DELETE", "/admin/dlq/dead-letter"), (200, json!({"cleared": 1})));
    assert_eq!(stats(), [11, 0, 11]);
    assert_eq!(ask("DELETE", "/api/admin/dlq/clear"), (200, json!({"cleared": 11})));
    assert_eq!(stats(), [0, 0, 0]);
    assert_eq!(ask("GET", "/admin/dlq/retry").0, 405);
    assert_eq!(ask("POST", "/admin/dlq/clear").0, 405);
    for nothing in ["/admin/dlq", "/admin/dlq/", "/admin/dlq/more", "/admin", "/api/admin/dlq"] {
        assert_eq!(ask("GET", nothing).0, 404, "{nothing}");
    }
}
