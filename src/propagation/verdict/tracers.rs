//! The tracers, one table of quirks each: what it does differently from the ordinary reading that stands first. This is
//! the whole knowledge about them; the readers beside it know none of their names.

use super::number::{CPP_INT, PLAIN, RUST, Reader, SIGNED, Trim};
use super::quirks::{
    B3, Compose, Datadog, DecisionWithoutId, Delivery, Failures, Field, HexId, Jaeger, Length, Lone, Members,
    Otherwise, Quirks, Reparent, Repeated, Sampled, Single, TagKey, TagValue, Tags, Tail, Tid, Traceparent, Tracestate,
    Version00, WhichDd, WhichS, WithoutEquals, ZeroTrace,
};

// ---- the ordinary reading --------------------------------------------------------------------------------------

const fn hex(digits: usize, upper: bool) -> Field {
    Field::Hex { min: digits, max: digits, upper }
}

const fn number(reader: Reader, bits: u32, upper: bool) -> Field {
    Field::Number { reader, bits, upper }
}

const fn exact(bits: u32) -> HexId {
    HexId::Exact { bits, scripts: false }
}

const fn delivery(repeated: Repeated) -> Delivery {
    Delivery { repeated, cgi_names: false, empty_is_absent: false }
}

/// WSGI servers join with a comma.
const WSGI: Delivery = delivery(Repeated::Joined(","));
/// Node's http module.
const NODE: Delivery = delivery(Repeated::Joined(", "));

/// `2-32-16-2` lower-case hex digits, nothing after version 00, a dash and anything in later versions.
const TRACEPARENT: Traceparent = Traceparent {
    trim: Trim::No,
    min_len: 0,
    field_padding: &[],
    dashes_until: None,
    version: hex(2, false),
    trace_id: hex(32, false),
    parent_id: hex(16, false),
    flags: hex(2, false),
    version_is_text: true,
    tail: Tail { version_00: Version00::End, min: 0, except: &[] },
    max_flags: None,
    malformed: Otherwise::Nothing,
    zero_trace: Otherwise::Nothing,
    decides: true,
    legacy: None,
    es_raises: false,
};

/// What `.` does not match in Python and in JavaScript.
const PYTHON_LINE_ENDS: &[char] = &['\n'];
const JS_LINE_ENDS: &[char] = &['\n', '\r', '\u{2028}', '\u{2029}'];

/// The first `dd` of any number of members.
const TRACESTATE: Tracestate = Tracestate {
    trim: Trim::No,
    max_bytes: usize::MAX,
    max_members: usize::MAX,
    members: Members::Loose(Trim::Blank),
    dd: WhichDd::First,
    max_dd: usize::MAX,
    trim_dd: Trim::No,
    trim_field: None,
    strict_dd: false,
    s: WhichS::First,
    reader: SIGNED,
    bits: 64,
    rum: false,
};

/// Plain numbers; without a usable trace id nothing.
const DATADOG: Datadog = Datadog {
    trim: Trim::No,
    id: PLAIN,
    missing_trace: Otherwise::Nothing,
    unreadable_trace: Otherwise::Nothing,
    zero_trace: ZeroTrace::Number,
    missing_parent: Otherwise::Absent,
    unreadable_parent: Otherwise::Nothing,
    parent_any_size: false,
    rootless_needs_synthetics: false,
    priority: SIGNED,
    priority_bits: 64,
    unreadable_priority: Otherwise::Absent,
    tags: TAGS,
};

/// Everything unreadable fails.
const STRICT_DATADOG: Datadog = Datadog {
    unreadable_trace: Otherwise::Failed,
    unreadable_parent: Otherwise::Failed,
    unreadable_priority: Otherwise::Failed,
    ..DATADOG
};

/// `key=value` items of any kind.
const TAGS: Tags = Tags {
    length: Length::Bytes,
    trailing_comma: false,
    without_equals: WithoutEquals::AllLost,
    key: TagKey::Any,
    value: TagValue::Any,
    tid: Tid { reader: PLAIN, upper: true, zero: true, skip_bad: false },
};

/// Whole ids; a zero span id is no parent.
const B3_HEADERS: B3 = B3 {
    trim: Trim::No,
    trace_id: exact(128),
    span_id: exact(64),
    missing_trace: Otherwise::Nothing,
    missing_span: Otherwise::Nothing,
    unreadable_trace: Otherwise::Nothing,
    unreadable_span: Otherwise::Nothing,
    zero_trace: Otherwise::Nothing,
    zero_span: Otherwise::Kept,
    sampled: Sampled::Digits,
    lone_decision: false,
    single: Single::IsMulti,
    single_hides_multi: false,
};

