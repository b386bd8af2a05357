//! The vocabulary in which a tracer is described: every way in which the thirteen implementations differ is a field
//! or a variant here, and `tracers.rs` fills them in. One reader per header family interprets them, so
//! that `upper: true` means the same for dd-trace-js and dd-trace-go.

use super::number::{Reader, Trim};

/// Everything that sets one tracer apart, whatever its configuration.
#[derive(Debug)]
pub(super) struct Quirks {
    /// How header lines reach the library.
    pub delivery: Delivery,
    pub traceparent: Option<Traceparent>,
    pub tracestate: Option<Tracestate>,
    pub datadog: Option<Datadog>,
    pub b3: Option<B3>,
    pub jaeger: Option<Jaeger>,
    /// How the contexts of several styles become one.
    pub compose: Compose,
}

/// From header lines to what the library looks at. Blanks around names and values are always dropped.
#[derive(Debug)]
pub(super) struct Delivery {
    pub repeated: Repeated,
    /// `http_x_datadog_trace_id` is read where `x-datadog-trace-id` is missing.
    pub cgi_names: bool,
    /// An empty value is no value.
    pub empty_is_absent: bool,
}

/// What becomes of a header name that comes more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeated {
    /// One value: all of them with this between them.
    Joined(&'static str),
    /// One value: the first.
    First,
    /// Every value, in order.
    Each,
}

/// What a value does that the tracer cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// The style yields no context.
    Nothing,
    /// The style fails: extraction returns an error, or goes on, as `Compose::failures` says.
    Failed,
    /// As if the header had not been sent.
    Absent,
    /// It counts as the number zero.
    Zero,
    /// It is taken as it is.
    Kept,
}

/// The grammar of one field between dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// `min` to `max` hex digits, `A-F` only when `upper`.
    Hex { min: usize, max: usize, upper: bool },
    /// A number in base 16 of so many bits (0: of any size), none of `A-Z` unless `upper`.
    Number { reader: Reader, bits: u32, upper: bool },
    /// Up to 16 hex digits, or the last 16 and the rest as a number of its own: any count of leading zeros passes.
    Halves,
    /// Two binary digits.
    Binary,
    /// Anything; it is an id when it consists of so many hex digits, else a text.
    Any { digits: usize },
}

/// `traceparent`, read as up to five fields between dashes.
#[derive(Debug)]
pub(super) struct Traceparent {
    pub trim: Trim,
    /// Shortest value in bytes.
    pub min_len: usize,
    /// Dropped around version and ids.
    pub field_padding: &'static [char],
    /// The last byte at which the second and the third dash may stand.
    pub dashes_until: Option<[usize; 2]>,
    pub version: Field,
    pub trace_id: Field,
    pub parent_id: Field,
    pub flags: Field,
    /// `ff` and `00` are recognised by their text, so that `FF` and `0` are other versions; else by their number.
    pub version_is_text: bool,
    pub tail: Tail,
    /// The largest flags of version 00.
    pub max_flags: Option<u8>,
    pub malformed: Otherwise,
    pub zero_trace: Otherwise,
    /// Whether bit 0 of the flags is a decision to follow.
    pub decides: bool,
    /// The header read when `traceparent` is not there at all.
    pub legacy: Option<&'static str>,
    /// A tracestate that contains `es=`, but not as the start of a member, raises.
    pub es_raises: bool,
}

/// What may follow the flags.
#[derive(Debug)]
pub(super) struct Tail {
    pub version_00: Version00,
    /// Fewest characters after the dash in later versions.
    pub min: usize,
    /// Characters that never pass: what `.` of a regular expression does not match.
    pub except: &'static [char],
}

/// What may follow the flags of version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version00 {
    /// Nothing.
    End,
    /// Nothing, or one dash.
    BareDash,
    /// The whole value has this many bytes.
    Length(usize),
    /// Anything.
    Anything,
}

