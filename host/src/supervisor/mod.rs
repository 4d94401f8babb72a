//! The lives of the sessions. Each lives on a thread of its own; here it is decided when one begins, ends, begins again
//! after a fault or a death, is given up because it hangs, or goes on by a new plan.

mod command;
mod keeper;
mod life;
mod plans;
mod reporter;
mod restart;
mod supervise;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the supervisor is to look through it")
)]
mod watch;

pub use command::{Answer, Candidate, Command, CommandError, Decision, Order, Remote, Wanted};
pub use plans::Plans;
pub use restart::RestartPolicy;
pub use supervise::{Neighbours, Supervisor};
