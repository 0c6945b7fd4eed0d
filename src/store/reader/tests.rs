//! What the embedded store's reader finds, in every state that its writer leaves.

use super::*;
use crate::config::{Index, StoreConfig};
use crate::partition::PARTITIONS;
use crate::report::{Place, Position, StaticData, Text};
use crate::rows::{Origin, PositionRow, Rows, StaticRow, flags};
use crate::store::Store;
use crate::store::sqlite::{FILE_NAME, Sqlite};
use uuid::Uuid;

const NOW: i64 = 1_700_000_000_000_000;
const LONG: Duration = Duration::from_secs(20);

fn origin(seq: u64, mmsi: u32, time_us: i64) -> Origin {
    Origin { seq, time_us, received_us: time_us + 1, mmsi, feed: 3 }
}

fn position(seq: u64, mmsi: u32, time_us: i64) -> PositionRow {
    let position = Position {
        msg_type: 1,
        place: Place::new(-74_103_830, 29_028_980),
        sog: Some(123),
        cog: Some(3599),
        heading: None,
        rot: Some(-127),
        nav_status: Some(5),
        altitude: None,
        utc_second: None,
        accurate: true,
        raim: false,
    };
    PositionRow { origin: origin(seq, mmsi, time_us), position, flags: flags::ACCURATE }
}

fn statics(seq: u64, mmsi: u32) -> StaticRow {
    let data = StaticData {
        name: Text::new(b"EVER GIVEN"),
        dimensions: Some([1, 2, 3, 4]),
        draught: Some(57),
        eta: [Some(12), None, Some(7), Some(0)],
        ..StaticData::default()
    };
    StaticRow { origin: origin(seq, mmsi, NOW), data, beside_position: false }
}

struct Fixture {
    dir: tempfile::TempDir,
    store: Sqlite,
}

impl Fixture {
    fn new(index: Index) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = StoreConfig { index, ..StoreConfig::default() };
        let mut store = Sqlite::new(dir.path(), Uuid::from_u128(7), config);
        store.connect().unwrap();
        Self { dir, store }
    }

    fn commit(&mut self, positions: Vec<PositionRow>, statics: Vec<StaticRow>) {
        let rows = Rows { positions, statics, ..Rows::default() };
        self.store.commit(&[rows], &[1_000_000; PARTITIONS]).unwrap();
    }

    fn reader(&self, within: Duration) -> SqliteReader {
        SqliteReader::open(&self.dir.path().join(FILE_NAME), within).unwrap()
    }
}

/// With an index of tracks and without, before its rows are swept into it and after.
fn check(look: impl Fn(&mut SqliteReader), fill: impl Fn(&mut Fixture)) {
    for index in [Index::Track, Index::Append] {
        let mut fixture = Fixture::new(index);
        fill(&mut fixture);
        look(&mut fixture.reader(LONG));
        fixture.store.close();
        look(&mut fixture.reader(LONG));
    }
}

#[test]
fn a_vessel_comes_back_as_it_was_stored() {
    let look = |reader: &mut SqliteReader| {
        let vessel = reader.vessel(4).unwrap().unwrap();
        let last = vessel.last.unwrap();
        assert_eq!(last.position, position(9, 4, NOW).position);
        assert_eq!((last.seq, last.time_us, last.received_us), (9, NOW, NOW + 1));
        assert_eq!((last.flags, last.feed), (flags::ACCURATE, 3));
        assert_eq!(vessel.statics, statics(9, 4).data);
        let silent = reader.vessel(5).unwrap().unwrap();
        assert_eq!((silent.last, silent.statics), (None, statics(9, 4).data));
        assert_eq!(reader.vessel(6).unwrap(), None);
    };
    check(look, |fixture| {
        fixture.commit(vec![position(9, 4, NOW)], vec![statics(9, 4), statics(10, 5)]);
    });
}

#[test]
fn the_newest_is_found_by_time_then_by_number_wherever_it_lies() {
    let look = |reader: &mut SqliteReader| {
        let newest = |reader: &mut SqliteReader, mmsi| {
            reader.vessel(mmsi).unwrap().unwrap().last.unwrap().seq
        };
        assert_eq!(newest(reader, 1), 2);
        assert_eq!(newest(reader, 2), 300_001);
        let found = reader.newest(NOW, 0, 10).unwrap();
        let seqs: Vec<_> = found.iter().map(|it| (it.mmsi, it.last.unwrap().seq)).collect();
        assert_eq!(seqs, [(1, 2), (2, 300_001), (3, 300_002)]);
        let page = |reader: &mut SqliteReader, since, after, limit| {
            let found = reader.newest(since, after, limit).unwrap();
            found.iter().map(|it| it.mmsi).collect::<Vec<_>>()
        };
        assert_eq!(page(reader, NOW, 0, 2), [1, 2]);
        assert_eq!(page(reader, NOW, 2, 2), [3]);
        assert_eq!(page(reader, NOW + 1, 0, 9), [1, 3]);
        assert!(page(reader, NOW, 3, 9).is_empty());
        assert!(page(reader, NOW, 0, 0).is_empty());
    };
    check(look, |fixture| {
        // The first run is full, and has a newer position of vessel 1 than the second.
        let filler = (1000..264_000).map(|seq| position(seq, 9, NOW - 1_000_000));
        let first = [position(1, 2, NOW), position(2, 1, NOW + 5)].into_iter().chain(filler);
        fixture.commit(first.collect(), Vec::new());
        let second = [
            position(300_000, 1, NOW + 4),
            position(300_001, 2, NOW),
            position(300_002, 3, NOW + 1),
        ];
        fixture.commit(second.to_vec(), Vec::new());
    });
}

