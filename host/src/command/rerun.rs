//! `marketprism replay BUNDLE`: whether a fault comes again.

use std::path::Path;

use anyhow::Context;

use marketprism_host::adapter_folder::{self, bytes_by_hash};
use marketprism_host::record::{Bundle, Facts, Versions};
use marketprism_host::replay::Rerun;
use marketprism_host::sandbox::{Adapter, Engine, Grant};

use super::{ConfigFile, Folders, folders};

/// Replays the bundle in `path`; fails when the same fault does not come.
pub(super) fn rerun(
    path: &Path,
    config: &ConfigFile,
    adapter: Option<&Path>,
) -> anyhow::Result<()> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| shown.to_string())?;
    let bundle =
        Bundle::read(file).map_err(|error| anyhow::anyhow!("the bundle {shown} {error}"))?;
    let folders = folders(config)?;
    let engine = Engine::new(Some(&folders.data_dir.join("cache")))?;
    let facts = &bundle.facts;
    let adapter = match adapter {
        Some(file) => adapter_folder::open(&engine, file, &Grant::default(), &facts.limits)?,
        None => faulted(&engine, &folders, facts)?,
    };
    let rerun = tokio::runtime::Builder::new_current_thread()
        .build()?
        .block_on(Rerun::of(bundle, adapter.into()));
    anyhow::ensure!(rerun.is_same(), "{rerun}");
    println!("{rerun}");
    Ok(())
}

/// The adapter that faulted, from wherever it is kept.
fn faulted(engine: &Engine, folders: &Folders, facts: &Facts) -> anyhow::Result<Adapter> {
    let wanted = &facts.adapter;
    let bytes = Versions::below(&folders.data_dir)
        .find(&wanted.sha256)
        .or_else(|| bytes_by_hash(&folders.adapters_dir, &wanted.sha256))
        .with_context(|| {
            format!(
                "the adapter {} {} with sha256 {} is neither in {} nor in {}: name its file with --adapter FILE",
                wanted.name,
                wanted.version,
                wanted.sha256,
                folders.data_dir.join("versions").display(),
                folders.adapters_dir.display()
            )
        })?;
    let grant = Grant {
        sha256: Some(wanted.sha256.clone()),
    };
    Ok(Adapter::load(engine, &bytes, &grant, &facts.limits)?)
}
