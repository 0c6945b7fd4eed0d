//! Logging in: SCRAM, MD5, a plain password, or none.

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;

use super::{Target, Wire, WireError, refusal};

impl Wire {
    /// From the first message to the server's being ready.
    pub(super) fn log_in(&mut self, target: &Target) -> Result<(), WireError> {
        let parameters = [
            ("user", target.user.as_str()),
            ("database", target.database.as_str()),
            ("application_name", target.application_name.as_str()),
            ("client_encoding", "UTF8"),
        ];
        let options = target.options.as_deref().map(|options| ("options", options));
        let parameters = parameters.into_iter().chain(options);
        frontend::startup_message(parameters, &mut self.out)?;
        self.flush()?;
        let mut scram = None;
        loop {
            match self.read_message()? {
                Message::AuthenticationOk => {}
                Message::AuthenticationCleartextPassword => {
                    frontend::password_message(password(target)?, &mut self.out)?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(target.user.as_bytes(), password(target)?, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.out)?;
                }
                Message::AuthenticationSasl(_) => {
                    let begun = ScramSha256::new(password(target)?, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), &mut self.out)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().ok_or_else(strange)?;
                    scram.update(body.data())?;
                    frontend::sasl_response(scram.message(), &mut self.out)?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    scram.as_mut().ok_or_else(strange)?.finish(body.data())?;
                }
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(refusal(&body)),
                Message::BackendKeyData(body) => self.process = Some(body.process_id()),
                Message::ParameterStatus(_) | Message::NoticeResponse(_) => {}
                _ => return Err(strange()),
            }
            self.flush()?;
        }
    }
}

/// A server that wants a password of a role that has none is told apart from one that refuses it.
fn password(target: &Target) -> Result<&[u8], WireError> {
    target.password.as_deref().ok_or_else(|| WireError::Server {
        code: "28P01".to_owned(),
        message: format!("the server wants a password for {}, and none is configured", target.user),
    })
}

fn strange() -> WireError {
    WireError::Io("the server asks for a way to log in that is not known here".to_owned())
}
