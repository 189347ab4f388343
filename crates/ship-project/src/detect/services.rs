//! Databases, caches and queues that the code talks to: named, so that a first start does not end
//! in `Connection refused` unexplained.

use std::collections::BTreeSet;

use crate::packages::Packages;
use crate::plan::{Note, Place, Sourced};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::module::{Import, Module};
use crate::python::paths::is_setting;

/// A service, and what tells that the code talks to it.
struct Service {
    label: &'static str,
    /// Modules and names whose import says so: drivers, clients, and brokers of libraries that know
    /// several.
    drivers: &'static [&'static str],
    /// What an address begins with; also the engines and backends of Django's settings.
    addresses: &'static [&'static str],
    /// The setting that usually names its address.
    setting: &'static str,
    /// Packages that connect to nothing else, for code that names only `setting`.
    packages: &'static [&'static str],
    /// Parts of the names that people give to what leads to it: `DB_HOST`, `POSTGRES_USER`.
    names: &'static [&'static str],
    /// Add-ons of Heroku that are such a service.
    addons: &'static [&'static str],
}

const SQL: &[&str] = &[
    "DB", "DATABASE", "SQL", "POSTGRES", "PG", "MYSQL", "MARIADB",
];

const SERVICES: [Service; 8] = [
    Service {
        label: "PostgreSQL",
        drivers: &[
            "psycopg",
            "psycopg2",
            "asyncpg",
            "aiopg",
            "pg8000",
            "psycopg_pool",
            "procrastinate",
        ],
        addresses: &[
            "postgres://",
            "postgresql://",
            "postgresql+",
            "django.db.backends.postgresql",
            "django.contrib.gis.db.backends.postgis",
        ],
        setting: "DATABASE_URL",
        packages: &["psycopg", "psycopg2", "psycopg2-binary", "asyncpg"],
        names: SQL,
        addons: &["heroku-postgresql", "crunchy-bridge"],
    },
    Service {
        label: "MySQL",
        drivers: &["MySQLdb", "pymysql", "aiomysql", "mysql", "asyncmy"],
        addresses: &["mysql://", "mysql+", "mariadb+", "django.db.backends.mysql"],
        setting: "DATABASE_URL",
        packages: &["mysqlclient", "pymysql"],
        names: SQL,
        addons: &["jawsdb", "jawsdb-maria", "cleardb"],
    },
    Service {
        label: "Redis",
        drivers: &[
            "redis",
            "aioredis",
            "valkey",
            "coredis",
            "django_redis",
            "arq",
            "rq",
            "dramatiq.brokers.redis",
            "huey.RedisHuey",
            "huey.PriorityRedisHuey",
            "huey.RedisExpireHuey",
        ],
        addresses: &[
            "redis://",
            "rediss://",
            "valkey://",
            "django_redis.cache.RedisCache",
            "django.core.cache.backends.redis.RedisCache",
            "channels_redis.core.RedisChannelLayer",
            "channels_redis.pubsub.RedisPubSubChannelLayer",
        ],
        setting: "REDIS_URL",
        packages: &["redis", "django-redis"],
        names: &["REDIS", "VALKEY", "BROKER"],
        addons: &["heroku-redis", "rediscloud", "redistogo", "upstash-redis"],
    },
    Service {
        label: "MongoDB",
        drivers: &["pymongo", "motor", "mongoengine", "beanie"],
        addresses: &["mongodb://", "mongodb+srv://"],
        setting: "MONGODB_URL",
        packages: &["pymongo", "motor"],
        names: &["MONGO"],
        addons: &["ormongo", "mongolab"],
    },
    Service {
        label: "RabbitMQ",
        drivers: &["pika", "aio_pika", "dramatiq.brokers.rabbitmq"],
        addresses: &["amqp://", "amqps://", "pyamqp://"],
        setting: "AMQP_URL",
        packages: &["pika", "aio-pika"],
        names: &["AMQP", "RABBIT", "BROKER"],
        addons: &["cloudamqp", "rabbitmq-bigwig"],
    },
    Service {
        label: "SQL Server",
        drivers: &["pyodbc", "pymssql"],
        addresses: &["mssql+", "mssql://"],
        setting: "DATABASE_URL",
        packages: &["pymssql"],
        names: &["DB", "DATABASE", "SQL"],
        addons: &[],
    },
    Service {
        label: "Memcached",
        drivers: &["pymemcache", "pylibmc", "aiomcache", "bmemcached"],
        addresses: &[
            "django.core.cache.backends.memcached.PyMemcacheCache",
            "django.core.cache.backends.memcached.PyLibMCCache",
        ],
        setting: "MEMCACHED_URL",
        packages: &["pymemcache", "pylibmc"],
        names: &["MEMCACHE"],
        addons: &["memcachier", "memcachedcloud"],
    },
    Service {
        label: "Elasticsearch or OpenSearch",
        drivers: &[
            "elasticsearch",
            "elasticsearch_dsl",
            "django_elasticsearch_dsl",
            "opensearchpy",
        ],
        addresses: &[],
        setting: "ELASTICSEARCH_URL",
        packages: &["elasticsearch", "opensearch-py"],
        names: &["ELASTIC", "OPENSEARCH"],
        addons: &["bonsai", "searchbox", "foundelasticsearch"],
    },
];

