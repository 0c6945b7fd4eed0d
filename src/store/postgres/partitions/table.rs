//! The two tables that are cut into days, and what their statements call them.

use super::tables::date;

/// A table that is cut into days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    Positions,
    Messages,
}

impl Table {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Positions, Self::Messages];

    /// The whole.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positions => "positions",
            Self::Messages => "messages",
        }
    }

    /// The partition of what has no other.
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Positions => "positions_default",
            Self::Messages => "messages_default",
        }
    }

    /// The partition of a day, named by letters and digits alone.
    pub fn of(self, day: i32) -> String {
        let day =
            date(day).map_or_else(|| day.to_string(), |date| date.strftime("%Y%m%d").to_string());
        format!("{}_{day}", self.name())
    }

    /// Whether the default partition has rows from one time to another.
    pub const fn default_has_rows(self) -> &'static str {
        match self {
            Self::Positions => {
                "SELECT EXISTS (SELECT 1 FROM positions_default WHERE ts >= $1 AND ts < $2)"
            }
            Self::Messages => {
                "SELECT EXISTS (SELECT 1 FROM messages_default WHERE ts >= $1 AND ts < $2)"
            }
        }
    }

    /// Deletes so many rows from before a time.
    pub const fn delete_from_default(self) -> &'static str {
        match self {
            Self::Positions => {
                "DELETE FROM positions_default WHERE ctid = ANY (ARRAY(
                   SELECT ctid FROM positions_default WHERE ts < $1 LIMIT $2))"
            }
            Self::Messages => {
                "DELETE FROM messages_default WHERE ctid = ANY (ARRAY(
                   SELECT ctid FROM messages_default WHERE ts < $1 LIMIT $2))"
            }
        }
    }
}
