//! The list of keys, and what is made from it.

use serde_json::{Map, Value, json};

use super::read::{LEAST_TASKS, MOST_TASKS};

/// One key of the manifest, for the reference page and the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDoc {
    /// Dotted path; `*` stands for a name: `process.*.command`.
    pub key: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Its default in words; empty when it has none.
    pub default: &'static str,
    /// Its unit; empty when it has none.
    pub unit: &'static str,
    /// An example as it is written in the file, with its table: `[web]`, then `health = "/healthz"`.
    pub example: &'static str,
    /// What it is for.
    pub text: &'static str,
}

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number within these bounds.
    Number(i64, i64),
    /// A duration: `"30s"`, `"5m"`, `"1h30m"`.
    Duration,
    /// A duration, or a share of an answer's age: `"60s"`, `"10%"`.
    Keeping,
    /// A size in bytes: `"512M"`, `"1G"`.
    Size,
    /// Bytes in a month: `"2T"`, `"500G"`, in powers of 1000.
    Traffic,
    /// A number of cores: `"0.5"`, `"2"`.
    Cores,
    /// A command line.
    Command,
    /// A list of texts.
    Texts,
    /// A command line, or a list of them.
    Commands,
}

/// Names of web servers, as `[web] server` accepts them.
pub(crate) const SERVERS: &[&str] = &[
    "granian",
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "waitress",
    "uwsgi",
    "daphne",
];
/// What `[limits] traffic_over` accepts.
const TRAFFIC_OVER: &[&str] = &["warn", "slow", "pause"];
/// What `[web] interface` accepts.
pub(crate) const INTERFACES: &[&str] = &["wsgi", "asgi"];
pub(crate) const PROTOCOLS: &[&str] = &["http1", "h2c"];

const fn key(key: &'static str, kind: Kind) -> KeyDoc {
    KeyDoc {
        key,
        kind,
        default: "",
        unit: "",
        example: "",
        text: "",
    }
}

