//! Databases, caches and queues that the code talks to: named, so that a first start does not end
//! in `Connection refused` unexplained.

use crate::plan::{Note, Place};
use crate::project::Project;
use crate::python::module::Module;

/// A service, and what tells that the code talks to it.
struct Service {
    label: &'static str,
    /// Packages whose import says so: drivers and clients.
    drivers: &'static [&'static str],
    /// What an address begins with; also the engines of Django's settings.
    addresses: &'static [&'static str],
    /// The setting that usually names its address.
    setting: &'static str,
}

const SERVICES: [Service; 6] = [
    Service {
        label: "PostgreSQL",
        drivers: &[
            "psycopg",
            "psycopg2",
            "asyncpg",
            "aiopg",
            "pg8000",
            "psycopg_pool",
        ],
        addresses: &[
            "postgres://",
            "postgresql://",
            "postgresql+",
            "django.db.backends.postgresql",
            "django.contrib.gis.db.backends.postgis",
        ],
        setting: "DATABASE_URL",
    },
    Service {
        label: "MySQL",
        drivers: &["MySQLdb", "pymysql", "aiomysql", "mysql", "asyncmy"],
        addresses: &["mysql://", "mysql+", "mariadb+", "django.db.backends.mysql"],
        setting: "DATABASE_URL",
    },
    Service {
        label: "Redis",
        drivers: &["redis", "aioredis", "valkey", "coredis", "django_redis"],
        addresses: &[
            "redis://",
            "rediss://",
            "valkey://",
            "django_redis.cache.RedisCache",
            "django.core.cache.backends.redis.RedisCache",
        ],
        setting: "REDIS_URL",
    },
    Service {
        label: "MongoDB",
        drivers: &["pymongo", "motor", "mongoengine", "beanie"],
        addresses: &["mongodb://", "mongodb+srv://"],
        setting: "MONGODB_URL",
    },
    Service {
        label: "RabbitMQ",
        drivers: &["pika", "aio_pika"],
        addresses: &["amqp://", "amqps://", "pyamqp://"],
        setting: "AMQP_URL",
    },
    Service {
        label: "SQL Server",
        drivers: &["pyodbc", "pymssql"],
        addresses: &["mssql+", "mssql://"],
        setting: "DATABASE_URL",
    },
];

/// A note for each service that the code talks to.
pub(crate) fn notes(project: &Project) -> Vec<Note> {
    let wanted = SERVICES.iter().filter_map(|service| {
        let place = project
            .index
            .own_modules_with(&service.words())
            .find_map(|module| service.place(module))?;
        Some(Note {
            text: format!("the code talks to {}", service.label),
            hint: Some(service.hint(project)),
            place: Some(place),
        })
    });
    wanted.collect()
}

impl Service {
    /// Names the setting only where the code reads it.
    fn hint(&self, project: &Project) -> String {
        let modules = project.index.own_modules_with(&[self.setting]);
        let mut texts = modules.flat_map(|module| &module.texts);
        let name = if texts.any(|(text, _)| text == self.setting) {
            self.setting
        } else {
            "NAME"
        };
        format!(
            "it has to run where the app reaches it; `ship env set {name}=…` tells the app where"
        )
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
        self.drivers.iter().copied().chain(words).collect()
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
        let is_driver = |name: &str| {
            let first = name.split('.').next().unwrap_or_default();
            self.drivers.contains(&first)
        };
        imports
            .any(|import| is_driver(&import.module))
            .then(|| module.place(0))
    }
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
            let imports = service.drivers.iter().map(|name| format!("import {name}"));
            let addresses = service.addresses.iter();
            let addresses = addresses.map(|address| format!("at = '{address}_x://there'"));
            for text in imports.chain(addresses) {
                let source = Source::new(Path::new("a.py"), text.clone());
                assert!(source.says(&words), "{text}");
                assert!(service.place(source.module().unwrap()).is_some(), "{text}");
            }
        }
    }
}
