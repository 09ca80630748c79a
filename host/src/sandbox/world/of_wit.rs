//! Interfaces as a text in WIT describes them.

use wit_parser::{Resolve, Type, TypeDefKind, TypeId};

use super::shape::{Function, Interface, Kind, Shape, World};

/// Reads a package that is one text.
///
/// # Errors
/// Where it is no WIT.
pub(super) fn world(text: &str) -> Result<World, String> {
    let mut resolve = Resolve::default();
    resolve
        .push_source("transport.wit", text)
        .map_err(|error| format!("{error:#}"))?;
    Ok(resolve
        .interfaces
        .iter()
        .filter_map(|(_, interface)| {
            let functions: Interface = interface
                .functions
                .iter()
                .map(|(name, function)| (name.clone(), of_function(&resolve, function)))
                .collect();
            Some((interface.name.clone()?, functions))
        })
        .collect())
}

fn of_function(resolve: &Resolve, function: &wit_parser::Function) -> Function {
    Function {
        params: function
            .params
            .iter()
            .map(|param| (param.name.clone(), shape(resolve, &param.ty)))
            .collect(),
        result: function.result.as_ref().map(|ty| shape(resolve, ty)),
    }
}

fn shape(resolve: &Resolve, ty: &Type) -> Shape {
    let plain = |word| Shape::unnamed(Kind::Plain(word));
    match ty {
        Type::Bool => plain("bool"),
        Type::U8 => plain("u8"),
        Type::U16 => plain("u16"),
        Type::U32 => plain("u32"),
        Type::U64 => plain("u64"),
        Type::S8 => plain("s8"),
        Type::S16 => plain("s16"),
        Type::S32 => plain("s32"),
        Type::S64 => plain("s64"),
        Type::F32 => plain("f32"),
        Type::F64 => plain("f64"),
        Type::Char => plain("char"),
        Type::String => plain("string"),
        Type::ErrorContext => Shape::unnamed(Kind::Other("error-context")),
        Type::Id(id) => defined(resolve, *id),
    }
}

fn defined(resolve: &Resolve, id: TypeId) -> Shape {
    let Some(definition) = resolve.types.get(id) else {
        return Shape::unnamed(Kind::Other("unknown"));
    };
    let boxed = |ty: &Type| Box::new(shape(resolve, ty));
    let kind = match &definition.kind {
        TypeDefKind::Record(record) => Kind::Record(
            record
                .fields
                .iter()
                .map(|field| (field.name.clone(), shape(resolve, &field.ty)))
                .collect(),
        ),
        TypeDefKind::Variant(variant) => Kind::Variant(
            variant
                .cases
                .iter()
                .map(|case| (case.name.clone(), case.ty.as_ref().map(|ty| shape(resolve, ty))))
                .collect(),
        ),
        TypeDefKind::Enum(cases) => Kind::Enum(cases.cases.iter().map(|case| case.name.clone()).collect()),
        TypeDefKind::Flags(flags) => Kind::Flags(flags.flags.iter().map(|flag| flag.name.clone()).collect()),
        TypeDefKind::Tuple(tuple) => Kind::Tuple(tuple.types.iter().map(|ty| shape(resolve, ty)).collect()),
        TypeDefKind::Option(ty) => Kind::Option(boxed(ty)),
        TypeDefKind::List(ty) => Kind::List(boxed(ty)),
        TypeDefKind::Result(result) => {
            Kind::Result(result.ok.as_ref().map(boxed), result.err.as_ref().map(boxed))
        }
        // Another name for a type: the nearest name is the one that a reader finds in the text.
        TypeDefKind::Type(ty) => {
            let aliased = shape(resolve, ty);
            return Shape {
                name: aliased.name.or_else(|| definition.name.clone()),
                kind: aliased.kind,
            };
        }
        other => Kind::Other(other.as_str()),
    };
    Shape {
        name: definition.name.clone(),
        kind,
    }
}
