//! The compiler and runtime that all adapters share, configured for untrusted guests.

use std::path::Path;

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot start: {0}")]
pub struct EngineError(String);

/// Compiles adapters. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Engine(pub(super) wasmtime::Engine);

impl Engine {
    /// An engine that keeps compiled code under `cache`, or compiles anew every time.
    ///
    /// The cache belongs to wasmtime, which keys it by the adapter's bytes, its own version and its settings, so a
    /// stale or foreign entry is never run.
    pub fn new(cache: Option<&Path>) -> Result<Self, EngineError> {
        let mut config = wasmtime::Config::new();
        config
            .wasm_component_model(true)
            // Deterministic for one build of engine and adapter: a replayed fault is the same fault.
            .consume_fuel(true)
            .max_wasm_stack(512 * 1024)
            // A fault names functions and lines where the adapter carries them.
            .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Enable)
            // What no adapter needs is not there to be attacked.
            .wasm_relaxed_simd(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false);
        if let Some(directory) = cache {
            let mut settings = wasmtime::CacheConfig::new();
            // wasmtime wants an absolute path.
            settings.with_directory(
                std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf()),
            );
            match wasmtime::Cache::new(settings) {
                Ok(cache) => {
                    config.cache(Some(cache));
                }
                Err(error) => tracing::warn!(
                    "compiled adapters are not kept: {} cannot be used: {error:#}",
                    directory.display()
                ),
            }
        }
        wasmtime::Engine::new(&config)
            .map(Self)
            .map_err(|error| EngineError(format!("{error:#}")))
    }
}
