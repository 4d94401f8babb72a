//! The adapter of Deribit as a WebAssembly component: nothing but the export.

marketprism_kit::export_adapter!(marketprism_deribit::Deribit);
