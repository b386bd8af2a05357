//! What the commands that send share: whose certificates are trusted, and how a failure is told.

use super::output::Output;
use anyhow::{Context, Result};
use spanglass::agent::tls::Trust;
use std::path::PathBuf;

/// Whose certificates are trusted.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TrustArgs {
    /// Trust the certificates in this PEM file too, beside those of the system
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
}

impl TrustArgs {
    pub(crate) fn trust(&self) -> Result<Trust> {
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        Ok(Trust { certificates: self.ca_certificate.as_ref().map(read).transpose()? })
    }
}

/// Says what went wrong and what is most likely behind it.
pub(crate) fn tell(output: &mut Output, what: &str, help: Option<&str>) {
    output.note(what);
    if let Some(help) = help {
        output.note(&format!("help: {help}"));
    }
}
