//! How the words of this crate look in a JSON schema: what their parsers take, as a pattern.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::clock::Moment;
use crate::hash::ContentHash;
use crate::name::{AppName, InstanceId, KeyName, ProcessName, ReleaseId};
use crate::secret::Secret;

macro_rules! text {
    ($type:ty, $name:literal, $about:literal, $pattern:literal) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $about, "pattern": $pattern })
            }
        }
    };
}

text!(
    AppName,
    "AppName",
    "The name of an app: a lower-case letter, then letters, digits and `-`, 39 at most.",
    "^[a-z][a-z0-9-]{0,38}$"
);
text!(
    ProcessName,
    "ProcessName",
    "The name of a process: a lower-case letter, then letters, digits and `-`, 39 at most.",
    "^[a-z][a-z0-9-]{0,38}$"
);
text!(
    KeyName,
    "KeyName",
    "What a deploy key is called: a lower-case letter, then letters, digits and `-`, 39 at most.",
    "^[a-z][a-z0-9-]{0,38}$"
);
text!(
    ReleaseId,
    "ReleaseId",
    "A release within its app: `r1`, `r2`, …; taken without the `r` as well.",
    "^r?0*[1-9][0-9]{0,8}$"
);
text!(
    InstanceId,
    "InstanceId",
    "A running copy of a process: `blog/web.1`.",
    r"^[a-z][a-z0-9-]{0,38}/[a-z][a-z0-9-]{0,38}\.[0-9]+$"
);
text!(
    ContentHash,
    "ContentHash",
    "A SHA-256 in hexadecimal.",
    "^[0-9a-fA-F]{64}$"
);

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A moment as RFC 3339 has it; written in UTC, to the millisecond.",
            "format": "date-time",
        })
    }
}

/// As its plain value: see [`Secret`].
impl<T: JsonSchema> JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