/// What a source brought that was stuck is stored and never shown; a rebuild of the picture showed it.
#[test]
fn what_is_dated_ahead_or_brought_by_a_stuck_source_is_part_of_a_track_but_never_the_newest() {
    let look = |reader: &mut SqliteReader| {
        assert_eq!(reader.track(4, NOW, NOW + 10, 10).unwrap().len(), 2);
        assert_eq!(reader.vessel(4).unwrap().unwrap().last.unwrap().seq, 1);
        assert_eq!(reader.vessel(5).unwrap(), None);
        let found = reader.newest(NOW, 0, 10).unwrap();
        assert_eq!(found.iter().map(|it| it.mmsi).collect::<Vec<_>>(), [4]);
    };
    for flags in [flags::AHEAD, flags::STUCK, flags::STUCK | flags::LATE] {
        check(look, |fixture| {
            let never = |seq, mmsi| PositionRow { flags, ..position(seq, mmsi, NOW + 5) };
            fixture.commit(vec![position(1, 4, NOW), never(2, 4), never(3, 5)], Vec::new());
        });
    }
}

/// Two reports of one moment that say the same were one point of the track, though both are stored: what was read of both halves of the
/// question was told apart by what it says alone.
#[test]
fn reports_of_one_moment_that_say_the_same_are_points_of_a_track_each() {
    let look = |reader: &mut SqliteReader| {
        let lons = |reader: &mut SqliteReader, limit| -> Vec<f64> {
            let track = reader.track(4, NOW, NOW + 10, limit).unwrap();
            track.iter().map(|point| (point.lon * 600_000.0).round()).collect()
        };
        let (there, elsewhere) = (-74_103_830.0, 600_000.0);
        assert_eq!(lons(reader, 10), [there, elsewhere, there, there]);
        assert_eq!(
            lons(reader, 2),
            [there, elsewhere],
            "of one moment in the order of their numbers"
        );
    };
    check(look, |fixture| {
        let mut moved = position(2, 4, NOW);
        moved.position.place = Place::new(600_000, 29_028_980);
        let rows = vec![position(1, 4, NOW), moved, position(3, 4, NOW), position(4, 4, NOW)];
        fixture.commit(rows, Vec::new());
    });
}

#[test]
fn a_question_that_takes_too_long_is_given_up() {
    let mut fixture = Fixture::new(Index::Append);
    fixture.commit((1..20_000).map(|seq| position(seq, 4, NOW)).collect(), Vec::new());
    let mut reader = fixture.reader(Duration::ZERO);
    for error in [
        reader.vessel(5).unwrap_err(),
        reader.newest(0, 0, 10).unwrap_err(),
        reader.track(4, 0, i64::MAX, 10).unwrap_err(),
    ] {
        let StoreError::Transient(text) = error else { panic!("{error}") };
        assert_eq!(text, "no answer within 0 s");
    }
}

/// A vessel that was never heard was looked for in every run of the store, for as long as any question may take, and everybody else who asked
/// waited for that; all runs were sorted before the first was looked at.
#[test]
fn a_vessel_is_not_looked_for_without_end() {
    let mut fixture = Fixture::new(Index::Append);
    let rows = (1..=6).map(|seq| position(seq, u32::try_from(seq).unwrap(), NOW));
    fixture.commit(rows.collect(), vec![statics(10, 2), statics(11, 7)]);
    let mut reader = fixture.reader(LONG);
    // Six runs of a row each.
    let writing = Connection::open(fixture.dir.path().join(FILE_NAME)).unwrap();
    writing.execute_batch("DELETE FROM runs").unwrap();
    let run = "INSERT INTO runs SELECT seq, 1, seq, seq, ts, ts FROM positions";
    assert_eq!(writing.execute(run, []).unwrap(), 6);
    let last = |vessel: Option<VesselView>| vessel.map(|it| it.last.map(|last| last.seq));
    for mmsi in 1..=6 {
        assert_eq!(last(reader.vessel(mmsi).unwrap()), Some(Some(u64::from(mmsi))));
    }
    assert_eq!(last(reader.vessel(8).unwrap()), None, "all of it is looked at");

    // With no time one run is looked at, the newest.
    reader.look_max = Duration::ZERO;
    assert_eq!(last(reader.vessel(6).unwrap()), Some(Some(6)));
    for known in [2, 7] {
        let vessel = reader.vessel(known).unwrap().unwrap();
        assert_eq!((vessel.last, vessel.statics), (None, statics(10, 2).data), "{known}");
    }
    for unknown in [1, 8] {
        let error = reader.vessel(unknown).unwrap_err();
        let StoreError::Transient(text) = error else { panic!("{error}") };
        let expected = format!("nothing of {unknown} in the rows that were looked at in 0 s");
        assert_eq!(text, expected, "it may be there");
    }
    let mut plan = reader.connection.prepare(&format!("EXPLAIN QUERY PLAN {RUN_BEFORE}")).unwrap();
    let steps = plan.query_map([0, 0], |row| row.get::<_, String>(3)).unwrap();
    let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().unwrap();
    assert!(steps.iter().all(|step| step.starts_with("SEARCH runs")), "{steps:?}");
}
