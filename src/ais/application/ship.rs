//! What else a ship says of itself: its air draught (DAC 1 FI 15, SN/Circ.236) and how many are on board (DAC 1 FI 16,
//! SN.1/Circ.289).
//!
//! gpsd reads the addressed forms, and the persons of the broadcast one, from bits of the header; here they are read
//! where the circulars put them.

use super::fields::{Message, unsigned};

/// FI 15 to one station.
pub static AIR_DRAUGHT_ADDRESSED: Message = Message::new(&[unsigned("airdraught", 88, 11)]);

/// FI 15 to all.
pub static AIR_DRAUGHT_BROADCAST: Message = Message::new(&[unsigned("airdraught", 56, 11)]);

/// FI 16 to one station.
pub static PERSONS_ADDRESSED: Message = Message::new(&[unsigned("persons", 88, 13)]);

/// FI 16 to all. At other lengths it is the list of targets that SN/Circ.236 had under this number.
pub static PERSONS_BROADCAST: Message = Message::new(&[unsigned("persons", 56, 13)]).of_bits(72);
