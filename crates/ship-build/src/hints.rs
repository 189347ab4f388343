//! What to do about failures of other programs, as far as their words tell.

use std::path::Path;

use ship_base::name::AppName;
use ship_project::plan::{Dependencies, Plan};

use crate::event::Phase;
use crate::outside;
use crate::proof::Frame;
use crate::tool::Ended;

pub(crate) mod system;
pub(crate) mod version;

/// Modules whose package has another name, where that name cannot be guessed from them.
const PACKAGES: &[(&str, &str)] = &[
    ("MySQLdb", "mysqlclient"),
    ("PIL", "pillow"),
    ("allauth", "django-allauth"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("channels_redis", "channels-redis"),
    ("compressor", "django-compressor"),
    ("corsheaders", "django-cors-headers"),
    ("crispy_forms", "django-crispy-forms"),
    ("cv2", "opencv-python-headless"),
    ("dateutil", "python-dateutil"),
    ("debug_toolbar", "django-debug-toolbar"),
    ("decouple", "python-decouple"),
    ("dj_database_url", "dj-database-url"),
    ("django_filters", "django-filter"),
    ("dotenv", "python-dotenv"),
    ("environ", "django-environ"),
    // Of several that share the name, the one that other packages' generated code asks for.
    ("google", "protobuf"),
    ("import_export", "django-import-export"),
    ("jose", "python-jose"),
    ("jwt", "pyjwt"),
    ("magic", "python-magic"),
    ("multipart", "python-multipart"),
    // Not in setuptools 82 and later, which told its users to stay below 81 until they are rid of it.
    ("pkg_resources", "setuptools<81"),
    ("psycopg2", "psycopg2-binary"),
    ("rest_framework", "djangorestframework"),
    ("serial", "pyserial"),
    ("sklearn", "scikit-learn"),
    ("skimage", "scikit-image"),
    ("socketio", "python-socketio"),
    ("storages", "django-storages"),
    ("taggit", "django-taggit"),
    ("whitenoise", "whitenoise"),
    ("yaml", "pyyaml"),
];

/// Where there is no Node (or no pnpm, …) to build a front end with.
pub(crate) fn of_front_end(program: &str, output: Option<&Path>) -> Vec<String> {
    let brings = match program {
        "npm" => "Node brings it",
        _ => "Node brings npm, which fetches it",
    };
    let install =
        format!("{brings}: `apt install nodejs npm`, `brew install node`, or https://nodejs.org");
    let folder = output.map_or("frontend/dist/".to_owned(), |folder| {
        format!("{}/", folder.display())
    });
    vec![
        install,
        format!(
            "or build it where you have `{program}`, and let releases take what it makes: `echo '!{folder}' >> .shipignore`"
        ),
        "or leave it out: `[build]` with `command = \"true\"` in ship.toml".to_owned(),
    ]
}

/// The command that gives a setting a value.
pub(crate) fn set(name: &str, app: &AppName) -> String {
    format!("`ship env set --app {app} {name}=…`, or a line in .env")
}

/// The command that takes a file into releases that an ignore file keeps out.
pub(crate) fn take_in(name: &str) -> String {
    format!(
        "`{name}` is in the project, but an ignore file keeps it out of releases: `echo '!{name}' >> .shipignore`"
    )
}

/// The command that adds the package of a module.
pub(crate) fn add_package(module: &str, dependencies: Option<&Dependencies>) -> String {
    let package = package_of(module);
    let quoted = if package.contains('<') {
        format!("'{package}'")
    } else {
        package.clone()
    };
    match dependencies {
        Some(Dependencies::Requirements { files, .. }) => {
            let file = files
                .first()
                .map_or_else(|| "requirements.txt".into(), |f| f.display().to_string());
            format!("is `{package}` missing among the packages? `echo {quoted} >> {file}`")
        }
        Some(Dependencies::UvLock { .. } | Dependencies::Pyproject { .. }) => {
            format!("is `{package}` missing among the packages? `uv add {quoted}`")
        }
        Some(Dependencies::Locked { tool, .. }) => {
            let add = tool.add();
            format!("is `{package}` missing among the packages? `{add} {quoted}`")
        }
        Some(
            Dependencies::Pylock { lock: file, .. }
            | Dependencies::Listed { file, .. }
            | Dependencies::Setup { file },
        ) => format!(
            "is `{package}` missing among the packages of `{}`?",
            file.display()
        ),
        // A file that names one has to name all.
        Some(Dependencies::Unnamed { add }) if !add.is_empty() => format!(
            "name the project's packages: `printf '%s\\n' {} {quoted} > requirements.txt`",
            add.join(" ")
        ),
        Some(Dependencies::Unnamed { .. }) | None => {
            format!("name the project's packages: `echo {quoted} >> requirements.txt`")
        }
    }
}

/// The package that brings a module, by our list or by its name.
pub(crate) fn package_of(module: &str) -> String {
    let top = module.split('.').next().unwrap_or(module);
    let known = PACKAGES.iter().find(|(name, _)| *name == top);
    known.map_or_else(
        || top.replace('_', "-").to_lowercase(),
        |(_, package)| (*package).to_owned(),
    )
}

/// An exception of the application at import.
pub(crate) fn of_exception(
    kind: &str,
    line: &str,
    frame: Option<&Frame>,
    app: &AppName,
) -> Vec<String> {
    if let Some(hint) = outside::hint(app, line.lines()).or_else(|| model(line.lines())) {
        return vec![hint];
    }
    let lower = line.to_lowercase();
    if let Some(hint) = system::hint(line.lines()) {
        return vec![hint];
    }
    if let Some(library) = system::unknown_library(line) {
        return vec![format!(
            "`apt-file search {library}` tells which package of Debian and Ubuntu has it"
        )];
    }
    let refused = [
        "connection refused",
        "could not connect",
        "could not translate host name",
        "name or service not known",
    ];
    if refused.iter().any(|words| lower.contains(words)) {
        return vec!["the application connects to something while it is imported: is that running, and is its address right in `ship env list`?".to_owned()];
    }
    match (kind, frame) {
        ("SyntaxError" | "IndentationError" | "TabError", Some(frame)) => {
            vec![format!("look at {}", frame.place)]
        }
        ("ImportError", _) => version::hint(line, []).into_iter().collect(),
        ("SystemExit", _) => vec![
            "the module ends the program while it is imported: put that below `if __name__ == \"__main__\":`".to_owned(),
        ],
        _ => Vec::new(),
    }
}

/// The import ended without a word.
pub(crate) fn of_silence(ended: Ended, plan: &Plan) -> Vec<String> {
    match ended {
        Ended::Deadline(_) => {
            let name = plan.web().map_or("web", |web| web.name.as_str());
            vec![
                "a server that is started while the module is imported never returns: put it below `if __name__ == \"__main__\":`".to_owned(),
                format!("where it only takes long: `ready_within` of `[{name}]` in ship.toml"),
            ]
        }
        Ended::Signal(9) => vec![
            "was there enough memory? `journalctl -k` names programs that the kernel ended"
                .to_owned(),
        ],
        Ended::Signal(11 | 4) => {
            vec!["a compiled package crashed: does it fit this Python and this machine?".to_owned()]
        }
        Ended::Signal(_) | Ended::Code(_) => Vec::new(),
    }
}

/// Whether uv could not reach the index: nothing is known then about what would go together.
pub(crate) fn index_is_away(output: &[String]) -> bool {
    const SAID: [&str; 4] = [
        "Failed to fetch",
        "error sending request",
        "dns error",
        "Could not resolve host",
    ];
    SAID.iter()
        .any(|words| output.iter().any(|line| line.contains(words)))
}

/// uv failed.
pub(crate) fn of_uv(output: &[String]) -> Vec<String> {
    let has = |words: &str| output.iter().any(|line| line.contains(words));
    if has("No space left") {
        return vec!["the disk is full: `ship doctor` tells what Shipsmith holds, `uv cache prune` empties uv's own".to_owned()];
    }
    if has("Read-only file system") {
        return vec![
            "uv's cache is on a read-only file system: `UV_CACHE_DIR` names another place"
                .to_owned(),
        ];
    }
    if has("build") || has("Build") {
        let lines = output.iter().map(String::as_str);
        if let Some(hint) = system::hint(lines) {
            return vec![hint];
        }
    }
    if has("invalid peer certificate") {
        // uv brings authorities of its own (docs.astral.sh/uv, "TLS certificates").
        return vec![
            "the index's certificate is of an authority that uv does not know: `UV_SYSTEM_CERTS=1` takes those of this machine, `SSL_CERT_FILE` those of a file"
                .to_owned(),
        ];
    }
    if index_is_away(output) {
        return vec![
            "is the network there? An index of your own is named by `UV_DEFAULT_INDEX`".to_owned(),
        ];
    }
    if let Some((module, last)) = output.iter().find_map(|line| removed_module(line)) {
        return vec![format!(
            "a package needs `{module}` to be built, which Python {last} was the last to have: `echo {last} > .python-version`"
        )];
    }
    if has("Failed to build") || has("build backend") || has("Build failures") || has("no wheel") {
        return vec!["a package has no wheel for this Python: another one may have, `echo 3.12 > .python-version`".to_owned()];
    }
    if has("incompatible with the project's Python requirement") {
        return vec![
            "the Python that a file names and `requires-python` in pyproject.toml exclude each other: `ship plan` shows where it is named, and one of the two has to give way"
                .to_owned(),
        ];
    }
    if let Some((package, version)) = output.iter().find_map(|line| no_version(line)) {
        return vec![format!(
            "`{package}` has no version {version}: `pip index versions {package}` lists those that there are"
        )];
    }
    if has("No solution found") || has("not found in the package registry") {
        return vec!["the requirements exclude each other, or a name is misspelt; uv's words above say which".to_owned()];
    }
    Vec::new()
}

/// `hint: … you may want to … \`uv pip install imp\` into the environment`, or the words of Python: a
/// module of the standard library that is gone, and the last Python that has it (PEP 594, PEP 632, and
/// "What's new" of 3.12).
fn removed_module(line: &str) -> Option<(&'static str, &'static str)> {
    const GONE: [(&str, &str); 7] = [
        ("imp", "3.11"),
        ("distutils", "3.11"),
        ("asyncore", "3.11"),
        ("asynchat", "3.11"),
        ("smtpd", "3.11"),
        ("cgi", "3.12"),
        ("lib2to3", "3.12"),
    ];
    let of_uv = line.split_once("`uv pip install ").map(|(_, rest)| rest);
    let of_python = line.split_once("No module named '").map(|(_, rest)| rest);
    let named = of_uv.or(of_python)?;
    let named = named.split(['`', '\'', '.']).next()?;
    GONE.into_iter().find(|(module, _)| *module == named)
}

/// `Because there is no version of mysqlclient==2.2.9 and you require mysqlclient==2.2.9, we can …`
fn no_version(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once("there is no version of ")?;
    let (package, rest) = rest.split_once("==")?;
    let version = rest.split([' ', ',']).next()?;
    Some((package, version))
}

/// `[E050] Can't find model 'en_core_web_sm'`: spaCy's models are packages, and on no index.
pub(crate) fn model<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = lines.find_map(|line| {
        let (_, rest) = line.split_once("[E050] Can't find model '")?;
        rest.split('\'').next()
    })?;
    Some(format!(
        "spaCy's `{name}` is a package that no index has, and `spacy download` puts into one environment alone: name its wheel among the packages, `{} @ https://github.com/explosion/spacy-models/releases/…`",
        name.replace('_', "-")
    ))
}

