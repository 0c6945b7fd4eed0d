//! How a buoy or a beacon is: DAC 235 and 250 FI 10, of the General Lighthouse Authorities of Britain and Ireland.

use super::fields::{Message, flag, legend, unsigned};

/// FI 10. The voltages are sent in steps of 0.05 V.
pub static MONITORING: Message = Message::new(&[
    unsigned("ana_int", 88, 10).over(20, 2),
    unsigned("ana_ext1", 98, 10).over(20, 2),
    unsigned("ana_ext2", 108, 10).over(20, 2),
    unsigned("racon", 118, 2).meaning("racon_text", racon),
    unsigned("light", 120, 2).meaning("light_text", light),
    flag("alarm", 122),
    unsigned("stat_ext", 123, 8),
    flag("off_pos", 131),
])
.of_bits(136);

/// The state of its radar beacon.
fn racon(code: u64) -> &'static str {
    legend(code, &["No RACON installed", "RACON not monitored", "RACON operational"], "RACON ERROR")
}

/// The state of its light.
fn light(code: u64) -> &'static str {
    legend(code, &["No light or no monitoring", "Light ON", "Light OFF"], "Light ERROR")
}
