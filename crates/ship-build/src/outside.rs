//! Databases and caches that do not answer, as the drivers of Python name them when they fail.

use ship_base::name::AppName;

/// How one kind of server is recognised, and how its address is written.
struct Kind {
    /// `database`
    label: &'static str,
    /// Words of its drivers, in lower case, beside which an address stands.
    words: &'static [&'static str],
    port: &'static str,
    /// The variable that most projects read its address from.
    variable: &'static str,
    scheme: &'static str,
}

/// The first that fits is taken. libpq: `connection to server at "db" (::1), port 5432 failed`;
/// redis-py: `Error 111 connecting to db:6379`; PyMySQL and mysqlclient: `Can't connect to …MySQL
/// server on 'db'`; PyMongo: `db:27017: [Errno 111] Connection refused`; asyncpg and all that connects
/// by asyncio: `Connect call failed ('127.0.0.1', 5432)`; aiopg names no address.
const KINDS: &[Kind] = &[
    Kind {
        label: "Postgres",
        words: &[
            "connection to server ",
            "could not translate host name",
            "psycopg2.operationalerror: connection refused",
            "', 5432",
        ],
        port: "5432",
        variable: "DATABASE_URL",
        scheme: "postgres",
    },
    Kind {
        label: "MySQL",
        words: &["mysql server on ", "mysql server through ", "', 3306"],
        port: "3306",
        variable: "DATABASE_URL",
        scheme: "mysql",
    },
    Kind {
        label: "MongoDB",
        words: &[":27017: ", "', 27017"],
        port: "27017",
        variable: "MONGODB_URI",
        scheme: "mongodb",
    },
    Kind {
        label: "Redis",
        words: &["connecting to ", "', 6379"],
        port: "6379",
        variable: "REDIS_URL",
        scheme: "redis",
    },
];

/// What the system says of a server that is not there.
const ABSENT: &[&str] = &[
    "connection refused",
    "connect call failed",
    "no such file or directory",
    "could not translate host name",
    "name or service not known",
    "nodename nor servname",
    "temporary failure in name resolution",
    "can't connect to",
    "timed out",
    "timeout expired",
];

/// What to do where the last lines of a program say that a server it needs does not answer.
pub(crate) fn hint<'a>(
    app: &AppName,
    output: impl DoubleEndedIterator<Item = &'a str>,
) -> Option<String> {
    output.rev().find_map(|line| {
        of_line(app, line)
            .or_else(|| of_driver(line))
            .or_else(|| of_name(line))
    })
}

/// unixODBC: `[unixODBC][Driver Manager]Can't open lib 'ODBC Driver 17 for SQL Server' : file not
/// found`.
fn of_driver(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Can't open lib '")?;
    let (driver, _) = rest.split_once('\'')?;
    let brings = match driver.strip_suffix(" for SQL Server") {
        Some(_) => "Microsoft's package `msodbcsql17` or `msodbcsql18` brings it",
        None => "the package of that database's driver brings it",
    };
    Some(format!(
        "ODBC has no driver `{driver}` on this machine: {brings}, and `odbcinst -q -d` lists those that are here"
    ))
}

/// The name of a machine that cannot be looked up: Twisted, asyncio's clients, urllib3.
fn of_name(line: &str) -> Option<String> {
    const BEFORE: [&str; 3] = [
        "no results for hostname lookup: ",
        "Cannot connect to host ",
        "Failed to resolve '",
    ];
    const LOOK_UPS: [&str; 4] = [
        "lookup",
        "resolve",
        "Name or service not known",
        "Temporary failure in name resolution",
    ];
    if !LOOK_UPS.iter().any(|words| line.contains(words)) {
        return None;
    }
    let name = BEFORE.iter().find_map(|before| {
        let (_, rest) = line.split_once(before)?;
        let name = rest.split([' ', '\'', ':', ',']).next()?;
        Some(name.trim_end_matches('.')).filter(|name| !name.is_empty())
    })?;
    Some(format!(
        "`{name}` cannot be looked up from here: is the name right, and does this machine reach the internet?"
    ))
}

fn of_line(app: &AppName, line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    if lower.contains("fatal:") && lower.contains("connection to server") {
        return refused(app, line);
    }
    if !ABSENT.iter().any(|words| lower.contains(words)) {
        return None;
    }
    let kind = KINDS
        .iter()
        .find(|kind| kind.words.iter().any(|words| lower.contains(words)))?;
    let Kind {
        label,
        variable,
        scheme,
        ..
    } = kind;
    Some(format!(
        "{label} at {} does not answer: is it running? Where it is elsewhere: `ship env set --app {app} {variable}={scheme}://…`, or by the name that the project reads its address from",
        address(kind, line)
    ))
}

/// Postgres is there, and lets nobody in: libpq's `FATAL:  database "shop" does not exist`,
/// `FATAL:  password authentication failed for user "shop"`.
fn refused(app: &AppName, line: &str) -> Option<String> {
    let (_, why) = line.split_once("FATAL:")?;
    let database = why.trim().strip_prefix("database \"");
    let missing = database.and_then(|rest| rest.strip_suffix("\" does not exist"));
    Some(match missing {
        Some(name) => format!("`createdb {name}` makes it, where the app is to have that database"),
        None => format!(
            "Postgres answers, but not to this user: `ship env set --app {app} DATABASE_URL=postgres://USER:PASSWORD@HOST/NAME`, or by the name that the project reads its address from"
        ),
    })
}