/// No Python fits.
pub(crate) fn of_python(here: &[String], wanted: &str) -> Vec<String> {
    match here.first() {
        None => vec![
            "install one: `sudo apt install python3`, or give uv a way to fetch it: `UV_PYTHON_INSTALL_MIRROR`".to_owned(),
        ],
        Some(newest) => {
            let minor = newest.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
            vec![
                format!("here are {}", here.join(", ")),
                if wanted.contains("(pyproject.toml") || wanted.contains("setup.") {
                    "what the project allows is said there: widen it where it runs on one of these"
                        .to_owned()
                } else {
                    format!("if the project runs on it: `echo {minor} > .python-version`")
                },
            ]
        }
    }
}

/// A command of the author's failed.
pub(crate) fn of_step(phase: Phase, command: &str, output: &[String]) -> Vec<String> {
    let has = |words: &str| output.iter().any(|line| line.contains(words));
    if phase == Phase::Assets && command.contains("collectstatic") {
        if has("could not be found with") || has("MissingFileError") {
            return vec!["a style sheet names a file that is not there; `manifest_strict` and `WHITENOISE_MANIFEST_STRICT` of the storage decide whether that is an error".to_owned()];
        }
        return vec![
            "try it by hand: `ship plan` shows the settings module that is used".to_owned(),
        ];
    }
    let lines = output.iter().map(String::as_str);
    if let Some(hint) = system::hint(lines) {
        return vec![hint];
    }
    if let Some(hint) = output.iter().find_map(|line| other_node(line)) {
        return vec![hint];
    }
    if has("command not found") || has("not found") {
        return vec![
            "is the program installed on this machine, and on the PATH of this terminal?"
                .to_owned(),
        ];
    }
    Vec::new()
}

