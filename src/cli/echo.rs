//! `send-test-span --check-headers`: which trace headers a service gives back.

use super::output::Output;
use super::send_test_span::headers_of;
use anyhow::{Result, anyhow};
use serde_json::json;
use spanglass::agent::fetch::Fetcher;
use spanglass::agent::tls::Trust;
use spanglass::diagnostic::Outcome;
use spanglass::endpoint::Endpoint;
use spanglass::http::Response;
use spanglass::render::{clean, json as document};
use spanglass::synth::{Random, Recipe};
use spanglass::time::Timestamp;
use std::hash::{BuildHasher, Hasher};
use std::io::Write;
use std::time::Duration;

/// What came of a header that was sent.
struct Echo {
    name: String,
    sent: String,
    /// The answer's header of that name.
    header: Option<String>,
    /// The body holds its value: the service shows what it got.
    body: bool,
}

/// Asks `endpoint` once, and prints what came back; 1 when nothing of the trace did, 3 when nothing answered.
pub(crate) async fn check(
    endpoint: &Endpoint,
    trust: &Trust,
    patience: Duration,
    machine: bool,
    output: &mut Output,
) -> Result<Outcome> {
    let seed = std::collections::hash_map::RandomState::new().build_hasher().finish();
    let batch = Recipe::default().batch(true, Timestamp(0), &mut Random::new(seed));
    let span = batch.view(&[]).spans().next().ok_or_else(|| anyhow!("no span was made"))?;
    let (trace_id, sent) = (span.trace_id(), headers_of(&span));
    let fetcher = Fetcher::new(endpoint, patience, trust).map_err(|error| anyhow!(error))?;
    let response = match fetcher.get("", &sent).await {
        Ok(response) => response,
        Err(error) => {
            output.note(&format!("{endpoint} did not answer: {error}"));
            return Ok(Outcome::Target);
        }
    };
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let echoes: Vec<Echo> = sent
        .iter()
        .map(|(name, value)| Echo {
            name: name.to_owned(),
            sent: value.to_owned(),
            header: response.headers.get(name).map(str::to_owned),
            body: value.len() > 2 && body.contains(value),
        })
        .collect();
    // Other names under which services give the trace back.
    let others: Vec<(String, String)> = headers_with(&response, &[trace_id.to_string(), trace_id.low().to_string()])
        .filter(|(name, _)| !echoes.iter().any(|echo| echo.name == *name))
        .collect();
    let any = !others.is_empty() || echoes.iter().any(|echo| echo.header.is_some() || echo.body);
    if machine {
        let echo =
            |echo: &Echo| json!({"name": echo.name, "sent": echo.sent, "header": echo.header, "body": echo.body});
        document::write(
            output,
            &json!({
                "schema": "spanglass.echo/1",
                "url": endpoint.to_string(),
                "status": response.status,
                "trace_id": trace_id.to_string(),
                "headers": echoes.iter().map(echo).collect::<Vec<_>>(),
                "others": others.iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
            }),
        )?;
        writeln!(output)?;
    } else {
        let ascii = output.theme.ascii;
        writeln!(output, "{endpoint} answered {} to trace {trace_id}", response.status)?;
        for echo in &echoes {
            let back = match (&echo.header, echo.body) {
                (Some(value), _) if *value == echo.sent => "comes back in the headers".to_owned(),
                (Some(value), _) => format!("comes back as {}", clean(value, ascii)),
                (None, true) => "was received: the body shows it".to_owned(),
                (None, false) => "does not come back".to_owned(),
            };
            writeln!(output, "  {:28} {back}", echo.name)?;
        }
        for (name, value) in &others {
            writeln!(output, "  {:28} holds the trace id: {}", clean(name, ascii), clean(value, ascii))?;
        }
    }
    if !any {
        output.note(
            "nothing of the trace comes back; most services answer without trace headers, so this alone is no fault",
        );
    }
    Ok(if any { Outcome::Good } else { Outcome::Bad })
}

fn headers_with<'r>(response: &'r Response, texts: &[String]) -> impl Iterator<Item = (String, String)> + 'r {
    let texts = texts.to_vec();
    let holds = move |value: &str| texts.iter().any(|text| value.contains(text.as_str()));
    let all = response.headers.iter().filter(move |(_, value)| holds(value));
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
}
