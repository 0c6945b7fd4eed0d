//! Letters that are tried again, cleared away, or give way: each counted once, in every order.

use super::*;
use crate::reject::{Dropped, Filtered};

const NOW: i64 = 1_000_000_000;

fn config() -> DeadLetterConfig {
    DeadLetterConfig {
        rows_max: 100,
        retry_seconds: 300,
        retries_max: 2,
        ..DeadLetterConfig::default()
    }
}

/// Letters of partition 1 that the store has passed, refused at [`NOW`].
fn passed(dir: &Path, config: &DeadLetterConfig, kept: &[Letter]) -> (DeadLetters, Arc<Counts>) {
    let counts = counts();
    let mut letters = DeadLetters::open(dir, config, &counts).unwrap();
    letters.settle(all(0)).unwrap();
    for letter in kept {
        counts.feeds[usize::from(letter.feed)].received.add(u64::from(letter.kind != Kind::Vessel));
    }
    letters.keep(kept).unwrap();
    letters.passed(all(1000)).unwrap();
    (letters, counts)
}

fn refused(seq: u64) -> Letter {
    Letter { first_failed_us: NOW, last_failed_us: NOW, ..letter(seq, Kind::Position, 1) }
}

fn everybody() -> Owned {
    Owned::of(&(0..64).collect::<Vec<u8>>())
}

fn seqs(letters: &[Letter]) -> Vec<u64> {
    letters.iter().map(|letter| letter.seq).collect()
}

fn refusal() -> Fate {
    Fate::Refused { sqlstate: "23503".to_owned(), reason: "no\nsuch key".to_owned() }
}

/// That the sum of every feed comes out with nothing on its way.
fn balanced(counts: &Counts) {
    for feed in &counts.feeds {
        let sums = Sums::read(feed);
        assert_eq!((sums.in_flight(), sums.imbalance()), (0, 0), "{sums:?}");
    }
}

#[test]
fn a_letter_is_due_after_its_interval_and_dead_after_its_last_try() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = passed(dir.path(), &config(), &[refused(3), refused(4)]);
    let mut now = NOW;
    for retry in 1..=2 {
        now += 299_999_999;
        assert_eq!(letters.take_due(now, everybody(), 10).unwrap(), [], "retry {retry}");
        now += 1;
        let due = letters.take_due(now, everybody(), 10).unwrap();
        assert_eq!(seqs(&due), [3, 4]);
        assert_eq!(letters.take_due(now, everybody(), 10).unwrap(), [], "they are under way");
        let tried = letters.tried(&[(3, refusal()), (4, refusal())], now).unwrap();
        assert_eq!((tried.refused, tried.died), (2, if retry == 2 { 2 } else { 0 }));
    }
    assert_eq!(letters.take_due(i64::MAX, everybody(), 10).unwrap(), [], "they are dead");
    let seen = &peek(dir.path())[0];
    assert_eq!((seen.attempts, seen.retries, seen.is_dead), (3, 2, true));
    assert_eq!((seen.sqlstate.as_str(), seen.reason.as_str()), ("23503", "no such key"));
    assert_eq!((seen.first_failed_us, seen.last_failed_us), (NOW, now));
    let seen = &counts.dead_letters;
    let seen = (seen.retried.get(), seen.died.get(), seen.dead.get(), seen.rows.get());
    assert_eq!(seen, (4, 2, 2, 2));
    // Who asks for it has them tried again, with all their tries.
    assert_eq!(letters.hurry(Which::Pending, i64::MAX).unwrap(), 0);
    assert_eq!(letters.hurry(Which::Dead, i64::MAX).unwrap(), 2);
    assert_eq!(seqs(&letters.take_due(0, everybody(), 10).unwrap()), [3, 4]);
    assert_eq!((peek(dir.path())[0].retries, counts.dead_letters.dead.get()), (0, 0));
    balanced(&counts);
}