/// `error npm@12.0.2: The engine "node" is incompatible with this module. Expected version "^22".
/// Got "20.20.2"`: the words of Yarn.
fn other_node(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("The engine \"node\" is incompatible")?;
    let quoted = |after: &str| {
        let (_, rest) = rest.split_once(after)?;
        rest.split('"').nth(1)
    };
    let (wanted, here) = (quoted("Expected version")?, quoted("Got")?);
    Some(format!(
        "the front end wants Node {wanted}, and this machine has {here}: https://nodejs.org has others, and a lock of the front end keeps its packages as they were"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_packages_refuse_is_named_with_the_one_that_they_want() {
        let line = "error npm@12.0.2: The engine \"node\" is incompatible with this module. Expected version \"^22.22.2 || >=26.0.0\". Got \"20.20.2\"";
        let hints = of_step(Phase::Assets, "yarn install", &[line.to_owned()]);
        assert!(
            hints[0].starts_with(
                "the front end wants Node ^22.22.2 || >=26.0.0, and this machine has 20.20.2"
            ),
            "{hints:?}"
        );
    }

    #[test]
    fn the_package_of_a_module_is_named_the_way_the_project_names_its_packages() {
        let files = vec!["requirements.txt".into()];
        let requirements = Dependencies::Requirements {
            files,
            packages: 1,
            pinned: false,
        };
        assert_eq!(
            add_package("PIL.Image", Some(&requirements)),
            "is `pillow` missing among the packages? `echo pillow >> requirements.txt`"
        );
        assert_eq!(
            add_package("pkg_resources", Some(&requirements)),
            "is `setuptools<81` missing among the packages? `echo 'setuptools<81' >> requirements.txt`"
        );
        let file = "pyproject.toml".into();
        assert_eq!(
            add_package("flask_login", Some(&Dependencies::Pyproject { file })),
            "is `flask-login` missing among the packages? `uv add flask-login`"
        );
    }

    #[test]
    fn an_index_with_an_authority_of_its_own_is_told_from_one_that_is_away() {
        let said = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        let unknown = said(&[
            "error: Failed to fetch: https://index.example/simple/gunicorn/",
            "  cause: invalid peer certificate: UnknownIssuer",
        ]);
        assert!(of_uv(&unknown)[0].contains("UV_SYSTEM_CERTS=1"));
        let away = said(&[
            "error: Failed to fetch: https://index.example/simple/gunicorn/",
            "  cause: tcp connect error: Connection refused (os error 111)",
        ]);
        assert!(of_uv(&away)[0].contains("is the network there?"));
        assert!(index_is_away(&unknown) && index_is_away(&away));
        let excluded = said(&["  × No solution found when resolving dependencies:"]);
        assert!(!index_is_away(&excluded));
    }

    #[test]
    fn a_file_that_is_to_name_one_package_is_to_name_all() {
        let add = vec!["django".to_owned()];
        assert_eq!(
            add_package("psycopg2", Some(&Dependencies::Unnamed { add })),
            "name the project's packages: `printf '%s\\n' django psycopg2-binary > requirements.txt`"
        );
    }

    #[test]
    fn what_uv_cannot_build_or_find_has_a_remedy_where_it_has_one() {
        let said = |line: &str| of_uv(&[line.to_owned()]).join("\n");
        let gone = "hint: This error likely indicates that `pyjwt@1.6` depends on `imp`, but doesn't declare it as a build dependency. or `uv pip install imp` into the environment";
        assert!(said(gone).contains("`echo 3.11 > .python-version`"));
        let gone = "ModuleNotFoundError: No module named 'lib2to3.refactor'; Failed to build";
        assert!(said(gone).contains("`echo 3.12 > .python-version`"));
        let never = "Because there is no version of mysqlclient==2.2.9 and you require mysqlclient==2.2.9, we can conclude that your requirements are unsatisfiable. No solution found";
        assert_eq!(
            said(never),
            "`mysqlclient` has no version 2.2.9: `pip index versions mysqlclient` lists those that there are"
        );
    }

    #[test]
    fn a_model_of_spacy_is_named_as_the_package_that_it_is() {
        let line = "OSError: [E050] Can't find model 'en_core_web_sm'. It doesn't seem to be a Python package";
        let hint = model(std::iter::once(line)).unwrap();
        assert!(hint.contains("`en-core-web-sm @ https://"), "{hint}");
        assert_eq!(model(["[E051] other"].into_iter()), None);
    }

    #[test]
    fn a_missing_library_is_named_by_its_package() {
        let line =
            "ImportError: libpq.so.5: cannot open shared object file: No such file or directory";
        let hints = of_exception("ImportError", line, None, &"shop".parse().unwrap());
        assert!(
            hints[0].contains("`sudo apt install libpq-dev`"),
            "{hints:?}"
        );
        let line =
            "OSError: libfoo.so.3: cannot open shared object file: No such file or directory";
        let hints = of_exception("OSError", line, None, &"shop".parse().unwrap());
        assert!(
            hints[0].contains("`apt-file search libfoo.so.3`"),
            "{hints:?}"
        );
    }
}
