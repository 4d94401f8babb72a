//! The way out of a live session: a bounded outbox, and NATS behind it once it is reached.

use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::wall_clock;
use super::delivered::Delivered;
use super::fence::Fence;
use crate::bus::{self, Bus, BusError, Outbox};
use crate::wire::Message;

/// Longest pause between two attempts to reach NATS for the first time.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Messages on their way to NATS.
pub(super) struct Outbound {
    outbox: Outbox,
    way: Way,
    delivered: Delivered,
    fence: Fence,
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
    pub(super) fn new(outbox: Outbox, settings: Option<bus::Settings>, fence: Fence) -> Self {
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
        }
    }

    /// Puts a message into the outbox. It never waits.
    pub(super) fn push(&mut self, message: Message) {
        if !self.fence.is_up() {
            self.outbox.push(message);
        }
    }

    pub(super) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(super) fn delivered(&self) -> &Delivered {
        &self.delivered
    }

    /// Whether a connection stands; none when NATS is not wanted.
    pub(super) fn is_connected(&self) -> Option<bool> {
        match &self.way {
            Way::Connecting(_) => Some(false),
            Way::Open(bus) => Some(bus.is_connected()),
            Way::Closed => None,
        }
    }

    /// Sends the message that is next, once there is a way. Safe to drop while it waits: a message leaves the outbox
    /// only when NATS has it.
    pub(super) async fn send_next(&mut self) {
        if let Way::Connecting(found) = &mut self.way
            && let Some(bus) = found.recv().await
        {
            self.way = Way::Open(bus);
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

    /// Sends everything that waits and lets NATS confirm it.
    pub(super) async fn send_all(&mut self) {
        while !self.outbox.is_empty() {
            self.send_next().await;
        }
        if let Way::Open(bus) = &self.way
            && let Err(error) = bus.flush().await
        {
            tracing::warn!("the last messages may be lost: {error}");
        }
    }

    /// Takes out what is left, and tells how much it was.
    pub(super) fn give_up(&mut self) -> usize {
        std::iter::from_fn(|| self.outbox.pop()).count()
    }
}

/// Tries to reach NATS until it is there.
async fn reach(settings: bus::Settings, found: mpsc::Sender<Bus>) {
    let mut pause = Duration::from_millis(500);
    loop {
        match Bus::connect(&settings).await {
            Ok(bus) => {
                let _ = found.send(bus).await;
                return;
            }
            Err(error) => {
                tracing::warn!("{error}; trying again in {:.1} s", pause.as_secs_f64());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = found.closed() => return,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
