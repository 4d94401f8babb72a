//! Generated from `wit/adapter.wit`. Adapters use the selection in [`crate::wit`]; this module is public only because
//! the export macro names it from the component crate.
#![allow(missing_docs, clippy::all, clippy::indexing_slicing)]
#![allow(
    unsafe_code,
    reason = "the generated code crosses the component boundary"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "adapter",
    pub_export_macro: true,
    export_macro_name: "export_world",
    default_bindings_module: "marketprism_kit::bindings",
    additional_derives: [PartialEq],
});
