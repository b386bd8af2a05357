//! HTTP in and out: the server that records what tracers send ([`server`], [`store`], [`answer`]), and the client
//! that requests go out with ([`client`]).

pub mod answer;
pub mod client;
mod heads;
pub mod server;
pub mod store;
