//! `readpass FILE` reads FILE to its end with read(2), a megabyte at a time, and does nothing with it: what any program
//! that reads the file must spend.

#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use std::env;
use std::fs::File;
use std::io::Read;

fn main() -> Result<()> {
    let path = env::args_os().nth(1).context("usage: readpass FILE")?;
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => bytes += read,
        }
    }
    println!("{bytes}");
    Ok(())
}