/// One context, and nothing that could be joined with it.
const ALONE: Compose = Compose {
    failures: Failures::Never,
    first_counts: true,
    reparent: Reparent::Never,
    raises: false,
    priority_from_w3c: false,
    ids_are_text: false,
    decision_without_id: DecisionWithoutId::Kept,
    complete: false,
};

/// No style at all, in a Python web server.
pub(super) static WSGI_ONLY: Quirks = SILENT;

const SILENT: Quirks = Quirks {
    delivery: WSGI,
    traceparent: None,
    tracestate: None,
    datadog: None,
    b3: None,
    jaeger: None,
    compose: ALONE,
};

// ---- Datadog ---------------------------------------------------------------------------------------------------

pub(super) static DD_TRACE_PY: Quirks = Quirks {
    delivery: Delivery { cgi_names: true, ..WSGI },
    traceparent: Some(Traceparent {
        trim: Trim::Python,
        tail: Tail { version_00: Version00::End, min: 1, except: PYTHON_LINE_ENDS },
        ..TRACEPARENT
    }),
    tracestate: Some(Tracestate {
        members: Members::Printable(Trim::Python),
        dd: WhichDd::Last,
        strict_dd: true,
        s: WhichS::Last,
        reader: Reader::Python,
        bits: 0,
        rum: true,
        ..TRACESTATE
    }),
    datadog: Some(Datadog {
        id: Reader::Python,
        parent_any_size: true,
        priority: Reader::Python,
        priority_bits: 0,
        unreadable_priority: Otherwise::Nothing,
        tags: Tags {
            length: Length::Characters,
            trailing_comma: true,
            key: TagKey::Visible,
            value: TagValue::PrintableTrimmed,
            tid: Tid { reader: Reader::Python, upper: false, zero: false, skip_bad: false },
            ..TAGS
        },
        ..DATADOG
    }),
    b3: Some(B3 {
        trace_id: HexId::Python { bits: 128 },
        span_id: HexId::Python { bits: 128 },
        missing_span: Otherwise::Absent,
        zero_trace: Otherwise::Absent,
        single: Single::Parts { max: usize::MAX, lone: Lone::Context, without_state: None },
        ..B3_HEADERS
    }),
    compose: Compose {
        reparent: Reparent::Always,
        raises: true,
        decision_without_id: DecisionWithoutId::KeptWithLinkOrBaggage,
        ..ALONE
    },
    ..SILENT
};

pub(super) static DD_TRACE_JS: Quirks = Quirks {
    delivery: Delivery { empty_is_absent: true, ..NODE },
    traceparent: Some(Traceparent {
        trim: Trim::Js,
        version: hex(2, true),
        trace_id: hex(32, true),
        parent_id: hex(16, true),
        flags: hex(2, true),
        tail: Tail { version_00: Version00::End, min: 0, except: JS_LINE_ENDS },
        ..TRACEPARENT
    }),
    tracestate: Some(Tracestate {
        max_members: 32,
        members: Members::Dropped { trim: Trim::Js, max_value: 256 },
        trim_field: Some(Trim::Js),
        reader: Reader::JsInt,
        bits: 0,
        ..TRACESTATE
    }),
    datadog: Some(Datadog {
        id: Reader::JsId,
        zero_trace: ZeroTrace::Text,
        missing_parent: Otherwise::Nothing,
        priority: Reader::JsInt,
        priority_bits: 0,
        tags: Tags {
            length: Length::Utf16,
            without_equals: WithoutEquals::EmptyValue,
            key: TagKey::Propagated,
            value: TagValue::Printable,
            tid: Tid { skip_bad: true, ..TAGS.tid },
            ..TAGS
        },
        ..DATADOG
    }),
    b3: Some(B3 { lone_decision: true, ..B3_HEADERS }),
    compose: Compose { reparent: Reparent::Always, priority_from_w3c: true, ids_are_text: true, ..ALONE },
    ..SILENT
};

