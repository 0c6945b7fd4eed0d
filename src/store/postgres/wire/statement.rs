//! A statement with its parameters, as it is sent.

use std::error::Error;

use bytes::BytesMut;
use postgres::types::{self, ToSql, Type};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};

use super::{Wire, WireError};

/// A value for a statement.
#[derive(Clone)]
pub enum Parameter<'a> {
    /// Whatever it is, in the words that the server reads.
    Text(&'a str),
    /// As the server holds it: an array is read in a fraction of the time.
    Binary(&'a (dyn ToSql + Sync), Type),
}

impl Parameter<'_> {
    const fn format(&self) -> i16 {
        matches!(self, Self::Binary(..)) as i16
    }

    fn put(self, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::Binary(value, of) => {
                if matches!(value.to_sql_checked(&of, out)?, types::IsNull::Yes) {
                    return Ok(IsNull::Yes);
                }
            }
        }
        Ok(IsNull::No)
    }
}

impl Wire {
    /// Adds a statement to what [`Wire::exchange`] will send; its parameters are text.
    ///
    /// # Errors
    /// When a parameter is too long for the protocol.
    pub fn add(&mut self, sql: &'static str, parameters: &[&str]) -> Result<(), WireError> {
        let parameters = parameters.iter().map(|text| Parameter::Text(text));
        self.add_with(sql, parameters)
    }

    /// The same with values that are not text.
    ///
    /// # Errors
    /// When a parameter is too long for the protocol.
    pub fn add_with<'a>(
        &mut self,
        sql: &'static str,
        parameters: impl Iterator<Item = Parameter<'a>> + Clone,
    ) -> Result<(), WireError> {
        let name = self.prepare(sql)?;
        let formats = parameters.clone().map(|parameter| parameter.format());
        let put = Parameter::put;
        let bound = frontend::bind("", &name, formats, parameters, put, [], &mut self.out);
        bound.map_err(|error| {
            WireError::Io(match error {
                BindError::Conversion(cause) => format!("a parameter cannot be sent: {cause}"),
                BindError::Serialization(cause) => format!("a parameter is too long: {cause}"),
            })
        })?;
        Ok(frontend::execute("", 0, &mut self.out)?)
    }
}
