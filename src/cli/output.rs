//! Where results go: colour, width and format decided once, one buffered stdout, a quiet end when the reader has gone.

use clap::{Args, ValueEnum};
use spanglass::diagnostic::{Diagnostic, Diagnostics, Outcome, Severity, Source};
use spanglass::render::{Palette, Theme, clean, diagnostic};
use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};

/// How output looks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub(crate) color: ColorChoice,
    /// Columns to draw in [default: COLUMNS, the terminal, or 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) width: Option<u16>,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub(crate) ascii: bool,
    /// Show the values of keys that look like secrets
    #[arg(long)]
    pub(crate) no_redact: bool,
    /// Print errors only on stderr
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Say more: detected formats and every finding
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// The variables of the process, read once.
pub(crate) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    pub(crate) fn of(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Environment(variables.collect())
    }

    /// All of them, in the order of the process.
    pub(crate) fn variables(&self) -> &[(OsString, OsString)] {
        &self.0
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(other, _)| other == name)?;
        value.to_str().filter(|value| !value.is_empty())
    }

    /// `--color` > `NO_COLOR` > `FORCE_COLOR`, `CLICOLOR_FORCE` > `CLICOLOR=0` > `TERM=dumb` > is it a terminal.
    fn colours(&self, choice: ColorChoice, terminal: bool) -> bool {
        let forced = |name| self.get(name).is_some_and(|value| value != "0");
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.get("NO_COLOR").is_some() => false,
            ColorChoice::Auto if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") => true,
            ColorChoice::Auto if self.get("CLICOLOR") == Some("0") || self.get("TERM") == Some("dumb") => false,
            ColorChoice::Auto => terminal,
        }
    }

    fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.get(name)).unwrap_or_default();
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    fn columns(&self) -> Option<usize> {
        self.get("COLUMNS").and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0)
    }
}

/// The streams of one run and how to write to them.
pub(crate) struct Output {
    out: BufWriter<io::Stdout>,
    /// For stdout.
    pub(crate) theme: Theme,
    /// For stderr.
    pub(crate) error_theme: Theme,
    pub(crate) quiet: bool,
    pub(crate) verbose: u8,
    /// What is known of the outcome so far: the exit code when the reader of stdout goes away.
    pub(crate) outcome: Outcome,
    /// The exit status of a program that was run, which stands for ours.
    pub(crate) exit_status: Option<u8>,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs, environment: &Environment) -> Self {
        let palette = |terminal| {
            if environment.colours(args.color, terminal) { Palette::coloured() } else { Palette::plain() }
        };
        // Asking for the terminal's size costs a system call, so only when nothing else says it.
        let width = args.width.map(usize::from).or_else(|| environment.columns()).unwrap_or_else(terminal_width);
        let theme = |terminal| Theme {
            width,
            ascii: args.ascii || !environment.is_utf8(),
            palette: palette(terminal),
            redact: !args.no_redact,
        };
        Output {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            theme: theme(io::stdout().is_terminal()),
            error_theme: theme(io::stderr().is_terminal()),
            quiet: args.quiet,
            verbose: args.verbose,
            outcome: Outcome::Good,
            exit_status: None,
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A remark on the run, on stderr, unless `-q`.
    pub(crate) fn note(&mut self, text: &str) {
        if !self.quiet {
            eprintln_cleaned("note: ", text, &self.error_theme);
        }
    }

    /// What went wrong and does not end the run, on stderr after what is printed so far, and what to do.
    pub(crate) fn fault(&mut self, what: &str, help: Option<&str>) {
        let _ = self.out.flush();
        let help = help.map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        print_lines("error:", &format!("{what}{help}"), &self.error_theme);
    }

    /// Prints findings on stderr: warnings and errors, with `-v` everything, with `-q` errors only.
    pub(crate) fn findings_aside(
        &mut self,
        found: &Diagnostics,
        file_of: &dyn Fn(usize) -> Option<String>,
    ) -> io::Result<()> {
        let least = match (self.quiet, self.verbose) {
            (true, _) => Severity::Error,
            (false, 0) => Severity::Warning,
            (false, _) => Severity::Note,
        };
        self.out.flush()?;
        let options = diagnostic::DiagnosticOptions { file_of, text_of: &no_text, least, every: self.verbose > 0 };
        let mut err = io::stderr().lock();
        let _ = diagnostic::diagnostics(&mut err, found, &options, &self.error_theme);
        Ok(())
    }

    /// Prints findings on stdout.
    pub(crate) fn findings(
        &mut self,
        found: &Diagnostics,
        file_of: &dyn Fn(usize) -> Option<String>,
    ) -> io::Result<()> {
        let least = if self.verbose > 0 { Severity::Note } else { Severity::Warning };
        let options = diagnostic::DiagnosticOptions { file_of, text_of: &no_text, least, every: self.verbose > 0 };
        diagnostic::diagnostics(&mut self.out, found, &options, &self.theme)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Captures are not text that could be shown.
fn no_text(_: &Source) -> Option<String> {
    None
}

fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(100, |(terminal_size::Width(columns), _)| usize::from(columns).max(1))
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(broken)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// An error that ends the run: its code when it has one, what, the chain of causes, and a `help:` line.
pub(crate) fn print_error(error: &anyhow::Error, theme: &Theme) {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        let _ = error.print();
        return;
    }
    let (head, text) = match error.downcast_ref::<Diagnostic>() {
        Some(finding) => {
            let help = finding.help_text().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
            (format!("error[{}]:", finding.code()), format!("{}{help}", finding.message()))
        }
        None => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            ("error:".to_owned(), causes.join(": "))
        }
    };
    print_lines(&head, &text, theme);
}

/// A text behind its head; lines that begin with `help: ` stand out.
fn print_lines(head: &str, text: &str, theme: &Theme) {
    let mut err = io::stderr().lock();
    for (index, line) in text.lines().enumerate() {
        let line = clean(line, theme.ascii);
        let _ = match (index, line.strip_prefix("help: ")) {
            (0, _) => writeln!(err, "{} {line}", theme.palette.error.style(head)),
            (_, Some(help)) => writeln!(err, "{} {help}", theme.palette.note.style("help:")),
            (_, None) => writeln!(err, "{line}"),
        };
    }
}

fn eprintln_cleaned(head: &str, text: &str, theme: &Theme) {
    let _ = writeln!(io::stderr(), "{}{}", theme.palette.note.style(head), clean(text, theme.ascii));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    #[test]
    fn colour_is_decided_in_the_order_of_the_contract() {
        use ColorChoice::{Always, Auto, Never};
        for (variables, choice, terminal, coloured) in [
            (&[][..], Auto, true, true),
            (&[], Auto, false, false),
            (&[("NO_COLOR", "1")], Always, false, true),
            (&[("FORCE_COLOR", "1")], Never, true, false),
            (&[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], Auto, true, false),
            (&[("NO_COLOR", "")], Auto, true, true),
            (&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")], Auto, false, true),
            (&[("FORCE_COLOR", "0")], Auto, false, false),
            (&[("CLICOLOR", "0")], Auto, true, false),
            (&[("TERM", "dumb")], Auto, true, false),
        ] {
            assert_eq!(environment(variables).colours(choice, terminal), coloured, "{variables:?} {choice:?}");
        }
    }

    #[test]
    fn the_locale_decides_about_ascii() {
        assert!(environment(&[("LANG", "en_US.UTF-8")]).is_utf8());
        assert!(environment(&[("LANG", "C"), ("LC_CTYPE", "C.utf8")]).is_utf8());
        assert!(!environment(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")]).is_utf8());
        assert!(!environment(&[]).is_utf8());
    }
}
