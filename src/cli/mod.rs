//! Arguments to requests, files to readers, outcomes to exit codes.

mod beside;
mod check_capture;
mod completions;
mod convert_capture;
mod delivery;
mod diff_capture;
mod echo;
mod explain;
mod export;
mod findings;
mod flamegraph_text;
mod input;
mod live;
mod made;
mod man;
mod output;
mod parse_traceparent;
mod progress;
mod record_capture;
mod replay_capture;
mod replay_to;
mod rules;
mod select;
mod send_test_span;
mod target;
mod validate_config;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, ArgMatches, Args, Command, FromArgMatches};
use output::{Environment, Output, OutputArgs};
use spanglass::diagnostic::Outcome;
use std::ffi::OsString;
use std::process::ExitCode;

/// One command: its name, its line in the overview, its arguments and how it runs.
struct Entry {
    name: &'static str,
    about: &'static str,
    example: &'static str,
    arguments: fn(Command) -> Command,
    /// Gives back the exit status.
    run: fn(&mut ArgMatches, &Environment) -> u8,
}

const ENTRIES: &[Entry] = &[
    Entry {
        name: "parse-traceparent",
        about: "Explain propagation headers, and what every tracer would do with them",
        example: "spanglass parse-traceparent 00-640cfd8d00000000abcdefab12345678-000000003ade68b1-01",
        arguments: parse_traceparent::Args::augment_args,
        run: |matches, environment| run::<parse_traceparent::Args>(matches, environment, parse_traceparent::run),
    },
    Entry {
        name: "validate-config",
        about: "Check tracer configuration where it is written: every error at once, and what would be used",
        example: "spanglass validate-config compose.yaml --target web --show-final",
        arguments: validate_config::Args::augment_args,
        run: |matches, environment| {
            run::<validate_config::Args>(matches, environment, |args, output| {
                validate_config::run(args, environment.variables(), output)
            })
        },
    },
    Entry {
        name: "flamegraph-text",
        about: "Draw the traces of a capture: waterfall, tree, flame chart, table or summary",
        example: "spanglass flamegraph-text fixtures/payloads/v0.4/xmtpd-write-py.v0.4.bin --all",
        arguments: flamegraph_text::Args::augment_args,
        run: |matches, environment| run::<flamegraph_text::Args>(matches, environment, flamegraph_text::run),
    },
    Entry {
        name: "record-capture",
        about: "Record what tracers send, and answer as an agent and a collector would",
        example: "spanglass record-capture --out recorded.jsonl -- python app.py",
        arguments: record_capture::Args::augment_args,
        run: |matches, environment| {
            run::<record_capture::Args>(matches, environment, |args, output| {
                record_capture::run(args, environment, output)
            })
        },
    },
    Entry {
        name: "replay-capture",
        about: "Decode a capture and sum it up per payload and per operation, or send it again",
        example: "spanglass replay-capture recorded.jsonl --decoded jsonl",
        arguments: replay_capture::Args::augment_args,
        run: |matches, environment| run::<replay_capture::Args>(matches, environment, replay_capture::run),
    },
    Entry {
        name: "send-test-span",
        about: "Send a made-up span or a whole documented trace, and say how far it came",
        example: "spanglass send-test-span --to http://localhost:8126 --verify",
        arguments: send_test_span::Args::augment_args,
        run: |matches, environment| {
            run::<send_test_span::Args>(matches, environment, |args, output| {
                send_test_span::run(args, environment, output)
            })
        },
    },
    Entry {
        name: "check-capture",
        about: "Report what is wrong with the payloads and traces of a capture",
        example: "spanglass check-capture recorded.jsonl --fail-on warning --format json",
        arguments: |command| {
            let command = check_capture::Args::augment_args(command);
            command.mut_arg("inputs", |inputs| inputs.required(false).required_unless_present("list"))
        },
        run: |matches, environment| run::<check_capture::Args>(matches, environment, check_capture::run),
    },
    Entry {
        name: "convert-capture",
        about: "Write a capture in another form, and say what that loses",
        example: "spanglass convert-capture recorded.jsonl --to otlp-json --out traces.json",
        arguments: convert_capture::Args::augment_args,
        run: |matches, environment| run::<convert_capture::Args>(matches, environment, convert_capture::run),
    },
    Entry {
        name: "diff-capture",
        about: "Compare two captures or two traces: spans, tags, lengths, critical path",
        example: "spanglass diff-capture before.jsonl after.jsonl --tolerance 20%",
        arguments: diff_capture::Args::augment_args,
        run: |matches, environment| run::<diff_capture::Args>(matches, environment, diff_capture::run),
    },
    Entry {
        name: "explain",
        about: "Say what a finding's code means, what causes it and what helps",
        example: "spanglass explain D003",
        arguments: explain::Args::augment_args,
        run: |matches, environment| run::<explain::Args>(matches, environment, explain::run),
    },
    Entry {
        name: "completions",
        about: "Print a completion script for a shell",
        example: "spanglass completions bash > /etc/bash_completion.d/spanglass",
        arguments: completions::Args::augment_args,
        run: |matches, environment| run::<completions::Args>(matches, environment, completions::run),
    },
    Entry {
        name: "man",
        about: "Print the manual page, or write all pages into a folder",
        example: "spanglass man /usr/local/share/man/man1",
        arguments: man::Args::augment_args,
        run: |matches, environment| run::<man::Args>(matches, environment, man::run),
    },
];

