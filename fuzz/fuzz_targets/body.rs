//! A file that is a request body, its protocol told by its content; several v0.4 bodies one after the other, too.
#![no_main]

mod intake;

use libfuzzer_sys::fuzz_target;
use spanglass::capture;
use std::io::Cursor;
use std::path::Path;

fuzz_target!(|data: &[u8]| intake::take_in(capture::open_body(Cursor::new(data), Path::new("input"), intake::limits())));
