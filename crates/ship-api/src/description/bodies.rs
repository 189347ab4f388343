//! The schemas of bodies, each under its name.
//!
//! A field that may be left out of a request stands in every answer: the two are asked of the
//! types separately.

use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use schemars::{Schema, transform};
use serde_json::{Map, Value, json};

use super::said::Of;
use crate::request::Logs;

/// Where the schemas stand.
const PLACE: &str = "/components/schemas";

/// The schemas that were asked for so far.
pub(super) struct Bodies {
    taken: SchemaGenerator,
    answered: SchemaGenerator,
}

impl Bodies {
    pub(super) fn new() -> Self {
        let of = |contract: Contract| {
            SchemaSettings::draft2020_12()
                .with(|settings| {
                    settings.definitions_path = PLACE.into();
                    settings.contract = contract.clone();
                    settings.meta_schema = None;
                })
                .with_transform(transform::RecursiveTransform(tidy))
                .into_generator()
        };
        Self {
            taken: of(Contract::Deserialize),
            answered: of(Contract::Serialize),
        }
    }

    /// What a request holds.
    pub(super) fn taken(&mut self, of: Of) -> Value {
        of(&mut self.taken).to_value()
    }

    /// What an answer holds.
    pub(super) fn answered(&mut self, of: Of) -> Value {
        of(&mut self.answered).to_value()
    }

    /// These fields of a query, each as a parameter.
    pub(super) fn query(&mut self, names: &[&str]) -> Vec<Value> {
        let mut schema = self.taken.clone().into_root_schema_for::<Logs>();
        // What its fields refer to has to be among ours.
        self.taken.subschema_for::<(
            ship_base::name::ProcessName,
            ship_base::name::ReleaseId,
            ship_base::clock::Moment,
        )>();
        let fields = schema.ensure_object().get("properties").cloned();
        let fields = fields.unwrap_or_default();
        let parameter = |name: &&str| {
            let mut schema = said_once(fields[*name].clone());
            let about = schema
                .as_object_mut()
                .and_then(|it| it.remove("description"));
            json!({
                "name": name,
                "in": "query",
                "description": about,
                "schema": schema,
            })
        };
        names.iter().map(parameter).collect()
    }

    /// Every schema by name.
    pub(super) fn into_schemas(mut self) -> Map<String, Value> {
        let mut schemas = self.taken.take_definitions(true);
        for (name, answered) in self.answered.take_definitions(true) {
            if let Some(taken) = schemas.get(&name) {
                debug_assert_eq!(
                    *taken, answered,
                    "`{name}` is taken and answered differently"
                );
            }
            schemas.insert(name, answered);
        }
        if let Some(duration) = schemas.get_mut("Duration") {
            // serde reads this one more strictly than its schema says.
            duration["additionalProperties"] = false.into();
        }
        schemas
    }
}

/// A query says a parameter or leaves it out; it has no `null`.
fn said_once(mut field: Value) -> Value {
    if let Some(kinds) = field.get_mut("type").and_then(Value::as_array_mut) {
        let kind = kinds.first().cloned();
        field["type"] = kind.unwrap_or_default();
    }
    if let Some(first) = field.pointer("/anyOf/0").cloned() {
        let about = field["description"].clone();
        field = first;
        field["description"] = about;
    }
    if let Some(fields) = field.as_object_mut() {
        fields.remove("default");
    }
    field
}

/// What the types do not say by themselves: the bounds of numbers, and words for readers who do not
/// have the code.
fn tidy(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    let most = match fields.get("format").and_then(Value::as_str) {
        Some("uint16") => Some(json!(u16::MAX)),
        Some("uint32") => Some(json!(u32::MAX)),
        Some("uint64" | "uint") => Some(json!(u64::MAX)),
        _ => None,
    };
    if let Some(most) = most {
        fields.insert("maximum".to_owned(), most);
    }
    // A list that names something twice is taken.
    fields.remove("uniqueItems");
    if let Some(Value::String(about)) = fields.get_mut("description") {
        *about = without_links(about);
    }
}

/// Without the links of the code's own documentation: ``[`App`](crate::reply::App)`` is `` `App` ``.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, link)) = rest.split_once("](crate::") {
        let begin = before.rfind('[').unwrap_or(before.len());
        plain += &before[..begin];
        plain += before.get(begin + 1..).unwrap_or_default();
        rest = link.split_once(')').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_into_the_code_become_words() {
        assert_eq!(
            without_links("Streams\n[`A`](crate::a::A)s, or [b](https://b) and [`C`](crate::C)."),
            "Streams\n`A`s, or [b](https://b) and `C`."
        );
        assert_eq!(without_links("plain"), "plain");
    }
}
