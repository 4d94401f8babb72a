//! The way out of a live session: a bounded outbox, and NATS behind it once it is reached.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::clock::wall_clock;
use super::fence::Fence;
use super::old_names::OldNames;
use crate::bus::{self, Bus, BusError, Delivered, Deposit, Outbox, Storing};
use crate::wire::{Message, Transport};

/// Messages on their way to NATS.
pub(super) struct Outbound {
    outbox: Outbox,
    way: Way,
    delivered: Delivered,
    fence: Fence,
    /// Takes what a stream is to store; none when everything goes out over Core NATS.
    deposit: Option<Deposit>,
    old_names: Option<OldNames>,
}

/// The way to NATS.
enum Way {
    Connecting(mpsc::Receiver<Bus>),
    Open(Bus),
    /// None is configured.
    Closed,
}

impl Outbound {
    /// Tries to reach NATS in the background of the current runtime, for as long as it takes.
    pub(super) fn new(
        outbox: Outbox,
        settings: Option<bus::Settings>,
        fence: Fence,
        deposit: Option<Deposit>,
        venue: &Arc<str>,
    ) -> Self {
        let old_subjects = settings.as_ref().and_then(|it| it.old_subjects);
        let way = match settings {
            Some(settings) => {
                let (sender, receiver) = mpsc::channel(1);
                tokio::spawn(reach(settings, sender));
                Way::Connecting(receiver)
            }
            None => Way::Closed,
        };
        Self {
            outbox,
            way,
            delivered: Delivered::default(),
            fence,
            deposit,
            old_names: old_subjects.map(|way| OldNames::new(venue.clone(), way)),
        }
    }

    /// Lets a message go out. It never waits.
    pub(super) fn push(&mut self, message: Message) {
        if self.fence.is_up() {
            return;
        }
        let again = self.old_names.as_mut().and_then(|it| it.again(&message));
        self.hand_over(message);
        if let Some(again) = again {
            self.hand_over(again);
        }
    }

    /// To JetStream what one of its streams keeps, the rest into the outbox.
    fn hand_over(&mut self, message: Message) {
        let is_stored = message.transport == Transport::Stream;
        match &self.deposit {
            Some(deposit) if is_stored && deposit.takes(&message) => deposit.put(message),
            _ => self.outbox.push(message),
        }
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What NATS took and what streams stored.
    pub(super) fn delivered(&self) -> Delivered {
        let mut delivered = self.delivered.clone();
        if let Some(deposit) = &self.deposit {
            delivered.merge(deposit.figures().delivered);
        }
        delivered
    }

    /// What became of the messages for streams; none when there are no streams.
    pub(super) fn storing(&self) -> Option<Storing> {
        self.deposit.as_ref().map(Deposit::figures)
    }

    /// Whether a connection stands; none when NATS is not wanted.
    pub(super) fn is_connected(&self) -> Option<bool> {
        match &self.way {
            Way::Connecting(_) => Some(false),
            Way::Open(bus) => Some(bus.is_connected()),
            Way::Closed => None,
        }
    }

    /// Whether [`Outbound::send_next`] has something to do or to wait for.
    pub(super) fn is_busy(&self) -> bool {
        !self.outbox.is_empty() || matches!(self.way, Way::Connecting(_))
    }

    /// Sends the message that is next, once there is a way. Safe to drop while it waits: a message leaves the outbox
    /// only when NATS has it.
    pub(super) async fn send_next(&mut self) {
        if let Way::Connecting(found) = &mut self.way {
            self.way = found.recv().await.map_or(Way::Closed, Way::Open);
        }
        let Some(message) = self.outbox.next().filter(|_| !self.fence.is_up()) else {
            self.outbox.pop();
            return;
        };
        match &self.way {
            Way::Open(bus) => match bus.publish(message).await {
                Ok(()) => self.delivered.sent(message, wall_clock()),
                Err(error) => {
                    tracing::error!("{}: not published: {error}", message.subject);
                    let reason = match error {
                        BusError::TooLarge { .. } => "too_large",
                        BusError::Closed { .. } => "closed",
                        _ => "publish_failed",
                    };
                    self.delivered.failed(message, reason);
                }
            },
            Way::Connecting(_) | Way::Closed => self.delivered.discarded += 1,
        }
        self.outbox.pop();
    }

    /// Sends everything that waits and lets NATS confirm it; false when it did not.
    pub(super) async fn send_all(&mut self) -> bool {
        while !self.outbox.is_empty() {
            self.send_next().await;
        }
        if let Way::Open(bus) = &self.way
            && let Err(error) = bus.flush().await
        {
            tracing::warn!("the last messages may be lost: {error}");
            return false;
        }
        true
    }

    /// Takes out what is left, and tells how much it was.
    pub(super) fn give_up(&mut self) -> usize {
        std::iter::from_fn(|| self.outbox.pop()).count()
    }
}

/// Tries to reach NATS until it is there.
async fn reach(settings: bus::Settings, found: mpsc::Sender<Bus>) {
    tokio::select! {
        bus = Bus::reach(&settings) => {
            let _ = found.send(bus).await;
        }
        () = found.closed() => {}
    }
}
