//! A deserializer over a JSON value that knows where it is and what each table may have.

use std::cell::RefCell;

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::fault::Fault;
use crate::Problem;
use crate::nearest::nearest;
use crate::problem::deeper;

/// What is noted on the way without ending the reading.
#[derive(Default)]
pub(super) struct Notes {
    /// Keys that no table has.
    pub(super) unknown: RefCell<Vec<Problem>>,
    /// Where somebody asks: the keys of the outermost table.
    pub(super) keys: RefCell<Option<Vec<&'static str>>>,
}

/// A value, where it is, and where to note things.
pub(super) struct Reader<'a> {
    value: &'a Value,
    pointer: String,
    notes: &'a Notes,
}

impl<'a> Reader<'a> {
    /// A reader of a whole configuration.
    pub(super) fn whole(value: &'a Value, notes: &'a Notes) -> Self {
        Self {
            value,
            pointer: String::new(),
            notes,
        }
    }

    fn inside(&self, value: &'a Value, step: &str) -> Self {
        Self {
            value,
            pointer: deeper(&self.pointer, step),
            notes: self.notes,
        }
    }

    fn note_unknown(&self, members: &Map<String, Value>, known: &'static [&'static str]) {
        for key in members.keys().filter(|key| !known.contains(&key.as_str())) {
            let fix = match nearest(key, known.iter().copied()) {
                Some(right) => format!("Did you mean `{right}`?"),
                None => format!("The keys here are: {}.", known.join(", ")),
            };
            self.notes.unknown.borrow_mut().push(Problem {
                pointer: deeper(&self.pointer, key),
                message: format!("There is no key `{key}`."),
                fix,
            });
        }
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let pointer = self.pointer.clone();
        let read = match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(value), _, _) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (_, _, value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Value::String(value) => visitor.visit_str(value),
            Value::Array(elements) => visitor.visit_seq(Elements {
                container: &self,
                rest: elements.iter().enumerate(),
            }),
            Value::Object(members) => visitor.visit_map(Members {
                container: &self,
                known: None,
                rest: members.iter(),
                value: None,
            }),
        };
        read.map_err(|fault: Fault| fault.at(&pointer))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if self.pointer.is_empty()
            && let Some(keys) = self.notes.keys.borrow_mut().as_mut()
        {
            keys.extend(known);
        }
        let Value::Object(members) = self.value else {
            return self.deserialize_any(visitor);
        };
        self.note_unknown(members, known);
        let members = Members {
            container: &self,
            known: Some(known),
            rest: members.iter(),
            value: None,
        };
        visitor
            .visit_map(members)
            .map_err(|fault: Fault| fault.at(&self.pointer))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let pointer = self.pointer.clone();
        let read = match self.value {
            Value::String(word) => {
                let word: StrDeserializer<'_, Fault> = word.as_str().into_deserializer();
                word.deserialize_enum(name, words, visitor)
            }
            Value::Object(members) if members.len() == 1 => match members.iter().next() {
                Some((key, value)) => visitor.visit_enum(Chosen {
                    word: key,
                    content: self.inside(value, key),
                }),
                None => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        };
        read.map_err(|fault| fault.at(&pointer))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'a, 'c> {
    container: &'c Reader<'a>,
    rest: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.rest
            .next()
            .map(|(index, value)| seed.deserialize(self.container.inside(value, &index.to_string())))
            .transpose()
    }
}

struct Members<'a, 'c> {
    container: &'c Reader<'a>,
    known: Option<&'static [&'static str]>,
    rest: serde_json::map::Iter<'a>,
    value: Option<Reader<'a>>,
}

impl<'de> MapAccess<'de> for Members<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let known = self.known;
        let next = self
            .rest
            .find(|(key, _)| known.is_none_or(|known| known.contains(&key.as_str())));
        let Some((key, value)) = next else {
            return Ok(None);
        };
        let inside = self.container.inside(value, key);
        let name: StrDeserializer<'_, Fault> = key.as_str().into_deserializer();
        let read = seed
            .deserialize(name)
            .map_err(|fault| fault.at(&inside.pointer))?;
        self.value = Some(inside);
        Ok(Some(read))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        match self.value.take() {
            Some(value) => {
                let pointer = value.pointer.clone();
                seed.deserialize(value).map_err(|fault| fault.at(&pointer))
            }
            None => Err(serde::de::Error::custom("A value was asked for before its key.")),
        }
    }
}

struct Chosen<'a> {
    word: &'a str,
    content: Reader<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Chosen<'a> {
    type Error = Fault;
    type Variant = Reader<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Reader<'a>), Fault> {
        let word: StrDeserializer<'_, Fault> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Reader<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        serde::Deserialize::deserialize(self)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_struct("", known, visitor)
    }
}
