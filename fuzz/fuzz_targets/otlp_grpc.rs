//! The decoder of OTLP in gRPC frames.
#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use spanglass::wire::Protocol;

fuzz_target!(|body: &[u8]| decoding::look_at(Protocol::OtlpGrpc, body));
