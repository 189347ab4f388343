//! Sphinx: <https://www.sphinx-doc.org>. Theme and extensions are read from `conf.py`.

use std::path::Path;

use super::{Configured, package_of};
use crate::detect::Row;
use crate::plan::{Generator, Place};
use crate::project::Project;
use crate::python::expr::Expr;

pub(in crate::detect) const ROW: Row = Row {
    key: "sphinx",
    label: "Sphinx",
    package: "sphinx",
    classes: &[],
};

/// Themes that Sphinx does not bring.
const THEMES: [(&str, &str); 10] = [
    ("furo", "furo"),
    ("insegel", "insegel"),
    ("piccolo_theme", "piccolo-theme"),
    ("press", "sphinx-press-theme"),
    ("pydata_sphinx_theme", "pydata-sphinx-theme"),
    ("shibuya", "shibuya"),
    ("sphinx_book_theme", "sphinx-book-theme"),
    ("sphinx_material", "sphinx-material"),
    ("sphinx_rtd_theme", "sphinx-rtd-theme"),
    ("sphinxawesome_theme", "sphinxawesome-theme"),
];

/// Extensions that Sphinx does not bring.
const EXTENSIONS: [(&str, &str); 20] = [
    ("autoapi.extension", "sphinx-autoapi"),
    ("hoverxref.extension", "sphinx-hoverxref"),
    ("myst_nb", "myst-nb"),
    ("myst_parser", "myst-parser"),
    ("nbsphinx", "nbsphinx"),
    ("notfound.extension", "sphinx-notfound-page"),
    ("numpydoc", "numpydoc"),
    ("recommonmark", "recommonmark"),
    ("sphinx_autodoc_typehints", "sphinx-autodoc-typehints"),
    ("sphinx_click", "sphinx-click"),
    ("sphinx_copybutton", "sphinx-copybutton"),
    ("sphinx_design", "sphinx-design"),
    ("sphinx_gallery.gen_gallery", "sphinx-gallery"),
    ("sphinx_inline_tabs", "sphinx-inline-tabs"),
    ("sphinx_sitemap", "sphinx-sitemap"),
    ("sphinx_tabs.tabs", "sphinx-tabs"),
    ("sphinx_togglebutton", "sphinx-togglebutton"),
    ("sphinxcontrib.bibtex", "sphinxcontrib-bibtex"),
    ("sphinxcontrib.mermaid", "sphinxcontrib-mermaid"),
    ("sphinxext.opengraph", "sphinxext-opengraph"),
];

pub(super) fn look(project: &Project, folder: &Path) -> Option<Configured> {
    let module = project.index.get(&folder.join("conf.py"))?;
    let top = &module.top;
    let has_page = ["index.rst", "index.md", "index.txt", "contents.rst"]
        .iter()
        .any(|page| project.tree.has(folder.join(page)));
    let is_sphinx = ["extensions", "html_theme", "master_doc", "root_doc"]
        .iter()
        .any(|name| top.binding(name).is_some());
    if !(has_page && is_sphinx) {
        return None;
    }
    let place = Place::file(&module.file);
    let mut configured = Configured::new(&ROW, Generator::Sphinx, folder, place);
    configured.arguments = vec!["-bhtml".to_owned()];
    let theme = top.binding("html_theme").and_then(|binding| {
        let package = package_of(&THEMES, binding.value.text()?)?;
        Some((package, module.place(binding.line)))
    });
    let named = top
        .bindings
        .iter()
        .filter(|binding| binding.name == "extensions");
    let extensions = named.flat_map(|binding| {
        let place = module.place(binding.line);
        let packages = texts(&binding.value).into_iter();
        packages.filter_map(move |name| Some((package_of(&EXTENSIONS, name)?, place.clone())))
    });
    configured.packages = theme.into_iter().chain(extensions).collect();
    Some(configured)
}

/// The texts of a list, also of one that something is added to.
fn texts(expr: &Expr) -> Vec<&str> {
    match expr {
        Expr::Text(text) => vec![text],
        Expr::List(items) => items.iter().filter_map(Expr::text).collect(),
        Expr::Plus(left, right) => [texts(left), texts(right)].concat(),
        _ => Vec::new(),
    }
}
