//! What is cut off of a part waits in its order, and partitions without rows move on.

use super::*;

/// Rows of each commit that worked, and the largest offset.
fn commits(rig: &Rig) -> Vec<(usize, u64)> {
    rig.asked.lock().commits.iter().map(|(rows, _, most)| (rows.iter().sum(), *most)).collect()
}

/// A writer that has met a slow line, and takes 200 rows in a commit.
fn bound_to_200() -> Rig {
    let mut rig = rig(10_000);
    rig.writer.config.commit_seconds = 0;
    rig.asked.lock().failing = true;
    assert!(rig.shards[0].offer(messages(0, 1..401)).is_ok());
    assert_eq!(rig.writer.turn().unwrap(), Turn::Idle);
    rig.asked.lock().failing = false;
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(1), "it connects again");
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(200));
    assert_eq!(rig.writer.turn().unwrap(), Turn::Moved(200));
    // From here on every commit is one that had all the time it wanted.
    rig.writer.config.commit_seconds = 3600;
    assert_eq!(rig.writer.rows_max(), 200);
    rig
}

/// Where the cut fell into a message of two rows, a batch had room for one row more, took it from the next part of the same shard, and moved
/// the offsets past all that had been cut off: a kill then lost that.
#[test]
fn what_was_cut_off_is_committed_before_what_came_after_it() {
    let mut rig = bound_to_200();
    // The 200th and the 201st row are of one message, as a report with a position and a name has them.
    let mut long = messages(0, 401..802);
    for (row, seq) in long.positions.iter_mut().zip((401..601).chain(600..801)) {
        row.origin.seq = seq;
    }
    assert_eq!(long.positions[199].origin.seq, long.positions[200].origin.seq);
    assert!(rig.shards[0].offer(long).is_ok());
    assert!(rig.shards[0].offer(messages(0, 802..1002)).is_ok());
    let mut stored = 0;
    while stored < 601 {
        rig.writer.turn().unwrap();
        let (rows, most) = *commits(&rig).last().unwrap();
        stored += rows;
        // What is stored is all that is below the offset, of which one message has two rows.
        let below = usize::try_from(most - 401).unwrap();
        assert!(stored == below || stored == below + 1, "{stored} rows, offset {most}");
    }
    assert_eq!(rig.counts.feeds[0].stored.get(), 400 + 601);
}

/// A part may be larger than a commit: it was taken whole.
#[test]
fn a_commit_is_never_larger_than_configured() {
    let mut rig = rig(100);
    assert!(rig.shards[0].offer(messages(0, 1..351)).is_ok());
    rig.shards.clear();
    while rig.writer.turn().unwrap() != Turn::Finished {}
    assert_eq!(commits(&rig), [(100, 101), (100, 201), (100, 301), (50, 351)]);
}

/// Commits that followed one another, each shorter than a second, never moved the partitions that have no vessel: no segment
/// could be deleted, and the journal filled up.
#[test]
fn partitions_without_rows_move_on_while_commits_follow_one_another() {
    let mut rig = rig(1000);
    rig.asked.lock().commit_takes = Duration::from_millis(600);
    for n in 1..=20 {
        assert!(rig.shards[0].offer(part(0, n * 10, 1)).is_ok());
        assert!(rig.shards[1].offer(part(1, n * 10, 0)).is_ok());
        rig.writer.turn().unwrap();
    }
    let least = rig.asked.lock().commits.last().unwrap().1;
    assert!(least >= 180, "{least}");
}
