//! How ships move, seen from outside: along great circles, at the speed and the turn that they tell.

use super::*;

fn place(state: State) -> (f64, f64) {
    (f64::from(state.lat) / UNITS_PER_DEGREE, f64::from(state.lon) / UNITS_PER_DEGREE)
}

/// How far a place lies off the great circle between two others, in nautical miles.
fn off_way(from: (f64, f64), to: (f64, f64), place: (f64, f64)) -> f64 {
    let angle = bearing(from, place) - bearing(from, to);
    (distance(from, place).to_radians().sin() * angle.sin()).asin().abs().to_degrees() * 60.0
}

/// Lanes were straight lines on the chart once: 240 miles too far south in the middle of the North Pacific.
#[test]
fn a_ship_follows_the_great_circle_to_the_end_of_its_lane() {
    let lane = LANES.iter().position(|lane| lane.from == (48.0, -172.0)).unwrap();
    let mut random = Random::new(3);
    let mut ship = Voyage::new(lane, false, false, &mut random);
    let from = LANES[lane].from;
    ship.rest.leg = Leg { from, then: from, ..Leg::default() };
    (ship.rest.outward, ship.rest.cruise_knots, ship.until_s) = (true, 20.0, 0.0);
    let (from, to) = (LANES[lane].from, LANES[lane].to);
    let (mut northernmost, mut at_s) = (0.0_f64, 0.0);
    while distance(place(ship.at(at_s, &mut random)), to) > 1.0 {
        let here = place(ship.at(at_s, &mut random));
        northernmost = northernmost.max(here.0);
        assert!(off_way(from, to, here) < 40.0, "{here:?} after {at_s} s");
        at_s += 600.0;
        assert!(at_s < 600_000.0, "it never arrives: {here:?}");
    }
    assert!(northernmost > 50.0, "{northernmost}");
    assert!((at_s - distance(from, to) * 60.0 / 20.0 * 3600.0).abs() < 20_000.0, "{at_s} s");
}

#[test]
fn a_ship_turns_no_faster_than_ships_do_and_says_how_fast() {
    let mut random = Random::new(4);
    let mut turned = 0;
    for lane in 0..LANES.len() {
        let mut ship = Voyage::new(lane, false, false, &mut random);
        let mut last = ship.at(0.0, &mut random);
        for second in 1..20_000 {
            let now = ship.at(f64::from(second), &mut random);
            let cog = |state: State| f64::from(state.cog) / 10.0;
            let turn = (cog(now) - cog(last) + 180.0).rem_euclid(360.0) - 180.0;
            assert!(turn.abs() <= 25.0 / 60.0 + 0.21, "{turn} degrees in a second");
            if now.rot != 0 && last.rot == now.rot {
                turned += 1;
                let told = (f64::from(now.rot) / 4.733).powi(2).copysign(now.rot.into());
                assert!((turn * 60.0 - told).abs() < 14.0, "{turn} {told}");
            }
            last = now;
        }
    }
    assert!(turned > 1000, "{turned}");
}

#[test]
fn the_way_over_the_ground_is_what_speed_and_course_say() {
    let mut random = Random::new(5);
    for lane in 0..LANES.len() {
        let mut ship = Voyage::new(lane, false, lane % 2 == 0, &mut random);
        let mut last = ship.at(0.0, &mut random);
        for step in 1..2000 {
            let now = ship.at(f64::from(step) * 5.0, &mut random);
            let knots = distance(place(last), place(now)) * 60.0 * 720.0;
            // A leg may have ended in between, and the next is up to a tenth faster or slower.
            let told = [last.sog, now.sog].map(|sog| f64::from(sog) / 10.0);
            let [slower, faster] = [told[0].min(told[1]), told[0].max(told[1])];
            assert!(
                (slower - 1.0..faster + 1.0).contains(&knots),
                "{knots} kn over the ground, {told:?} told"
            );
            last = now;
        }
    }
}

#[test]
fn a_ship_that_crosses_the_date_line_stays_on_the_globe() {
    assert!((moved((10.0, 179.9), scale(10.0), 0.0, 0.3).1 + 179.795).abs() < 0.01);
    assert!((moved((10.0, -179.9), scale(10.0), 0.0, -0.3).1 - 179.795).abs() < 0.01);
    assert!((bearing((0.0, 179.0), (0.0, -179.0)).to_degrees() - 90.0).abs() < 1e-6);
    assert!((distance((0.0, 179.0), (0.0, -179.0)) - 2.0).abs() < 1e-9);
}
