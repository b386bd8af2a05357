//! The decoder and encoder of Datadog v1.0.
#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use spanglass::wire::Protocol;

fuzz_target!(|body: &[u8]| decoding::look_at(Protocol::V1, body));
