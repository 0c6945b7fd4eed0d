//! What a shard tells outputs of a record that is no repeat.

use super::said::Said;
use super::vessels::Vessels;
use crate::heard::{self, Telling};
use crate::record::Record;
use crate::rows::Origin;

/// Tells a message that is happening now to who wants the sentences, if anybody does; it is where it says, or where its vessel was before.
pub fn tell(
    telling: Option<&mut Telling>,
    record: &Record<'_>,
    (origin, said): (&Origin, &Said<'_>),
    vessels: &mut Vessels,
) {
    let Some(telling) = telling.filter(|_| !record.recorded) else { return };
    if !telling.wants(record.seq) {
        return;
    }
    let Said::Message(message) = said else { return telling.pass_over() };
    let before = || vessels.known(origin.mmsi)?.last_place.map(|(place, _)| place);
    let place = message.position().and_then(|it| it.place).or_else(|| message.place());
    let message = heard::Message {
        mmsi: origin.mmsi,
        msg_type: message.msg_type(),
        time_us: origin.time_us,
        received_us: record.received_us,
        place: place.or_else(before),
        channel: record.channel,
        fill: record.fill,
        own_ship: record.own_ship,
        payload_len: 0,
    };
    telling.take(message, record.payload);
}
