//! What whole processes use, as the kernel accounts it to their parent (`wait4`).

use super::Result;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use wait4::{ResUse, Wait4};

/// What one process used.
pub struct Used {
    /// User and system.
    pub cpu_s: f64,
    /// From its start to its end.
    pub wall_s: f64,
    /// Resident memory at its highest.
    pub peak_bytes: f64,
}

impl Used {
    /// Runs `command` without input or output; an error when it fails.
    pub fn by(command: &mut Command) -> Result<Used> {
        let started = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        match Used::until_end(started, &mut child)? {
            (status, used) if status.success() => Ok(used),
            (status, _) => Err(format!("{command:?}: {status}").into()),
        }
    }

    /// The CPU time in milliseconds.
    pub fn cpu_ms(&self) -> f64 {
        self.cpu_s * 1e3
    }

    /// Waits for a process that was started at `started`, however it ends.
    pub fn until_end(started: Instant, child: &mut Child) -> Result<(ExitStatus, Used)> {
        let ResUse { status, rusage } = child.wait4()?;
        let used = Used {
            cpu_s: (rusage.utime + rusage.stime).as_secs_f64(),
            wall_s: started.elapsed().as_secs_f64(),
            peak_bytes: rusage.maxrss as f64,
        };
        Ok((status, used))
    }
}
