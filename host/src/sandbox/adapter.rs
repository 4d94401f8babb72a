//! Accepting an adapter file: hash, format, contract version and imports are checked before anything of it runs.

use sha2::Digest;

use super::contract::{Description, Venue, generated};
use super::engine::Engine;
use super::fault::Fault;
use super::instance::{Instance, State};
use crate::limits::Limits;

/// Package of the contract, without its version.
pub(super) const PACKAGE: &str = "marketprism:adapter";

/// Version of the contract that this host speaks.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// Largest adapter file, in bytes.
pub const ADAPTER_BYTES_MAX: usize = 64 << 20;

/// Why an adapter file was not accepted. Nothing of it has run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not WebAssembly at all.
    #[error("not a WebAssembly file: it begins with {0}")]
    NotWasm(String),
    /// WebAssembly, but damaged, or using what this host does not offer.
    #[error("not a valid WebAssembly file: {0}")]
    Invalid(String),
    /// Longer than [`ADAPTER_BYTES_MAX`].
    #[error("{0} bytes long, at most {ADAPTER_BYTES_MAX} are accepted")]
    TooLarge(usize),
    /// WebAssembly, but no adapter.
    #[error("not an adapter: {0}")]
    NotAnAdapter(String),
    /// Made for another version of the contract.
    #[error(
        "speaks {PACKAGE}@{found}, this host speaks {PACKAGE}@{CONTRACT_VERSION}: rebuild the adapter"
    )]
    WitVersion {
        /// The version that the file names.
        found: String,
    },
    /// It wants to import something that it is not granted.
    #[error("imports {0}, which is not granted")]
    ImportNotGranted(String),
    /// Another file than the configuration names.
    #[error("has sha256 {found}, the configuration wants {expected}")]
    WrongHash {
        /// sha256 of the file, in hexadecimal.
        found: String,
        /// What the configuration says.
        expected: String,
    },
    /// It did not answer what it is.
    #[error("does not describe itself: {0}")]
    NoDescription(String),
}

/// What the configuration grants an adapter file.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// The sha256 that the file must have, in hexadecimal; any when absent.
    pub sha256: Option<String>,
}

/// An adapter that was accepted and compiled.
pub struct Adapter {
    engine: Engine,
    pre: generated::AdapterPre<State>,
    description: Description,
    sha256: String,
}

impl Adapter {
    /// Checks and compiles `bytes`: a component, or what `cargo build` writes for `wasm32-unknown-unknown` with the
    /// bindings of the contract in it. Then asks it what it is, in an instance of its own under `limits`.
    pub fn load(
        engine: &Engine,
        bytes: &[u8],
        grant: &Grant,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        if bytes.len() > ADAPTER_BYTES_MAX {
            return Err(Refusal::TooLarge(bytes.len()));
        }
        let sha256 = sha256(bytes);
        if let Some(expected) = &grant.sha256
            && !expected.eq_ignore_ascii_case(&sha256)
        {
            return Err(Refusal::WrongHash {
                found: sha256,
                expected: expected.clone(),
            });
        }
        let component = match bytes {
            [0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00, ..] => {
                &componentize(&engine.0, bytes)?[..]
            }
            [0x00, b'a', b's', b'm', _, 0x00, 0x01, 0x00, ..] => bytes,
            _ => {
                let head = bytes.get(..bytes.len().min(8)).unwrap_or_default();
                return Err(Refusal::NotWasm(format!(
                    "{:?}",
                    String::from_utf8_lossy(head)
                )));
            }
        };
        let component = wasmtime::component::Component::new(&engine.0, component)
            .map_err(|error| Refusal::Invalid(first_line(&format!("{error:#}"))))?;
        check_imports(&engine.0, &component)?;
        let pre = link(&engine.0, &component)
            .map_err(|error| Refusal::NotAnAdapter(first_line(&format!("{error:#}"))))?;
        let mut adapter = Self {
            engine: engine.clone(),
            pre,
            description: Description {
                name: String::new(),
                version: String::new(),
                venues: Vec::new(),
                data_types: Vec::new(),
                settings: Vec::new(),
                connections_max: 0,
            },
            sha256,
        };
        adapter.description = Instance::new(&adapter, limits)
            .and_then(|mut instance| instance.describe())
            .map_err(|fault: Fault| Refusal::NoDescription(fault.to_string()))?;
        Ok(adapter)
    }

