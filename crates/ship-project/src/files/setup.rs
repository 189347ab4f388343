//! `setup.py` and `setup.cfg`: what setuptools is told, as far as it can be read without running it.
//!
//! Of `setup.py` the literal arguments of `setup(…)` are read from its syntax tree. uv asks
//! setuptools itself at the build, so a list that is computed there is no obstacle.

use std::path::Path;

use crate::files::requirements::{Requirement, requirement};
use crate::plan::Place;
use crate::python::expr::Expr;
use crate::python::module::Module;

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) name: Option<(String, Place)>,
    pub(crate) requirements: Vec<Requirement>,
    pub(crate) requires_python: Option<(String, Place)>,
    /// Packages are named by an expression that only running it can tell.
    pub(crate) is_computed: bool,
}

impl Setup {
    /// Whether it names packages at all.
    pub(crate) fn names_packages(&self) -> bool {
        self.is_computed || !self.requirements.is_empty()
    }
}

/// Reads the call of `setup` in a `setup.py`.
pub(crate) fn python(module: &Module) -> Setup {
    let is_setup = |function: &Expr| {
        let name = function.dotted().unwrap_or_default();
        name.rsplit('.').next() == Some("setup")
    };
    let mut calls = module.calls.iter();
    let Some((call, line)) = calls.find(|(call, _)| is_setup(&call.function)) else {
        return Setup::default();
    };
    let place = || module.place(*line);
    let value = |keyword: &str| Some(resolve(module, call.keyword(keyword)?));
    let text = |keyword| Some((value(keyword)?.text()?.to_owned(), place()));
    let needs = value("install_requires");
    let texts = needs.map(texts);
    Setup {
        name: text("name"),
        requires_python: text("python_requires"),
        is_computed: matches!(texts, Some(None)),
        requirements: texts
            .flatten()
            .unwrap_or_default()
            .into_iter()
            .filter_map(|text| requirement(text, place()))
            .collect(),
    }
}

/// A name as what it was given.
fn resolve<'a>(module: &'a Module, value: &'a Expr) -> &'a Expr {
    let binding = value.name().and_then(|name| module.top.binding(name));
    binding.map_or(value, |binding| &binding.value)
}

fn texts(value: &Expr) -> Option<Vec<&str>> {
    match value {
        Expr::List(items) => items.iter().map(Expr::text).collect(),
        Expr::Text(text) => Some(text.lines().collect()),
        _ => None,
    }
}

/// Reads `[metadata]` and `[options]` of a `setup.cfg`.
pub(crate) fn cfg(file: &Path, text: &str) -> Setup {
    let mut setup = Setup::default();
    let (mut section, mut key) = (String::new(), String::new());
    for (number, line) in (1..).zip(text.lines()) {
        let place = Place::line(file, number);
        let content = line.trim();
        if content.is_empty() || content.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.trim().clone_into(&mut section);
            key.clear();
        } else if line.starts_with([' ', '\t']) {
            setup.value(&section, &key, content, place);
        } else if let Some((name, value)) = content.split_once(['=', ':']) {
            key = name.trim().replace('-', "_").to_lowercase();
            setup.value(&section, &key, value.trim(), place);
        }
    }
    setup
}

impl Setup {
    fn value(&mut self, section: &str, key: &str, value: &str, place: Place) {
        if value.is_empty() {
            return;
        }
        match (section, key) {
            ("metadata", "name") => self.name = Some((value.to_owned(), place)),
            ("options", "python_requires") => {
                self.requires_python = Some((value.to_owned(), place));
            }
            ("options", "install_requires") if value.starts_with("file:") => {
                self.is_computed = true;
            }
            ("options", "install_requires") => {
                self.requirements.extend(requirement(value, place));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(setup: &Setup) -> Vec<&str> {
        setup.requirements.iter().map(|r| r.name.as_str()).collect()
    }

    #[test]
    fn literal_arguments_of_setup_are_read() {
        let text = "import setuptools\nNEEDS = ['flask>=3', 'Gunicorn']\nsetuptools.setup(\n    name='shop',\n    python_requires='>=3.10',\n    install_requires=NEEDS,\n)\n";
        let setup = python(&Module::read(Path::new("setup.py"), text));
        assert_eq!(names(&setup), ["flask", "gunicorn"]);
        assert_eq!(setup.name.unwrap().0, "shop");
        assert_eq!(setup.requires_python.unwrap().0, ">=3.10");
        assert!(!setup.is_computed);
    }

    #[test]
    fn a_list_that_is_computed_is_known_as_such() {
        let text = "from setuptools import setup\nsetup(install_requires=open('r.txt').read().splitlines())\n";
        let setup = python(&Module::read(Path::new("setup.py"), text));
        assert!(setup.is_computed && setup.names_packages());
        let none = python(&Module::read(Path::new("setup.py"), "setup(name='x')\n"));
        assert!(!none.names_packages());
    }

    #[test]
    fn options_of_setup_cfg_are_read() {
        let text = "[metadata]\nname = shop\n[options]\npython_requires = >=3.9\ninstall_requires =\n    # web\n    flask>=3; python_version >= '3.9'\n    gunicorn\npackages = find:\n[options.extras_require]\ninstall_requires = none\n";
        let setup = cfg(Path::new("setup.cfg"), text);
        assert_eq!(names(&setup), ["flask", "gunicorn"]);
        assert_eq!(setup.requirements[1].place.line, 8);
        assert_eq!(setup.name.unwrap().0, "shop");
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = cfg(Path::new("setup.cfg"), &text);
            let _ = python(&Module::read(Path::new("setup.py"), &text));
        }
    }
}
