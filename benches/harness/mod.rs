//! What the bench targets share: when to run, what to build first, how rounds become a ratio, and the table of results.
//!
//! How every figure is made:
//! - **One implementation per process.** In one process the heap that one decoder leaves behind slows the next.
//! - **Interleaved rounds**, A B C A B C: a machine that slows down slows all of them. The ratio is taken inside each
//!   round; the table shows the median of the rounds and, in brackets, the smallest and the largest.
//! - **CPU time**, not wall time. Ratios still suffer when a compiler runs beside (memory bandwidth): use a quiet
//!   machine. Instruction counts do not, and are what to look at for small changes.
//! - **Equality first**: what is compared must have produced the same sums.
//!
//! `cargo bench --bench decode -- P1 P3` measures these targets only.

#[allow(dead_code, reason = "not every bench target compares in-process")]
pub mod comparison;
#[allow(dead_code, reason = "not every bench target runs whole programs")]
pub mod process;

use std::error::Error;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, thread};

/// What a bench target works with: messages are for the person who started it.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What the process ends with; tells on stderr what went wrong.
pub fn exit_code(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Rounds of every comparison.
pub const ROUNDS: usize = 7;

const MANIFEST_DIR: &str = env!("CARGO_MANIFEST_DIR");

/// One run of a bench target.
pub struct Bench {
    /// The targets named on the command line, in upper case; empty for all.
    chosen: Vec<String>,
    results: Vec<Line>,
}

impl Bench {
    /// Builds the peers and prints where and with what the figures are made. `None` when this is not `cargo bench`:
    /// `cargo test` runs bench targets too, to see that they start.
    pub fn start(title: &str) -> Result<Option<Bench>> {
        #[expect(clippy::disallowed_methods, reason = "a bench target is a program of its own")]
        let args: Vec<String> = env::args().skip(1).collect();
        let has = |flag: &str| args.iter().any(|arg| arg == flag);
        if !has("--bench") || has("--test") {
            return Ok(None);
        }
        let chosen = args.iter().filter(|arg| !arg.starts_with('-')).map(|arg| arg.to_uppercase()).collect();
        build_release("benches/peers", &target_folder().join("peers"))?;
        println!("{title}\n");
        print_circumstances();
        Ok(Some(Bench { chosen, results: Vec::new() }))
    }

    /// Whether the target with this id is to be measured.
    pub fn wants(&self, target: &str) -> bool {
        self.chosen.is_empty() || self.chosen.iter().any(|id| id == target)
    }

    /// A program of the peers package.
    pub fn peer(&self, name: &str) -> PathBuf {
        target_folder().join("peers/release").join(name)
    }

    /// A workload's file, generated when it is missing.
    pub fn workload(&self, id: &str, file: &str) -> Result<PathBuf> {
        let folder = target_folder().join("bench-data");
        let path = folder.join(file);
        if !path.exists() {
            eprintln!("generating {}", path.display());
            finish(Command::new(self.peer("workloads")).arg(&folder).arg(id))?;
        }
        Ok(path)
    }

    /// Takes a measurement of `target`.
    pub fn measured(&mut self, target: &'static str, what: &str, value: Measured, required: Required) {
        self.results.push(Line { target, what: what.to_owned(), value: Ok(value), required });
    }

    /// Notes why a part of `target` was not measured.
    pub fn skipped(&mut self, target: &'static str, what: &str, why: impl Display) {
        let value = Err(format!("skipped: {why}"));
        self.results.push(Line { target, what: what.to_owned(), value, required: Required::Nothing });
    }

    /// Prints the table of everything measured.
    pub fn finish(self) {
        println!("\n{:<4} {:<56} {:<34} {:<9} met", "id", "what", "median [min - max]", "required");
        for line in self.results {
            println!("{line}");
        }
        println!();
    }
}

/// Cargo's target folder: the parent of the one it makes for the temporary files of bench targets.
pub fn target_folder() -> &'static Path {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary.parent().unwrap_or(temporary)
}

/// Builds the binaries of the package in `package` (relative to this one) as they are shipped.
pub fn build_release(package: &str, target: &Path) -> Result<()> {
    let manifest = Path::new(MANIFEST_DIR).join(package).join("Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--bins", "--manifest-path"]).arg(manifest).arg("--target-dir").arg(target);
    finish(&mut cargo)
}

