//! The lives of the sessions. Each lives on a thread of its own; here it is decided when one begins, ends, begins again
//! after a fault or a death, is given up because it hangs, or goes on by a new plan.

mod baton;
mod call;
mod command;
mod keeper;
mod life;
mod plans;
mod pulse;
mod replacements;
mod reporter;
mod restart;
mod shadow;
mod standby;
mod supervise;
mod watch;

pub use command::{Answer, Candidate, Command, CommandError, Decision, Order, Remote, Wanted};
pub use plans::Plans;
pub use replacements::Replacements;
pub use restart::RestartPolicy;
pub use supervise::{Neighbours, Supervisor};
