//! The disk under the data directory is full while reports are posted: nobody is told that something was taken which was not.

use std::time::{Duration, Instant};

use super::full_disk::{CONFIG, fill, on_a_disk};
use crate::support::database::Database;
use crate::support::http::metrics;
use crate::support::posts::{MANY, Poster, begin_ms, reports, stored};
use crate::support::process::{Home, wait_until};

const MEGABYTES: u32 = 64;
const EACH: u32 = 100;
/// More batches than the rest of a segment holds.
const BATCHES_MAX: u32 = 500;

#[test]
fn on_a_full_disk_posts_get_503_and_what_was_answered_with_success_is_stored_once() {
    let home = Home::new(CONFIG);
    let Some(folder) = on_a_disk(&home, MEGABYTES) else { return };
    let daemon = home.start_posted();
    let begin = begin_ms();
    let mut poster = Poster::connect(daemon.http()).unwrap();
    let mut post = |batch: u32| {
        let began = Instant::now();
        let body = reports(begin, batch * EACH..(batch + 1) * EACH);
        let answered = poster.post(MANY, "", &body).unwrap();
        (answered, began.elapsed())
    };
    assert_eq!(post(0).0.status, 200);
    let filler = fill(&folder.join("disk"));

    let mut taken = 1;
    let refused = loop {
        let (answered, _) = post(taken);
        if answered.status != 200 {
            break answered;
        }
        taken += 1;
        assert!(taken < BATCHES_MAX, "the disk is never full");
    };
    assert!(metrics(daemon.http()).number("/journal/failures") > 0, "the disk refused something");
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.head.contains("Retry-After: 1\r\n"), "{refused:?}");
    for batch in taken + 1..taken + 4 {
        let (answered, took) = post(batch);
        assert_eq!(answered.status, 503, "{answered:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    let dropped = metrics(daemon.http()).reasons("http", "dropped");
    assert_eq!(dropped, u64::from(EACH) * 4, "every entry that was refused is counted");

    std::fs::remove_file(filler).unwrap();
    let began = Instant::now();
    wait_until("posts are taken again", || post(taken).0.status == 200);
    let again = began.elapsed();
    eprintln!("{taken} batches taken on the full disk; taken again {again:?} after there was room");
    assert!(again < Duration::from_secs(3), "{again:?}");
    for batch in taken + 1..taken + 4 {
        assert_eq!(post(batch).0.status, 200);
    }
    wait_until("all is decided", || metrics(daemon.http()).number("/accounting/in_flight") == 0);
    assert_eq!(metrics(daemon.http()).number("/accounting/imbalance"), 0);
    assert_eq!(daemon.stop(), Some(0), "{}", home.log());
    let all: Vec<u32> = (0..(taken + 4) * EACH).collect();
    assert_eq!(stored(&Database::open(&home.data()), begin), all, "each once");
}
