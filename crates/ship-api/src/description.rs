//! The API as OpenAPI 3.1 describes it, made from the tables of [`route`](crate::route): a program
//! that is not ours reads here what it may ask for.
//!
//! Paths, methods, roles and words of the audit log are the tables' own; what a route takes and
//! answers stands in `said.rs`, the bodies are the types that both sides read and write.

mod bodies;
mod said;

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use crate::problem;
use crate::route::{Line, VERBS, WHOLE};
use crate::version;
use bodies::Bodies;
use said::{Answers, Said, Takes};

/// Streams of one JSON object a line.
const LINES: &str = "application/x-ndjson";
/// What stands before the routes of one app.
const OF_APP: &str = "/v1/apps/{app}";

const ABOUT: &str = "What `ship` asks of its server. The server answers on a unix socket, `api.sock` \
    in its folder of sockets, and nowhere else: whoever reaches it may everything. Another socket \
    is for deploy keys, which may what their roles open (`x-ship-roles`).\n\n\
    `curl --unix-socket /run/ship/api.sock http://ship/v1/status`";

/// The whole API.
pub fn description() -> Value {
    let mut bodies = Bodies::new();
    let mut paths = Map::new();
    for line in WHOLE {
        let said = said::of_whole(&line.0);
        add(&mut paths, &mut bodies, line.2.to_owned(), line, said);
    }
    for line in VERBS {
        let path = match line.2 {
            "" => OF_APP.to_owned(),
            last => format!("{OF_APP}/{last}"),
        };
        add(&mut paths, &mut bodies, path, line, said::of_verb(line.0));
    }
    // Named by every failure, so that it is there.
    let problem = bodies.answered(schemars::SchemaGenerator::subschema_for::<problem::Problem>);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Shipsmith",
            "summary": "The API of a server of apps",
            "description": ABOUT,
            "version": version::VERSION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "http://ship", "description": "over the unix socket; any host will do" }],
        "paths": paths,
        "components": {
            "schemas": bodies.into_schemas(),
            "parameters": { "App": app(), "Version": asked_version() },
            "headers": { "Version": said_version() },
            "responses": failures(&problem),
        },
    })
}

fn add<T: Debug>(
    paths: &mut Map<String, Value>,
    bodies: &mut Bodies,
    path: String,
    line: &Line<T>,
    said: Said,
) {
    let (of_app, method) = (path.starts_with(OF_APP), line.1.as_str().to_lowercase());
    let operation = operation(bodies, line, said, of_app);
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[method] = operation;
}

fn operation<T: Debug>(bodies: &mut Bodies, line: &Line<T>, said: Said, of_app: bool) -> Value {
    let mut parameters = vec![json!({ "$ref": "#/components/parameters/Version" })];
    if of_app {
        parameters.push(json!({ "$ref": "#/components/parameters/App" }));
    }
    if let Takes::Query(names) = said.takes {
        parameters.extend(bodies.query(names));
    }
    let roles: Vec<_> = line.3.iter().map(ToString::to_string).collect();
    let mut operation = json!({
        "operationId": name(&line.0),
        "summary": said.about,
        "parameters": parameters,
        "responses": responses(bodies, &said.answers, of_app),
        "x-ship-roles": roles,
    });
    if let Some(body) = request_body(bodies, &said.takes) {
        operation["requestBody"] = body;
    }
    if !line.4.is_empty() {
        operation["x-ship-audit"] = line.4.into();
    }
    operation
}

/// The route as its name in the code has it, with a small letter first.
fn name(route: &impl Debug) -> String {
    let name = format!("{route:?}");
    let (first, rest) = name.split_at(1);
    first.to_lowercase() + rest
}

fn request_body(bodies: &mut Bodies, takes: &Takes) -> Option<Value> {
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let (required, content) = match takes {
        Takes::Nothing | Takes::Query(_) => return None,
        Takes::Json(of) => (true, json_of(bodies.taken(*of))),
        Takes::JsonOrNothing(of) => (false, json_of(bodies.taken(*of))),
        Takes::Pieces => (
            true,
            json!({ "application/zlib": { "schema": { "type": "string", "format": "binary" } } }),
        ),
    };
    Some(json!({ "required": required, "content": content }))
}

