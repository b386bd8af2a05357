//! The program from outside: transcripts, golden drawings, processes and their streams, generated files.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod configuring;
mod converting;
mod differing;
mod exporting;
mod generated;
mod golden;
mod page;
mod process;
mod recording;
mod scenarios;
mod sending;
mod streaming;
mod transcripts;