/// `tracestate`, as far as it decides: the sampling priority in the member `dd`.
#[derive(Debug)]
pub(super) struct Tracestate {
    pub trim: Trim,
    /// A longer value (bytes) is not looked at.
    pub max_bytes: usize,
    /// Members after so many are not looked at.
    pub max_members: usize,
    pub members: Members,
    pub dd: WhichDd,
    /// Longest value of `dd`, in bytes.
    pub max_dd: usize,
    pub trim_dd: Trim,
    /// Keys inside `dd` are trimmed, values at their end, and what is left without key or value does not count.
    pub trim_field: Option<Trim>,
    /// A field inside `dd` without `:` spoils `dd`, as an unreadable `s` does.
    pub strict_dd: bool,
    pub s: WhichS,
    /// How `s` is read: into so many bits, 0 for any size.
    pub reader: Reader,
    pub bits: u32,
    /// With the origin `rum` and `s` absent or zero, the flag of traceparent does not count.
    pub rum: bool,
}

/// What a member of tracestate must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Members {
    /// Trimmed; only `dd` is looked at.
    Loose(Trim),
    /// Trimmed; one character outside printable ASCII spoils the whole header, unless the member is dropped for a
    /// limit or as an earlier `dd` or `ot`.
    Printable(Trim),
    /// Members that break the grammar are dropped: key trimmed, value trimmed at its end.
    Dropped { trim: Trim, max_value: usize },
    /// Not trimmed; one member that breaks the grammar spoils the whole header.
    Strict { max_value: usize },
}

/// Which member counts when `dd` is there more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhichDd {
    First,
    Last,
    /// All of them, up to the first that is too long.
    Each,
}

/// Which `s` counts, and against what it is held: it replaces a priority on the same side of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhichS {
    First,
    Last,
    /// Each in turn, against the priority so far.
    Each,
    /// Each in turn, while the priority is still that of the flag.
    EachUntilSet,
}

/// `x-datadog-*`.
#[derive(Debug)]
pub(super) struct Datadog {
    pub trim: Trim,
    pub id: Reader,
    pub missing_trace: Otherwise,
    pub unreadable_trace: Otherwise,
    pub zero_trace: ZeroTrace,
    pub missing_parent: Otherwise,
    pub unreadable_parent: Otherwise,
    /// A parent id over 64 bits or below zero is no fault yet.
    pub parent_any_size: bool,
    /// A parent of zero is only followed when the origin is `synthetics`.
    pub rootless_needs_synthetics: bool,
    pub priority: Reader,
    /// 0 for any size.
    pub priority_bits: u32,
    pub unreadable_priority: Otherwise,
    pub tags: Tags,
}

/// When a Datadog trace id is refused for being zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZeroTrace {
    /// The number in the header is zero.
    Number,
    /// The header holds nothing but the digit zero.
    Text,
    /// Both halves are zero.
    BothHalves,
    /// Never.
    Kept,
}

/// `x-datadog-tags`, as far as it decides: the high half of the trace id.
#[derive(Debug)]
pub(super) struct Tags {
    pub length: Length,
    pub trailing_comma: bool,
    /// An item without `=`: skipped, a key with an empty value, or all tags are lost.
    pub without_equals: WithoutEquals,
    pub key: TagKey,
    pub value: TagValue,
    pub tid: Tid,
}

/// In what the limit of 512 is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Bytes,
    Characters,
    /// JavaScript's string length.
    Utf16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WithoutEquals {
    Skipped,
    EmptyValue,
    AllLost,
}

/// A key outside it loses all tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKey {
    Any,
    NotEmpty,
    /// One or more visible ASCII characters.
    Visible,
    /// `_dd.p.` and one or more visible ASCII characters.
    Propagated,
}

/// A value outside it loses all tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagValue {
    Any,
    NotEmpty,
    /// Printable ASCII, which may be nothing.
    Printable,
    /// Printable ASCII, something besides spaces, which are dropped around it.
    PrintableTrimmed,
}

/// `_dd.p.tid`, always 16 characters. The last one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tid {
    pub reader: Reader,
    pub upper: bool,
    pub zero: bool,
    /// One that breaks the grammar does not count as the last.
    pub skip_bad: bool,
}

