//! Stub.
use crate::diagnostic::Diagnostics;
use crate::http::Request;
use crate::time::Timestamp;
use crate::trace::Payload;
use crate::wire::Protocol;

/// What the checks of spans know besides the spans.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'c> {
    /// The reference time.
    pub now: Option<Timestamp>,
    /// The language of the tracer.
    pub lang: Option<&'c str>,
}

/// Checks a request: H001 to H010.
pub fn request(_: usize, _: &Request, _: Protocol, _: Payload<'_>, _: &mut Diagnostics) {}

/// Checks the chunks and spans of a payload.
pub fn spans(_: usize, _: Payload<'_>, _: &Context<'_>, _: &mut Diagnostics) {}
