//! `validate-config --live`: whether the place that a configuration sends traces to can be reached.

use super::delivery::Delivery;
use super::output::Output;
use super::target::{TrustArgs, of_config};
use anyhow::Result;
use serde_json::Value;
use spanglass::agent::client::Client;
use spanglass::diagnostic::Outcome;
use spanglass::render::config::Judged;
use std::io::Write;
use std::time::Duration;

/// Longest wait for each stage.
const PATIENCE: Duration = Duration::from_secs(10);

/// How far a target's configuration led.
pub(crate) struct Probe {
    /// Position and name of the target.
    at: usize,
    name: String,
    delivery: Delivery,
}

/// Reaches where every target that would run sends its traces.
pub(crate) fn probe(judged: &[Judged], trust: &TrustArgs) -> Result<Vec<Probe>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut probes = Vec::new();
    for (at, judged) in judged.iter().enumerate() {
        let Some(configured) = judged.finalized.as_ref().and_then(of_config) else { continue };
        let target = configured.found?;
        let client = Client::new(target.endpoint.clone(), PATIENCE, trust.trust()?);
        let mut delivery = Delivery::new(target, false);
        tokio::task::LocalSet::new().block_on(&runtime, delivery.reach(&client, None, Duration::ZERO));
        probes.push(Probe { at, name: judged.target.name.clone(), delivery });
    }
    Ok(probes)
}

/// Adds the probes to the document of a report, as `live` of their targets.
pub(crate) fn add(document: &mut Value, probes: &[Probe]) {
    for probe in probes {
        let target = document.get_mut("targets").and_then(|targets| targets.get_mut(probe.at));
        if let Some(target) = target.and_then(Value::as_object_mut) {
            target.insert("live".to_owned(), probe.delivery.document());
        }
    }
}

/// Prints how far every target came, in text, and what is most likely behind a failure.
pub(crate) fn tell(probes: &[Probe], text: bool, output: &mut Output) -> Result<()> {
    for probe in probes {
        if text {
            write!(output, "{}: ", probe.name)?;
            probe.delivery.text(output)?;
        }
        probe.delivery.aside(output);
        if output.outcome == Outcome::Good {
            output.outcome = probe.delivery.outcome();
        }
    }
    Ok(())
}
