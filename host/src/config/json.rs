//! A transport's `config` table as its adapter sees it: JSON.
//!
//! What JSON cannot say is refused, so that the adapter gets exactly what was written.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::item::Item;

/// Deeper than this nobody writes by hand.
const DEPTH_MAX: usize = 64;

/// The table as JSON; `None` and a problem, where it holds something that JSON has no form for.
pub(super) fn read_config(item: &Item<'_>) -> Option<Map<String, Value>> {
    let Some(table) = item.value().as_table() else {
        item.wrong_type("a table", "config = { key = \"value\" }");
        return None;
    };
    match object(table, DEPTH_MAX) {
        Ok(object) => Some(object),
        Err(message) => {
            item.wrong(message, "adapters get their config as JSON: write it as text");
            None
        }
    }
}

fn object(table: &DeTable<'_>, depth: usize) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for (key, value) in table {
        object.insert(key.get_ref().to_string(), json(value, depth)?);
    }
    Ok(object)
}

fn json(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Value, String> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(format!("`config` is nested more than {DEPTH_MAX} deep"));
    };
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            let signed = i64::from_str_radix(digits, radix).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
            Value::Number(number.map_err(|_| format!("{integer} does not fit 64 bits"))?)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(number.ok_or_else(|| format!("JSON has no number {float}"))?)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(elements) => {
            let values: Result<_, String> = elements.iter().map(|element| json(element, deeper)).collect();
            Value::Array(values?)
        }
        DeValue::Table(table) => Value::Object(object(table, deeper)?),
    })
}