/// Runs a command whose output is for the person at the terminal.
fn finish(command: &mut Command) -> Result<()> {
    match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}").into()),
        Err(error) => Err(format!("{command:?}: {error}").into()),
    }
}

/// What a command printed; an error when it failed.
pub fn output_of(command: &mut Command) -> Result<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?}: {}\n{stderr}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

// ---- figures ----------------------------------------------------------------------------

/// The median of several rounds with its extremes.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// The spread of `values`, of which there is at least one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] }
    }

    /// `dividends[i] / divisors[i]`: the ratio inside each round.
    pub fn of_ratios(dividends: &[f64], divisors: &[f64]) -> Spread {
        Spread::of(dividends.iter().zip(divisors).map(|(dividend, divisor)| dividend / divisor))
    }
}

/// A figure and its unit.
pub struct Measured(pub Spread, pub &'static str);

impl Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured(Spread { median, min, max }, unit) = self;
        let digits = if *median < 100.0 { 2 } else { 0 };
        if min == max {
            return write!(f, "{median:.digits$} {unit}");
        }
        write!(f, "{median:.digits$} [{min:.digits$} - {max:.digits$}] {unit}")
    }
}

/// What a target asks of the median.
#[derive(Clone, Copy)]
pub enum Required {
    AtLeast(f64),
    AtMost(f64),
    /// The figure is for information.
    Nothing,
}

struct Line {
    target: &'static str,
    what: String,
    value: std::result::Result<Measured, String>,
    required: Required,
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { target, what, value, required } = self;
        let measured = match value {
            Ok(measured) => measured,
            Err(why) => return write!(f, "{target:<4} {what:<56} {why}"),
        };
        let (bound, met) = match *required {
            Required::AtLeast(least) => (format!(">= {least}"), measured.0.median >= least),
            Required::AtMost(most) => (format!("<= {most}"), measured.0.median <= most),
            Required::Nothing => return write!(f, "{target:<4} {what:<56} {measured}"),
        };
        let met = if met { "yes" } else { "NO" };
        write!(f, "{target:<4} {what:<56} {:<34} {bound:<9} {met}", measured.to_string())
    }
}

// ---- instruction counts -----------------------------------------------------------------

/// Whether instructions can be counted here.
pub fn has_valgrind() -> bool {
    output_of(Command::new("valgrind").arg("--version")).is_ok()
}

/// Instructions that `program` executes, by callgrind.
pub fn instructions(program: &Path, args: &[&str]) -> Result<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(args);
    let output = command.output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let count = stderr.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    match count {
        Some(count) if output.status.success() => Ok(count.parse()?),
        _ => Err(format!("{command:?}: {}\n{stderr}", output.status).into()),
    }
}

// ---- circumstances ----------------------------------------------------------------------

/// The peers whose version belongs to a figure.
const PEERS: [&str; 9] = [
    "libdd-trace-utils",
    "rmp-serde",
    "zerompk",
    "prost",
    "quick-protobuf",
    "serde_json",
    "sonic-rs",
    "datadog-opentelemetry",
    "opentelemetry_sdk",
];

fn print_circumstances() {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".into());
    let first_line = |command: &mut Command| {
        output_of(command).ok().and_then(|text| text.lines().next().map(str::to_owned)).filter(|line| !line.is_empty())
    };
    let file = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let cores = thread::available_parallelism().map(|cores| cores.to_string()).ok();
    let lock = file(&format!("{MANIFEST_DIR}/benches/peers/Cargo.lock")).unwrap_or_default();
    let peers = PEERS.map(|name| format!("{name} {}", or_unknown(locked_version(&lock, name)))).join(", ");
    println!("date     {}", or_unknown(first_line(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))));
    println!("cpu      {}, {} cores", or_unknown(file("/proc/cpuinfo").and_then(model_name)), or_unknown(cores));
    println!("kernel   {}", or_unknown(first_line(Command::new("uname").arg("-sr"))));
    println!("load     {}", or_unknown(file("/proc/loadavg")));
    println!("rustc    {}", or_unknown(first_line(Command::new("rustc").arg("--version"))));
    println!("profile  release: opt-level 3, fat LTO, 1 codegen unit, panic = abort; system allocator");
    println!("peers    {peers}");
}

fn model_name(cpuinfo: String) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked_version(lock: &str, name: &str) -> Option<String> {
    let (_, package) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    package.split_once('"').map(|(version, _)| version.to_owned())
}