/// A note for each service that the code talks to, or that `addons` of `app.json` order.
pub(crate) fn notes(
    project: &Project,
    packages: &Packages,
    addons: &[Sourced<String>],
) -> Vec<Note> {
    let wanted = SERVICES.iter().filter_map(|service| {
        let by_code = project
            .index
            .own_modules_with(&service.words())
            .find_map(|module| service.place(module));
        let place = by_code.or_else(|| service.by_setting(project, packages));
        let ordered = || {
            let addon = addons
                .iter()
                .find(|addon| service.addons.contains(&addon.value.as_str()))?;
            Some((
                format!("`app.json` orders {}", service.label),
                addon.places.first()?.clone(),
            ))
        };
        let is_ordered = place.is_none();
        let (text, place) = place
            .map(|place| (format!("the code talks to {}", service.label), place))
            .or_else(ordered)?;
        Some(Note {
            text,
            hint: Some(service.hint(project, is_ordered)),
            place: Some(place),
        })
    });
    wanted.collect()
}

/// What Django's settings name by a path, and the package without which that does not import. Of
/// those for PostgreSQL the one that every Django takes.
const BACKENDS: [(&str, &str); 4] = [
    ("django.db.backends.postgresql", "psycopg2-binary"),
    ("django.contrib.gis.db.backends.postgis", "psycopg2-binary"),
    ("django.db.backends.mysql", "mysqlclient"),
    ("django.core.cache.backends.redis", "redis"),
];

/// The packages behind the databases and caches of Django's settings, for a project that names no
/// packages: nothing imports them.
pub(crate) fn of_backends(project: &Project) -> Vec<&'static str> {
    let words = [
        "postgresql",
        "postgresql_psycopg2",
        "postgis",
        "mysql",
        "redis",
    ];
    let texts: Vec<&str> = project
        .index
        .own_modules_with(&words)
        .flat_map(|module| module.texts.iter().map(|(text, _)| text.as_str()))
        .collect();
    let named = BACKENDS
        .iter()
        .filter(|(path, _)| texts.iter().any(|text| text.starts_with(path)));
    let mut packages: Vec<_> = named.map(|(_, package)| *package).collect();
    packages.dedup();
    packages
}

impl Service {
    /// Where the setting of its address is read, in a project that names a driver of it and of
    /// nothing else that may stand there: what is imported is left to a library.
    fn by_setting(&self, project: &Project, packages: &Packages) -> Option<Place> {
        let has_driver = |service: &Self| service.packages.iter().any(|name| packages.has(name));
        let same = SERVICES
            .iter()
            .filter(|other| other.setting == self.setting && has_driver(other));
        if !has_driver(self) || same.count() > 1 {
            return None;
        }
        self.read(project).next().map(|(_, place)| place)
    }

    /// Names the settings that the code reads, where they are known by their names. Of what is ordered
    /// Heroku sets the usual one.
    fn hint(&self, project: &Project, is_ordered: bool) -> String {
        const MOST: usize = 5;
        let names: BTreeSet<&str> = if is_ordered || self.read(project).next().is_some() {
            BTreeSet::from([self.setting])
        } else {
            self.leading(project)
        };
        let settings: Vec<String> = names
            .iter()
            .take(MOST)
            .map(|name| format!("{name}=…"))
            .collect();
        if settings.is_empty() {
            return "it has to run where the app reaches it: let the code read its address from the environment, and `ship env set NAME=…` tells the app where".to_owned();
        }
        format!(
            "it has to run where the app reaches it; `ship env set {}` tells the app where",
            settings.join(" ")
        )
    }

