//! What trees mean: where time went, over one trace and over many.

mod assertion;
pub mod codes;
pub mod context_store;
mod critical_path;
mod diff;
pub mod failure;
mod grouping;
mod handoff;
mod logs;
mod merged;
mod segments;
mod skew;
mod snapshot;
mod stitch;
mod summary;

pub use assertion::{Assertion, AssertionError, Broken};
pub use critical_path::{critical_path, idle};
pub use diff::{Change, Matching, changes};
pub use grouping::Grouping;
pub use handoff::handoff;
pub use logs::{LogLine, Logs};
pub use merged::{Frame, Merged};
pub use segments::{Segment, segments};
pub use skew::{shifted, skew};
pub use snapshot::{Difference, Snapshot, SnapshotError};
pub use stitch::{By, Confidence, Stitch, Stitcher, Task};
pub use summary::{Operation, OperationKey, Operations, Quantiles};
