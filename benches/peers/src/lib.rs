//! Benchmark peers of `spanglass`: the inputs ([`workloads`]) and the decoders compared on them ([`variant`]). The
//! propagation libraries stand with the program `headers`: they pull so much in that no other should link them.
//!
//! A package of its own, with its own lock file, so that what we compare ourselves with never becomes a dependency of
//! what we ship. `cargo bench` in the package above builds its binaries and runs them as separate processes, one
//! implementation each: in one process the heap that one decoder leaves behind slows the next.

#![forbid(unsafe_code)]

pub mod variant;
pub mod workloads;
