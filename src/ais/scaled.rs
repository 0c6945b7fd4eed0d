//! Numbers in units where a plain division does not do: those with words for what is no number.

use super::json::{Object, write_fixed};

/// Thousandths in the standard's factor: ROT_AIS = 4.733 * sqrt(degrees per minute).
const ROT_FACTOR_MILLI: i64 = 4733;

/// Rate of turn in degrees a minute with two decimals, left negative, as text.
pub fn turn(object: &mut Object<'_>, turn: i8) {
    match turn {
        -128 => object.plain("turn", "n/a"),
        -127 => object.plain("turn", "fastleft"),
        127 => object.plain("turn", "fastright"),
        _ => {
            let turn = i64::from(turn);
            let out = object.name("turn");
            out.push(b'"');
            let square = turn * turn.abs() * 1_000_000;
            write_fixed(out, square, ROT_FACTOR_MILLI * ROT_FACTOR_MILLI, 2);
            out.push(b'"');
        }
    }
}

/// Speed over ground in knots, from 0.1 knot.
pub fn speed(object: &mut Object<'_>, speed: u16) {
    match speed {
        1023 => object.plain("speed", "n/a"),
        1022 => object.plain("speed", "fast"),
        _ => object.fixed("speed", i64::from(speed), 10, 1),
    }
}

/// Speed over ground in knots, from knots.
pub fn knots(object: &mut Object<'_>, speed: u16) {
    match speed {
        1023 => object.plain("speed", "n/a"),
        1022 => object.plain("speed", "fast"),
        _ => object.int("speed", speed),
    }
}

/// Altitude in metres.
pub fn altitude(object: &mut Object<'_>, altitude: u16) {
    match altitude {
        4095 => object.plain("alt", "n/a"),
        4094 => object.plain("alt", "high"),
        _ => object.int("alt", altitude),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: i8, expected: &str) {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        turn(&mut object, raw);
        object.close();
        assert_eq!(String::from_utf8_lossy(&out), format!("{{\"turn\":\"{expected}\"}}"));
    }

    #[test]
    fn a_rate_of_turn_is_told_in_degrees_a_minute_with_its_side() {
        check(0, "0.00");
        check(5, "1.12");
        check(-5, "-1.12");
        check(126, "708.71");
        check(-126, "-708.71");
        check(127, "fastright");
        check(-127, "fastleft");
        check(-128, "n/a");
    }
}
