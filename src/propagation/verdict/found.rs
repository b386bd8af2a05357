//! What one style yields for one tracer.

/// The outcome of one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// No context.
    Nothing,
    /// The library raises, or returns an error that is more than "nothing found".
    Failed,
    /// A context.
    Found(Found),
}

/// A context as a library holds it after one style.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// `None` for a context that has a decision, or not even that.
    pub trace_id: Option<u128>,
    pub parent: Parent,
    pub priority: Option<i64>,
    /// Texts that are no ids and were taken over all the same.
    pub raw_trace_id: Option<String>,
    pub raw_parent_id: Option<String>,
    /// `dd` carried the last Datadog parent.
    pub last_parent: bool,
    /// The trace id came as 64 bits.
    pub short: bool,
    /// The high half came in upper case.
    pub upper: bool,
}

/// The span that the new one is a child of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Parent {
    #[default]
    Absent,
    /// Zero when the header said so.
    Id(u64),
    /// A number over 64 bits, which Python holds until a span is made of it.
    TooBig,
}

impl Parent {
    /// A number of any size.
    pub fn of(value: u128) -> Self {
        u64::try_from(value).map_or(Parent::TooBig, Parent::Id)
    }

    /// Neither absent nor zero.
    pub fn is_some(self) -> bool {
        !matches!(self, Parent::Absent | Parent::Id(0))
    }
}
