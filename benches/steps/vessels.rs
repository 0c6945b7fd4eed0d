//! What does it cost to find a ship among those that are known, and to note its new position?
//!
//! Reports of 20 000 ships in an order without order. `known` has room for all of them; `crowded` for a tenth, so that nearly
//! each report puts another ship out. An element is a report.

use std::hint::black_box;

use aisd::config::ShardConfig;
use aisd::rows::PositionRow;
use aisd::shard::plausibility::Plausibility;
use aisd::shard::policy::Policy;
use aisd::shard::standing::Sight;
use aisd::shard::vessel::Fix;
use aisd::shard::vessels::Vessels;
use aisd::shard::weight::Weight;

use crate::case::{Case, Prepared};
use crate::traffic;

const REPORTS: u64 = 100_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("vessels/known", || heard(200_000)),
        Case::new("vessels/crowded", || heard(2_000)),
    ]
}

fn heard(most: usize) -> Prepared {
    let mut rows: Vec<PositionRow> = (0..REPORTS).map(traffic::row).collect();
    let mut vessels = Vessels::new(most);
    let sight = Sight {
        plausibility: Plausibility::new(ShardConfig::default().speed_knots_max),
        window_us: Policy::default().window_us,
    };
    Prepared::new(rows.len(), move || {
        for row in &mut rows {
            row.origin.time_us += traffic::HOUR_US;
            row.origin.received_us += traffic::HOUR_US;
            let PositionRow { origin, position, flags } = *row;
            let vessel = vessels.heard(origin.mmsi);
            let weight = Weight::default();
            let standing = sight.judge(vessel, &position, (origin.live_us(), weight));
            vessel.heard(origin.received_us);
            vessel.moved(Fix { origin, position, flags, weight }, standing, sight.window_us);
        }
        black_box(vessels.len());
    })
}
