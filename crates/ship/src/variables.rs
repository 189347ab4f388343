//! The environment variables that Shipsmith reads, and those it hands to the tools it drives.

/// Every variable that we read ourselves, with its sentence; the reference page is made from it.
pub const READ: &[(&str, &str)] = &[
    (
        "HOME",
        "Where `~/.local/share/ship` is, when `XDG_DATA_HOME` is not set.",
    ),
    (
        "NO_COLOR",
        "Set to anything: no colours. So does `TERM=dumb`, which also ends live lines.",
    ),
    (
        "SHIP_HOME",
        "Everything of Shipsmith goes below this one folder: a second installation beside the \
         first, with its own server and ports.",
    ),
    (
        "SHIP_LOG",
        "What server and door write to `server.log`: `info` by default; `debug`, `trace`, or a \
         filter such as `ship_server=debug,info`.",
    ),
    (
        "SHIP_REMOTE",
        "The server that commands ask, as if `-r` were given.",
    ),
    (
        "SHIP_SSH",
        "The program that reaches servers, in place of `ssh`; it gets ssh's arguments.",
    ),
    (
        "SHIP_UV",
        "The `uv` to use, in place of the one on `PATH` or our own.",
    ),
    (
        "SSH_ORIGINAL_COMMAND",
        "Set by sshd where a deploy key comes in: what was asked for, which may be a `git push`.",
    ),
    (
        "XDG_DATA_HOME",
        "Releases, environments, logs and data go to `ship` below it.",
    ),
];

/// What `ship up`, or the server of a `ship deploy`, hands to uv, Python and the author's build commands: nothing else reaches them.
/// A name that ends with `*` stands for all that begin so.
pub const TOOLS: &[&str] = &[
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOGNAME",
    "NETRC",
    "NO_PROXY",
    "PATH",
    "PIP_*",
    "PYENV_ROOT",
    "REQUESTS_CA_BUNDLE",
    "SHIP_UV",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "UV_*",
    "XDG_*",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// What the server hands on to door and keepers; it is itself started with [`TOOLS`] besides.
pub const ROLES: &[&str] = &[
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "SHIP_HOME",
    "SHIP_LOG",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_DATA_HOME",
];

/// Whether `name` stands in `list`.
pub fn is_in(list: &[&str], name: &str) -> bool {
    list.iter().any(|entry| match entry.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *entry == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_get_what_they_need_and_no_secrets() {
        for name in [
            "PATH",
            "UV_DEFAULT_INDEX",
            "PIP_INDEX_URL",
            "https_proxy",
            "SSL_CERT_FILE",
        ] {
            assert!(is_in(TOOLS, name), "{name}");
        }
        for name in [
            "AWS_SECRET_ACCESS_KEY",
            "DATABASE_URL",
            "PYTHONPATH",
            "VIRTUAL_ENV",
            "UV",
        ] {
            assert!(!is_in(TOOLS, name), "{name}");
        }
    }

    #[test]
    fn lists_are_sorted() {
        assert!(READ.is_sorted() && TOOLS.is_sorted() && ROLES.is_sorted());
    }
}
