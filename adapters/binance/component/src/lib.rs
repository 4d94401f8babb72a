//! The adapter of Binance as a WebAssembly component: nothing but the export.

marketprism_kit::export_adapter!(marketprism_binance::Binance);