fn run<A: Args>(
    matches: &mut ArgMatches,
    environment: &Environment,
    run: impl FnOnce(A, &mut Output) -> anyhow::Result<Outcome>,
) -> u8 {
    // Each takes its values out of the matches: reading them without would copy all of them first.
    let read = A::from_arg_matches_mut(matches).and_then(|args| Ok((args, OutputArgs::from_arg_matches_mut(matches)?)));
    let (args, looks) = match read {
        Ok(read) => read,
        Err(error) => {
            let _ = error.print();
            return Outcome::Usage.status();
        }
    };
    let mut output = Output::new(&looks, environment);
    let result = run(args, &mut output);
    let flushed = output.flush();
    let outcome = match result.and_then(|outcome| flushed.map(|()| outcome).map_err(Into::into)) {
        Ok(outcome) => outcome,
        // Whoever read our output has gone: that is their business, and the answer stands as far as it came.
        Err(error) if output::is_broken_pipe(&error) => output.outcome,
        Err(error) => {
            output::print_error(&error, &output.error_theme);
            output.outcome.or(Outcome::Usage)
        }
    };
    output.exit_status.unwrap_or(outcome.status())
}

/// The whole command line. Arguments of a subcommand are only built when it is asked for.
fn command() -> Command {
    let mut command = Command::new("spanglass")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Trace inspection for the terminal: what an application really sent, and what is wrong with it")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .max_term_width(110)
        .after_help("Example: spanglass flamegraph-text capture.jsonl")
        .after_long_help(AFTER_LONG_HELP);
    for entry in ENTRIES {
        command = command.subcommand(
            Command::new(entry.name).about(entry.about).defer(arguments_of(entry.name)).max_term_width(110),
        );
    }
    command
}

/// [`Command::defer`] takes a plain function, so every command needs one of its own.
fn arguments_of(name: &'static str) -> fn(Command) -> Command {
    macro_rules! deferred {
        ($($index:literal)*) => {
            match ENTRIES.iter().position(|entry| entry.name == name) {
                $(Some($index) => |command| complete(&ENTRIES[$index], command),)*
                _ => |command| command,
            }
        };
    }
    deferred!(0 1 2 3 4 5 6 7 8 9 10 11 12 13)
}

/// Adds a command's arguments, those about output that every command has, the environment variable of every flag, and what follows the help.
fn complete(entry: &Entry, command: Command) -> Command {
    OutputArgs::augment_args((entry.arguments)(command))
        .mut_args(|arg| match arg.get_long().filter(|long| !["help", "version"].contains(long)) {
            Some(long) => {
                let variable = format!("SPANGLASS_{}", long.replace('-', "_").to_ascii_uppercase());
                // A variable says yes with 1, true, yes or anything but 0, false, no, off and nothing.
                let switch = matches!(arg.get_action(), ArgAction::SetTrue);
                let arg = arg.env(variable).hide_env(true);
                if switch { arg.value_parser(FalseyValueParser::new()) } else { arg }
            }
            None => arg,
        })
        .about(entry.about)
        .after_help(format!("Example: {}", entry.example))
        .after_long_help(format!("Example: {}\n\n{AFTER_LONG_HELP}", entry.example))
}

const AFTER_LONG_HELP: &str = "\
Exit codes:
  0    good
  1    the answer is bad: invalid data, findings at or above --fail-on,
       a trace payload skipped or refused, nothing matched
  2    wrong usage, unreadable input, or input in which nothing at all could be read
  3    target unreachable, or it refused the data
  130  interrupted

Environment:
  SPANGLASS_<FLAG>   the value of any flag: SPANGLASS_WIDTH=100, SPANGLASS_ASCII=1
  NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM
                     decide about colour when --color does not
  COLUMNS            the width, when --width does not say it
  LC_ALL, LC_CTYPE, LANG
                     a locale that is not UTF-8 (or none) draws with ASCII";

/// Runs the program and returns its exit code.
pub(crate) fn main(
    args: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let environment = Environment::of(variables);
    let mut matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are no errors to clap either; a closed pipe below them is nobody's.
            let _ = error.print();
            let asked = error.exit_code() == 0;
            return ExitCode::from(if asked { Outcome::Good } else { Outcome::Usage }.status());
        }
    };
    let outcome = matches.remove_subcommand().and_then(|(name, mut matches)| {
        let entry = ENTRIES.iter().find(|entry| entry.name == name)?;
        Some((entry.run)(&mut matches, &environment))
    });
    ExitCode::from(outcome.unwrap_or(Outcome::Usage.status()))
}
