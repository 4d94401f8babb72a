//! Where a version of an adapter comes from: it is sent with the call, or the call names one that is there already.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::body::{ADAPTER_MEDIA_TYPE, media_type};
use super::order::{is_file_name, object};
use super::trouble::Trouble;
use crate::serve::desk::Desk;
use crate::supervisor::Candidate;

/// Characters of a hash that people are shown.
const HASH_SHOWN: usize = 12;

/// Finds a file by its name or hash; none when there is no such file.
pub type Find = dyn Fn(&str) -> io::Result<Option<Vec<u8>>> + Send + Sync;

/// Versions of adapters that are there already. Both read files: they are called where nobody waits for it.
#[derive(Clone)]
pub struct AdapterFiles {
    /// What a file of the adapters folder holds, by its name. The name is letters, digits, `-`, `_` and `.`, and does not
    /// begin with the latter.
    pub file: Arc<Find>,
    /// What a version that was kept holds, by its sha256 in hexadecimal.
    pub kept: Arc<Find>,
}

/// The version that a call sends or names. The other keys of a body that names one are added to `more`.
pub(super) async fn candidate(
    desk: &Desk,
    headers: &HeaderMap,
    body: Bytes,
    more: &mut Map<String, Value>,
) -> Result<Candidate, Trouble> {
    match media_type(headers) {
        ADAPTER_MEDIA_TYPE => sent(body),
        "application/json" => named(desk, object(headers, &body)?, more).await,
        _ => Err(Trouble::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be an adapter, or JSON that names one, and say so",
            "send the file as `Content-Type: application/wasm`, or {\"file\": \"NAME.wasm\"} or {\"sha256\": HASH} as \
             `application/json`",
        )),
    }
}

fn sent(body: Bytes) -> Result<Candidate, Trouble> {
    if body.is_empty() {
        let hint = "send what the adapter's file holds";
        return Err(Trouble::bad("the body is empty", hint));
    }
    Ok(Candidate {
        bytes: body.into(),
        source: "sent with the call".to_owned(),
    })
}

async fn named(
    desk: &Desk,
    mut keys: Map<String, Value>,
    more: &mut Map<String, Value>,
) -> Result<Candidate, Trouble> {
    let named = (keys.remove("file"), keys.remove("sha256"));
    more.append(&mut keys);
    match named {
        (Some(Value::String(name)), None) => file(desk, name).await,
        (None, Some(Value::String(hash))) => kept(desk, hash).await,
        _ => Err(Trouble::bad(
            "the body must name one version",
            "send {\"file\": \"NAME.wasm\"}, a file of the adapters folder, or {\"sha256\": HASH}, a version that ran \
             before",
        )),
    }
}

async fn file(desk: &Desk, name: String) -> Result<Candidate, Trouble> {
    if !is_file_name(&name) || !name.ends_with(".wasm") {
        return Err(Trouble::bad(
            "`file` must be the name of a .wasm file in the adapters folder",
            "write it without its folder, or send the file itself as `Content-Type: application/wasm`",
        ));
    }
    let none = || {
        Trouble::new(
            StatusCode::NOT_FOUND,
            format!("there is no {name} in the adapters folder"),
            "copy it there, or send the file itself as `Content-Type: application/wasm`",
        )
    };
    let adapters = desk.adapters.as_ref().ok_or_else(none)?;
    let bytes = find(&adapters.file, &name).await?.ok_or_else(none)?;
    Ok(Candidate {
        bytes,
        source: name,
    })
}

async fn kept(desk: &Desk, hash: String) -> Result<Candidate, Trouble> {
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hash {
        return Err(Trouble::bad(
            "`sha256` must be 64 hexadecimal digits",
            "GET /api/v1/operations tells the hashes of the versions of late",
        ));
    }
    let none = || {
        Trouble::new(
            StatusCode::NOT_FOUND,
            "no version with that sha256 is kept",
            "GET /api/v1/operations tells the hashes of the versions of late; or send the file itself",
        )
    };
    let adapters = desk.adapters.as_ref().ok_or_else(none)?;
    let bytes = find(&adapters.kept, &hash).await?.ok_or_else(none)?;
    let shown = hash.get(..HASH_SHOWN).unwrap_or(&hash);
    Ok(Candidate {
        bytes,
        source: format!("kept version {shown}"),
    })
}

async fn find(find: &Arc<Find>, what: &str) -> Result<Option<Vec<u8>>, Trouble> {
    let (find, what) = (find.clone(), what.to_owned());
    let outcome = tokio::task::spawn_blocking(move || find(&what)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("reading failed")));
    outcome.map_err(|error| {
        tracing::warn!("the adapter cannot be read: {error}");
        Trouble::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the adapter cannot be read",
            "the daemon's log tells why",
        )
    })
}
