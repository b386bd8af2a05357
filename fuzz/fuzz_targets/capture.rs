//! A file of any container, told by its content: our own JSON lines, HAR, packet captures, Collector files, documents.
#![no_main]

mod intake;

use libfuzzer_sys::fuzz_target;
use spanglass::capture;
use std::io::Cursor;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    if let Ok(capture) = capture::open(Cursor::new(data), Path::new("input"), intake::limits()) {
        intake::take_in(capture);
    }
});
