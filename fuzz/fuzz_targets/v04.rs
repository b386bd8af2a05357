//! The decoder and encoder of Datadog v0.4 (and v0.3).
#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use spanglass::wire::Protocol;

fuzz_target!(|body: &[u8]| decoding::look_at(Protocol::V04, body));
