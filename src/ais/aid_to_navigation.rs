//! Type 21: report of an aid to navigation (ITU-R M.1371-5, table 69).

use super::bits::Frame;
use super::json::Object;
use super::{Header, names};
use crate::reject::Reject;
use crate::report::{Place, Text};

/// Up to the assigned flag; the spare bit may be missing.
const BITS_MIN: usize = 271;

const NAME_AT: usize = 43;
const NAME_CHARS: usize = 20;
const MORE_NAME_AT: usize = 272;
/// The name with its extension.
const WHOLE_NAME_CHARS: usize = 34;

/// A report of an aid to navigation, in the numbers of the standard.
#[derive(Clone, Copy, Debug)]
pub struct AidToNavigation<'s> {
    /// Type, repeat indicator, MMSI.
    pub header: Header,
    /// Type of aid, 0-31.
    pub aid_type: u8,
    /// Better than 10 m.
    pub accurate: bool,
    /// Longitude in 1/10 000 minute, east positive; 108 600 000 is not available.
    pub lon: i32,
    /// Latitude in 1/10 000 minute, north positive; 54 600 000 is not available.
    pub lat: i32,
    /// Metres to bow, stern, port and starboard.
    pub dimensions: [u16; 4],
    /// Type of position-fixing device.
    pub epfd: u8,
    /// UTC second; 60 is not available.
    pub second: u8,
    /// Not where it ought to be (floating aids only).
    pub off_position: bool,
    /// Status of the aid, 8 bits.
    pub regional: u8,
    /// Receiver autonomous integrity monitoring in use.
    pub raim: bool,
    /// There is nothing in the water.
    pub virtual_aid: bool,
    /// In assigned mode.
    pub assigned: bool,
    /// Spare bit.
    pub spare: bool,
    frame: Frame<'s>,
}

impl<'s> AidToNavigation<'s> {
    pub(super) fn decode(frame: &Frame<'s>, header: Header) -> Result<Self, Reject> {
        frame.at_least(BITS_MIN)?;
        Ok(Self {
            header,
            aid_type: frame.u8::<38, 5>(),
            accurate: frame.flag::<163>(),
            lon: frame.i32::<164, 28>(),
            lat: frame.i32::<192, 27>(),
            dimensions: [
                frame.u16::<219, 9>(),
                frame.u16::<228, 9>(),
                frame.u16::<237, 6>(),
                frame.u16::<243, 6>(),
            ],
            epfd: frame.u8::<249, 4>(),
            second: frame.u8::<253, 6>(),
            off_position: frame.flag::<259>(),
            regional: frame.u8::<260, 8>(),
            raim: frame.flag::<268>(),
            virtual_aid: frame.flag::<269>(),
            assigned: frame.flag::<270>(),
            spare: frame.flag::<271>(),
            frame: *frame,
        })
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        Place::new(self.lon, self.lat)
    }

    /// Its name with the extension, which counts only when all twenty characters before it are used.
    #[must_use]
    pub fn name(&self) -> Option<Text<WHOLE_NAME_CHARS>> {
        let (ascii, kept) = self.ascii_name();
        Text::new(&ascii[..kept])
    }

    fn ascii_name(&self) -> ([u8; WHOLE_NAME_CHARS], usize) {
        let mut ascii = [b' '; WHOLE_NAME_CHARS];
        let bits = self.frame.bits();
        let kept = bits.text(NAME_AT, NAME_CHARS, &mut ascii[..NAME_CHARS]);
        let whole = (0..NAME_CHARS).all(|n| bits.unsigned(NAME_AT + n * 6, 6) != 0);
        if !whole {
            return (ascii, kept);
        }
        let more = bits.text(MORE_NAME_AT, WHOLE_NAME_CHARS - NAME_CHARS, &mut ascii[NAME_CHARS..]);
        // Blanks at the end of the first part belong to the name when something follows.
        (ascii, if more > 0 { NAME_CHARS + more } else { kept })
    }

    /// As gpsd does, the accuracy comes before the place in raw numbers and behind it in scaled ones.
    pub(super) fn write_json(&self, in_units: bool, object: &mut Object<'_>) {
        object.int("aid_type", self.aid_type);
        object.plain("aid_type_text", names::aid_to_navigation(self.aid_type));
        let (ascii, kept) = self.ascii_name();
        object.text("name", &ascii[..kept]);
        if !in_units {
            object.bool("accuracy", self.accurate);
        }
        object.either(in_units, "lon", self.lon, 600_000, 7);
        object.either(in_units, "lat", self.lat, 600_000, 7);
        if in_units {
            object.bool("accuracy", self.accurate);
        }
        names::write_dimensions(object, self.dimensions);
        object.int("epfd", self.epfd);
        object.plain("epfd_text", names::epfd(self.epfd));
        object.int("second", self.second);
        object.int("regional", self.regional);
        object.bool("off_position", self.off_position);
        object.bool("raim", self.raim);
        object.bool("virtual_aid", self.virtual_aid);
    }
}
