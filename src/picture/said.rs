//! When a vessel said each field of its static data.
//!
//! Different types of message carry different fields, and nobody hears all of them: whoever merges what it heard with what
//! somebody else wrote needs the time of each field, or an old name wins because a new call sign came with it.

use crate::report::StaticData;

/// A field of static data that is taken over as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticField {
    /// Name.
    Name,
    /// Call sign.
    Callsign,
    /// IMO number.
    Imo,
    /// Type of ship and cargo.
    ShipType,
    /// Distances from the position reference.
    Dimensions,
    /// Draught.
    Draught,
    /// Destination.
    Destination,
    /// Estimated time of arrival.
    Eta,
    /// Type of position-fixing device.
    Epfd,
    /// Vendor of a class B unit.
    Vendor,
    /// MMSI of the mother ship.
    Mothership,
}

impl StaticField {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::Callsign,
        Self::Imo,
        Self::ShipType,
        Self::Dimensions,
        Self::Draught,
        Self::Destination,
        Self::Eta,
        Self::Epfd,
        Self::Vendor,
        Self::Mothership,
    ];

    /// Whether this data tells the field.
    #[must_use]
    pub fn is_in(self, data: &StaticData) -> bool {
        match self {
            Self::Name => data.name.is_some(),
            Self::Callsign => data.callsign.is_some(),
            Self::Imo => data.imo.is_some(),
            Self::ShipType => data.ship_type.is_some(),
            Self::Dimensions => data.dimensions.is_some(),
            Self::Draught => data.draught.is_some(),
            Self::Destination => data.destination.is_some(),
            Self::Eta => data.eta.iter().any(Option::is_some),
            Self::Epfd => data.epfd.is_some(),
            Self::Vendor => data.vendor.is_some(),
            Self::Mothership => data.mothership.is_some(),
        }
    }

    /// Characters of a text; of the same moment the longer one has lost less on its way.
    #[must_use]
    pub fn length(self, data: &StaticData) -> usize {
        match self {
            Self::Name => data.name.map_or(0, |it| it.as_str().len()),
            Self::Callsign => data.callsign.map_or(0, |it| it.as_str().len()),
            Self::Destination => data.destination.map_or(0, |it| it.as_str().len()),
            Self::Vendor => data.vendor.map_or(0, |it| it.as_str().len()),
            _ => 0,
        }
    }

    /// Takes the field over.
    pub const fn copy(self, from: &StaticData, to: &mut StaticData) {
        match self {
            Self::Name => to.name = from.name,
            Self::Callsign => to.callsign = from.callsign,
            Self::Imo => to.imo = from.imo,
            Self::ShipType => to.ship_type = from.ship_type,
            Self::Dimensions => to.dimensions = from.dimensions,
            Self::Draught => to.draught = from.draught,
            Self::Destination => to.destination = from.destination,
            Self::Eta => to.eta = from.eta,
            Self::Epfd => to.epfd = from.epfd,
            Self::Vendor => to.vendor = from.vendor,
            Self::Mothership => to.mothership = from.mothership,
        }
    }
}

/// When each field was said, microseconds since 1970; 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SaidTimes([i64; StaticField::ALL.len()]);

impl SaidTimes {
    /// All at the same time.
    #[must_use]
    pub const fn all(time_us: i64) -> Self {
        Self([time_us; StaticField::ALL.len()])
    }

    /// When this field was said.
    #[must_use]
    pub const fn of(&self, field: StaticField) -> i64 {
        self.0[field as usize]
    }

    /// Notes when this field was said.
    pub const fn set(&mut self, field: StaticField, time_us: i64) {
        self.0[field as usize] = time_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Text;

    #[test]
    fn every_field_has_its_own_place() {
        let full = StaticData {
            msg_type: 5,
            imo: Some(9_074_729),
            callsign: Text::new(b"ABC"),
            name: Text::new(b"NAME"),
            ship_type: Some(70),
            dimensions: Some([1, 2, 3, 4]),
            draught: Some(5),
            destination: Text::new(b"PORT"),
            eta: [None, None, Some(12), None],
            epfd: Some(1),
            vendor: Text::new(b"VEN"),
            mothership: Some(2),
        };
        let mut copied = StaticData { msg_type: 5, ..StaticData::default() };
        let mut times = SaidTimes::default();
        for (n, field) in (1..).zip(StaticField::ALL) {
            assert!(field.is_in(&full) && !field.is_in(&copied), "{field:?}");
            field.copy(&full, &mut copied);
            assert!(field.is_in(&copied), "{field:?}");
            times.set(field, n);
        }
        assert_eq!(copied, full);
        let read: Vec<i64> = StaticField::ALL.into_iter().map(|field| times.of(field)).collect();
        assert_eq!(read, (1..=11).collect::<Vec<_>>());
    }
}
