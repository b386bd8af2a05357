//! What trees mean: where time went, over one trace and over many.

mod assertion;
mod critical_path;
mod summary;

pub use assertion::{Assertion, AssertionError, Broken};
pub use critical_path::critical_path;
pub use summary::{Operation, OperationKey, Operations, Quantiles};
