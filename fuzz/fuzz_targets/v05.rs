//! The decoder and encoder of Datadog v0.5.
#![no_main]

mod decoding;

use libfuzzer_sys::fuzz_target;
use spanglass::wire::Protocol;

fuzz_target!(|body: &[u8]| decoding::look_at(Protocol::V05, body));
