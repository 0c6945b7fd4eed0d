//! Which numbers of the standard mean "not available": those become absent.

/// Speed over ground; 1 023 is not available.
#[must_use]
#[inline]
pub fn speed(value: u16) -> Option<u16> {
    (value < 1023).then_some(value)
}

/// Course over ground in 0.1 degree; 3 600 is not available, more cannot be.
#[must_use]
#[inline]
pub fn course(value: u16) -> Option<u16> {
    (value < 3600).then_some(value)
}

/// True heading in degrees; 511 is not available, 360 to 510 cannot be.
#[must_use]
#[inline]
pub fn heading(value: u16) -> Option<u16> {
    (value < 360).then_some(value)
}

/// UTC second; 60 is not available, 61 to 63 tell the state of the positioning system.
#[must_use]
#[inline]
pub fn second(value: u8) -> Option<u8> {
    (value < 60).then_some(value)
}

/// Navigational status; 15 is not defined.
#[must_use]
#[inline]
pub fn nav_status(value: u8) -> Option<u8> {
    (value != 15).then_some(value)
}

/// A number whose 0 is not available.
#[must_use]
pub fn zero(value: u8) -> Option<u8> {
    (value != 0).then_some(value)
}

/// The four distances to the hull's ends; all 0 is not available.
#[must_use]
pub fn dimensions(metres: [u16; 4]) -> Option<[u16; 4]> {
    (metres != [0; 4]).then_some(metres)
}
