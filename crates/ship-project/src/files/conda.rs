//! `environment.yml` of conda and `pixi.toml`: lists for another kind of package manager.
//!
//! Packages of conda are not Python's alone and are not installed here. What a list names is taken
//! from PyPI, where nearly every Python package has the same name; programs and C libraries are not
//! there, and a list with one that is known is refused, with the names that are in the way.

use toml::{Table, Value};

use crate::files::requirements::normalise;

/// A list, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Conda {
    /// As requirement lines of PyPI.
    pub(crate) requirements: Vec<String>,
    /// What it asks of Python: `3.11`.
    pub(crate) python: Option<(String, u32)>,
    /// Names that are no packages of PyPI, with their lines.
    pub(crate) foreign: Vec<(String, u32)>,
}

/// Packages that are the same on conda's channels and on PyPI, where the name is another there.
const RENAMED: &[(&str, &str)] = &[
    ("brotli-python", "brotli"),
    ("dask-core", "dask"),
    ("faiss", "faiss-cpu"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("opencv", "opencv-python-headless"),
    ("psycopg2", "psycopg2-binary"),
    ("py-opencv", "opencv-python-headless"),
    ("pyqt", "pyqt5"),
    ("pytables", "tables"),
    ("python-flatbuffers", "flatbuffers"),
    ("python-graphviz", "graphviz"),
    ("python-kaleido", "kaleido"),
    ("pytorch", "torch"),
    ("pytorch-cpu", "torch"),
    ("pytorch-gpu", "torch"),
    ("redis-py", "redis"),
    ("ruamel-yaml", "ruamel.yaml"),
    ("tensorflow-base", "tensorflow"),
    ("tensorflow-gpu", "tensorflow"),
];

/// What PyPI does not have, or has as something else: programs and C libraries. Whatever else a
/// list names is asked for by its name on PyPI.
const FOREIGN: &[&str] = &[
    "bedtools",
    "blast",
    "boost",
    "boost-cpp",
    "bwa",
    "c-compiler",
    "chromedriver",
    "clang",
    "compilers",
    "cudatoolkit",
    "cudnn",
    "curl",
    "cxx-compiler",
    "eigen",
    "ffmpeg",
    "fftw",
    "firefox",
    "gcc",
    "gdal",
    "geckodriver",
    "geos",
    "ghostscript",
    "git",
    "git-lfs",
    "glpk",
    "go",
    "graphviz",
    "gsl",
    "gxx",
    "hdf5",
    "imagemagick",
    "ipopt",
    "jq",
    "julia",
    "make",
    "maven",
    "minio-server",
    "mongodb",
    "mysql",
    "nccl",
    "nginx",
    "nodejs",
    "openbabel",
    "openjdk",
    "openmpi",
    "pandoc",
    "perl",
    "php",
    "poppler",
    "postgresql",
    "proj",
    "pytorch-cuda",
    "qt",
    "redis-server",
    "ruby",
    "rust",
    "samtools",
    "sox",
    "tesseract",
    "texlive-core",
    "unzip",
    "vim",
    "wget",
    "wkhtmltopdf",
    "yarn",
    "zip",
];

/// Beginnings of such names: R's packages, Nvidia's, those of the X window system.
const FOREIGN_KINDS: [&str; 6] = ["bioconductor-", "cuda-", "gcc-", "gxx-", "r-", "xorg-"];

/// Packages of PyPI whose names begin as those of C libraries do.
const LIB: [&str; 6] = [
    "libclang", "libcst", "librosa", "librt", "libsass", "libtmux",
];

/// What `conda env export` names beside every Python, and no project needs from PyPI.
const TOOLS: &[&str] = &[
    "blas",
    "bzip2",
    "ca-certificates",
    "conda",
    "expat",
    "icu",
    "intel-openmp",
    "krb5",
    "ld-impl-linux-64",
    "libblas",
    "libcblas",
    "libexpat",
    "libffi",
    "libgcc",
    "libgcc-ng",
    "libgfortran",
    "libgomp",
    "liblapack",
    "liblzma",
    "libmpdec",
    "libnsl",
    "libopenblas",
    "libsqlite",
    "libstdcxx",
    "libstdcxx-ng",
    "libuuid",
    "libxcrypt",
    "libzlib",
    "llvm-openmp",
    "mkl",
    "mkl-fft",
    "mkl-random",
    "mkl-service",
    "ncurses",
    "nomkl",
    "numpy-base",
    "openssl",
    "pip",
    "python-abi",
    "readline",
    "setuptools",
    "sqlite",
    "tbb",
    "tk",
    "uv",
    "wheel",
    "xz",
    "zlib",
    "zstd",
];

/// Reads an `environment.yml`: the part of YAML that its lists are written in.
pub(crate) fn environment(text: &str) -> Conda {
    let mut conda = Conda::default();
    let (mut inside, mut pip_indent) = (false, None);
    let mut start = 0;
    // The end of a list in brackets, up to which there are no lines of their own.
    let mut read_to = 0;
    for (number, line) in (1..).zip(text.split('\n')) {
        let at = start;
        start += line.len() + 1;
        if at < read_to {
            continue;
        }
        let content = line.split(" #").next().unwrap_or(line).trim_end();
        let indent = content.len() - content.trim_start().len();
        let content = content.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let Some(item) = content.strip_prefix('-') else {
            // A key of the top level, or the end of the list.
            let rest = content
                .strip_prefix("dependencies:")
                .filter(|_| indent == 0);
            inside = rest.is_some();
            pip_indent = None;
            if rest.is_some_and(|rest| rest.trim_start().starts_with('[')) {
                let open = at + line.find('[').unwrap_or(0);
                read_to = open + conda.brackets(&text[open..], number);
            }
            continue;
        };
        let item = unquoted(item.trim());
        if !inside {
            continue;
        }
        if pip_indent.is_some_and(|least| indent <= least) {
            pip_indent = None;
        }
        if pip_indent.is_some() {
            conda.requirements.push(item.to_owned());
        } else if item == "pip:" {
            pip_indent = Some(indent);
        } else if item.starts_with("pip:") && item.contains('[') {
            let open = at + line.find('[').unwrap_or(0);
            let (items, length) = flow(&text[open..]);
            conda
                .requirements
                .extend(items.into_iter().map(|(_, item)| item));
            read_to = open + length;
        } else {
            conda.package(item, number);
        }
    }
    conda
}

/// The items of `[a, "b", {pip: [c, d]}]` with their offsets, at the first level, and its length.
/// What is never closed ends with the text.
fn flow(text: &str) -> (Vec<(usize, String)>, usize) {
    let mut items = Vec::new();
    let (mut depth, mut quote, mut comment) = (0u32, None, false);
    let (mut begin, mut item) = (1, String::new());
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        let before = std::mem::replace(&mut last, c);
        comment = comment && c != '\n';
        if comment {
            continue;
        }
        match (quote, c) {
            (Some(open), _) => {
                quote = (c != open).then_some(open);
            }
            (None, '\'' | '"') if item.trim().is_empty() || depth > 1 => quote = Some(c),
            (None, '#') if before.is_whitespace() => {
                comment = true;
                continue;
            }
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = depth == 0 || depth == 1 && c == ',' && quote.is_none();
        if ends {
            let text = unquoted(item.trim()).to_owned();
            if !text.is_empty() {
                items.push((begin, text));
            }
            item.clear();
            if depth == 0 {
                return (items, at + c.len_utf8());
            }
        } else if at > 0 {
            if item.trim().is_empty() {
                begin = at;
            }
            item.push(c);
        }
    }
    (items, text.len())
}

/// Reads a `pixi.toml`, or the `[tool.pixi]` of a `pyproject.toml`.
pub(crate) fn pixi(table: &Table) -> Conda {
    let mut conda = Conda::default();
    let entries = |key: &str| {
        let table = table.get(key).and_then(Value::as_table);
        table.cloned().unwrap_or_default()
    };
    for (name, value) in entries("dependencies") {
        let range = value
            .as_str()
            .or_else(|| value.get("version")?.as_str())
            .unwrap_or("*");
        let range = if range == "*" { "" } else { range };
        conda.package(&format!("{name} {range}"), 0);
    }
    for (name, value) in entries("pypi-dependencies") {
        let range = value
            .as_str()
            .or_else(|| value.get("version")?.as_str())
            .unwrap_or("*");
        let range = if range == "*" { "" } else { range };
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        match (text("path"), text("git")) {
            // The project itself.
            (Some("." | "./"), _) => {}
            (Some(_), _) => conda.foreign.push((name, 0)),
            (None, Some(address)) => {
                let revision = ["rev", "tag", "branch"].iter().find_map(|key| text(key));
                let revision = revision.map(|it| format!("@{it}")).unwrap_or_default();
                let address = format!("git+{}{revision}", address.trim_start_matches("git+"));
                conda.requirements.push(format!("{name} @ {address}"));
            }
            (None, None) => {
                let extras = extras(&value);
                conda.requirements.push(format!("{name}{extras}{range}"));
            }
        }
    }
    conda
}

/// `[standard]` of `{ version = "*", extras = ["standard"] }`.
fn extras(value: &Value) -> String {
    let list = value.get("extras").and_then(Value::as_array);
    let names: Vec<&str> = list
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!("[{}]", names.join(","))
}

impl Conda {
    /// Reads a list in brackets, and gives its length.
    fn brackets(&mut self, text: &str, line: u32) -> usize {
        let (items, length) = flow(text);
        for (at, item) in items {
            let line = line + text[..at].matches('\n').count() as u32;
            let pip = item
                .trim_start_matches('{')
                .trim_start()
                .strip_prefix("pip:");
            match pip {
                Some(list) => {
                    let (items, _) = flow(list.trim_start());
                    self.requirements
                        .extend(items.into_iter().map(|(_, item)| item));
                }
                None => self.package(&item, line),
            }
        }
        length
    }

    /// With what another list names, first.
    pub(crate) fn beside(mut self, requirements: &[String]) -> Self {
        self.requirements.splice(0..0, requirements.iter().cloned());
        self
    }

    /// `conda-forge::numpy=1.26.4=py312_0`, `numpy >=1.26,<2`.
    fn package(&mut self, item: &str, line: u32) {
        let spec = item.rsplit("::").next().unwrap_or(item);
        let end = spec
            .find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c))
            .unwrap_or(spec.len());
        let (name, range) = spec.split_at(end);
        let name = name.to_lowercase();
        let range = specifier(range.trim());
        if name == "python" {
            let version = range.trim_start_matches("==").trim_end_matches(".*");
            self.python = (!version.is_empty()).then(|| (version.to_owned(), line));
            return;
        }
        let plain = normalise(&name);
        if name.starts_with('_') || plain.is_empty() || TOOLS.contains(&plain.as_str()) {
            return;
        }
        let renamed = RENAMED.iter().find(|(conda, _)| *conda == plain);
        match renamed {
            Some((_, pypi)) => self.requirements.push(format!("{pypi}{range}")),
            None if is_foreign(&plain) => self.foreign.push((name, line)),
            None => self.requirements.push(format!("{plain}{range}")),
        }
    }
}

fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name)
        || FOREIGN_KINDS.iter().any(|kind| name.starts_with(kind))
        || name.starts_with("lib") && !LIB.contains(&name)
}

/// `=1.26` means "1.26 and what begins like it"; a build after a second `=` means nothing to PyPI.
fn specifier(range: &str) -> String {
    let Some(version) = range.strip_prefix('=').filter(|v| !v.starts_with('=')) else {
        return match range.strip_prefix(|c: char| c.is_ascii_digit()) {
            // `numpy 1.26.*`, as pixi and older files have it.
            Some(_) => format!("=={range}"),
            None => range.replace(' ', ""),
        };
    };
    let version = version.split('=').next().unwrap_or(version).trim();
    format!(
        "=={}.*",
        version.trim_end_matches('*').trim_end_matches('.')
    )
}

fn unquoted(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_of_what_pypi_has_becomes_requirements() {
        let read = environment(
            "name: shop\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - conda-forge::numpy=1.26.4=py311_0\n  - pandas>=2 # tables\n  - \"psycopg2\"\n  - pip\n  - pip:\n    - flask==3.0.3\n    - gunicorn\nprefix: /opt\n",
        );
        assert_eq!(
            read.requirements,
            [
                "numpy==1.26.4.*",
                "pandas>=2",
                "psycopg2-binary",
                "flask==3.0.3",
                "gunicorn"
            ]
        );
        assert_eq!(read.python, Some(("3.11".to_owned(), 5)));
        assert!(read.foreign.is_empty());
    }

    #[test]
    fn what_is_no_package_of_pypi_is_named_with_its_line() {
        let read = environment("dependencies:\n- numpy\n- gdal\n- pip:\n  - flask\n- nodejs=20\n");
        assert_eq!(
            read.foreign,
            [("gdal".to_owned(), 3), ("nodejs".to_owned(), 6)]
        );
        assert_eq!(read.requirements, ["numpy", "flask"]);
    }

    #[test]
    fn pixi_has_a_list_for_each_kind() {
        let table: Table = "[dependencies]\npython = \"3.12.*\"\nnumpy = \">=2,<3\"\nffmpeg = \"*\"\n[pypi-dependencies]\nflask = { version = \"*\", extras = [\"async\"] }\nbooks = { git = \"https://example.org/books\", tag = \"v1\" }\nown = { path = \".\" }\nother = { path = \"../other\" }\n"
            .parse()
            .unwrap();
        let read = pixi(&table);
        assert_eq!(
            read.requirements,
            [
                "numpy>=2,<3",
                "books @ git+https://example.org/books@v1",
                "flask[async]"
            ]
        );
        assert_eq!(read.python, Some(("3.12".to_owned(), 0)));
        assert_eq!(
            read.foreign,
            [("ffmpeg".to_owned(), 0), ("other".to_owned(), 0)]
        );
    }

    #[test]
    fn names_are_sorted_and_come_once() {
        assert!(FOREIGN.is_sorted());
        assert!(TOOLS.is_sorted());
        assert!(RENAMED.is_sorted());
        let plain = |name: &&str| normalise(name) == *name;
        assert!(FOREIGN.iter().chain(TOOLS).all(plain));
        assert!(RENAMED.iter().map(|(name, _)| name).all(plain));
    }

    #[test]
    fn lists_in_brackets_are_read() {
        for text in [
            "dependencies: [python=3.12, flask>=3, 'gunicorn', pip, {pip: [rich, \"tqdm\"]}]\n",
            "name: x\ndependencies: [ # ours\n  python=3.12, flask>=3,\n  gunicorn, # served by\n  pip: [rich, tqdm],\n]\nprefix: /opt\n",
            "dependencies:\n  - python=3.12\n  - flask>=3\n  - gunicorn\n  - pip: [rich,\n      tqdm]\n",
        ] {
            let read = environment(text);
            assert_eq!(
                read.requirements,
                ["flask>=3", "gunicorn", "rich", "tqdm"],
                "{text}"
            );
            assert_eq!(read.python.unwrap().0, "3.12", "{text}");
            assert!(read.foreign.is_empty(), "{text}");
        }
        let read = environment("dependencies: [flask,\n  gdal]\n");
        assert_eq!(read.foreign, [("gdal".to_owned(), 2)]);
        assert_eq!(environment("dependencies: [flask").requirements, [""; 0]);
    }

    #[test]
    fn what_is_not_known_to_be_foreign_is_asked_for_on_pypi() {
        let read = environment(
            "dependencies:\n- flask-restful\n- librosa\n- _libgcc_mutex=0.1\n- openssl=3.2.1=hd590300_1\n- pyqt\n- r-ggplot2\n- libgdal\n",
        );
        assert_eq!(read.requirements, ["flask-restful", "librosa", "pyqt5"]);
        assert_eq!(
            read.foreign,
            [("r-ggplot2".to_owned(), 7), ("libgdal".to_owned(), 8)]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = environment(&text);
            if let Ok(table) = text.parse::<Table>() {
                let _ = pixi(&table);
            }
        }
    }
}
