//! Findings: dd-trace-cpp's own errors, with its permanent names and numbers (config.md section 4).
//!
//! A configuration can have those of parsing and ranges; the others are here so that a number in a log can be looked up.
//! Number 2 is retired. `MULTIPLE_PROPAGATION_STYLE_ENVIRONMENT_VARIABLES` is logged and not returned, hence a warning.

crate::diagnostic::codes! {
    OTHER "OTHER" "other-failure" = 1 Error "anything that has no number of its own";
    MESSAGEPACK_ENCODE_FAILURE "MESSAGEPACK_ENCODE_FAILURE" "messagepack-encode-failure" = 3 Error "a payload could not be encoded";
    CURL_REQUEST_FAILURE "CURL_REQUEST_FAILURE" "curl-request-failure" = 4 Error "a request to the agent failed";
    DATADOG_AGENT_NULL_HTTP_CLIENT "DATADOG_AGENT_NULL_HTTP_CLIENT" "datadog-agent-null-http-client" = 5 Error "a tracer built without an HTTP client got none";
    DATADOG_AGENT_INVALID_FLUSH_INTERVAL "DATADOG_AGENT_INVALID_FLUSH_INTERVAL" "datadog-agent-invalid-flush-interval" = 6 Error "a flush interval that is not above 0";
    NULL_COLLECTOR "NULL_COLLECTOR" "null-collector" = 7 Error "a tracer without a collector; not emitted any more";
    URL_MISSING_SEPARATOR "URL_MISSING_SEPARATOR" "url-missing-separator" = 8 Error "a URL without ://";
    URL_UNSUPPORTED_SCHEME "URL_UNSUPPORTED_SCHEME" "url-unsupported-scheme" = 9 Error "a URL whose scheme is not supported";
    URL_UNIX_DOMAIN_SOCKET_PATH_NOT_ABSOLUTE "URL_UNIX_DOMAIN_SOCKET_PATH_NOT_ABSOLUTE" "url-unix-domain-socket-path-not-absolute" = 10 Error "a unix socket whose path is not absolute";
    NO_SPAN_TO_EXTRACT "NO_SPAN_TO_EXTRACT" "no-span-to-extract" = 11 Error "a request without trace headers";
    NOT_IMPLEMENTED "NOT_IMPLEMENTED" "not-implemented" = 12 Error "a feature that the platform lacks";
    MISSING_SPAN_INJECTION_STYLE "MISSING_SPAN_INJECTION_STYLE" "missing-span-injection-style" = 13 Error "an empty list of injection styles";
    MISSING_SPAN_EXTRACTION_STYLE "MISSING_SPAN_EXTRACTION_STYLE" "missing-span-extraction-style" = 14 Error "an empty list of extraction styles";
    OUT_OF_RANGE_INTEGER "OUT_OF_RANGE_INTEGER" "out-of-range-integer" = 15 Error "an integer or interval out of its range";
    INVALID_INTEGER "INVALID_INTEGER" "invalid-integer" = 16 Error "a text that is no unsigned integer";
    MISSING_PARENT_SPAN_ID "MISSING_PARENT_SPAN_ID" "missing-parent-span-id" = 17 Error "trace headers without a parent id";
    RATE_OUT_OF_RANGE "RATE_OUT_OF_RANGE" "rate-out-of-range" = 18 Error "a sampling rate outside 0 to 1";
    TRACE_TAGS_EXCEED_MAXIMUM_LENGTH "TRACE_TAGS_EXCEED_MAXIMUM_LENGTH" "trace-tags-exceed-maximum-length" = 19 Error "propagated trace tags over their limit";
    INCONSISTENT_EXTRACTION_STYLES "INCONSISTENT_EXTRACTION_STYLES" "inconsistent-extraction-styles" = 20 Error "styles that disagree; not emitted any more";
    MAX_PER_SECOND_OUT_OF_RANGE "MAX_PER_SECOND_OUT_OF_RANGE" "max-per-second-out-of-range" = 21 Error "a limit per second that is not above 0";
    MALFORMED_TRACE_TAGS "MALFORMED_TRACE_TAGS" "malformed-trace-tags" = 22 Error "propagated trace tags outside their grammar";
    UNKNOWN_PROPAGATION_STYLE "UNKNOWN_PROPAGATION_STYLE" "unknown-propagation-style" = 23 Error "a propagation style that does not exist";
    TAG_MISSING_SEPARATOR "TAG_MISSING_SEPARATOR" "tag-missing-separator" = 24 Error "a tag without a colon; not emitted any more";
    RULE_PROPERTY_WRONG_TYPE "RULE_PROPERTY_WRONG_TYPE" "rule-property-wrong-type" = 25 Error "a member of a sampling rule of the wrong type";
    RULE_TAG_WRONG_TYPE "RULE_TAG_WRONG_TYPE" "rule-tag-wrong-type" = 26 Error "a tag pattern of a sampling rule that is no string";
    RULE_WRONG_TYPE "RULE_WRONG_TYPE" "rule-wrong-type" = 27 Error "a sampling rule that is no object";
    TRACE_SAMPLING_RULES_INVALID_JSON "TRACE_SAMPLING_RULES_INVALID_JSON" "trace-sampling-rules-invalid-json" = 28 Error "trace sampling rules that are no JSON";
    TRACE_SAMPLING_RULES_WRONG_TYPE "TRACE_SAMPLING_RULES_WRONG_TYPE" "trace-sampling-rules-wrong-type" = 29 Error "trace sampling rules that are no array";
    TRACE_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE "TRACE_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE" "trace-sampling-rules-sample-rate-wrong-type" = 30 Error "a sample_rate of a trace sampling rule that is no number";
    TRACE_SAMPLING_RULES_UNKNOWN_PROPERTY "TRACE_SAMPLING_RULES_UNKNOWN_PROPERTY" "trace-sampling-rules-unknown-property" = 31 Error "an unknown member in a trace sampling rule";
    SPAN_SAMPLING_RULES_INVALID_JSON "SPAN_SAMPLING_RULES_INVALID_JSON" "span-sampling-rules-invalid-json" = 32 Error "span sampling rules that are no JSON";
    SPAN_SAMPLING_RULES_WRONG_TYPE "SPAN_SAMPLING_RULES_WRONG_TYPE" "span-sampling-rules-wrong-type" = 33 Error "span sampling rules that are no array";
    SPAN_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE "SPAN_SAMPLING_RULES_SAMPLE_RATE_WRONG_TYPE" "span-sampling-rules-sample-rate-wrong-type" = 34 Error "a sample_rate of a span sampling rule that is no number";
    SPAN_SAMPLING_RULES_UNKNOWN_PROPERTY "SPAN_SAMPLING_RULES_UNKNOWN_PROPERTY" "span-sampling-rules-unknown-property" = 35 Error "an unknown member in a span sampling rule";
    SPAN_SAMPLING_RULES_MAX_PER_SECOND_WRONG_TYPE "SPAN_SAMPLING_RULES_MAX_PER_SECOND_WRONG_TYPE" "span-sampling-rules-max-per-second-wrong-type" = 36 Error "a max_per_second of a span sampling rule that is no number";
    SPAN_SAMPLING_RULES_FILE_IO "SPAN_SAMPLING_RULES_FILE_IO" "span-sampling-rules-file-io" = 37 Error "a span sampling rules file that cannot be read";
    CURL_REQUEST_SETUP_FAILED "CURL_REQUEST_SETUP_FAILED" "curl-request-setup-failed" = 38 Error "a request to the agent could not be prepared";
    CURL_HTTP_CLIENT_SETUP_FAILED "CURL_HTTP_CLIENT_SETUP_FAILED" "curl-http-client-setup-failed" = 39 Error "the HTTP client could not be set up";
    CURL_HTTP_CLIENT_NOT_RUNNING "CURL_HTTP_CLIENT_NOT_RUNNING" "curl-http-client-not-running" = 40 Error "the HTTP client is not running";
    CURL_HTTP_CLIENT_ERROR "CURL_HTTP_CLIENT_ERROR" "curl-http-client-error" = 41 Error "the HTTP client failed";
    INVALID_DOUBLE "INVALID_DOUBLE" "invalid-double" = 42 Error "a text that is no decimal number";
    MISSING_TRACE_ID "MISSING_TRACE_ID" "missing-trace-id" = 43 Error "trace headers without a trace id";
    ENVOY_HTTP_CLIENT_FAILURE "ENVOY_HTTP_CLIENT_FAILURE" "envoy-http-client-failure" = 44 Error "the HTTP client of the Envoy integration failed";
    MULTIPLE_PROPAGATION_STYLE_ENVIRONMENT_VARIABLES "MULTIPLE_PROPAGATION_STYLE_ENVIRONMENT_VARIABLES" "multiple-propagation-style-environment-variables" = 45 Warning "two variables set the same list of styles";
    DUPLICATE_PROPAGATION_STYLE "DUPLICATE_PROPAGATION_STYLE" "duplicate-propagation-style" = 46 Error "a propagation style that stands twice in a list";
    ZERO_TRACE_ID "ZERO_TRACE_ID" "zero-trace-id" = 47 Error "a trace id of zero";
    CURL_DEADLINE_EXCEEDED_BEFORE_REQUEST_START "CURL_DEADLINE_EXCEEDED_BEFORE_REQUEST_START" "curl-deadline-exceeded-before-request-start" = 48 Error "a request that was too late before it began";
    DATADOG_AGENT_INVALID_REQUEST_TIMEOUT "DATADOG_AGENT_INVALID_REQUEST_TIMEOUT" "datadog-agent-invalid-request-timeout" = 49 Error "a request timeout that is not above 0";
    DATADOG_AGENT_INVALID_SHUTDOWN_TIMEOUT "DATADOG_AGENT_INVALID_SHUTDOWN_TIMEOUT" "datadog-agent-invalid-shutdown-timeout" = 50 Error "a shutdown timeout that is not above 0";
    DATADOG_AGENT_INVALID_REMOTE_CONFIG_POLL_INTERVAL "DATADOG_AGENT_INVALID_REMOTE_CONFIG_POLL_INTERVAL" "datadog-agent-invalid-remote-config-poll-interval" = 51 Error "a poll interval below 0";
    SAMPLING_DELEGATION_RESPONSE_INVALID_JSON "SAMPLING_DELEGATION_RESPONSE_INVALID_JSON" "sampling-delegation-response-invalid-json" = 52 Error "a delegated decision that is no JSON; not emitted any more";
    REMOTE_CONFIGURATION_INVALID_INPUT "REMOTE_CONFIGURATION_INVALID_INPUT" "remote-configuration-invalid-input" = 53 Error "a remote configuration without what it must have";
    BAGGAGE_MAXIMUM_BYTES_REACHED "BAGGAGE_MAXIMUM_BYTES_REACHED" "baggage-maximum-bytes-reached" = 54 Error "baggage cut at its limit of bytes";
    BAGGAGE_MAXIMUM_ITEMS_REACHED "BAGGAGE_MAXIMUM_ITEMS_REACHED" "baggage-maximum-items-reached" = 55 Error "baggage cut at its limit of items";
    REMOTE_CONFIGURATION_INVALID_JSON "REMOTE_CONFIGURATION_INVALID_JSON" "remote-configuration-invalid-json" = 56 Error "a remote configuration that is no JSON";
}