/// `db:6379`, `db` with the port that the line names or the usual one, or the path of a socket.
fn address(kind: &Kind, line: &str) -> String {
    if let Some(address) = of_asyncio(line) {
        return address;
    }
    if let Some(host) = quoted(line) {
        return match (host.starts_with('/'), host.contains(':')) {
            (false, false) => format!("{host}:{}", named_port(line).unwrap_or(kind.port)),
            _ => host.to_owned(),
        };
    }
    let is_address = |word: &&str| {
        let (host, port) = word.rsplit_once(':').unwrap_or_default();
        !host.is_empty() && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    };
    let words = line.split_whitespace();
    let mut words = words.map(|word| word.trim_end_matches(['.', ',', ':']));
    words
        .find(is_address)
        .map_or_else(|| format!("port {}", kind.port), str::to_owned)
}

/// `127.0.0.1:5432` of `Connect call failed ('127.0.0.1', 5432)`.
fn of_asyncio(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("Connect call failed ('")?;
    let (host, rest) = rest.split_once("', ")?;
    let port = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(format!("{host}:{port}"))
}

/// What stands in the first quotes behind ` at `, ` on `, ` socket ` or ` name `.
fn quoted(line: &str) -> Option<&str> {
    let found = [" at ", " socket ", " on ", " name "]
        .iter()
        .find_map(|word| {
            let (_, rest) = line.split_once(word)?;
            let quote = rest.chars().next().filter(|c| "\"'".contains(*c))?;
            rest[1..].split(quote).next()
        });
    found.filter(|text| !text.is_empty())
}

/// `5433` in `…, port 5433 failed: …`.
fn named_port(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" port ")?;
    let port = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    (!port.is_empty()).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of the hint before the question.
    fn told(line: &str) -> String {
        let hint = hint(&"blog".parse().unwrap(), std::iter::once(line));
        let hint = hint.unwrap_or_default();
        hint.split(": is it running").next().unwrap().to_owned()
    }

    #[test]
    fn the_server_that_does_not_answer_is_named_with_its_address() {
        for (line, said) in [
            (
                r#"django.db.utils.OperationalError: connection to server at "localhost" (127.0.0.1), port 5433 failed: Connection refused"#,
                "Postgres at localhost:5433 does not answer",
            ),
            (
                r#"psycopg2.OperationalError: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file or directory"#,
                "Postgres at /var/run/postgresql/.s.PGSQL.5432 does not answer",
            ),
            (
                r#"sqlalchemy.exc.OperationalError: could not translate host name "db" to address: Name or service not known"#,
                "Postgres at db:5432 does not answer",
            ),
            (
                "ERROR:root:Error 111 connecting to localhost:6379. Connection refused.",
                "Redis at localhost:6379 does not answer",
            ),
            (
                "redis.exceptions.ConnectionError: Error -2 connecting to redis:6379. Name or service not known.",
                "Redis at redis:6379 does not answer",
            ),
            (
                r#"pymysql.err.OperationalError: (2003, "Can't connect to MySQL server on 'mysql' ([Errno 111] Connection refused)")"#,
                "MySQL at mysql:3306 does not answer",
            ),
            (
                "pymongo.errors.ServerSelectionTimeoutError: localhost:27017: [Errno 111] Connection refused",
                "MongoDB at localhost:27017 does not answer",
            ),
            (
                "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 5432)",
                "Postgres at 127.0.0.1:5432 does not answer",
            ),
            (
                "psycopg2.OperationalError: Connection refused",
                "Postgres at port 5432 does not answer",
            ),
        ] {
            assert_eq!(told(line), said, "{line}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_looked_up_is_told() {
        for line in [
            "twisted.internet.error.DNSLookupError: DNS lookup failed: no results for hostname lookup: api.example.",
            "aiohttp.client_exceptions.ClientConnectorDNSError: Cannot connect to host api.example:443 ssl:default [Name or service not known]",
            "Caused by NameResolutionError(\"Failed to resolve 'api.example' ([Errno -2] Name or service not known)\")",
        ] {
            let hint = told(line);
            assert!(
                hint.starts_with("`api.example` cannot be looked up"),
                "{line}: {hint}"
            );
        }
    }

    #[test]
    fn a_driver_that_odbc_lacks_is_named() {
        let hint = told(
            "('01000', \"[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 17 for SQL Server' : file not found (0) (SQLDriverConnect)\")",
        );
        assert!(hint.contains("`ODBC Driver 17 for SQL Server`"), "{hint}");
        assert!(hint.contains("`msodbcsql17`"), "{hint}");
    }

    #[test]
    fn a_database_that_lets_nobody_in_is_told_apart_from_one_that_is_away() {
        let at = r#"OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 failed: FATAL:  "#;
        assert_eq!(
            told(&format!(r#"{at}database "shop" does not exist"#)),
            "`createdb shop` makes it, where the app is to have that database"
        );
        for why in [
            r#"password authentication failed for user "shop""#,
            r#"role "shop" does not exist"#,
        ] {
            let hint = told(&format!("{at}{why}"));
            assert!(
                hint.starts_with("Postgres answers, but not to this user"),
                "{hint}"
            );
        }
    }

    #[test]
    fn other_failures_are_not_taken_for_a_server_that_is_away() {
        for line in [
            "FileNotFoundError: [Errno 2] No such file or directory: 'config.json'",
            "FATAL: no configuration",
            "connecting to the sensor",
            "requests.exceptions.ConnectTimeout: timed out",
        ] {
            assert_eq!(told(line), "", "{line}");
        }
    }
}