const KEYS: &[KeyDoc] = &[
    KeyDoc {
        default: "`[project] name` of `pyproject.toml`, else the folder's name",
        example: "name = \"talkshow\"",
        text: "The name the app is deployed under, and its host label in `NAME.localhost`: a lower-case letter, then letters, digits and `-`, 39 at most.",
        ..key("name", Kind::Text)
    },
    KeyDoc {
        default: "none",
        example: "domains = [\"talkshow.example\", \"www.talkshow.example\"]",
        text: "Host names that visitors use, beside `NAME.localhost`. `*.talkshow.example` is every name that is one label longer and belongs to no other app; on a server its certificate needs `[acme.dns]` in `/etc/ship/server.toml`. `*` is every name that no other app has, and the machine's address: by plain HTTP, since nobody signs a certificate for it; Django allows every host then.",
        ..key("domains", Kind::Texts)
    },
    KeyDoc {
        default: "none: all of its names are answered",
        example: "domains = [\"talkshow.example\", \"www.talkshow.example\"]\ncanonical = \"talkshow.example\"",
        text: "The one of `domains` to which visitors of the others are sent, by status 308.",
        ..key("canonical", Kind::Text)
    },
    KeyDoc {
        default: "`.python-version`, `runtime.txt`, else `requires-python`",
        example: "python = \"3.12\"",
        text: "The Python it runs on: a version, or a range such as `>=3.11,<3.14`.",
        ..key("python", Kind::Text)
    },
    KeyDoc {
        default: "detected",
        example: "[web]\ncommand = \"gunicorn talkshow.wsgi:application --threads 8\"",
        text: "The command that answers HTTP. A known web server is told its own listening address; any other program gets `PORT` and listens on 127.0.0.1. Not beside `app`.",
        ..key("web.command", Kind::Command)
    },
    KeyDoc {
        default: "detected",
        example: "[web]\napp = \"talkshow.wsgi:application\"",
        text: "The application object, as `module:object`; `module:create_app()` for a function that returns it. Not beside `command`.",
        ..key("web.app", Kind::Text)
    },
    KeyDoc {
        default: "the one among the project's packages, else Granian is added",
        example: "[web]\nserver = \"gunicorn\"",
        text: "The web server that runs the object. Not beside `command`.",
        ..key("web.server", Kind::OneOf(SERVERS))
    },
    KeyDoc {
        default: "looked at when the object is imported at build",
        example: "[web]\ninterface = \"asgi\"",
        text: "How the object is called. Not beside `command`.",
        ..key("web.interface", Kind::OneOf(INTERFACES))
    },
    KeyDoc {
        default: "`http1`; `h2c` for a server of gRPC",
        example: "[web]\ncommand = \"python greeter.py --port $PORT\"\nprotocol = \"h2c\"",
        text: "What the front door speaks with it, whatever visitors speak: HTTP/1.1, or HTTP/2 without TLS. With `h2c` an instance is asked for no path before it gets traffic: its first words are enough.",
        ..key("web.protocol", Kind::OneOf(PROTOCOLS))
    },
    KeyDoc {
        default: "`/`",
        example: "[web]\nhealth = \"/healthz\"",
        text: "The path that is asked before an instance gets traffic. Any answer below 500 is alive.",
        ..key("web.health", Kind::Text)
    },
    KeyDoc {
        default: "60s",
        unit: "duration",
        example: "[web]\nready_within = \"2m\"",
        text: "How long a new instance may take until its health check answers.",
        ..key("web.ready_within", Kind::Duration)
    },
    KeyDoc {
        default: "1",
        unit: "processes",
        example: "[web]\ninstances = 2",
        text: "How many copies run. `ship scale` overrules it.",
        ..key("web.instances", Kind::Number(0, 100))
    },
    KeyDoc {
        default: "30s",
        unit: "duration",
        example: "[web]\ngrace = \"1m\"",
        text: "How long it may take to finish after SIGTERM.",
        ..key("web.grace", Kind::Duration)
    },
    KeyDoc {
        example: "[process.worker]\ncommand = \"python manage.py rqworker\"",
        text: "A program that runs beside `web`, without traffic. Required.",
        ..key("process.*.command", Kind::Command)
    },
    KeyDoc {
        default: "1",
        unit: "processes",
        example: "[process.worker]\ncommand = \"python worker.py\"\ninstances = 3",
        text: "How many copies run. `ship scale` overrules it.",
        ..key("process.*.instances", Kind::Number(0, 100))
    },
    KeyDoc {
        default: "30s",
        unit: "duration",
        example: "[process.worker]\ncommand = \"python worker.py\"\ngrace = \"5m\"",
        text: "How long it may take to finish after SIGTERM.",
        ..key("process.*.grace", Kind::Duration)
    },
    KeyDoc {
        example: "[job.digest]\nschedule = \"0 6 * * *\"\ncommand = \"python manage.py send_digest\"",
        text: "When it runs, in the machine's time zone: five cron fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Required.",
        ..key("job.*.schedule", Kind::Text)
    },
    KeyDoc {
        example: "[job.backup]\nschedule = \"@daily\"\ncommand = \"python backup.py\"",
        text: "What runs then. Required.",
        ..key("job.*.command", Kind::Command)
    },
    KeyDoc {
        default: "Django's `migrate` where there is a database",
        example: "[release]\ncommand = \"python manage.py migrate\"",
        text: "Runs once per release, with its code and settings, before any traffic; its failure ends the deploy.",
        ..key("release.command", Kind::Command)
    },
    KeyDoc {
        default: "none",
        example: "[build]\ncommand = [\"npm ci\", \"npm run build\"]",
        text: "Runs at build, in the project, with the environment's programs first on `PATH`.",
        ..key("build.command", Kind::Commands)
    },
    KeyDoc {
        example: "[route.\"/docs\"]\nstatic = \"site/public\"",
        text: "Answer this prefix with the files of a folder of the project.",
        ..key("route.*.static", Kind::Text)
    },
    KeyDoc {
        default: "none",
        example: "[route.\"/docs\"]\nstatic = \"site/public\"\nbuild = \"hugo --source site\"",
        text: "Runs at build and makes the files of `static`.",
        ..key("route.*.build", Kind::Command)
    },
    KeyDoc {
        default: "none",
        example: "[route.\"/\"]\nstatic = \"frontend/dist\"\nfallback = \"index.html\"",
        text: "The file of the folder that answers where there is no file: the page of a single page app, which reads the path itself. Paths that end like a file (`/app.js`) stay 404.",
        ..key("route.*.fallback", Kind::Text)
    },
    KeyDoc {
        example: "[route.\"/media\"]\ndata = \"media\"",
        text: "Answer this prefix with the files of a folder of the app's data.",
        ..key("route.*.data", Kind::Text)
    },
    KeyDoc {
        example: "[process.api]\ncommand = \"uvicorn api:app\"\n\n[route.\"/api\"]\nprocess = \"api\"",
        text: "Answer this prefix with another process.",
        ..key("route.*.process", Kind::Text)
    },
    KeyDoc {
        default: "false",
        example: "[process.api]\ncommand = \"uvicorn api:app\"\n\n[route.\"/api\"]\nprocess = \"api\"\nstrip = true",
        text: "Ask the process without the prefix: `/api/talks` reaches it as `/talks`, and `X-Forwarded-Prefix: /api` tells it what was taken off. Addresses that it makes itself need the prefix again: `uvicorn --root-path /api`, or Werkzeug's `ProxyFix` with `x_prefix=1`.",
        ..key("route.*.strip", Kind::Flag)
    },
    KeyDoc {
        default: "none: what the answers themselves say counts",
        example: "[route.\"/feed.xml\"]\ncache = \"60s\"",
        text: "The front door keeps answers of the app for this time, so that many visitors are one request to it. It counts where an answer says nothing about caches itself, and never for one that sets a cookie, is asked for with one, or says `no-store`, `no-cache` or `private`. `\"10%\"` keeps an answer for a tenth of the time that it had not changed for when it came (its `Last-Modified`), a day at most, and one that does not say not at all. Without `static`, `data`, `process` or `redirect` beside it, `web` answers.",
        ..key("route.*.cache", Kind::Keeping)
    },
    KeyDoc {
        default: "0s",
        example: "[route.\"/feed.xml\"]\ncache = \"60s\"\nstale = \"10m\"",
        text: "After the time of `cache`, an old answer is sent for this time: at once, while a new one is fetched, or because the app fails.",
        ..key("route.*.stale", Kind::Duration)
    },
    KeyDoc {
        example: "[route.\"/old\"]\nredirect = \"/new/\"",
        text: "Send visitors elsewhere: a path, or an absolute URL. The rest of the path is appended when it ends with `/`.",
        ..key("route.*.redirect", Kind::Text)
    },
    KeyDoc {
        default: "308",
        example: "[route.\"/old\"]\nredirect = \"https://example.org/\"\nstatus = 302",
        text: "The status of `redirect`: 301, 302, 307 or 308.",
        ..key("route.*.status", Kind::Number(301, 308))
    },
    KeyDoc {
        default: "everybody",
        example: "[route.\"/admin\"]\nallow = [\"192.0.2.0/24\", \"2001:db8::/32\"]",
        text: "The only networks and addresses whose visitors are answered; others get 403. It holds for all that lies below the prefix, unless a longer one has an `allow` of its own. Without `static`, `data`, `process` or `redirect` beside it, `web` answers.",
        ..key("route.*.allow", Kind::Texts)
    },
    KeyDoc {
        default: "none",
        unit: "requests in a time",
        example: "[route.\"/login\"]\nrate = \"10/m\"",
        text: "How often one address (of IPv6: one /64) may ask; beyond it gets 429 and is told when to come again. As many at once may come in a burst. It holds for all that lies below the prefix, each longer prefix counting for itself, unless it has a `rate` of its own. Without `static`, `data`, `process` or `redirect` beside it, `web` answers.",
        ..key("route.*.rate", Kind::Text)
    },
    KeyDoc {
        default: "none",
        example: "[route.\"/\"]\nbasic_auth = \"STAFF\"\n\n[route.\"/webhook\"]\nbasic_auth = \"none\"",
        text: "The setting that has the names and passwords of those who may see it: `ship env set STAFF='anna:correct-horse ben:battery-staple'`. Browsers ask for them. The app sees neither, and runs only when the setting is there. It holds for all that lies below the prefix; a longer one with `\"none\"` is open to everybody. Without `static`, `data`, `process` or `redirect` beside it, `web` answers.",
        ..key("route.*.basic_auth", Kind::Text)
    },
    KeyDoc {
        default: "none beside what detection sees",
        example: "[data]\npaths = [\"media/\", \"db.sqlite3\"]",
        text: "Paths of the project that are kept in the data folder and outlive releases, beside the SQLite files and uploads that detection sees. A name that ends with `/` or has no extension is a folder.",
        ..key("data.paths", Kind::Texts)
    },
    KeyDoc {
        default: "none",
        example: "[env]\nrequired = [\"STRIPE_KEY\"]",
        text: "Settings that must be there before the build: by `.env` or `ship env set`.",
        ..key("env.required", Kind::Texts)
    },
    KeyDoc {
        default: "none",
        example: "[env]\nDJANGO_SETTINGS_MODULE = \"talkshow.settings.production\"",
        text: "A plain setting. Secrets belong into `ship env set`: this file is part of the source.",
        ..key("env.*", Kind::Text)
    },
    KeyDoc {
        default: "none",
        unit: "bytes",
        example: "[limits]\nmemory = \"512M\"",
        text: "The most memory that one instance may take. One that reaches it is ended and started again, and the log says so. It holds on an installed server, and on a laptop whose systemd hands control groups to its user.",
        ..key("limits.memory", Kind::Size)
    },
    KeyDoc {
        default: "none",
        unit: "cores",
        example: "[limits]\ncpu = \"1.5\"",
        text: "The most processor time that one instance may take, in cores. One that has had its share waits, and runs on a tenth of a second later. It holds where `memory` holds.",
        ..key("limits.cpu", Kind::Cores)
    },
    KeyDoc {
        default: "512 on an installed server",
        unit: "processes and threads",
        example: "[limits]\ntasks = 2048",
        text: "The most processes and threads that one instance may have at once, jobs and the release command included. One more cannot be started (`Resource temporarily unavailable`). It holds where `memory` holds.",
        ..key(
            "limits.tasks",
            Kind::Number(LEAST_TASKS as i64, MOST_TASKS as i64),
        )
    },
    KeyDoc {
        default: "10M",
        unit: "bytes",
        example: "[limits]\nbody = \"100M\"",
        text: "The largest request body.",
        ..key("limits.body", Kind::Size)
    },
    KeyDoc {
        default: "none",
        unit: "bytes a month",
        example: "[limits]\ntraffic = \"2T\"",
        text: "How much may go out to visitors of the whole app in a calendar month (UTC), in powers of 1000 as providers count. At 80 % and at 100 % it is said once each, in the server's log, by `ship ps` and at the next deploy.",
        ..key("limits.traffic", Kind::Traffic)
    },
    KeyDoc {
        default: "warn",
        example: "[limits]\ntraffic = \"2T\"\ntraffic_over = \"pause\"",
        text: "What happens beyond `traffic` until the month ends. `warn`: it is said, and nothing else. `slow`: all visitors together get 125 kB a second. `pause`: visitors see a page with status 503 in the app's place; the health check, where it has a path of its own, and `/.well-known/acme-challenge/` are answered. A deploy with a larger budget lets the app go on at once.",
        ..key("limits.traffic_over", Kind::OneOf(TRAFFIC_OVER))
    },
    KeyDoc {
        default: "true",
        example: "[https]\nredirect = false",
        text: "Send visitors that come without TLS to the same place with it, by status 308. On a server, for domains that have a certificate; until one is there, plain HTTP answers.",
        ..key("https.redirect", Kind::Flag)
    },
    KeyDoc {
        default: "not said",
        unit: "duration",
        example: "[https]\nhsts = \"365d\"",
        text: "Tell browsers to come by TLS alone for this long (`Strict-Transport-Security`), where the app says nothing itself. On a server; on your own machine nothing is said, since `http://NAME.localhost:8000` is to stay. It cannot be taken back before that time is over.",
        ..key("https.hsts", Kind::Duration)
    },
    KeyDoc {
        default: "true",
        example: "[browsers]\nheaders = false",
        text: "Tell browsers to be careful, where the app says nothing itself: `X-Content-Type-Options: nosniff`, `Referrer-Policy: strict-origin-when-cross-origin` and, unless `frames` is true, `X-Frame-Options: SAMEORIGIN`.",
        ..key("browsers.headers", Kind::Flag)
    },
    KeyDoc {
        default: "false; true for what is often shown inside other pages: Streamlit, Gradio, Dash, Panel, Bokeh, Voilà, marimo, Shiny",
        example: "[browsers]\nframes = true",
        text: "Pages of other sites may show the app's in a frame. An app that sends `frame-ancestors` in a `Content-Security-Policy` decides by itself.",
        ..key("browsers.frames", Kind::Flag)
    },
    KeyDoc {
        default: "a plain page of Shipsmith's",
        example: "[pages]\nnot_found = \"pages/404.html\"",
        text: "The page for addresses at which there is no file and no route (404). What the app answers itself is never replaced; a folder of static files may have a `404.html` of its own. Programs that ask for JSON get JSON.",
        ..key("pages.not_found", Kind::Text)
    },
    KeyDoc {
        default: "a plain page of Shipsmith's",
        example: "[pages]\nunavailable = \"pages/sorry.html\"",
        text: "The page for visitors while the app does not run or does not answer (502, 503, 504). On a laptop its author sees what happened instead.",
        ..key("pages.unavailable", Kind::Text)
    },
    KeyDoc {
        default: "a plain page of Shipsmith's",
        example: "[pages]\nmaintenance = \"pages/closed.html\"",
        text: "The page of `ship maintenance on` (503).",
        ..key("pages.maintenance", Kind::Text)
    },
];

