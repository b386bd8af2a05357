//! HTTP in and out: the server that records what tracers send ([`server`], [`store`], [`answer`]), and the client
//! that requests go out with ([`client`]), and the sending of a whole capture ([`replay`]).

pub mod answer;
pub mod client;
mod first;
mod heads;
mod likely;
pub mod replay;
pub mod server;
mod session;
pub mod store;
pub mod taken;
pub mod tls;

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
