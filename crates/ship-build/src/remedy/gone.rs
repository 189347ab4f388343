//! What a Python no longer has, and the last minor version that had it: what failed with a newer one
//! says so in the words of its exception.
//!
//! Source: the sections "Removed" of "What's New in Python", 3.9 to 3.14.

type Minor = (u32, u32);

/// Modules as a whole.
const MODULES: &[(Minor, &[&str])] = &[
    ((3, 8), &["dummy_threading", "_dummy_thread"]),
    ((3, 9), &["formatter", "parser", "symbol"]),
    ((3, 10), &["binhex"]),
    (
        (3, 11),
        &["asynchat", "asyncore", "distutils", "imp", "smtpd"],
    ),
    (
        (3, 12),
        &[
            "aifc",
            "audioop",
            "cgi",
            "cgitb",
            "chunk",
            "crypt",
            "imghdr",
            "lib2to3",
            "mailcap",
            "msilib",
            "nis",
            "nntplib",
            "ossaudiodev",
            "pipes",
            "sndhdr",
            "spwd",
            "sunau",
            "telnetlib",
            "uu",
            "xdrlib",
        ],
    ),
];

/// Names in a module that stayed.
const NAMES: &[(Minor, &str, &[&str])] = &[
    ((3, 8), "base64", &["decodestring", "encodestring"]),
    ((3, 8), "fractions", &["gcd"]),
    ((3, 8), "xml.etree", &["cElementTree"]),
    (
        (3, 9),
        "collections",
        &[
            "Awaitable",
            "AsyncIterable",
            "AsyncIterator",
            "ByteString",
            "Callable",
            "Collection",
            "Container",
            "Coroutine",
            "Generator",
            "Hashable",
            "ItemsView",
            "Iterable",
            "Iterator",
            "KeysView",
            "Mapping",
            "MappingView",
            "MutableMapping",
            "MutableSequence",
            "MutableSet",
            "Reversible",
            "Sequence",
            "Set",
            "Sized",
            "ValuesView",
        ],
    ),
    ((3, 10), "asyncio", &["coroutine"]),
    ((3, 10), "inspect", &["formatargspec", "getargspec"]),
    ((3, 11), "configparser", &["SafeConfigParser"]),
    ((3, 11), "importlib", &["find_loader"]),
    ((3, 11), "locale", &["format"]),
    ((3, 11), "pkgutil", &["ImpImporter", "ImpLoader"]),
    ((3, 11), "sqlite3", &["OptimizedUnicode"]),
    ((3, 11), "ssl", &["match_hostname", "wrap_socket"]),
    ((3, 12), "dataclasses", &["_create_fn"]),
    ((3, 12), "typing", &["io", "re"]),
    ((3, 12), "unittest", &["findTestCases", "makeSuite"]),
    (
        (3, 13),
        "ast",
        &["Bytes", "Ellipsis", "NameConstant", "Num", "Str"],
    ),
    ((3, 13), "pkgutil", &["find_loader", "get_loader"]),
];

/// Arguments that functions of the standard library stopped taking.
const ARGUMENTS: &[(Minor, &str)] = &[((3, 9), "unexpected keyword argument 'loop'")];

/// The newest Python that has what `line` says is not there.
pub(super) fn last_with(line: &str) -> Option<Minor> {
    let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
    let of_module = || {
        let at = line.find("No module named '")?;
        let name = line[at..].split('\'').nth(1)?;
        let top = name.split('.').next().unwrap_or(name);
        let row = MODULES.iter().find(|(_, names)| names.contains(&top));
        row.map(|(last, _)| *last)
    };
    let of_name = || {
        let is_told = line.contains("cannot import name") || line.contains("has no attribute");
        let row = NAMES.iter().find(|(_, module, names)| {
            let has = |name: &&str| quoted.contains(name);
            is_told && has(module) && names.iter().any(has)
        });
        row.map(|(last, ..)| *last)
    };
    let of_argument = || {
        let row = ARGUMENTS.iter().find(|(_, words)| line.contains(words));
        row.map(|(last, _)| *last)
    };
    of_module().or_else(of_name).or_else(of_argument)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_python_that_had_it_is_known() {
        for (line, last) in [
            (
                "ModuleNotFoundError: No module named 'distutils.version'",
                (3, 11),
            ),
            ("ModuleNotFoundError: No module named 'imp'", (3, 11)),
            (
                "ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/python3.13/collections/__init__.py)",
                (3, 9),
            ),
            (
                "AttributeError: module 'collections' has no attribute 'MutableMapping'",
                (3, 9),
            ),
            (
                "AttributeError: module 'inspect' has no attribute 'getargspec'. Did you mean: 'getargs'?",
                (3, 10),
            ),
            (
                "TypeError: __init__() got an unexpected keyword argument 'loop'",
                (3, 9),
            ),
        ] {
            assert_eq!(last_with(line), Some(last), "{line}");
        }
        for line in [
            "ModuleNotFoundError: No module named 'important'",
            "ImportError: cannot import name 'Mapping' from 'shop.collections' (/w/shop/collections.py)",
            "NameError: name 'imp' is not defined",
        ] {
            assert_eq!(last_with(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "(?s).*") {
            let _ = last_with(&line);
        }
    }
}
