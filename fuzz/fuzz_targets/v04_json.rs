//! The decoder of the JSON form of Datadog v0.4.
#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use spanglass::wire::Protocol;

fuzz_target!(|body: &[u8]| decoding::look_at(Protocol::V04Json, body));
