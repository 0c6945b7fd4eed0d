//! Which rows an accepted report becomes: its position, what it says of its vessel, or, where it has neither, the message itself.

use super::said::Said;
use crate::ais::JsonMeta;
use crate::report::{Position, StaticData};
use crate::rows::{MessageRow, Origin, PositionRow, Rows, StaticRow};

/// Makes them.
pub fn make_rows(
    rows: &mut Rows,
    origin: Origin,
    said: &Said<'_>,
    (position, flags): (Option<Position>, u16),
    data: Option<StaticData>,
) {
    if let Some(position) = position {
        rows.positions.push(PositionRow { origin, position, flags });
    }
    if let Some(data) = data {
        let origin = origin.live();
        rows.statics.push(StaticRow { origin, data, beside_position: position.is_some() });
    }
    if let (Said::Message(message), None, None) = (said, position, data) {
        let json_at = rows.json.len();
        message.write_json(true, &JsonMeta::default(), &mut rows.json);
        let (Ok(at), Ok(len)) = (u32::try_from(json_at), u32::try_from(rows.json.len() - json_at))
        else {
            return;
        };
        let msg_type = message.msg_type();
        rows.messages.push(MessageRow { origin, msg_type, json_at: at, json_len: len });
    }
}
