//! `completions/` and `man/` are what the program writes. `UPDATE_GOLDEN=1 cargo test` writes them anew.

use crate::support::process::{Spanglass, spanglass};
use crate::support::{files_below, golden, name_of, read, root, updating};
use std::fs;

const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "spanglass.bash"),
    ("zsh", "_spanglass"),
    ("fish", "spanglass.fish"),
    ("powershell", "_spanglass.ps1"),
    ("elvish", "spanglass.elv"),
];

#[test]
fn completions_are_current() {
    for (shell, file) in COMPLETIONS {
        let ran = spanglass(&format!("completions {shell}")).run().exits(0);
        assert_eq!(ran.stderr, "", "{shell}");
        golden(&root().join("completions").join(file), ran.stdout.as_bytes());
    }
    let known: Vec<&str> = COMPLETIONS.iter().map(|(_, file)| *file).collect();
    for path in files_below(&root().join("completions")) {
        assert!(known.contains(&name_of(&path)), "{} is of no shell", path.display());
    }
}

#[test]
fn man_pages_are_current() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("man1");
    let ran = Spanglass::new(["man".as_ref(), made.as_os_str()]).run().exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let pages = files_below(&made);
    let names: Vec<&str> = pages.iter().map(|page| name_of(page)).collect();
    assert!(names.contains(&"spanglass.1") && names.contains(&"spanglass-flamegraph-text.1"), "{names:?}");
    for page in &pages {
        golden(&root().join("man").join(name_of(page)), &read(page));
    }
    for page in files_below(&root().join("man")) {
        if !names.contains(&name_of(&page)) {
            assert!(updating(), "{} is written by no command any more", page.display());
            fs::remove_file(&page).expect("an old page");
        }
    }
    let main = spanglass("man").run().exits(0);
    assert_eq!(main.stdout.as_bytes(), read(&made.join("spanglass.1")), "without a folder the main page is printed");
}