fn responses(bodies: &mut Bodies, answers: &Answers, of_app: bool) -> Value {
    let headers = json!({ "Ship-Api": { "$ref": "#/components/headers/Version" } });
    let (status, mut answer) = match answers {
        Answers::Nothing => ("204", json!({ "description": "Done." })),
        Answers::One(of) => (
            "200",
            json!({
                "description": "The answer.",
                "content": { "application/json": { "schema": bodies.answered(*of) } },
            }),
        ),
        Answers::Lines(of) => {
            let item = bodies.answered(*of);
            (
                "200",
                json!({
                    "description": "A stream of such objects, one a line, as they come.",
                    // `itemSchema` is OpenAPI 3.2; the extension says the same to who reads 3.1.
                    "content": { LINES: { "x-ship-line": item } },
                }),
            )
        }
        Answers::Description => (
            "200",
            json!({
                "description": "OpenAPI 3.1.",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        ),
    };
    answer["headers"] = headers;
    let mut responses = json!({ status: answer });
    let missing = of_app.then_some("404");
    for failure in ["400", "403", "422", "5XX"].into_iter().chain(missing) {
        responses[failure] = json!({ "$ref": format!("#/components/responses/{failure}") });
    }
    responses
}

fn failures(problem: &Value) -> Value {
    let failures = [
        (
            "400",
            "The body, the query or the path is not what this route takes, or the caller speaks another version.",
        ),
        ("403", "The key may not ask for this."),
        ("404", "There is no such app, or no such release of it."),
        (
            "422",
            "The request is well-formed and cannot be done as things are.",
        ),
        (
            "5XX",
            "502: something outside failed (a tool, the network, the app, a full disk). 500: we did.",
        ),
    ];
    let failures = failures.map(|(status, about)| {
        let failure = json!({
            "description": about,
            "headers": { "Ship-Api": { "$ref": "#/components/headers/Version" } },
            "content": { problem::CONTENT_TYPE: { "schema": problem } },
        });
        (status.to_owned(), failure)
    });
    Value::Object(failures.into_iter().collect())
}

fn app() -> Value {
    json!({
        "name": "app",
        "in": "path",
        "required": true,
        "description": "The app.",
        "schema": { "$ref": "#/components/schemas/AppName" },
    })
}

fn asked_version() -> Value {
    json!({
        "name": "Ship-Api",
        "in": "header",
        "description": "The version of the API that the caller speaks; may be left out.",
        "schema": { "const": version::VERSION },
    })
}

fn said_version() -> Value {
    json!({
        "description": "The version of the API that the server speaks.",
        "required": true,
        "schema": { "const": version::VERSION },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::every_route;

    #[test]
    fn every_route_is_described_with_its_roles() {
        let description = description();
        for route in every_route() {
            let path = route.path().replace("/v1/apps/blog", OF_APP);
            let method = route.method().as_str().to_lowercase();
            let operation = &description["paths"][&path][&method];
            let roles: Vec<_> = route.roles().iter().map(ToString::to_string).collect();
            assert_eq!(operation["x-ship-roles"], json!(roles), "{route}");
            assert_eq!(
                operation["x-ship-audit"].as_str(),
                route.recorded(),
                "{route}"
            );
        }
    }

    #[test]
    fn nothing_is_described_that_is_no_route() {
        let description = description();
        let paths = description["paths"].as_object().unwrap();
        let described = paths.values().flat_map(|item| item.as_object().unwrap());
        assert_eq!(described.count(), every_route().len());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, whole: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(to) = fields.get("$ref").and_then(Value::as_str) {
                        let found = whole.pointer(to.strip_prefix('#').unwrap());
                        assert!(found.is_some(), "{to}");
                    }
                    fields.values().for_each(|value| walk(value, whole));
                }
                Value::Array(values) => values.iter().for_each(|value| walk(value, whole)),
                _ => {}
            }
        }
        let description = description();
        walk(&description, &description);
    }

    #[test]
    fn a_route_reads_like_this() {
        let description = description();
        let operation = &description["paths"]["/v1/apps/{app}/scale"]["post"];
        let text = serde_json::to_string_pretty(operation).unwrap();
        insta::assert_snapshot!(text, @r##"
        {
          "operationId": "scale",
          "parameters": [
            {
              "$ref": "#/components/parameters/Version"
            },
            {
              "$ref": "#/components/parameters/App"
            }
          ],
          "requestBody": {
            "content": {
              "application/json": {
                "schema": {
                  "$ref": "#/components/schemas/Scale"
                }
              }
            },
            "required": true
          },
          "responses": {
            "200": {
              "content": {
                "application/x-ndjson": {
                  "x-ship-line": {
                    "$ref": "#/components/schemas/DeployEvent"
                  }
                }
              },
              "description": "A stream of such objects, one a line, as they come.",
              "headers": {
                "Ship-Api": {
                  "$ref": "#/components/headers/Version"
                }
              }
            },
            "400": {
              "$ref": "#/components/responses/400"
            },
            "403": {
              "$ref": "#/components/responses/403"
            },
            "404": {
              "$ref": "#/components/responses/404"
            },
            "422": {
              "$ref": "#/components/responses/422"
            },
            "5XX": {
              "$ref": "#/components/responses/5XX"
            }
          },
          "summary": "Changes how many instances of a process run",
          "x-ship-audit": "scale",
          "x-ship-roles": [
            "operate"
          ]
        }
        "##);
    }
}
