//! The bus against a real nats-server: what is published arrives, and what cannot work says why.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

#[path = "nats_delivery/access.rs"]
mod access;
#[path = "nats_delivery/arrival.rs"]
mod arrival;
#[path = "nats_delivery/encryption.rs"]
mod encryption;
#[path = "nats_delivery/reach.rs"]
mod reach;

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use marketprism_host::bus::{Bus, BusError, Settings};
use marketprism_host::wire::{DataType, Message};
use marketprism_tests::nats_server::NatsServer;

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

fn settings(server: &NatsServer) -> Settings {
    Settings {
        servers: vec![server.address()],
        ..Settings::default()
    }
}

fn message(data_type: DataType, payload: &str) -> Message {
    Message {
        subject: format!("{}.alpha.spot.BTC-USDT", data_type.name()).into(),
        msg_id: (data_type == DataType::FundingRate)
            .then(|| "funding_rate:alpha_spot:BTC-USDT:1".to_owned()),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        data_type,
        transport: data_type.transport(),
        source: Default::default(),
        stamp: Default::default(),
    }
}

/// Connects, publishes and waits for the confirmation.
async fn publishes(settings: &Settings) -> Result<(), BusError> {
    let bus = soon("connection", Bus::connect(settings)).await?;
    bus.publish(&message(DataType::Trade, "{}")).await?;
    assert!(bus.is_connected());
    bus.close().await
}

/// The text of the error that connecting gives.
async fn refusal(settings: &Settings) -> String {
    match soon("answer", Bus::connect(settings)).await {
        Ok(_) => panic!("the server was taken: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file
}