#[test]
fn what_was_under_way_when_the_process_ended_is_in_doubt_until_the_store_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, _) = passed(dir.path(), &config(), &[refused(3), refused(4), refused(5)]);
    assert_eq!(seqs(&letters.take_due(i64::MAX, everybody(), 2).unwrap()), [3, 4]);
    drop(letters);
    let counts = counts();
    let mut letters = DeadLetters::open(dir.path(), &config(), &counts).unwrap();
    letters.settle(all(1000)).unwrap();
    assert_eq!(seqs(&letters.take_due(i64::MAX, everybody(), 9).unwrap()), [5]);
    letters.tried(&[(5, Fate::Nothing)], NOW).unwrap();
    assert_eq!(letters.in_doubt(everybody()).unwrap(), [3, 4]);
    assert!(letters.in_doubt(Owned::of(&[2])).unwrap().is_empty(), "another writer's");
    letters.tried(&[(3, Fate::Delivered), (4, Fate::Nothing)], NOW).unwrap();
    assert!(letters.in_doubt(everybody()).unwrap().is_empty());
    assert_eq!(seqs(&peek(dir.path())), [4, 5]);
    assert_eq!((counts.feeds[0].recovered.get(), counts.feeds[0].stored.get()), (1, 1));
    assert_eq!(peek(dir.path())[0].attempts, 1, "that was no refusal");
    balanced(&counts);
}

#[test]
fn a_message_of_two_rows_is_tried_whole_and_counted_once() {
    let dir = tempfile::tempdir().unwrap();
    let vessel = |seq| Letter { kind: Kind::Vessel, ..refused(seq) };
    let kept = [refused(3), vessel(3), refused(6), vessel(6), refused(9)];
    let (mut letters, counts) = passed(dir.path(), &config(), &kept);
    assert_eq!((letters.len(), letters.messages(), letters.by_feed()[0]), (5, 3, 3));
    let due = letters.take_due(i64::MAX, everybody(), 1).unwrap();
    assert_eq!((seqs(&due), due[0].kind, due[1].kind), (vec![3, 3], Kind::Position, Kind::Vessel));
    let tried = letters.tried(&[(3, Fate::Delivered)], NOW).unwrap();
    assert_eq!((tried.delivered, counts.feeds[0].stored.get()), (2, 1));
    assert_eq!((counts.store.positions.get(), counts.store.statics.get()), (1, 1));
    assert_eq!(letters.clear(Which::Pending, i64::MAX).unwrap(), 3);
    assert_eq!(counts.feeds[0].dropped.of(Dropped::LettersCleared as usize).get(), 2);
    assert!(letters.is_empty());
    balanced(&counts);
}

#[test]
fn letters_that_are_not_passed_are_neither_tried_nor_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = open(dir.path(), 10);
    letters.settle(all(0)).unwrap();
    letters.keep(&[refused(3), refused(4)]).unwrap();
    letters.passed([(1, 4)]).unwrap();
    assert_eq!(seqs(&letters.take_due(i64::MAX, everybody(), 10).unwrap()), [3]);
    // One is under way, the other one the journal may bring again.
    assert_eq!(letters.clear(Which::Pending, i64::MAX).unwrap(), 0);
    letters.tried(&[(3, Fate::Nothing)], NOW).unwrap();
    assert_eq!(letters.clear(Which::Pending, NOW).unwrap(), 0, "refused since");
    assert_eq!(letters.clear(Which::Pending, i64::MAX).unwrap(), 1);
    assert_eq!((letters.len(), counts.dead_letters.cleared.get()), (1, 1));
}

