//! How long a ship is silent between two position reports. ITU-R M.1371-5, annex 1, tables 1 and 2.

/// Reports a second of a ship in the mean of a fleet, by its class: of those under way and those at rest.
pub const CLASS_A_PER_S: f64 = 0.0945;
/// The same of class B.
pub const CLASS_B_PER_S: f64 = 0.025;

/// How a ship moves, as far as its reports depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// At anchor, moored or aground by its own word.
    pub at_rest: bool,
    /// Speed over ground in 0.1 knot.
    pub sog: u16,
    /// Whether it changes course.
    pub turning: bool,
}

/// Seconds between the reports of a class A ship.
pub const fn class_a_s(pace: Pace) -> f64 {
    match pace {
        Pace { at_rest: true, sog: 0..=30, .. } => 180.0,
        Pace { at_rest: true, .. } | Pace { sog: 0..=140, turning: false, .. } => 10.0,
        Pace { sog: 0..=140, turning: true, .. } => 10.0 / 3.0,
        Pace { sog: 141..=230, turning: false, .. } => 6.0,
        Pace { .. } => 2.0,
    }
}

/// Seconds between the reports of a class B ship with carrier sense, which nearly all are.
pub const fn class_b_s(pace: Pace) -> f64 {
    if pace.sog <= 20 { 180.0 } else { 30.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_tables() {
        let check = |at_rest, sog, turning, class_a: f64, class_b: f64| {
            let pace = Pace { at_rest, sog, turning };
            assert!((class_a_s(pace) - class_a).abs() < 1e-9, "class A, {pace:?}");
            assert!((class_b_s(pace) - class_b).abs() < 1e-9, "class B, {pace:?}");
        };
        check(true, 0, false, 180.0, 180.0);
        check(true, 31, false, 10.0, 30.0);
        check(false, 0, false, 10.0, 180.0);
        check(false, 140, false, 10.0, 30.0);
        check(false, 140, true, 10.0 / 3.0, 30.0);
        check(false, 141, false, 6.0, 30.0);
        check(false, 230, true, 2.0, 30.0);
        check(false, 231, false, 2.0, 30.0);
    }
}
