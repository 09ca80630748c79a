//! Interfaces as a component declares them.

use wasmtime::Engine;
use wasmtime::component::Type;
use wasmtime::component::types::{ComponentExtern, ComponentFunc, ComponentItem};

use super::shape::{Function, Interface, Kind, Shape, World};

/// How many types of one function are described. A type can stand in itself twice, and so on, and so describe
/// more than memory holds; the contract's largest function has about a hundred.
const TYPES_MAX: usize = 2_000;

/// The interfaces of one package and version among a component's imports or exports.
pub(super) fn interfaces<'a>(
    engine: &'a Engine,
    items: impl Iterator<Item = (&'a str, ComponentExtern<'a>)>,
    package: &str,
    version: &str,
) -> World {
    items
        .filter_map(|(name, item)| {
            let (path, found) = name.split_once('@')?;
            let interface = path.strip_prefix(package)?.strip_prefix('/')?;
            let ComponentItem::ComponentInstance(instance) = item.ty else {
                return None;
            };
            let functions: Interface = instance
                .exports(engine)
                .filter_map(|(name, item)| match item.ty {
                    ComponentItem::ComponentFunc(function) => Some((name.to_owned(), of_function(&function))),
                    _ => None,
                })
                .collect();
            (found == version).then(|| (interface.to_owned(), functions))
        })
        .collect()
}

fn of_function(function: &ComponentFunc) -> Function {
    let mut room = TYPES_MAX;
    Function {
        params: function
            .params()
            .map(|(name, ty)| (name.to_owned(), shape(&ty, &mut room)))
            .collect(),
        result: function.results().next().map(|ty| shape(&ty, &mut room)),
    }
}

fn shape(ty: &Type, room: &mut usize) -> Shape {
    let Some(left) = room.checked_sub(1) else {
        return Shape::unnamed(Kind::Other("type of a size that no contract has"));
    };
    *room = left;
    let mut boxed = |ty: &Type| Box::new(shape(ty, room));
    let kind = match ty {
        Type::Bool => Kind::Plain("bool"),
        Type::S8 => Kind::Plain("s8"),
        Type::U8 => Kind::Plain("u8"),
        Type::S16 => Kind::Plain("s16"),
        Type::U16 => Kind::Plain("u16"),
        Type::S32 => Kind::Plain("s32"),
        Type::U32 => Kind::Plain("u32"),
        Type::S64 => Kind::Plain("s64"),
        Type::U64 => Kind::Plain("u64"),
        Type::Float32 => Kind::Plain("f32"),
        Type::Float64 => Kind::Plain("f64"),
        Type::Char => Kind::Plain("char"),
        Type::String => Kind::Plain("string"),
        Type::List(list) => Kind::List(boxed(&list.ty())),
        Type::Option(option) => Kind::Option(boxed(&option.ty())),
        Type::Result(result) => {
            let ok = result.ok().map(|ty| boxed(&ty));
            let err = result.err().map(|ty| boxed(&ty));
            Kind::Result(ok, err)
        }
        Type::Tuple(tuple) => Kind::Tuple(tuple.types().map(|ty| *boxed(&ty)).collect()),
        Type::Record(record) => Kind::Record(
            record
                .fields()
                .map(|field| (field.name.to_owned(), *boxed(&field.ty)))
                .collect(),
        ),
        Type::Variant(variant) => Kind::Variant(
            variant
                .cases()
                .map(|case| (case.name.to_owned(), case.ty.map(|ty| *boxed(&ty))))
                .collect(),
        ),
        Type::Enum(cases) => Kind::Enum(cases.names().map(str::to_owned).collect()),
        Type::Flags(flags) => Kind::Flags(flags.names().map(str::to_owned).collect()),
        Type::Map(_) => Kind::Other("map"),
        Type::Own(_) | Type::Borrow(_) => Kind::Other("resource"),
        Type::Future(_) => Kind::Other("future"),
        Type::Stream(_) => Kind::Other("stream"),
        Type::ErrorContext => Kind::Other("error-context"),
        Type::FixedLengthList(_) => Kind::Other("fixed-length list"),
    };
    Shape::unnamed(kind)
}
