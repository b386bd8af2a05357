//! The `spanglass` program: the command line over the library of the same name.

mod cli;

// The one place where the process is looked at: everything below gets values.
#[allow(clippy::disallowed_methods)]
fn main() -> std::process::ExitCode {
    cli::main(std::env::args_os(), std::env::vars_os())
}
