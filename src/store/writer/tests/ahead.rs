//! Rows that are sent behind a commit whose answer has not come.

use super::*;

/// A writer that has committed 10 rows and not waited, and sends 20 behind them: what it then knows of the 10 is up to `fail`.
/// Everything is stored in the end; the rows of the commits that the store made.
fn ahead_of_a_commit_that(fail: impl Fn(&mut Asked)) -> Vec<usize> {
    let mut rig = rig(1000);
    rig.asked.lock().ahead = Some(10);
    fail(&mut rig.asked.lock());
    assert!(rig.shards[0].offer(part(0, 10, 10)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(10));
    assert_eq!(rig.counts.feeds[0].stored.get(), 0, "nobody has waited for it");
    assert!(rig.shards[0].offer(part(0, 30, 20)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle, "the first has failed");
    let mut asked = rig.asked.lock();
    assert_eq!(asked.sent_ahead, 1);
    (asked.come_to_nothing, asked.answers_lost) = (false, false);
    drop(asked);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1), "it connects again");
    assert!(rig.shards[0].offer(part(0, 60, 30)).is_ok());
    rig.shards.clear();
    while rig.writer.turn().unwrap() != Turn::Finished {}
    assert_eq!(rig.counts.feeds[0].stored.get(), 60);
    let asked = rig.asked.lock();
    assert_eq!(asked.sent_ahead, 1, "behind one that failed nothing is sent until it is through");
    asked.commits.iter().map(|commit| commit.0[0]).filter(|rows| *rows > 0).collect()
}

#[test]
fn rows_behind_a_commit_that_came_to_nothing_are_committed_with_it() {
    let commits = ahead_of_a_commit_that(|asked| asked.come_to_nothing = true);
    assert_eq!(commits, [60]);
}

#[test]
fn rows_behind_a_commit_whose_answer_was_lost_are_committed_without_it() {
    let commits = ahead_of_a_commit_that(|asked| asked.answers_lost = true);
    assert_eq!(commits, [10, 50]);
}

#[test]
fn rows_that_gather_during_a_commit_are_sent_behind_it_when_they_are_many() {
    let mut rig = rig(1000);
    rig.asked.lock().ahead = Some(10);
    let mut turn = |rows: usize, next_seq| {
        assert!(rig.shards[0].offer(part(0, next_seq, rows)).is_ok());
        rig.writer.turn().unwrap();
        let sent_ahead = rig.asked.lock().sent_ahead;
        (sent_ahead, rig.counts.feeds[0].stored.get(), rig.writer.is_behind())
    };
    assert_eq!(turn(5, 10), (0, 5, false), "a small one is waited for");
    assert_eq!(turn(20, 30), (0, 5, false));
    assert_eq!(turn(40, 70), (1, 25, true), "the server has all it can do");
    // Too few: the commit before is waited for, and then they are committed.
    assert_eq!(turn(5, 75), (1, 65, false));
    rig.writer.turn().unwrap();
    assert_eq!(rig.counts.feeds[0].stored.get(), 70);
    assert_eq!(rig.writer.links.journal.committed(), 0, "the other shard has said nothing");
}

/// What gathered while the store was at the rows before was sent as soon as it was worth while: many small commits, of which each goes
/// through an index by vessel once.
#[test]
fn what_comes_while_the_store_is_at_the_rows_before_is_sent_as_one() {
    let mut rig = rig(50);
    rig.asked.lock().ahead = Some(10);
    let offer = |rig: &Rig, seqs| assert!(rig.shards[0].offer(messages(0, seqs)).is_ok());
    offer(&rig, 1..21);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(20));
    rig.asked.lock().is_at_rows = true;
    for seqs in [21..41, 41..61] {
        offer(&rig, seqs);
        assert_eq!(rig.writer.turn().unwrap(), Turn::Stalled);
    }
    assert_eq!(rig.asked.lock().sent_ahead, 0);
    // Once there is a whole batch nothing is waited for.
    offer(&rig, 61..81);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(50));
    assert_eq!((rig.asked.lock().sent_ahead, rig.counts.feeds[0].stored.get()), (1, 20));
    assert_eq!(rig.writer.turn().unwrap(), Turn::Stalled);
    rig.asked.lock().is_at_rows = false;
    offer(&rig, 81..86);
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(15));
    // Nothing comes any more: nothing is gathered for.
    rig.asked.lock().is_at_rows = true;
    rig.shards.clear();
    while rig.writer.turn().unwrap() != Turn::Finished {}
    let commits: Vec<usize> = rig.asked.lock().commits.iter().map(|commit| commit.0[0]).collect();
    assert_eq!((&commits[..3], rig.counts.feeds[0].stored.get()), (&[20, 50, 15][..], 85));
}
