//! Spans made to measure: one span with whatever fields it should have ([`Recipe`]), the documented traces of real systems
//! and files of their form ([`Scenario`]), and services that call each other ([`Topology`]). Everything follows from a seed.

mod random;
mod recipe;
mod scenario;
mod sketch;
mod topology;

pub use random::Random;
pub use recipe::Recipe;
pub use scenario::{Scenario, ScenarioError, documented};
pub use topology::{Topology, TopologyError};
