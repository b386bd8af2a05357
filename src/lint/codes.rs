//! Findings on requests (H), spans (S), the structure of traces (T) and what OTLP alone has (O): wire.md section 12. Numbers and slugs never
//! change meaning.

crate::diagnostic::codes! {
    TRACE_COUNT_MISMATCH    "H001" "trace-count-mismatch"    Warning "X-Datadog-Trace-Count is not the number of chunks";
    TRACE_COUNT_MISSING     "H002" "trace-count-missing"     Warning "no X-Datadog-Trace-Count";
    TRACE_COUNT_INVALID     "H003" "trace-count-invalid"     Warning "X-Datadog-Trace-Count is not a number";
    CONTENT_TYPE_MISMATCH   "H004" "content-type-mismatch"   Warning "the body is not what Content-Type or the path say";
    TRACER_VERSION_MISSING  "H005" "tracer-version-missing"  Warning "no Datadog-Meta-Tracer-Version";
    CONTENT_LENGTH_MISMATCH "H006" "content-length-mismatch" Warning "Content-Length is missing or not the body's length";
    OVER_AGENT_LIMIT        "H007" "over-agent-limit"        Warning "a body over the agent's default limit";
    LANG_MISSING            "H008" "lang-missing"            Note    "no Datadog-Meta-Lang";
    CREDENTIAL_IN_CAPTURE   "H009" "credential-in-capture"   Warning "a header of the capture holds a credential";
    METHOD                  "H010" "method"                  Note    "a method other than POST and PUT";

    TRACE_ID_ZERO            "S001" "trace-id-zero"            Error   "a trace id of zero";
    SPAN_ID_ZERO             "S002" "span-id-zero"             Error   "a span id of zero";
    SERVICE_EMPTY            "S003" "service-empty"            Warning "an empty service";
    NAME_EMPTY               "S004" "name-empty"               Warning "an empty name";
    RESOURCE_EMPTY           "S005" "resource-empty"           Note    "an empty resource";
    NAME_TOO_LONG            "S006" "name-too-long"            Warning "a name over 100 bytes";
    NAME_REWRITTEN           "S007" "name-rewritten"           Note    "a name that the agent rewrites";
    SERVICE_TOO_LONG         "S008" "service-too-long"         Warning "a service over 100 bytes";
    SERVICE_REWRITTEN        "S009" "service-rewritten"        Note    "a service that the agent rewrites";
    RESOURCE_TOO_LONG        "S010" "resource-too-long"        Warning "a resource over 5,000 bytes";
    TYPE_TOO_LONG            "S011" "type-too-long"            Warning "a type over 100 bytes";
    NEGATIVE_DURATION        "S012" "negative-duration"        Error   "a negative duration";
    DURATION_OVERFLOW        "S013" "duration-overflow"        Error   "an end beyond the largest time";
    START_BEFORE_2000        "S014" "start-before-2000"        Error   "a start before the year 2000";
    START_IN_FUTURE          "S015" "start-in-future"          Warning "a start in the future";
    ZERO_DURATION            "S016" "zero-duration"            Note    "a duration of zero";
    ERROR_FLAG_VALUE         "S017" "error-flag-value"         Warning "an error flag that is neither 0 nor 1";
    ERROR_WITHOUT_DETAIL     "S018" "error-without-detail"     Note    "an error without message, type or stack";
    DETAIL_WITHOUT_ERROR     "S019" "detail-without-error"     Note    "error tags on a span that is no error";
    HTTP_STATUS_INVALID      "S020" "http-status-invalid"      Warning "an HTTP status outside 100 to 599";
    TAG_OVER_1024            "S021" "tag-over-1024"            Warning "a string tag over 1,024 characters";
    TAG_TRUNCATED_BY_AGENT   "S022" "tag-truncated-by-agent"   Warning "a string tag over 25,000 bytes";
    TAG_KEY_TOO_LONG         "S023" "tag-key-too-long"         Warning "a tag key over 200 bytes";
    METRIC_NOT_FINITE        "S024" "metric-not-finite"        Warning "a metric that is NaN or infinite";
    TID_MALFORMED            "S025" "tid-malformed"            Warning "_dd.p.tid is not 16 lower-case hex digits";
    TID_CONFLICT             "S026" "tid-conflict"             Warning "two values of _dd.p.tid in one trace";
    PRIORITY_MISSING         "S027" "priority-missing"         Note    "a chunk without a sampling priority";
    PRIORITY_UNKNOWN         "S028" "priority-unknown"         Warning "a sampling priority outside -1 to 2";
    DECISION_MAKER_MALFORMED "S029" "decision-maker-malformed" Warning "_dd.p.dm is not a hyphen and digits";
    JSON_TAG_INVALID         "S030" "json-tag-invalid"         Warning "a JSON tag that is not an array of objects";
    EVENT_OUTSIDE_SPAN       "S031" "event-outside-span"       Note    "an event before or after its span";
    LINK_ID_ZERO             "S032" "link-id-zero"             Warning "a link to the trace or span zero";
    CONTROL_CHARACTERS       "S033" "control-characters"       Warning "control characters in a name";
    KIND_UNKNOWN             "S034" "kind-unknown"             Note    "an unknown span.kind";

    DUPLICATE_SPAN_ID   "T001" "duplicate-span-id"   Warning "a span id that stands twice in one trace";
    PARENT_MISSING      "T002" "parent-missing"      Note    "a parent that is not in the input";
    SELF_PARENT         "T003" "self-parent"         Error   "a span that is its own parent";
    PARENT_CYCLE        "T004" "parent-cycle"        Error   "spans that are their own ancestors";
    FOREIGN_SPAN        "T005" "foreign-span"        Error   "a chunk with spans of two traces";
    EMPTY_CHUNK         "T006" "empty-chunk"         Warning "a chunk without spans";
    SEVERAL_ROOTS       "T007" "several-roots"       Note    "a chunk with several spans that have no parent";
    CHILD_BEFORE_PARENT "T008" "child-before-parent" Note    "a child that starts before its parent";
    CHILD_AFTER_PARENT  "T009" "child-after-parent"  Note    "a child that ends after its parent";
    SPLIT_TRACE         "T010" "split-trace"         Note    "a trace in several chunks";
    NO_ROOT             "T011" "no-root"             Warning "a trace without a span that has no parent";

    ID_ZERO              "O003" "id-zero"              Error   "a trace or span id that is zero or absent";
    END_BEFORE_START     "O005" "end-before-start"     Error   "an end before the start";
    SERVICE_NAME_MISSING "O006" "service-name-missing" Warning "a resource without service.name";
    DROPPED_DATA         "O009" "dropped-data"         Note    "data that the sender left out";
    DUPLICATE_ATTRIBUTE  "O010" "duplicate-attribute"  Warning "an attribute that stands twice";
    EMPTY_ATTRIBUTE_KEY  "O011" "empty-attribute-key"  Warning "an attribute without a key";
    TRACESTATE_INVALID   "O012" "tracestate-invalid"   Warning "a tracestate outside its grammar";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_explanation() {
        for code in ALL {
            let explanation = code.explanation().unwrap_or_else(|| panic!("{code} is not in explain.md"));
            assert!(!explanation.cause.is_empty() && !explanation.remedy.is_empty(), "{code}");
        }
    }

    #[test]
    fn numbers_are_in_order() {
        assert!(ALL.chunk_by(|a, b| a.id().as_bytes()[0] == b.id().as_bytes()[0]).all(<[_]>::is_sorted));
        assert_eq!(ALL.len(), 10 + 34 + 11 + 7);
    }
}
