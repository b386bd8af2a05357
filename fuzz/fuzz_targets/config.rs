//! Files of every form through everything that `validate-config` does with them before it prints: reading, finding the
//! environments, finalizing each for a profile, strict and lenient, and the comments that turn findings off.
//!
//! The first byte chooses form and dialect, the second profile and whether there is a process environment; the rest is the
//! file. What follows a line `%%%` is a second file, which the first may name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spanglass::config::{self, Dialect, Form, Input, Mode, Profile, Target};
use spanglass::diagnostic::{Place, Source};
use std::io;
use std::path::Path;

/// Targets of one file that are finalized: a file may hold thousands that are alike.
const LOOKED_AT: usize = 8;

const NAMES: [&str; 6] = ["a.yaml", ".env", "compose.yaml", "values.yaml", "t.json", "-"];

fuzz_target!(|data: &[u8]| {
    let [form, profile, data @ ..] = data else { return };
    let (first, second) = split(data);
    let form = usize::from(*form);
    let dialect = if form & 0x80 == 0 { Dialect::Dotenv } else { Dialect::Docker };
    let known = Form::ALL.get(form & 0x0f).copied();
    let name = NAMES[(form >> 4 & 7) % NAMES.len()];
    let profile = usize::from(*profile);
    let process = [("DD_SERVICE".to_owned(), "p".to_owned()), ("A".to_owned(), "\u{e9}${A}".to_owned())];
    let process = (profile & 0x10 != 0).then_some(&process[..]);
    let profile = Profile::ALL[(profile & 0x0f) % Profile::ALL.len()];

    let mut inputs = vec![Input { path: name.into(), bytes: Ok(first.to_vec()), form: known }];
    if let Some(second) = second {
        inputs.push(Input { path: "b.yaml".into(), bytes: Ok(second.to_vec()), form: None });
    }
    let read = |_: &Path| second.map(<[u8]>::to_vec).ok_or(io::ErrorKind::NotFound.into());
    let (targets, findings) = config::targets(&inputs, profile, dialect, process, &read);
    let text = |source: &Source| match source {
        Source::File(path) => {
            inputs.iter().find(|input| input.path == *path).and_then(|input| input.bytes.as_deref().ok())
        }
        _ => None,
    };
    for finding in &findings {
        look_at(finding.diagnostic.place(), &text);
    }
    for target in targets.iter().take(LOOKED_AT) {
        places(target, &text);
        for mode in [Mode::Strict, Mode::Lenient] {
            let checked = config::check(profile, mode, target, &read);
            for finding in &checked.findings {
                look_at(finding.diagnostic.place(), &text);
                let Some(Place::Text { source, line: Some(line), .. }) = finding.diagnostic.place() else { continue };
                if let Some(text) = text(source).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                    let _ = config::ignored(text, *line, finding.code());
                }
            }
            if let Some(finalized) = checked.finalized {
                let _ = (finalized.to_json(), finalized.settings());
            }
        }
    }
});

fn split(data: &[u8]) -> (&[u8], Option<&[u8]>) {
    const BETWEEN: &[u8] = b"\n%%%\n";
    match data.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        Some(at) => (&data[..at], Some(&data[at + BETWEEN.len()..])),
        None => (data, None),
    }
}

/// A place in a file lies inside it, between characters, in the line that it says.
fn look_at<'t>(place: Option<&Place>, text: &dyn Fn(&Source) -> Option<&'t [u8]>) {
    let Some(Place::Text { source, range, line }) = place else { return };
    let Some(bytes) = text(source) else { return };
    assert!(range.start <= range.end && range.end <= bytes.len(), "{range:?} of {}", bytes.len());
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(text.get(range.clone()).is_some(), "{range:?} splits a character");
    }
    assert!(*line != Some(0));
}

/// What is said to be the value itself is.
fn places<'t>(target: &Target, text: &dyn Fn(&Source) -> Option<&'t [u8]>) {
    for entry in &target.env {
        look_at(entry.name_place.as_ref(), text);
        look_at(entry.value_place.as_ref(), text);
        let Some(Place::Text { source, range, .. }) = &entry.value_place else { continue };
        if let (true, Some(bytes)) = (entry.verbatim, text(source)) {
            assert_eq!(bytes.get(range.clone()), Some(entry.value.as_bytes()), "{entry:?}");
        }
    }
    for finding in &target.findings {
        look_at(finding.diagnostic.place(), text);
    }
}
