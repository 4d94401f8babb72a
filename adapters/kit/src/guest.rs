//! The component side of an adapter: one instance, its calls, and the last words of a panic.

use std::cell::RefCell;
use std::sync::Once;
use std::thread::LocalKey;

use crate::wit::{Action, Description, Event};
use crate::{Adapter, Output, arena};

/// The adapter of a component; made at the first event.
pub type Instance<A> = RefCell<Option<A>>;

/// One `describe` call.
pub fn describe<A: Adapter>() -> Description {
    arena::begin_call();
    tell_panics();
    let description = A::describe();
    arena::end_call();
    description
}

/// One `handle` call.
pub fn handle<A: Adapter>(
    instance: &'static LocalKey<Instance<A>>,
    now: u64,
    event: &Event,
) -> Vec<Action> {
    arena::begin_call();
    tell_panics();
    let mut out = Output::new();
    instance.with_borrow_mut(|adapter| {
        adapter
            .get_or_insert_with(A::new)
            .handle(now, event, &mut out)
    });
    arena::end_call();
    out.into_actions()
}

/// A trap carries no message, so the panic's is sent to the host's log before it.
fn tell_panics() {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        #[cfg(target_arch = "wasm32")]
        std::panic::set_hook(Box::new(|panic| {
            let mut message = panic.to_string();
            message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
            crate::bindings::log(crate::wit::LogLevel::Error, &message);
        }));
    });
}

/// The host cuts here too.
#[cfg(target_arch = "wasm32")]
const MESSAGE_BYTES_MAX: usize = 4096;

/// Makes the calling crate (a `cdylib` that does nothing else) the component of an [`Adapter`](crate::Adapter).
///
/// ```text
/// marketprism_kit::export_adapter!(marketprism_binance::Binance);
/// ```
#[macro_export]
macro_rules! export_adapter {
    ($adapter:ty) => {
        #[allow(
            unsafe_code,
            missing_docs,
            reason = "the generated exports cross the component boundary"
        )]
        const _: () = {
            ::std::thread_local! {
                static INSTANCE: $crate::guest::Instance<$adapter> =
                    const { ::std::cell::RefCell::new(None) };
            }

            struct Component;

            impl $crate::bindings::Guest for Component {
                fn describe() -> $crate::wit::Description {
                    $crate::guest::describe::<$adapter>()
                }

                fn handle(
                    now: u64,
                    event: $crate::wit::Event,
                ) -> ::std::vec::Vec<$crate::wit::Action> {
                    $crate::guest::handle(&INSTANCE, now, &event)
                }
            }

    $crate::bindings::export_world!(Component with_types_in $crate::bindings);
        };
    };
}
