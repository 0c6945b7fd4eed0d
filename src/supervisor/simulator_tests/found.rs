//! What the simulator found outside of the journal's own steps.

use std::sync::Arc;

use parking_lot::Mutex;

use super::database::{Database, Session};
use super::disk::Simulated;
use super::history::root;
use super::random::Random;
use super::time::Time;
use crate::disk::testing::InPlace;
use crate::journal::directory::Directory;
use crate::journal::open::open;
use crate::observe::counts::Counts;
use crate::partition::PARTITIONS;
use crate::store::writer::Known;
use crate::supervisor::stores::{self, Opened};

/// The names of new directories were not synced: a power cut could take the whole data directory of a first start, and with it
/// everything that had been acknowledged.
#[test]
fn a_power_cut_does_not_take_a_new_data_directory() {
    for seed in 0..20 {
        let disk = Arc::new(Simulated::new(Random::new(seed), None));
        let _in_place = InPlace::of(Arc::clone(&disk) as _);
        let instance = Directory::take(root()).unwrap().instance();
        disk.cut_power();
        assert_eq!(Directory::take(root()).unwrap().instance(), instance, "seed {seed}");
    }
}

/// With several writers, one that came late saw that the others had stored numbers of this run, took that for the work of a
/// copy of the data directory, and stopped the process.
#[test]
fn a_writer_that_comes_late_does_not_mind_what_the_others_have_stored() {
    let disk = Arc::new(Simulated::new(Random::new(1), None));
    let _in_place = InPlace::of(disk as _);
    let mut directory = Directory::take(root()).unwrap();
    let journal = open(&mut directory, &Counts::default()).unwrap();
    let database = Database::new(Random::new(1), Time::new(), None);
    let database = Arc::new(Mutex::new(database));
    let opened =
        [Some([0; PARTITIONS]), None].into_iter().enumerate().map(|(shard, offsets)| Opened {
            store: Box::new(Session::new(&database, Vec::new())),
            offsets,
            shards: vec![shard],
        });
    let opened: Vec<Opened> = opened.collect();
    let mut beginnings = stores::beginnings(&opened, &journal, &directory, 0, 2).unwrap();
    let Some(Known::Away(told)) = beginnings.known.pop() else { panic!("it is away") };
    let new = journal.next_seq() + 5;
    let offsets = std::array::from_fn(|partition| if partition % 2 == 0 { new } else { 0 });
    told(&offsets).unwrap();
}
