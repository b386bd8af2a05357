//! What trees mean: where time went, over one trace and over many.

mod assertion;
pub mod codes;
mod critical_path;
mod diff;
mod snapshot;
mod summary;

pub use assertion::{Assertion, AssertionError, Broken};
pub use critical_path::critical_path;
pub use diff::{Change, Matching, changes};
pub use snapshot::{Difference, Snapshot, SnapshotError};
pub use summary::{Operation, OperationKey, Operations, Quantiles};
