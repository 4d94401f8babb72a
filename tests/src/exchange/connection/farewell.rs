//! How a connection ends, and what is written down then.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::{Connection, Socket};
use crate::exchange::faults::FrameFault;
use crate::exchange::frame::Frame;
use crate::exchange::ledger::Fate;
use crate::exchange::records::End;

/// How long a client has to take the rest and to answer a close frame.
const FAREWELL: Duration = Duration::from_secs(2);

impl Connection {
    pub(super) fn finish(mut self, end: End, complete: bool, mut frames: mpsc::Receiver<Frame>) {
        frames.close();
        let mut state = self.shared.lock();
        for frame in std::mem::take(&mut self.line.held).into_values() {
            self.enter(&mut state, &frame, Fate::Unsent);
        }
        while let Ok(frame) = frames.try_recv() {
            self.enter(&mut state, &frame, Fate::Unsent);
        }
        let at = self.shared.began.elapsed();
        if let Some(record) = state.connections.get_mut(&self.number) {
            record.ended = Some((at, end));
            record.complete = complete;
        }
        drop(state);
        self.shared.happened();
    }
}

/// Ends a connection in its way; true when the client could read everything.
pub(super) async fn farewell(mut socket: Socket, end: End) -> bool {
    let (code, reason) = match end {
        End::Client | End::TooSlow | End::NoPong | End::NoTest => return false,
        End::Fault(FrameFault::Reset) => {
            drop(timeout(FAREWELL, socket.flush()).await);
            // What fails here fails because the client is gone.
            let _ = socket.get_ref().set_zero_linger();
            return false;
        }
        End::Fault(FrameFault::Abort) => {
            let flushed = matches!(timeout(FAREWELL, socket.flush()).await, Ok(Ok(())));
            let _ = tokio::io::AsyncWriteExt::shutdown(socket.get_mut()).await;
            // Reading on until the client ends it too: unread bytes would turn the end into a reset.
            drop(timeout(FAREWELL, read_out(socket)).await);
            return flushed;
        }
        End::TooManyMessages => (CloseCode::Policy, "Too many requests"),
        End::TooManyStreams => (CloseCode::Policy, "Too many streams"),
        // As OKX says it.
        End::Idle => (CloseCode::Library(4_004), "No data received in 30s."),
        End::TooOld | End::Ordered | End::Fault(_) => (CloseCode::Away, "Going away"),
    };
    let frame = CloseFrame {
        code,
        reason: reason.into(),
    };
    let closed = matches!(
        timeout(FAREWELL, socket.close(Some(frame))).await,
        Ok(Ok(()))
    );
    let answer = async { while let Some(Ok(_)) = socket.next().await {} };
    drop(timeout(FAREWELL, answer).await);
    closed
}

async fn read_out(socket: Socket) {
    let mut tcp = socket.into_inner();
    let mut bytes = [0; 1_024];
    while let Ok(1..) = tokio::io::AsyncReadExt::read(&mut tcp, &mut bytes).await {}
}