/// `x-b3-*` and `b3`.
#[derive(Debug)]
pub(super) struct B3 {
    pub trim: Trim,
    pub trace_id: HexId,
    pub span_id: HexId,
    pub missing_trace: Otherwise,
    pub missing_span: Otherwise,
    pub unreadable_trace: Otherwise,
    pub unreadable_span: Otherwise,
    /// `Absent` leaves a context without ids.
    pub zero_trace: Otherwise,
    pub zero_span: Otherwise,
    pub sampled: Sampled,
    /// Unusable ids beside a decision leave a context without ids; elsewhere the style then yields nothing.
    pub lone_decision: bool,
    pub single: Single,
    /// A `b3` header that is not empty hides `x-b3-*`.
    pub single_hides_multi: bool,
}

/// The grammar of an id in B3 and Jaeger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HexId {
    /// A number in base 16 of so many bits and at most `max` bytes of text.
    Number { reader: Reader, bits: u32, max: usize },
    /// A number as Python reads it; below zero or over so many bits it counts as zero.
    Python { bits: u32 },
    /// 16 hex digits, or 32 when `bits` is 128; with `scripts`, also decimal digits that are not ASCII.
    Exact { bits: u32, scripts: bool },
    /// All the hex digits of so many bits, after zeros were put in front of a shorter one.
    Padded { bits: u32 },
    /// See [`Field::Halves`].
    Halves,
    /// The last 32 bytes without leading zeros; a half that is no number leaves the other.
    Last32,
}

/// What `x-b3-sampled` and the third part of `b3` mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sampled {
    /// `x-b3-flags: 1` and `d` are 2; else exactly `1` or `0`, and anything else is no decision.
    Digits,
    /// A number of so many bits that is the priority itself; anything else fails. Flags are not read.
    Number { reader: Reader, bits: u32 },
    /// Always decided: `x-b3-flags: 1` or one of `yes` is sampled. With `no`, other values leave nothing.
    Words { yes: &'static [&'static str], no: Option<&'static [&'static str]> },
}

/// How the header `b3` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single {
    /// Not at all: the style of that name is another name of `x-b3-*`.
    IsMulti,
    /// Split at `-`, at least two parts; more than `max` parts: nothing.
    Parts {
        max: usize,
        /// What one part alone is.
        lone: Lone,
        /// The decision when there is no third part.
        without_state: Option<i64>,
    },
    /// The first place in the value where lower-case hex ids stand, whatever is around them.
    Anywhere,
}

/// `b3` without any dash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lone {
    /// A context without ids, also when it is no decision.
    Context,
    /// A decision gives a context whose ids are zero.
    ZeroContext,
    /// Nothing.
    Nothing,
}

/// `uber-trace-id`.
#[derive(Debug)]
pub(super) struct Jaeger {
    pub percent_encoded: bool,
    pub trace_id: HexId,
    pub span_id: HexId,
    pub flags: Field,
    /// Unreadable flags mean sampled; else they leave nothing.
    pub junk_is_sampled: bool,
}

/// How the contexts of the styles are joined.
#[derive(Debug)]
pub(super) struct Compose {
    pub failures: Failures,
    /// The first context counts, with a trace id or without; else the first that has one.
    pub first_counts: bool,
    pub reparent: Reparent,
    /// dd-trace-py's internal faults: a link to a span id over 64 bits, and the last parent of a Datadog context
    /// without parent, raise inside and lose the trace.
    pub raises: bool,
    /// A primary context without decision takes that of a traceparent of the same trace, read for this wherever
    /// Datadog headers are found.
    pub priority_from_w3c: bool,
    /// Trace ids are compared as text, so one with a high half in upper case equals no other.
    pub ids_are_text: bool,
    pub decision_without_id: DecisionWithoutId,
    /// A trace id needs a parent id or an origin, is not zero, and a parent id needs a trace id.
    pub complete: bool,
}

/// What a style that fails does to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failures {
    /// The whole extraction fails.
    Abort,
    /// The same, until a context was found.
    AbortUntilFound,
    /// No style of this tracer fails.
    Never,
}

/// Whether a later `traceparent` of the same trace supplies the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reparent {
    Never,
    Always,
    /// Only when the Datadog style is configured and yields a context.
    WithDatadog,
}

/// What becomes of a decision that came without a trace id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecisionWithoutId {
    Kept,
    /// Kept when there is a link to a context of another style, or baggage.
    KeptWithLinkOrBaggage,
}
