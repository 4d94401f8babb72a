//! The adapter of the example as a WebAssembly component: nothing but the export.

marketprism_kit::export_adapter!(marketprism_example::Example);