pub(super) static DD_TRACE_CPP: Quirks = Quirks {
    // What nginx-datadog hands over.
    delivery: delivery(Repeated::First),
    traceparent: Some(Traceparent {
        trim: Trim::C,
        min_len: 55,
        dashes_until: Some([35, 52]),
        version: Field::Hex { min: 0, max: 2, upper: true },
        trace_id: Field::Halves,
        parent_id: number(PLAIN, 64, true),
        flags: hex(2, true),
        ..TRACEPARENT
    }),
    tracestate: Some(Tracestate {
        trim: Trim::C,
        members: Members::Loose(Trim::C),
        max_dd: 512,
        s: WhichS::Each,
        reader: CPP_INT,
        bits: 32,
        ..TRACESTATE
    }),
    datadog: Some(Datadog {
        trim: Trim::C,
        missing_trace: Otherwise::Absent,
        zero_trace: ZeroTrace::Kept,
        priority: CPP_INT,
        priority_bits: 32,
        tags: Tags { trailing_comma: true, tid: Tid { skip_bad: true, ..TAGS.tid }, ..TAGS },
        ..STRICT_DATADOG
    }),
    b3: Some(B3 {
        trim: Trim::C,
        trace_id: HexId::Halves,
        span_id: HexId::Number { reader: PLAIN, bits: 64, max: usize::MAX },
        missing_trace: Otherwise::Absent,
        missing_span: Otherwise::Absent,
        unreadable_trace: Otherwise::Failed,
        unreadable_span: Otherwise::Failed,
        zero_trace: Otherwise::Kept,
        sampled: Sampled::Number { reader: CPP_INT, bits: 32 },
        ..B3_HEADERS
    }),
    compose: Compose {
        failures: Failures::Abort,
        first_counts: false,
        reparent: Reparent::Always,
        complete: true,
        ..ALONE
    },
    ..SILENT
};

pub(super) static DD_TRACE_RS: Quirks = Quirks {
    delivery: delivery(Repeated::First),
    traceparent: Some(Traceparent {
        trim: Trim::Unicode,
        tail: Tail { version_00: Version00::BareDash, ..TRACEPARENT.tail },
        max_flags: Some(2),
        ..TRACEPARENT
    }),
    tracestate: Some(Tracestate {
        max_members: 32,
        members: Members::Strict { max_value: 256 },
        dd: WhichDd::Last,
        trim_dd: Trim::Unicode,
        s: WhichS::Last,
        bits: 8,
        ..TRACESTATE
    }),
    datadog: Some(Datadog {
        id: RUST,
        unreadable_parent: Otherwise::Absent,
        priority_bits: 8,
        tags: Tags { without_equals: WithoutEquals::Skipped, tid: Tid { reader: RUST, ..TAGS.tid }, ..TAGS },
        ..DATADOG
    }),
    b3: Some(B3 {
        trace_id: HexId::Number { reader: RUST, bits: 128, max: 32 },
        span_id: HexId::Number { reader: RUST, bits: 64, max: 16 },
        missing_span: Otherwise::Absent,
        single: Single::Parts { max: usize::MAX, lone: Lone::ZeroContext, without_state: None },
        ..B3_HEADERS
    }),
    compose: Compose { reparent: Reparent::Always, ..ALONE },
    ..SILENT
};

pub(super) static DD_TRACE_GO: Quirks = Quirks {
    delivery: delivery(Repeated::Each),
    traceparent: Some(Traceparent {
        trim: Trim::BlankAndDash,
        min_len: 55,
        field_padding: &['_', '-', '\t', ' ', '\n'],
        version: hex(2, true),
        trace_id: hex(32, true),
        parent_id: hex(16, true),
        // An int8, and a minus would be a dash.
        flags: number(SIGNED, 7, true),
        version_is_text: false,
        tail: Tail { version_00: Version00::Length(55), ..TRACEPARENT.tail },
        malformed: Otherwise::Failed,
        zero_trace: Otherwise::Failed,
        ..TRACEPARENT
    }),
    // 256 bytes of member, `dd=` included.
    tracestate: Some(Tracestate {
        max_bytes: 4096,
        dd: WhichDd::Each,
        max_dd: 253,
        s: WhichS::EachUntilSet,
        ..TRACESTATE
    }),
    datadog: Some(Datadog {
        id: Reader::GoId,
        missing_trace: Otherwise::Zero,
        zero_trace: ZeroTrace::BothHalves,
        rootless_needs_synthetics: true,
        tags: Tags { key: TagKey::NotEmpty, value: TagValue::NotEmpty, tid: Tid { upper: false, ..TAGS.tid }, ..TAGS },
        ..STRICT_DATADOG
    }),
    b3: Some(B3 {
        trace_id: HexId::Last32,
        span_id: HexId::Number { reader: PLAIN, bits: 64, max: usize::MAX },
        unreadable_span: Otherwise::Failed,
        zero_span: Otherwise::Nothing,
        sampled: Sampled::Number { reader: SIGNED, bits: 64 },
        ..B3_HEADERS
    }),
    compose: Compose { failures: Failures::AbortUntilFound, reparent: Reparent::WithDatadog, ..ALONE },
    ..SILENT
};

