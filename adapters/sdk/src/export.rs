//! `export!`: makes a type the component's adapter.

/// Exports an [`Adapter`](crate::Adapter) as the component's own, with those optional interfaces
/// that it has.
///
/// ```ignore
/// byway_adapter::export!(MyAdapter);
/// byway_adapter::export!(MyAdapter, receiver);
/// byway_adapter::export!(MyAdapter, reconciler, receiver);
/// ```
#[macro_export]
macro_rules! export {
    ($adapter:ty $(, $interface:ident)* $(,)?) => {
        #[allow(unsafe_code, unused_qualifications, clippy::all, reason = "generated: the calls over the component boundary are raw")]
        const _: () = {
            use $crate::bindings::exports::byway::transport::adapter as contract;

            struct Exported;

            impl contract::Guest for Exported {
                fn describe() -> contract::Description {
                    <$adapter as $crate::Adapter>::describe()
                }
                fn check(config: String) -> Result<contract::Needs, Vec<contract::Problem>> {
                    $crate::adapter::check::<$adapter>(&config)
                }
                fn probe() -> contract::Readiness {
                    $crate::adapter::probe::<$adapter>()
                }
                fn send(envelope: $crate::Envelope, attempt: $crate::Attempt) -> Result<$crate::Receipt, $crate::Failure> {
                    $crate::adapter::send::<$adapter>(&envelope, &attempt)
                }
            }

            $crate::bindings::export_adapter!(Exported with_types_in $crate::bindings);
            $($crate::export!(@$interface $adapter);)*
        };
    };
    (@reconciler $adapter:ty) => {
        impl $crate::bindings::reconciling::exports::byway::transport::reconciler::Guest for Exported {
            fn reconcile(envelope: $crate::Envelope, attempt: $crate::Attempt) -> Result<$crate::Verdict, $crate::Failure> {
                $crate::adapter::reconcile::<$adapter>(&envelope, &attempt)
            }
        }
        $crate::bindings::reconciling::export_reconciler!(Exported with_types_in $crate::bindings::reconciling);
    };
    (@receiver $adapter:ty) => {
        impl $crate::bindings::receiving::exports::byway::transport::receiver::Guest for Exported {
            fn receive(cursor: Option<Vec<u8>>, max: u32) -> Result<$crate::Batch, $crate::Failure> {
                $crate::adapter::receive::<$adapter>(cursor.as_deref(), max)
            }
        }
        $crate::bindings::receiving::export_receiver!(Exported with_types_in $crate::bindings::receiving);
    };
}