    /// Where `setting` is named.
    fn read<'a>(&self, project: &'a Project) -> impl Iterator<Item = (&'a str, Place)> {
        let setting = self.setting;
        project
            .index
            .own_modules_with(&[setting])
            .flat_map(move |module| {
                let texts = module.texts.iter().filter(move |(text, _)| text == setting);
                texts.map(|(text, line)| (text.as_str(), module.place(*line)))
            })
    }

    /// The variables whose names say that they lead to it: `DB_HOST`.
    fn leading<'a>(&self, project: &'a Project) -> BTreeSet<&'a str> {
        let names = |name: &str| {
            let mut parts = name.split('_');
            parts.any(|part| self.names.iter().any(|known| part.starts_with(known)))
        };
        let modules = project
            .index
            .own_modules_with(&["environ", "getenv", "config", "env"]);
        let read = modules.flat_map(|module| {
            let of_calls = module.calls.iter().filter_map(|(call, _)| {
                let function = call.function.dotted()?;
                let name = call.arguments.first()?.text()?;
                is_setting(&function).then_some(name)
            });
            let of_items = module.items.iter().filter_map(|(item, _)| match item {
                Expr::Item(of, name) if of.dotted()?.ends_with("environ") => name.text(),
                _ => None,
            });
            of_calls.chain(of_items)
        });
        read.filter(|name| is_variable(name) && names(name))
            .collect()
    }

    /// Words of which one stands in every module that says so.
    fn words(&self) -> Vec<&'static str> {
        // `redis` of `redis://`, and `backends` of `django.db.backends.postgresql`: that name may go
        // on (`postgresql_psycopg2`).
        let word = |address: &&'static str| {
            let scheme = address.split([':', '+']).next()?;
            let whole = scheme.rsplit_once('.').map_or(scheme, |(before, _)| before);
            whole.rsplit('.').next()
        };
        let words = self.addresses.iter().filter_map(word);
        let last = |driver: &&'static str| driver.rsplit('.').next();
        let drivers = self.drivers.iter().filter_map(last);
        drivers.chain(words).collect()
    }

    /// Where the module says so.
    fn place(&self, module: &Module) -> Option<Place> {
        let address = |text: &str| {
            let known = self
                .addresses
                .iter()
                .find(|known| text.starts_with(**known));
            known.is_some_and(|known| {
                let rest = &text[known.len()..];
                if known.ends_with('+') {
                    rest.contains("://")
                } else {
                    // `url.replace("postgres://", …)` names no address.
                    !rest.is_empty() || !known.contains("://")
                }
            })
        };
        let written = module.texts.iter().find(|(text, _)| address(text));
        if let Some((_, line)) = written {
            return Some(module.place(*line));
        }
        let mut imports = module.top.imports.iter().filter(|i| i.level == 0);
        let is_driver = |import: &Import| {
            let name = import.name.as_deref().unwrap_or_default();
            let whole = format!("{}.{name}.", import.module);
            let begins = |driver: &&str| whole.starts_with(&format!("{driver}."));
            self.drivers.iter().any(begins)
        };
        imports.any(is_driver).then(|| module.place(0))
    }
}

/// Upper case, as variables of the environment are.
fn is_variable(name: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::python::source::Source;
    use crate::python::words::Word;

    #[test]
    fn a_file_that_names_a_service_says_one_of_its_words() {
        for service in SERVICES {
            let words: Vec<Word> = service.words().into_iter().map(Word::new).collect();
            let imports = service
                .drivers
                .iter()
                .map(|name| match name.rsplit_once('.') {
                    Some((module, name)) => format!("from {module} import {name}"),
                    None => format!("import {name}"),
                });
            let addresses = service.addresses.iter();
            let addresses = addresses.map(|address| format!("at = '{address}_x://there'"));
            for text in imports.chain(addresses) {
                let source = Source::alone(Path::new("a.py"), &text);
                assert!(source.says(&words), "{text}");
                assert!(service.place(source.module().unwrap()).is_some(), "{text}");
            }
        }
    }
}
