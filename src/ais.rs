//! Payload to report: the message types of ITU-R M.1371-5.
//!
//! In:      a six-bit payload and its fill bits
//! Out:     one decoded message, every field an exact integer; or the reason why it is none

pub mod application;
pub mod bits;
pub mod json;