// ---- OpenTelemetry ---------------------------------------------------------------------------------------------

pub(super) static OTEL_PYTHON: Quirks = Quirks {
    traceparent: Some(Traceparent {
        trim: Trim::BlankAndNewline,
        tail: Tail { version_00: Version00::End, min: 0, except: PYTHON_LINE_ENDS },
        ..TRACEPARENT
    }),
    b3: Some(B3 {
        trace_id: HexId::Exact { bits: 128, scripts: true },
        span_id: HexId::Exact { bits: 64, scripts: true },
        zero_span: Otherwise::Nothing,
        sampled: Sampled::Words { yes: &["1", "d", "true", "True"], no: None },
        single: Single::Parts { max: 4, lone: Lone::Nothing, without_state: Some(1) },
        single_hides_multi: true,
        ..B3_HEADERS
    }),
    jaeger: Some(Jaeger {
        percent_encoded: false,
        trace_id: HexId::Python { bits: 128 },
        span_id: HexId::Python { bits: 64 },
        flags: number(Reader::Python, 0, true),
        junk_is_sampled: false,
    }),
    ..SILENT
};

pub(super) static OTEL_JS: Quirks = Quirks {
    delivery: NODE,
    traceparent: Some(Traceparent {
        trim: Trim::JsOne,
        tail: Tail { version_00: Version00::End, min: 0, except: JS_LINE_ENDS },
        ..TRACEPARENT
    }),
    b3: Some(B3 {
        trace_id: HexId::Padded { bits: 128 },
        zero_span: Otherwise::Nothing,
        sampled: Sampled::Words { yes: &["1", "true", "True"], no: Some(&["0", "false", "False"]) },
        single: Single::Anywhere,
        single_hides_multi: true,
        ..B3_HEADERS
    }),
    jaeger: Some(Jaeger {
        percent_encoded: true,
        trace_id: HexId::Padded { bits: 128 },
        span_id: HexId::Padded { bits: 64 },
        flags: Field::Hex { min: 1, max: 2, upper: true },
        junk_is_sampled: true,
    }),
    ..SILENT
};

pub(super) static OTEL_GO: Quirks = Quirks {
    delivery: delivery(Repeated::First),
    traceparent: Some(Traceparent {
        tail: Tail { version_00: Version00::BareDash, ..TRACEPARENT.tail },
        max_flags: Some(3),
        ..TRACEPARENT
    }),
    ..SILENT
};

pub(super) static OTEL_RUST: Quirks = Quirks {
    delivery: delivery(Repeated::First),
    traceparent: Some(Traceparent {
        trim: Trim::Unicode,
        version: number(RUST, 8, true),
        trace_id: number(RUST, 128, false),
        parent_id: number(RUST, 64, false),
        flags: number(RUST, 8, false),
        version_is_text: false,
        tail: Tail { version_00: Version00::BareDash, ..TRACEPARENT.tail },
        ..TRACEPARENT
    }),
    ..SILENT
};

// ---- others ----------------------------------------------------------------------------------------------------

pub(super) static ELASTIC: Quirks = Quirks {
    traceparent: Some(Traceparent {
        version: number(Reader::Python, 0, true),
        trace_id: Field::Any { digits: 32 },
        parent_id: Field::Any { digits: 16 },
        flags: number(Reader::Python, 0, true),
        version_is_text: false,
        tail: Tail { version_00: Version00::Anything, ..TRACEPARENT.tail },
        legacy: Some("elastic-apm-traceparent"),
        es_raises: true,
        ..TRACEPARENT
    }),
    compose: Compose { failures: Failures::Abort, ..ALONE },
    ..SILENT
};

pub(super) static NEW_RELIC: Quirks = Quirks {
    traceparent: Some(Traceparent {
        trim: Trim::Python,
        min_len: 55,
        flags: Field::Binary,
        decides: false,
        ..TRACEPARENT
    }),
    ..SILENT
};
