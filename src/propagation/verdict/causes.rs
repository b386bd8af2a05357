//! Why a reading came out as it did: the codes that stopped it, kept apart from those that only bent what it gave. A
//! fault that the tracer overlooks is no reason for a refusal, so the second kind counts only when a context came out.

use super::Cause;

/// The causes that one reading leaves, in the order in which its rules ran.
#[derive(Debug, Default)]
pub(super) struct Causes(Vec<(Cause, bool)>);

impl Causes {
    /// Alone it would have kept this tracer from a context.
    pub fn stops(&mut self, cause: Cause) {
        self.note(cause, true);
    }

    /// The context differs for it, or goes on in spite of it.
    pub fn bends(&mut self, cause: Cause) {
        self.note(cause, false);
    }

    fn note(&mut self, cause: Cause, stops: bool) {
        match self.0.iter_mut().find(|(noted, _)| *noted == cause) {
            Some((_, stopped)) => *stopped |= stops,
            None => self.0.push((cause, stops)),
        }
    }

    /// Those that count, given whether a context came out.
    pub fn counting(self, found: bool) -> impl Iterator<Item = Cause> {
        self.0.into_iter().filter(move |(_, stops)| found || *stops).map(|(cause, _)| cause)
    }
}
