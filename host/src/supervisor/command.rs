//! What people and programs may ask of the supervisor while it runs.

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

/// The way to a running supervisor. Clones lead to the same one.
#[derive(Debug, Clone)]
pub struct Remote {
    orders: mpsc::Sender<Order>,
}

/// A command on its way.
#[derive(Debug)]
pub struct Order {
    /// What is to be done.
    pub what: What,
    /// Where the outcome goes; whoever asked may have stopped waiting.
    pub answer: oneshot::Sender<Result<State, CommandError>>,
}

/// Whom a command is for.
#[derive(Debug)]
pub enum What {
    /// For the session of that name.
    Session(String, Command),
    /// For all of them: the configuration is read again.
    Reload,
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
        self.order(What::Session(session.to_owned(), command)).await
    }

    /// Reads the configuration again and brings every session up to date.
    ///
    /// # Errors
    /// [`CommandError::Failed`] with the reasons when the configuration cannot be used; nothing has changed then.
    pub async fn reload(&self) -> Result<(), CommandError> {
        self.order(What::Reload).await.map(drop)
    }

    async fn order(&self, what: What) -> Result<State, CommandError> {
        let (answer, answered) = oneshot::channel();
        let order = Order { what, answer };
        self.orders
            .try_send(order)
            .map_err(|_| CommandError::Busy)?;
        answered.await.unwrap_or(Err(CommandError::Busy))
    }
}
