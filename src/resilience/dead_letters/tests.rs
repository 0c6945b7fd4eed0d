//! Dead letters: kept for good, once, within their bound, and in step with the store whatever happens to the process.

mod damage;
mod retries;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::observe::accounting::Sums;
use crate::observe::counts::FeedCounts;
use crate::partition;

const FEEDS: usize = 3;

fn counts() -> Arc<Counts> {
    let feeds = (0..FEEDS).map(|_| FeedCounts::default()).collect();
    Arc::new(Counts { feeds, ..Counts::default() })
}

fn open(dir: &Path, rows_max: usize) -> (DeadLetters, Arc<Counts>) {
    let counts = counts();
    let config = DeadLetterConfig { rows_max, ..DeadLetterConfig::default() };
    (DeadLetters::open(dir, &config, &counts).unwrap(), counts)
}

/// The first vessel of a partition.
fn vessel(of_partition: u8) -> u32 {
    (1..).find(|mmsi| partition::of(*mmsi) == of_partition).unwrap()
}

fn letter(seq: u64, kind: Kind, of_partition: u8) -> Letter {
    Letter {
        seq,
        kind,
        mmsi: vessel(of_partition),
        feed: u8::try_from(seq % FEEDS as u64).unwrap(),
        received_us: 5,
        row: format!("{{\"seq\":{seq}}}"),
        sqlstate: "23514".to_owned(),
        reason: "refused".to_owned(),
        attempts: 1,
        first_failed_us: 10,
        last_failed_us: 10,
        retries: 0,
        next_try_us: 300_000_010,
        is_dead: false,
    }
}

fn all(next_seq: u64) -> impl Iterator<Item = (u8, u64)> {
    (0..64).map(move |partition| (partition, next_seq))
}

fn peek(dir: &Path) -> Vec<Letter> {
    Reader::open(dir).unwrap().unwrap().peek(usize::MAX).unwrap()
}

#[test]
fn what_was_kept_is_there_after_a_kill() {
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut letters, _) = open(dir.path(), 10);
    let pragma = |name| {
        letters.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(pragma("synchronous"), 2);
    let kept = [letter(7, Kind::Position, 1), letter(7, Kind::Vessel, 1)];
    letters.keep(&kept).unwrap();
    // What is on disk while the process lives is what a kill would leave.
    for file in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let (again, _) = open(copy.path(), 10);
    assert_eq!((again.len(), again.messages()), (2, 1));
    assert_eq!(peek(copy.path()), kept);
}

#[test]
fn a_letter_that_is_kept_again_is_one_with_one_more_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = open(dir.path(), 10);
    letters.settle(all(0)).unwrap();
    letters.keep(&[letter(4, Kind::Message, 1), letter(5, Kind::Message, 1)]).unwrap();
    let again = Letter {
        last_failed_us: 20,
        first_failed_us: 20,
        sqlstate: "22003".to_owned(),
        ..letter(4, Kind::Message, 1)
    };
    letters.keep(&[again]).unwrap();
    let seen = peek(dir.path());
    assert_eq!((letters.len(), letters.messages(), seen.len()), (2, 2, 2));
    let first = &seen[0];
    assert_eq!((first.attempts, first.first_failed_us, first.last_failed_us), (2, 10, 20));
    assert_eq!(first.sqlstate, "22003");
    assert_eq!((counts.dead_letters.given_up.get(), counts.dead_letters.rows.get()), (2, 2));
    let stats = Reader::open(dir.path()).unwrap().unwrap().stats().unwrap();
    let by_sqlstate = [("22003".to_owned(), 1), ("23514".to_owned(), 1)].into();
    assert_eq!(stats, Stats { rows: 2, messages: 2, dead: 0, by_sqlstate });
}

#[test]
fn at_the_bound_all_are_refused_and_counted_and_those_that_are_there_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = open(dir.path(), 3);
    let four: Vec<Letter> = (0..4).map(|seq| letter(seq, Kind::Position, 1)).collect();
    let refused = letters.keep(&four).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "0 dead letters, at most 3 are kept: raise dead_letters.rows_max, or mend what they were refused for"
    );
    assert_eq!((letters.len(), counts.dead_letters.refused.get()), (0, 4));
    letters.keep(&four[..3]).unwrap();
    assert!(matches!(letters.keep(&four[3..]), Err(DeadLetterError::Full { rows: 3, .. })));
    // What is there needs no room.
    letters.keep(&four[..3]).unwrap();
    assert_eq!((letters.len(), peek(dir.path()).len()), (3, 3));
    assert_eq!(counts.dead_letters.given_up.get(), 3);
}

#[test]
fn a_letter_that_no_offset_passed_goes_and_one_that_was_passed_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = open(dir.path(), 10);
    letters.settle(all(0)).unwrap();
    letters.keep(&[letter(3, Kind::Position, 1), letter(3, Kind::Vessel, 1)]).unwrap();
    letters.keep(&[letter(4, Kind::Position, 2)]).unwrap();
    assert_eq!(letters.by_feed()[..3], [1, 1, 0]);
    assert_eq!(counts.feeds[0].undelivered.get(), 1);
    letters.passed([(1, 4)]).unwrap();
    // The commit of partition 2 did not come through. Partition 1 has passed whatever a new store says.
    assert_eq!(letters.settle([(1, 0), (2, 4)]).unwrap(), 1);
    assert_eq!((letters.len(), letters.messages()), (2, 1));
    assert_eq!(letters.by_feed()[..3], [1, 0, 0]);
    assert_eq!(counts.feeds[1].undelivered.get(), 0);
    assert!(peek(dir.path()).iter().all(|letter| letter.seq == 3));
}

