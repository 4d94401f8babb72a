//! What an adapter file asks for and offers, whether it would be accepted or not. Nothing of it runs.

use wasmtime::component::types::ComponentItem;

use super::adapter::{PACKAGE, check_import, sha256};
use super::engine::Engine;

/// What a file is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    /// sha256 of the file, in hexadecimal.
    pub sha256: String,
    /// The version of the contract that it names; none when it names none.
    pub contract: Option<String>,
    /// What it imports, in its order.
    pub imports: Vec<Import>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
}

/// Something that a file wants from the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its name: a function of the world, or an interface with its package and version.
    pub name: String,
    /// Whether an adapter gets it.
    pub is_granted: bool,
}

impl Outline {
    /// The outline of a component or of a core module with the bindings of a contract; of anything else only the hash.
    pub fn of(engine: &Engine, bytes: &[u8]) -> Self {
        let names = of_component(engine, bytes).or_else(|| of_module(bytes));
        let (imports, exports) = names.unwrap_or_default();
        let mut all = imports.iter().chain(&exports);
        Self {
            sha256: sha256(bytes),
            contract: all.find_map(|name| version(name)),
            imports: imports.into_iter().map(Import::of).collect(),
            exports,
        }
    }
}

impl Import {
    fn of(name: String) -> Self {
        let is_granted = check_import(&name).is_ok();
        Self { name, is_granted }
    }
}

/// Names of imports and of exports.
type Names = (Vec<String>, Vec<String>);

fn of_component(engine: &Engine, bytes: &[u8]) -> Option<Names> {
    let component = wasmtime::component::Component::new(&engine.0, bytes).ok()?;
    let shape = component.component_type();
    let imports = shape.imports(&engine.0);
    // A type alone can reach nothing.
    let reaching = imports.filter(|(_, import)| !matches!(import.ty, ComponentItem::Type(_)));
    let exports = shape.exports(&engine.0);
    Some((
        reaching.map(|(name, _)| name.to_owned()).collect(),
        exports.map(|(name, _)| name.to_owned()).collect(),
    ))
}

fn of_module(bytes: &[u8]) -> Option<Names> {
    let (_, bindings) = wit_component::metadata::decode(bytes).ok()?;
    let resolve = &bindings.resolve;
    let world = resolve.worlds.get(bindings.world)?;
    let imports = world.imports.iter();
    let reaching = imports.filter(|(_, item)| !matches!(item, wit_parser::WorldItem::Type { .. }));
    Some((
        reaching
            .map(|(key, _)| resolve.name_world_key(key))
            .collect(),
        world
            .exports
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect(),
    ))
}

/// The version of the contract in the name of one of its interfaces.
fn version(name: &str) -> Option<String> {
    let (path, version) = name.split_once('@')?;
    let is_ours = path.strip_prefix(PACKAGE)?.starts_with('/');
    is_ours.then(|| version.to_owned())
}