#[test]
fn at_the_bound_the_oldest_give_way_where_so_configured_dead_ones_first() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        DeadLetterConfig { rows_max: 3, at_bound: AtBound::Drop, retries_max: 1, ..config() };
    let (mut letters, counts) = passed(dir.path(), &config, &[refused(3), refused(4), refused(5)]);
    letters.take_due(i64::MAX, everybody(), 10).unwrap();
    let keep = |letters: &mut DeadLetters, seq: u64| {
        counts.feeds[usize::try_from(seq % 3).unwrap()].received.add(1);
        letters.keep(&[refused(seq)])
    };
    assert!(letters.keep(&[refused(6)]).is_err(), "all three are under way");
    let answers = [(3, Fate::Nothing), (4, refusal()), (5, Fate::Nothing)];
    assert_eq!(letters.tried(&answers, NOW).unwrap().died, 1);
    keep(&mut letters, 6).unwrap();
    assert_eq!(seqs(&peek(dir.path())), [3, 5, 6]);
    keep(&mut letters, 7).unwrap();
    assert_eq!(seqs(&peek(dir.path())), [5, 6, 7]);
    let dropped = |feed: usize| counts.feeds[feed].dropped.of(Dropped::LettersFull as usize).get();
    assert_eq!((dropped(0), dropped(1), counts.dead_letters.dropped.get()), (1, 1, 2));
    assert_eq!((letters.len(), counts.dead_letters.dead.get()), (3, 0));
    balanced(&counts);
}

#[test]
fn what_is_cleared_before_the_store_is_asked_is_part_of_the_sum_too() {
    let dir = tempfile::tempdir().unwrap();
    drop(passed(dir.path(), &config(), &[refused(3), refused(4)]));
    let counts = counts();
    let mut letters = DeadLetters::open(dir.path(), &config(), &counts).unwrap();
    assert_eq!(letters.clear(Which::Pending, i64::MAX).unwrap(), 2);
    letters.settle(all(1000)).unwrap();
    let sums = Sums::read(&counts.feeds[0]);
    assert_eq!((sums.recovered, sums.undelivered), (1, 0));
    balanced(&counts);
}

#[test]
fn what_is_older_than_the_store_keeps_goes_and_is_counted_as_that() {
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, counts) = passed(dir.path(), &config(), &[refused(3)]);
    letters.take_due(i64::MAX, everybody(), 1).unwrap();
    letters.tried(&[(3, Fate::Expired)], NOW).unwrap();
    assert_eq!(counts.feeds[0].filtered.of(Filtered::Expired as usize).get(), 1);
    assert!(letters.is_empty());
    balanced(&counts);
}

#[test]
fn with_no_tries_a_letter_is_dead_from_the_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let config = DeadLetterConfig { retries_max: 0, ..config() };
    let (mut letters, counts) = passed(dir.path(), &config, &[refused(3)]);
    assert_eq!(letters.take_due(i64::MAX, everybody(), 1).unwrap(), []);
    assert_eq!(counts.dead_letters.dead.get(), 1);
    assert_eq!(letters.clear(Which::Dead, i64::MAX).unwrap(), 1);
    assert_eq!(counts.dead_letters.dead.get(), 0);
}

#[test]
fn letters_are_hurried_chunk_by_chunk_until_none_waits() {
    let dir = tempfile::tempdir().unwrap();
    let many = u64::from(CHUNK) + 500;
    let kept: Vec<Letter> = (0..many).map(refused).collect();
    let config = DeadLetterConfig { rows_max: 5000, ..config() };
    let (mut letters, _) = passed(dir.path(), &config, &kept);
    letters.passed(all(10_000)).unwrap();
    assert_eq!(letters.hurry(Which::Pending, NOW).unwrap(), 0, "they were tried since");
    let hurried: Vec<u64> =
        (0..3).map(|_| letters.hurry(Which::Pending, i64::MAX).unwrap()).collect();
    assert_eq!(hurried, [u64::from(CHUNK), 500, 0]);
    assert_eq!(letters.take_due(0, everybody(), 5000).unwrap().len(), kept.len());
}