#[test]
fn what_earlier_runs_left_is_recovered_and_undelivered_once_the_store_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, _) = open(dir.path(), 10);
    letters.settle(all(0)).unwrap();
    letters.keep(&[letter(3, Kind::Position, 1), letter(6, Kind::Position, 2)]).unwrap();
    drop(letters);
    let (mut letters, counts) = open(dir.path(), 10);
    assert_eq!((letters.len(), counts.dead_letters.rows.get()), (2, 2));
    assert_eq!(Sums::read(&counts.feeds[0]).undelivered, 0);
    // Partition 1 was committed although nobody could say so any more, partition 2 was not.
    letters.settle([(1, 4), (2, 6)]).unwrap();
    let sums = Sums::read(&counts.feeds[0]);
    assert_eq!((sums.recovered, sums.undelivered, sums.in_flight()), (1, 1, 0));
    letters.settle([(1, 4), (2, 6)]).unwrap();
    assert_eq!(Sums::read(&counts.feeds[0]), sums);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let check = |make: &str, says: &str| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        rusqlite::Connection::open(&path).unwrap().execute_batch(make).unwrap();
        let before = std::fs::read(&path).unwrap();
        let refused = DeadLetters::open(dir.path(), &DeadLetterConfig::default(), &counts())
            .err()
            .unwrap()
            .to_string();
        assert!(refused.contains(says), "{refused}");
        assert!(Reader::open(dir.path()).err().unwrap().to_string().contains(says));
        assert_eq!(before.len(), std::fs::read(&path).unwrap().len());
    };
    check("CREATE TABLE a (b); PRAGMA user_version = 5", "the file holds something else");
    check(
        "CREATE TABLE a (b); PRAGMA application_id = 0x4149534C; PRAGMA user_version = 9",
        "a table of version 9, this program knows version 2",
    );
}

#[test]
fn without_a_file_there_is_nothing_to_read() {
    let dir = tempfile::tempdir().unwrap();
    assert!(Reader::open(dir.path()).unwrap().is_none());
    assert!(!dir.path().join(FILE_NAME).exists());
}

/// What happens in one round of the simulated writer.
#[derive(Clone, Copy, Debug)]
struct Round {
    messages: u64,
    /// Which messages the store refuses this time: those whose number leaves this rest.
    refuses: u64,
    /// Where the process ends, if it does: after keeping, after the commit; or the commit fails and is tried again.
    ends: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Well,
    KilledAfterKeeping,
    CommitFails,
    KilledAfterCommit,
}

fn round() -> impl Strategy<Value = Round> {
    let ends = prop_oneof![
        Just(End::Well),
        Just(End::KilledAfterKeeping),
        Just(End::CommitFails),
        Just(End::KilledAfterCommit)
    ];
    (1..6_u64, 0..4_u64, ends).prop_map(|(messages, refuses, ends)| Round {
        messages,
        refuses,
        ends,
    })
}

/// A store with one partition: its rows, and the number below which everything is decided.
#[derive(Default)]
struct Store {
    rows: Vec<u64>,
    next_seq: u64,
}

/// What one process does with its rounds until it is killed; how many rounds that were.
fn process(dir: &Path, store: &mut Store, rounds: &[Round], head: &mut u64) -> usize {
    let (mut letters, counts) = open(dir, 1000);
    letters.settle([(1, store.next_seq)]).unwrap();
    let feed = |seq: u64| &counts.feeds[usize::try_from(seq % FEEDS as u64).unwrap()];
    (store.next_seq..*head).for_each(|seq| feed(seq).recovered.add(1));
    for (n, round) in rounds.iter().enumerate() {
        (*head..*head + round.messages).for_each(|seq| feed(seq).received.add(1));
        *head += round.messages;
        let refused = |seq: &u64| seq % 4 == round.refuses;
        let (bad, good): (Vec<u64>, Vec<u64>) = (store.next_seq..*head).partition(refused);
        let bad: Vec<Letter> = bad.into_iter().map(|seq| letter(seq, Kind::Position, 1)).collect();
        letters.keep(&bad).unwrap();
        match round.ends {
            End::KilledAfterKeeping => return n + 1,
            End::CommitFails => {
                letters.settle([(1, store.next_seq)]).unwrap();
                continue;
            }
            End::Well | End::KilledAfterCommit => {}
        }
        good.iter().for_each(|seq| feed(*seq).stored.add(1));
        store.rows.extend(good);
        store.next_seq = *head;
        if round.ends == End::KilledAfterCommit {
            return n + 1;
        }
        letters.passed([(1, *head)]).unwrap();
        for feed in &counts.feeds {
            let sums = Sums::read(feed);
            assert_eq!((sums.in_flight(), sums.imbalance()), (0, 0), "{sums:?}");
        }
    }
    rounds.len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// The store changes its mind about which rows it refuses from one attempt to the next.
    #[test]
    fn every_message_is_stored_or_a_letter_and_never_both(rounds in prop::collection::vec(round(), 1..20)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut head, mut done) = (Store::default(), 0, 0);
        while done < rounds.len() {
            done += process(dir.path(), &mut store, &rounds[done..], &mut head);
        }
        let last = [Round { messages: 1, refuses: 0, ends: End::Well }];
        process(dir.path(), &mut store, &last, &mut head);
        let stored: BTreeSet<u64> = store.rows.iter().copied().collect();
        let dead: BTreeSet<u64> = peek(dir.path()).iter().map(|letter| letter.seq).collect();
        prop_assert_eq!(stored.len(), store.rows.len());
        prop_assert!(stored.is_disjoint(&dead));
        prop_assert!(stored.union(&dead).copied().eq(0..head), "{:?} {:?}", stored, dead);
    }
}
