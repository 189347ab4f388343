//! Passwords of databases and brokers, written into the source.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;
use crate::python::expr::Expr;
use crate::python::module::Module;

pub(super) const CHECK: Check = Check {
    id: "database-password",
    severity: Severity::Error,
    title: "no password of a database stands in the code",
    why: "The address of a database differs between machines, and its password belongs to nobody who reads the source. What is seen: addresses with a password in strings (`postgresql://user:password@host/db`) and `PASSWORD` in Django's `DATABASES`. An address of this very machine (`localhost`) is a warning: it is there to develop with, and will not lead anywhere on a server. Placeholders (`<password>`, `{password}`, `$PASSWORD`) are none.",
    remedy: "`DATABASE_URL = os.environ[\"DATABASE_URL\"]`, for Django with `dj-database-url`, and `ship env set DATABASE_URL=…`.",
    fix: None,
    look,
};

const REMEDY: &str = "read the address from the environment, and `ship env set DATABASE_URL=…`";
const SCHEMES: [&str; 9] = [
    "amqp",
    "amqps",
    "mariadb",
    "mongodb",
    "mongodb+srv",
    "mysql",
    "postgres",
    "postgresql",
    "redis",
];
/// This machine, and names that only a Docker Compose file of the author's gives.
const HERE: [&str; 10] = [
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "[::1]",
    "db",
    "postgres",
    "postgresql",
    "mysql",
    "redis",
    "rabbitmq",
];

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for module in subject.modules_with(&SCHEMES) {
        findings.extend(
            module
                .texts
                .iter()
                .filter_map(|(text, line)| of_address(text, module.place(*line))),
        );
    }
    if let Some(settings) = subject.settings() {
        findings.extend(
            settings
                .last("DATABASES")
                .into_iter()
                .flat_map(|(module, binding)| of_settings(&binding.value, module, binding.line)),
        );
    }
    findings.dedup_by(|a, b| a.place == b.place);
    findings
}

fn of_address(text: &str, place: Place) -> Option<Finding> {
    let (password, host) = parts(text)?;
    if is_placeholder(password) || is_placeholder(host) {
        return None;
    }
    let name = host.split([':', '/', '?', ',']).next().unwrap_or_default();
    if HERE.contains(&name) {
        let what = "the address of a database of your own machine is in the code: a server has no such one";
        return Some(Finding::new(&CHECK, place, what, REMEDY).severity(Severity::Warning));
    }
    let what = format!("the password of the database at `{name}` is in the code");
    Some(Finding::new(&CHECK, place, what, REMEDY))
}

/// Password and what follows the `@`.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    // `postgresql+psycopg2` names a driver as well.
    let base = scheme.split('+').next().unwrap_or_default();
    let known = SCHEMES.contains(&scheme) || SCHEMES.contains(&base);
    let (user, host) = rest
        .split_once('@')
        .filter(|_| known && !rest.contains(char::is_whitespace))?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty() && !host.is_empty()).then_some((password, host))
}

fn is_placeholder(text: &str) -> bool {
    text.contains(['<', '>', '{', '}', '$', '%', '[', ']', '…'])
        || text.contains("...")
        || text.contains("example")
        || text.chars().all(|c| c == '*' || c == 'x')
        || [
            "password",
            "pass",
            "user",
            "host",
            "hostname",
            "server",
            "your-password",
        ]
        .contains(&text.to_lowercase().as_str())
}

/// `DATABASES = {"default": {…, "PASSWORD": "…"}}`
fn of_settings(value: &Expr, module: &Module, line: u32) -> Vec<Finding> {
    let Expr::Dict(databases) = value else {
        return Vec::new();
    };
    let found = databases.iter().filter_map(|(name, database)| {
        let password = database
            .item("PASSWORD")?
            .text()
            .filter(|text| !text.is_empty())?;
        let host = database
            .item("HOST")
            .and_then(Expr::text)
            .unwrap_or("localhost");
        if is_placeholder(password) && password != "password" {
            return None;
        }
        let name = name.text().unwrap_or("default");
        let what = format!("the password of the database `{name}` is in the settings");
        let finding = Finding::new(&CHECK, module.place(line), what, REMEDY);
        let here = HERE.contains(&host) || host.is_empty();
        Some(if here {
            finding.severity(Severity::Warning)
        } else {
            finding
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(text: &str) -> Option<Severity> {
        of_address(text, Place::file("a.py")).map(|finding| finding.severity)
    }

    #[test]
    fn an_address_with_a_password_is_found_and_a_placeholder_is_none() {
        assert_eq!(
            severity("postgresql+psycopg2://shop:tiger7@db.corp.net:5432/shop"),
            Some(Severity::Error)
        );
        assert_eq!(
            severity("mysql://root:root@localhost/shop"),
            Some(Severity::Warning)
        );
        assert_eq!(
            severity("redis://:s3cret@cache.corp.net:6379/0"),
            Some(Severity::Error)
        );
        for text in [
            "postgresql://user:<password>@host/db",
            "postgresql://{user}:{password}@{host}/db",
            "postgresql://localhost/shop",
            "postgresql://user:password@hostname/db",
            "https://user:tiger7@db.corp.net/",
            "connect with postgres://a:b@c d",
            "redis://localhost:6379",
        ] {
            assert_eq!(severity(text), None, "{text}");
        }
    }

    #[test]
    fn the_password_itself_is_not_shown() {
        let finding = of_address("mysql://a:tiger7@db.corp.net/x", Place::file("a.py")).unwrap();
        assert!(!format!("{finding:?}").contains("tiger7"));
    }
}
