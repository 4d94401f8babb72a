//! A shadow run: a candidate sees the same traffic as the version at work, and what both would publish is compared until
//! somebody decides. Both sessions only drop copies into a bounded queue; the comparison has a thread of its own.
//!
//! That thread lasts while the operation is at [`Stage::Comparing`], and with it ends the queue. A session that finds
//! nobody at the queue's other end shows no more: so however a shadow run ends, nothing of it stays.

mod comparing;
mod queue;

use std::time::Duration;

use tokio::time::timeout;

use super::life::Life;
use super::standby::{Away, Standby, refused};
use crate::compare::Figures;
use crate::session::{Session, Tap};
use crate::status::Stage;
use crate::wire::DataType;
use crate::world::LiveWorld;
use comparing::{Comparing, Terms, left_out};
use queue::queue;

/// How often what the version at work has published meanwhile is given up, so that little is held however long it
/// takes.
const GIVE_UP_EVERY: Duration = Duration::from_secs(5);

impl Life {
    /// Is compared with the version at work, if this is a shadow run, and stands by until it may take over.
    pub(super) async fn be_compared(
        &mut self,
        session: &mut Session<LiveWorld>,
        standby: &mut Standby,
    ) -> Result<(), Away> {
        self.note(standby, |it| it.stage = Stage::Comparing);
        let begun = self.begin_comparing(session, standby);
        let [old, new] = begun.or_else(|error| {
            let why = format!("there is no thread that compares: {error}");
            refused(&why)
        })?;
        session.world_mut().settle_in();
        session.begin_tap(new);
        let shows = self.beside(session, standby.line.show(old)).await?;
        if shows.is_err() {
            return refused(
                "the version at work does not answer, so there is nothing to compare with",
            );
        }
        loop {
            let go = timeout(GIVE_UP_EVERY, standby.go.wait_for(|go| *go));
            let go = async { go.await.map(|it| it.is_err()) };
            match self.beside(session, go).await? {
                Ok(false) => break,
                // Nobody is left who could let it go: the daemon ends.
                Ok(true) => return Err(Away::Stopped),
                Err(_) => self.give_up_published(session, standby).await?,
            }
        }
        // What is held goes out soon: it was shown already.
        session.end_tap();
        self.note(standby, |it| {
            it.stage = Stage::Syncing;
            it.why = None;
        });
        Ok(())
    }

    /// Starts the thread that compares. The answer is where the version at work and this one show what they publish.
    fn begin_comparing(
        &self,
        session: &Session<LiveWorld>,
        standby: &Standby,
    ) -> std::io::Result<[Box<dyn Tap>; 2]> {
        let board = self.neighbours.board.clone();
        let at_work = board.session(&self.plan.name);
        let old = at_work.map(|it| Figures {
            name: it.adapter.clone(),
            version: it.adapter_version.clone(),
            sha256: it.adapter_sha256.clone(),
            ..Figures::default()
        });
        let adapter = &self.plan.adapter;
        let description = adapter.description();
        let reports = session.reports().values();
        let streams = reports.flat_map(|it| &it.streams);
        let streams = streams.filter_map(|it| DataType::from_name(&it.data_type));
        let terms = Terms {
            operation: standby.operation,
            length: standby.compared_for,
            old: old.unwrap_or_default(),
            new: Figures {
                name: description.name.clone(),
                version: description.version.clone(),
                sha256: adapter.sha256().to_owned(),
                ..Figures::default()
            },
            left_out: left_out(
                description.data_types.iter().map(String::as_str),
                &streams.collect(),
            ),
            board,
        };
        let (queue, ends) = queue();
        // Named as the session's other threads: so its lines are the session's.
        std::thread::Builder::new()
            .name(self.plan.name.clone())
            .spawn(move || Comparing::new(terms, queue).run())?;
        Ok(ends)
    }

    /// Gives up what is held and published already.
    async fn give_up_published(
        &mut self,
        session: &mut Session<LiveWorld>,
        standby: &Standby,
    ) -> Result<(), Away> {
        if let Ok(reach) = self.beside(session, standby.line.reach()).await? {
            // Should too much be held already, it is told when it matters: at the promotion.
            let _ = session.joins(&reach);
        }
        Ok(())
    }
}
