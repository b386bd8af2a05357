//! Which finalized settings of dd-trace-cpp a variable or code-level key decides about.

/// The dotted keys of the finalized settings that lose their value when `about` is faulty.
pub fn decided_by(about: &str) -> &'static [&'static str] {
    match about {
        "DD_TRACE_AGENT_URL" => &["agent.url"],
        "DD_REMOTE_CONFIG_POLL_INTERVAL_SECONDS" | "agent.remote_configuration_poll_interval_seconds" => {
            &["agent.remote_configuration_poll_interval_ms"]
        }
        "agent.flush_interval_milliseconds" => &["agent.flush_interval_ms"],
        "agent.request_timeout_milliseconds" => &["agent.request_timeout_ms"],
        "agent.shutdown_timeout_milliseconds" => &["agent.shutdown_timeout_ms"],
        "DD_TRACE_BAGGAGE_MAX_ITEMS" | "baggage_max_items" => &["baggage.max_items"],
        "DD_TRACE_BAGGAGE_MAX_BYTES" | "baggage_max_bytes" => &["baggage.max_bytes"],
        "DD_TRACE_PROPAGATION_STYLE" => &["extraction_styles", "injection_styles"],
        "DD_TRACE_PROPAGATION_STYLE_EXTRACT" | "DD_PROPAGATION_STYLE_EXTRACT" => &["extraction_styles"],
        "DD_TRACE_PROPAGATION_STYLE_INJECT" | "DD_PROPAGATION_STYLE_INJECT" => &["injection_styles"],
        "DD_TRACE_SAMPLING_RULES" => &["trace_sampler.rules"],
        "DD_TRACE_SAMPLE_RATE" => &["trace_sampler.sample_rate"],
        "DD_TRACE_RATE_LIMIT" => &["trace_sampler.max_per_second"],
        "DD_SPAN_SAMPLING_RULES" | "DD_SPAN_SAMPLING_RULES_FILE" => &["span_sampler.rules"],
        "DD_TELEMETRY_METRICS_INTERVAL_SECONDS" | "telemetry.metrics_interval_seconds" => {
            &["telemetry.metrics_interval_ms"]
        }
        "DD_TELEMETRY_HEARTBEAT_INTERVAL" | "telemetry.heartbeat_interval_seconds" => {
            &["telemetry.heartbeat_interval_ms"]
        }
        "DD_TELEMETRY_EXTENDED_HEARTBEAT_INTERVAL" | "telemetry.extended_heartbeat_interval_seconds" => {
            &["telemetry.extended_heartbeat_interval_ms"]
        }
        _ => &[],
    }
}
