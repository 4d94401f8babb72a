//! What people and programs may ask of the supervisor while it runs.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::limits::Limits;
use crate::status::State;

/// Commands that wait for the supervisor.
pub(super) const COMMANDS_MAX: usize = 64;

/// What to do with one session. Each may be given twice: it is then done already, and the answer is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Start it, if it is stopped or failed.
    Start,
    /// Stop it: connections closed, what is queued published.
    Stop,
    /// Stop it and start it again.
    Restart,
    /// Let its adapter use this from now on; until the next reload of the configuration.
    Limits(Box<Limits>),
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// There is no session of that name.
    #[error("there is no session {wanted:?}; there are {present}")]
    Unknown {
        /// The name asked for.
        wanted: String,
        /// The names that there are.
        present: String,
    },
    /// The daemon is about to end, or too many commands wait.
    #[error("the daemon cannot take commands now")]
    Busy,
    /// The session could not be started.
    #[error("{0}")]
    Failed(String),
}

/// A version that is to be tried.
#[derive(Clone, PartialEq, Eq)]
pub struct Candidate {
    /// What its file holds.
    pub bytes: Vec<u8>,
    /// Where it came from, for people.
    pub source: String,
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.source, self.bytes.len())
    }
}

/// What is to become of a session's adapter while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This version takes over.
    Swap(Candidate),
    /// The last good version takes over again.
    Rollback,
    /// This version sees the same traffic for so long, and nothing of it is published.
    Shadow(Candidate, Duration),
}

/// What becomes of a candidate in a shadow run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It takes over.
    Promote,
    /// It ends.
    Drop,
}

/// The way to a running supervisor. Clones lead to the same one.
#[derive(Debug, Clone)]
pub struct Remote {
    orders: mpsc::Sender<Order>,
}

/// Where the answer to an order goes; whoever asked may have stopped waiting.
pub type Answer<T> = oneshot::Sender<Result<T, CommandError>>;

/// An order on its way.
#[derive(Debug)]
pub enum Order {
    /// For the session of that name; the answer is the state that it led to.
    Session(String, Command, Answer<State>),
    /// For all of them: the configuration is read again.
    Reload(Answer<()>),
    /// Another version for the session of that name; the answer is the number of the operation.
    Replace(String, Wanted, Answer<u64>),
    /// What becomes of the candidate of this operation.
    Decide(u64, Decision, Answer<()>),
}

impl Remote {
    /// A way, and its end where the orders arrive.
    pub fn new() -> (Self, mpsc::Receiver<Order>) {
        let (orders, received) = mpsc::channel(COMMANDS_MAX);
        (Self { orders }, received)
    }

    /// Gives a command to a session and waits until it is done; the answer is the state that it led to.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn command(&self, session: &str, command: Command) -> Result<State, CommandError> {
        self.order(|answer| Order::Session(session.to_owned(), command, answer))
            .await
    }

    /// Reads the configuration again and brings every session up to date.
    ///
    /// # Errors
    /// [`CommandError::Failed`] with the reasons when the configuration cannot be used; nothing has changed then.
    pub async fn reload(&self) -> Result<(), CommandError> {
        self.order(Order::Reload).await
    }

    /// Begins to replace a session's adapter while it runs; the answer is the number of the operation, which tells how
    /// it goes.
    ///
    /// # Errors
    /// [`CommandError`], when nothing was begun.
    pub async fn replace(&self, session: &str, wanted: Wanted) -> Result<u64, CommandError> {
        self.order(|answer| Order::Replace(session.to_owned(), wanted, answer))
            .await
    }

    /// Decides what becomes of the candidate in a shadow run.
    ///
    /// # Errors
    /// [`CommandError::Failed`] when that operation has no candidate that waits for a decision.
    pub async fn decide(&self, operation: u64, decision: Decision) -> Result<(), CommandError> {
        self.order(|answer| Order::Decide(operation, decision, answer))
            .await
    }

    async fn order<T>(&self, order: impl FnOnce(Answer<T>) -> Order) -> Result<T, CommandError> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .try_send(order(answer))
            .map_err(|_| CommandError::Busy)?;
        answered.await.unwrap_or(Err(CommandError::Busy))
    }
}
