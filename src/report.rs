//! The values that travel: positions and static data, in the standard's own integers.
//!
//! Nothing here is rounded. "Not available" is an absent value, whatever number the standard spells it with, and
//! degrees exist only at the edges ([`Position::degrees`]).

pub mod packed;

/// Ten-thousandths of a minute in a degree, the unit of AIS positions.
pub const UNITS_PER_DEGREE: f64 = 600_000.0;

/// A position report, from types 1, 2, 3, 9, 18, 19 and 27, and the places that 4, 11, 17 and 21 tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The message type, 1-27; 0 when a sender of fields did not tell it.
    pub msg_type: u8,
    /// Longitude and latitude in 1/10 000 minute, east and north positive; both in range or both absent.
    pub place: Option<Place>,
    /// Speed over ground in 0.1 knot, 0-1 022 (type 9: 0-10 220).
    pub sog: Option<u16>,
    /// Course over ground in 0.1 degree, 0-3 599.
    pub cog: Option<u16>,
    /// True heading in degrees, 0-359.
    pub heading: Option<u16>,
    /// Rate of turn as sent (ROT_AIS), -127 to 127; degrees per minute are (it / 4.733)^2 with its sign.
    pub rot: Option<i8>,
    /// Navigational status, 0-14.
    pub nav_status: Option<u8>,
    /// Altitude in metres of a search-and-rescue aircraft (type 9), 0-4 094.
    pub altitude: Option<u16>,
    /// Second of the minute at which the position was fixed, 0-59.
    pub utc_second: Option<u8>,
    /// Whether the fix is better than 10 m.
    pub accurate: bool,
    /// Whether receiver autonomous integrity monitoring is in use.
    pub raim: bool,
}

/// A place on the globe in 1/10 000 minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// East positive, -108 000 000 to 108 000 000.
    pub lon: i32,
    /// North positive, -54 000 000 to 54 000 000.
    pub lat: i32,
}

impl Place {
    /// The place, if both are in range.
    #[must_use]
    pub const fn new(lon: i32, lat: i32) -> Option<Self> {
        if lon.unsigned_abs() <= 108_000_000 && lat.unsigned_abs() <= 54_000_000 {
            Some(Self { lon, lat })
        } else {
            None
        }
    }

    /// Longitude in degrees, east positive.
    #[must_use]
    pub fn lon_degrees(self) -> f64 {
        f64::from(self.lon) / UNITS_PER_DEGREE
    }

    /// Latitude in degrees, north positive.
    #[must_use]
    pub fn lat_degrees(self) -> f64 {
        f64::from(self.lat) / UNITS_PER_DEGREE
    }
}

/// Six-bit text, trimmed, at most `N` characters of printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Text<N> {
    /// From bytes that are already ASCII; trailing blanks and what does not fit are cut; `None` when nothing is left.
    #[must_use]
    pub fn new(ascii: &[u8]) -> Option<Self> {
        let kept = &ascii[..ascii.len().min(N).min(255)];
        let trimmed = kept.trim_ascii_end();
        if trimmed.is_empty() {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..trimmed.len()].copy_from_slice(trimmed);
        Some(Self { bytes, len: u8::try_from(trimmed.len()).ok()? })
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }
}

impl<const N: usize> std::fmt::Debug for Text<N> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.as_str())
    }
}

/// What a vessel says of itself: types 5, 19 and 24. A field that the message does not carry is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StaticData {
    /// The message type: 5, 19 or 24; 0 when a sender of fields did not tell it.
    pub msg_type: u8,
    /// IMO number, 1 and up.
    pub imo: Option<u32>,
    /// Call sign.
    pub callsign: Option<Text<7>>,
    /// Name.
    pub name: Option<Text<20>>,
    /// Type of ship and cargo, 1-255 as sent.
    pub ship_type: Option<u8>,
    /// Metres from the position reference to bow, stern, port and starboard; absent when all are 0.
    pub dimensions: Option<[u16; 4]>,
    /// Draught in 0.1 m, 1-255.
    pub draught: Option<u8>,
    /// Destination.
    pub destination: Option<Text<20>>,
    /// Estimated time of arrival in UTC: month 1-12, day 1-31, hour 0-23, minute 0-59; any part may be absent.
    pub eta: [Option<u8>; 4],
    /// Type of position-fixing device, 1-15.
    pub epfd: Option<u8>,
    /// Vendor of a class B unit, three characters (type 24 B).
    pub vendor: Option<Text<3>>,
    /// MMSI of the mother ship of an auxiliary craft (type 24 B).
    pub mothership: Option<u32>,
}

impl StaticData {
    /// Each field from this report, or else from the other.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let eta = if self.eta.iter().any(Option::is_some) { self.eta } else { other.eta };
        Self {
            msg_type: self.msg_type,
            imo: self.imo.or(other.imo),
            callsign: self.callsign.or(other.callsign),
            name: self.name.or(other.name),
            ship_type: self.ship_type.or(other.ship_type),
            dimensions: self.dimensions.or(other.dimensions),
            draught: self.draught.or(other.draught),
            destination: self.destination.or(other.destination),
            eta,
            epfd: self.epfd.or(other.epfd),
            vendor: self.vendor.or(other.vendor),
            mothership: self.mothership.or(other.mothership),
        }
    }

    /// The estimated time of arrival as `MM-DDThh:mmZ`, `??` for what was not told; nothing when nothing was.
    #[must_use]
    pub fn eta_text(&self) -> Option<String> {
        self.eta.iter().any(Option::is_some).then(|| {
            let part =
                |n: usize| self.eta[n].map_or_else(|| "??".to_owned(), |it| format!("{it:02}"));
            format!("{}-{}T{}:{}Z", part(0), part(1), part(2), part(3))
        })
    }
}
