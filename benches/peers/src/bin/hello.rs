//! The least a Rust program can do: what starting a process costs before the program has done anything.

#![forbid(unsafe_code)]

fn main() {
    println!("Hello, world!");
}
