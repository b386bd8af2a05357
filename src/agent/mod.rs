//! HTTP in and out: the server that records what tracers send ([`server`], [`store`], [`answer`]); the client
//! that requests go out with ([`client`]), what an answer says ([`taken`]), and the sending of many ([`replay`]); and reading
//! back what was sent ([`fetch`], [`verify`]).

pub mod answer;
pub mod client;
pub mod fetch;
mod first;
mod heads;
pub mod info;
pub mod likely;
pub mod replay;
pub mod server;
mod session;
pub mod store;
pub mod taken;
pub mod tls;
pub mod verify;

/// hyper's tasks on this thread.
#[cfg(feature = "grpc")]
#[derive(Clone, Copy)]
struct Local;

#[cfg(feature = "grpc")]
impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(async move {
            task.await;
        });
    }
}