    /// What the adapter says of one of its markets; none of one that it does not serve.
    pub fn venue(&self, name: &str) -> Option<&Venue> {
        self.description.venues.iter().find(|it| it.name == name)
    }

    /// The names of the markets that it serves.
    pub fn venue_names(&self) -> Vec<&str> {
        let venues = self.description.venues.iter();
        venues.map(|it| it.name.as_str()).collect()
    }

    /// What the adapter says it is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// sha256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        &self.engine.0
    }

    pub(super) fn pre(&self) -> &generated::AdapterPre<State> {
        &self.pre
    }
}

/// Wraps a core module that carries the contract's bindings into a component.
fn componentize(engine: &wasmtime::Engine, module: &[u8]) -> Result<Vec<u8>, Refusal> {
    wasmtime::Module::validate(engine, module)
        .map_err(|error| Refusal::Invalid(first_line(&format!("{error:#}"))))?;
    let (_, bindings) = wit_component::metadata::decode(module)
        .map_err(|error| Refusal::NotAnAdapter(first_line(&format!("{error:#}"))))?;
    let world = bindings
        .resolve
        .worlds
        .get(bindings.world)
        .ok_or_else(|| Refusal::NotAnAdapter("it names no world".into()))?;
    let package = world
        .package
        .and_then(|id| bindings.resolve.packages.get(id))
        .map(|package| &package.name);
    for (key, item) in &world.imports {
        if !matches!(item, wit_parser::WorldItem::Type { .. }) {
            check_import(&bindings.resolve.name_world_key(key))?;
        }
    }
    match package {
        Some(name) if format!("{}:{}", name.namespace, name.name) == PACKAGE => {
            let found = name
                .version
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            if found != CONTRACT_VERSION {
                return Err(Refusal::WitVersion { found });
            }
        }
        // `wit-bindgen` merges worlds under a package of its own; the imports above told the version.
        Some(name) if name.namespace == "root" => {}
        Some(name) => {
            return Err(Refusal::NotAnAdapter(format!(
                "its world belongs to {name}"
            )));
        }
        None => return Err(Refusal::NotAnAdapter("it carries no contract".into())),
    }
    wit_component::ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| encoder.validate(true).encode())
        .map_err(|error| Refusal::NotAnAdapter(first_line(&format!("{error:#}"))))
}

fn check_imports(
    engine: &wasmtime::Engine,
    component: &wasmtime::component::Component,
) -> Result<(), Refusal> {
    use wasmtime::component::types::ComponentItem;
    for (name, import) in component.component_type().imports(engine) {
        // A type alone can reach nothing.
        if !matches!(import.ty, ComponentItem::Type(_)) {
            check_import(name)?;
        }
    }
    Ok(())
}

/// An adapter may import `log` and the contract's own types, and nothing else.
pub(super) fn check_import(name: &str) -> Result<(), Refusal> {
    if name == "log" {
        return Ok(());
    }
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    match path.strip_prefix(PACKAGE) {
        Some("/types") if version == CONTRACT_VERSION => Ok(()),
        Some(rest) if rest.starts_with('/') && version != CONTRACT_VERSION => {
            Err(Refusal::WitVersion {
                found: version.to_string(),
            })
        }
        _ => Err(Refusal::ImportNotGranted(name.to_string())),
    }
}

fn link(
    engine: &wasmtime::Engine,
    component: &wasmtime::component::Component,
) -> wasmtime::Result<generated::AdapterPre<State>> {
    let mut linker = wasmtime::component::Linker::new(engine);
    generated::Adapter::add_to_linker::<_, wasmtime::component::HasSelf<State>>(
        &mut linker,
        |state| state,
    )?;
    generated::AdapterPre::new(linker.instantiate_pre(component)?)
}

/// The sha256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write;
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_string()
}
