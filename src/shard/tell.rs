//! What a shard tells outputs of a record that is no repeat.

use super::said::Said;
use crate::filter::Sinks;
use crate::heard::{self, Telling};
use crate::record::Record;
use crate::rows::Origin;

/// Tells a message that is happening now to who wants the sentences, if anybody does, and to which of them it is new.
pub fn tell(
    telling: Option<&mut Telling>,
    record: &Record<'_>,
    (origin, said): (&Origin, &Said<'_>),
    new_to: Sinks,
) {
    let Some(telling) = telling.filter(|_| !record.recorded) else { return };
    if !telling.wants(record.seq) {
        return;
    }
    let Said::Message(message) = said else { return telling.pass_over() };
    let message = heard::Message {
        mmsi: origin.mmsi,
        msg_type: message.msg_type(),
        time_us: origin.time_us,
        received_us: record.received_us,
        place: message.place(),
        feed: origin.feed,
        new_to,
        channel: record.channel,
        fill: record.fill,
        own_ship: record.own_ship,
        payload_len: 0,
    };
    telling.take(message, record.payload);
}
