//! The adapter of OKX as a WebAssembly component: nothing but the export.

marketprism_kit::export_adapter!(marketprism_okx::Okx);
