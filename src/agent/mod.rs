//! HTTP in and out: the server that records what tracers send ([`server`], [`store`], [`answer`]), and the client
//! that requests go out with ([`client`]), and the sending of a whole capture ([`replay`]).

pub mod answer;
pub mod client;
mod heads;
pub mod replay;
pub mod server;
mod session;
pub mod store;