/// Every key, in the order of the reference page.
pub fn reference() -> Vec<KeyDoc> {
    KEYS.to_vec()
}

/// The keys right below a table: `command` of `web`, `web` of the manifest itself (`""`).
pub(crate) fn keys_of(table: &str) -> Vec<&'static str> {
    let mut keys: Vec<&'static str> = Vec::new();
    for doc in KEYS {
        let below = match table {
            "" => Some(doc.key),
            table => doc
                .key
                .strip_prefix(table)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        if let Some(first) = below.and_then(|below| below.split('.').next())
            && !keys.contains(&first)
        {
            keys.push(first);
        }
    }
    keys
}

/// The JSON schema of `ship.toml` (draft 2020-12), made from [`reference()`].
pub fn schema() -> Value {
    let mut root = object();
    for doc in KEYS {
        insert(
            &mut root,
            &doc.key.split('.').collect::<Vec<_>>(),
            of_key(doc),
        );
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root["title"] = json!("ship.toml");
    root
}

fn object() -> Value {
    json!({ "type": "object", "additionalProperties": false })
}

fn insert(table: &mut Value, path: &[&str], value: Value) {
    let [first, rest @ ..] = path else { return };
    let slot = if *first == "*" {
        &mut table["additionalProperties"]
    } else {
        if !table["properties"].is_object() {
            table["properties"] = Value::Object(Map::new());
        }
        &mut table["properties"][*first]
    };
    if rest.is_empty() {
        *slot = value;
        return;
    }
    if !slot.is_object() {
        *slot = object();
    }
    insert(slot, rest, value);
}

fn of_key(doc: &KeyDoc) -> Value {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": text });
    let mut value = match doc.kind {
        Kind::Text | Kind::Command => text,
        Kind::OneOf(words) => json!({ "enum": words }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Kind::Duration => json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" }),
        Kind::Keeping => {
            let pattern = "^(([0-9]+(ms|s|m|h|d))+|([1-9][0-9]?|100)%)$";
            json!({ "type": "string", "pattern": pattern })
        }
        Kind::Cores => json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})?$" }),
        Kind::Traffic => {
            json!({ "type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,3})? *[MGTP](i?B)?$" })
        }
        Kind::Size => json!({ "type": "string", "pattern": "^[0-9]+([kKMGT](i?B)?|B)?$" }),
        Kind::Texts => texts,
        Kind::Commands => json!({ "anyOf": [text, texts] }),
    };
    value["description"] = json!(doc.text);
    value["examples"] = json!([doc.example]);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::read::parse;

    #[test]
    fn every_key_says_what_it_is_for_and_its_example_is_read() {
        for doc in KEYS {
            assert!(doc.text.ends_with('.'), "{}", doc.key);
            parse(doc.example).unwrap_or_else(|error| panic!("{}: {error}", doc.key));
        }
    }

    #[test]
    fn the_schema_knows_every_key() {
        let schema = schema();
        let at = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/properties/web/properties/health/type"), "string");
        assert_eq!(
            at("/properties/process/additionalProperties/properties/command/type"),
            "string"
        );
        assert_eq!(at("/properties/env/additionalProperties/type"), "string");
        assert_eq!(at("/properties/env/properties/required/type"), "array");
        assert_eq!(at("/additionalProperties"), false);
    }
}
