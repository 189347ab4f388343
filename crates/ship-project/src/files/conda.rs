//! `environment.yml` of conda and `pixi.toml`: lists for another kind of package manager.
//!
//! Packages of conda are not Python's alone and are not installed here. Where every package of a
//! list is on PyPI under a name that is known, it is taken from there; else the list is refused with
//! the names that are in the way.

use toml::{Table, Value};

use crate::files::requirements::normalise;

/// A list, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conda {
    /// As requirement lines of PyPI.
    pub(crate) requirements: Vec<String>,
    /// What it asks of Python: `3.11`.
    pub(crate) python: Option<(String, u32)>,
    /// Names that PyPI may not have, with their lines.
    pub(crate) foreign: Vec<(String, u32)>,
}

/// Packages that are the same on conda's channels and on PyPI, where the name is another there.
const RENAMED: &[(&str, &str)] = &[
    ("importlib_metadata", "importlib-metadata"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("opencv", "opencv-python-headless"),
    ("psycopg2", "psycopg2-binary"),
    ("py-opencv", "opencv-python-headless"),
    ("pytables", "tables"),
    ("python-graphviz", "graphviz"),
    ("pytorch", "torch"),
    ("redis-py", "redis"),
    ("ruamel_yaml", "ruamel.yaml"),
];

/// Packages with the same name on both, that web applications and data programs use.
const SAME: &[&str] = &[
    "aiofiles",
    "aiohttp",
    "alembic",
    "altair",
    "arrow",
    "asyncpg",
    "attrs",
    "beautifulsoup4",
    "black",
    "bleach",
    "bokeh",
    "boto3",
    "bottle",
    "celery",
    "certifi",
    "cffi",
    "cherrypy",
    "click",
    "cryptography",
    "cython",
    "dash",
    "dask",
    "datasette",
    "django",
    "djangorestframework",
    "falcon",
    "fastapi",
    "flask",
    "flask-cors",
    "flask-login",
    "flask-migrate",
    "flask-sqlalchemy",
    "flask-wtf",
    "folium",
    "gevent",
    "gradio",
    "gunicorn",
    "h5py",
    "holoviews",
    "httpx",
    "hvplot",
    "hypercorn",
    "idna",
    "ipykernel",
    "ipython",
    "ipywidgets",
    "itsdangerous",
    "jinja2",
    "joblib",
    "jupyter",
    "jupyterlab",
    "keras",
    "lightgbm",
    "lxml",
    "markdown",
    "markupsafe",
    "matplotlib",
    "mkdocs",
    "mypy",
    "nbconvert",
    "networkx",
    "nltk",
    "notebook",
    "numba",
    "numpy",
    "openpyxl",
    "pandas",
    "panel",
    "peewee",
    "pillow",
    "plotly",
    "polars",
    "psutil",
    "pyarrow",
    "pydantic",
    "pymongo",
    "pymysql",
    "pyramid",
    "pytest",
    "python-dateutil",
    "python-dotenv",
    "pytz",
    "pyyaml",
    "quart",
    "redis",
    "requests",
    "rise",
    "scikit-image",
    "scikit-learn",
    "scipy",
    "scrapy",
    "seaborn",
    "six",
    "sphinx",
    "sqlalchemy",
    "starlette",
    "statsmodels",
    "streamlit",
    "sympy",
    "tensorflow",
    "tornado",
    "tqdm",
    "transformers",
    "twisted",
    "typing-extensions",
    "urllib3",
    "uvicorn",
    "voila",
    "waitress",
    "werkzeug",
    "wtforms",
    "xarray",
    "xgboost",
    "xlrd",
    "xlsxwriter",
];

/// What every environment of conda names and no project needs from PyPI.
const TOOLS: &[&str] = &["pip", "setuptools", "wheel", "conda", "uv"];

/// Reads an `environment.yml`: the part of YAML that its lists are written in.
pub(crate) fn environment(text: &str) -> Conda {
    let mut conda = Conda::default();
    let (mut inside, mut pip_indent) = (false, None);
    for (number, line) in (1..).zip(text.lines()) {
        let content = line.split(" #").next().unwrap_or(line).trim_end();
        let indent = content.len() - content.trim_start().len();
        let content = content.trim_start();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let Some(item) = content.strip_prefix('-') else {
            // A key of the top level, or the end of the list.
            inside = indent == 0 && content.starts_with("dependencies:");
            pip_indent = None;
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
        } else {
            conda.package(item, number);
        }
    }
    conda
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
        if value.get("path").is_some() || value.get("git").is_some() {
            conda.foreign.push((name, 0));
        } else {
            let range = if range == "*" { "" } else { range };
            conda.requirements.push(format!("{name}{range}"));
        }
    }
    conda
}

impl Conda {
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
        if TOOLS.contains(&name.as_str()) {
            return;
        }
        let renamed = RENAMED.iter().find(|(conda, _)| *conda == name);
        let known = renamed.map(|(_, pypi)| (*pypi).to_owned());
        let plain = normalise(&name);
        let same = SAME.contains(&plain.as_str()).then_some(plain);
        match known.or(same) {
            Some(pypi) => self.requirements.push(format!("{pypi}{range}")),
            None => self.foreign.push((name, line)),
        }
    }
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
        let table: Table = "[dependencies]\npython = \"3.12.*\"\nnumpy = \">=2,<3\"\nffmpeg = \"*\"\n[pypi-dependencies]\nflask = \"*\"\nown = { path = \".\" }\n"
            .parse()
            .unwrap();
        let read = pixi(&table);
        assert_eq!(read.requirements, ["numpy>=2,<3", "flask"]);
        assert_eq!(read.python, Some(("3.12".to_owned(), 0)));
        assert_eq!(
            read.foreign,
            [("ffmpeg".to_owned(), 0), ("own".to_owned(), 0)]
        );
    }

    #[test]
    fn names_are_sorted_and_come_once() {
        assert!(SAME.is_sorted());
        assert!(RENAMED.is_sorted());
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