/// What may happen to letters, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Keep(u64),
    Try(usize, u8),
    Clear(bool),
    Hurry(bool),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..6_u64).prop_map(Step::Keep),
        (1..5_usize, 0..5_u8).prop_map(|(messages, fate)| Step::Try(messages, fate)),
        any::<bool>().prop_map(Step::Clear),
        any::<bool>().prop_map(Step::Hurry),
        Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A message is in the letters, or it left them once and is counted as that; counters say what the file holds.
    #[test]
    fn the_sum_comes_out_whatever_becomes_of_letters(steps in prop::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let config = DeadLetterConfig { rows_max: 8, at_bound: AtBound::Drop, ..config() };
        let (mut letters, mut counts) = passed(dir.path(), &config, &[]);
        let mut head = 0;
        for step in steps {
            match step {
                Step::Keep(messages) => {
                    let new: Vec<Letter> = (head..head + messages).map(refused).collect();
                    for letter in &new {
                        counts.feeds[usize::from(letter.feed)].received.add(1);
                    }
                    head += messages;
                    letters.keep(&new).unwrap();
                    letters.passed(all(head)).unwrap();
                }
                Step::Try(messages, fate) => {
                    let due = letters.take_due(i64::MAX, everybody(), messages).unwrap();
                    let fate = |seq: u64| match (seq + u64::from(fate)) % 4 {
                        0 => Fate::Delivered,
                        1 => Fate::Expired,
                        2 => Fate::Nothing,
                        _ => refusal(),
                    };
                    let fates: Vec<_> = due.iter().map(|it| (it.seq, fate(it.seq))).collect();
                    letters.tried(&fates, NOW).unwrap();
                }
                Step::Clear(dead) => {
                    let which = if dead { Which::Dead } else { Which::Pending };
                    letters.clear(which, i64::MAX).unwrap();
                }
                Step::Hurry(dead) => {
                    let which = if dead { Which::Dead } else { Which::Pending };
                    letters.hurry(which, i64::MAX).unwrap();
                }
                Step::Restart => {
                    drop(letters);
                    counts = super::counts();
                    letters = DeadLetters::open(dir.path(), &config, &counts).unwrap();
                    letters.settle(all(head)).unwrap();
                }
            }
            balanced(&counts);
            let stats = Reader::open(dir.path()).unwrap().unwrap().stats().unwrap();
            let counted = [letters.rows, letters.messages, letters.dead];
            prop_assert_eq!(counted, [stats.rows, stats.messages, stats.dead]);
            prop_assert!(stats.rows <= 8);
        }
    }
}

/// Refused while the clock stood in 2040: until then nothing tried them again, and nobody could have them tried or cleared.
#[test]
fn letters_that_were_refused_while_the_clock_was_ahead_do_not_wait_for_it() {
    const AHEAD: i64 = NOW + 10 * 365 * 86_400_000_000;
    let ahead = |seq| Letter { first_failed_us: AHEAD, last_failed_us: AHEAD, ..refused(seq) };
    let dir = tempfile::tempdir().unwrap();
    let (mut letters, _) = passed(dir.path(), &config(), &[ahead(3), refused(4)]);
    assert_eq!(seqs(&letters.take_due(NOW, everybody(), 10).unwrap()), [3]);
    assert_eq!(letters.take_due(NOW, everybody(), 10).unwrap(), [], "the other waits for its turn");
    let dead = |seq| Letter { is_dead: true, ..ahead(seq) };
    for which in [Which::Pending, Which::Dead] {
        let dir = tempfile::tempdir().unwrap();
        let kept = if which == Which::Dead { [dead(3), dead(4)] } else { [ahead(3), ahead(4)] };
        let (mut letters, counts) = passed(dir.path(), &config(), &kept);
        assert_eq!(letters.hurry(which, NOW + 1).unwrap(), 2, "{which:?}");
        assert_eq!(letters.hurry(which, NOW + 1).unwrap(), 0, "each once");
        assert_eq!(letters.clear(Which::Pending, NOW + 1).unwrap(), 2, "{which:?}");
        balanced(&counts);
    }
}
