//! The lives of the sessions: started, stopped, restarted after a fault, told what changed.

mod command;

pub use command::{Command, CommandError, Order, Remote, What};
