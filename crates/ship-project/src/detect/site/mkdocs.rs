//! MkDocs: <https://www.mkdocs.org>. Theme and plugins are read from `mkdocs.yml`.

use std::path::Path;

use super::{Configured, package_of};
use crate::detect::Row;
use crate::files::outline;
use crate::plan::{Generator, Place};
use crate::project::Project;

pub(in crate::detect) const ROW: Row = Row {
    key: "mkdocs",
    label: "MkDocs",
    package: "mkdocs",
    classes: &[],
};

const FILES: [&str; 2] = ["mkdocs.yml", "mkdocs.yaml"];

/// Themes that MkDocs does not bring.
const THEMES: [(&str, &str); 9] = [
    ("bootstrap386", "mkdocs-bootstrap386"),
    ("cinder", "mkdocs-cinder"),
    ("dracula", "mkdocs-dracula-theme"),
    ("gitbook", "mkdocs-gitbook"),
    ("ivory", "mkdocs-ivory"),
    ("material", "mkdocs-material"),
    ("shadcn", "mkdocs-shadcn"),
    ("terminal", "mkdocs-terminal"),
    ("windmill", "mkdocs-windmill"),
];

/// Plugins that neither MkDocs nor its most used theme brings.
const PLUGINS: [(&str, &str); 24] = [
    ("autorefs", "mkdocs-autorefs"),
    ("awesome-nav", "mkdocs-awesome-nav"),
    ("awesome-pages", "mkdocs-awesome-pages-plugin"),
    ("exclude", "mkdocs-exclude"),
    ("gen-files", "mkdocs-gen-files"),
    ("git-authors", "mkdocs-git-authors-plugin"),
    ("git-committers", "mkdocs-git-committers-plugin-2"),
    ("git-revision-date", "mkdocs-git-revision-date-plugin"),
    (
        "git-revision-date-localized",
        "mkdocs-git-revision-date-localized-plugin",
    ),
    ("glightbox", "mkdocs-glightbox"),
    ("include-markdown", "mkdocs-include-markdown-plugin"),
    ("literate-nav", "mkdocs-literate-nav"),
    ("llmstxt", "mkdocs-llmstxt"),
    ("macros", "mkdocs-macros-plugin"),
    ("mermaid2", "mkdocs-mermaid2-plugin"),
    ("mike", "mike"),
    ("minify", "mkdocs-minify-plugin"),
    ("mkdocs-jupyter", "mkdocs-jupyter"),
    ("mkdocstrings", "mkdocstrings[python]"),
    ("monorepo", "mkdocs-monorepo-plugin"),
    ("redirects", "mkdocs-redirects"),
    ("rss", "mkdocs-rss-plugin"),
    ("section-index", "mkdocs-section-index"),
    ("swagger-ui-tag", "mkdocs-swagger-ui-tag"),
];

pub(super) fn look(project: &Project, folder: &Path) -> Option<Configured> {
    let files = FILES.iter().map(|name| folder.join(name));
    let file = files.into_iter().find(|file| project.tree.has(file))?;
    let text = project.tree.text(&file).ok().flatten()?;
    let mut configured = Configured::new(&ROW, Generator::Mkdocs, folder, Place::file(&file));
    configured.arguments = vec!["build".to_owned()];
    let theme = outline::name_of(&text, "theme");
    let theme = theme.and_then(|(name, line)| Some((package_of(&THEMES, &name)?, line)));
    let plugins = outline::items_of(&text, "plugins").into_iter();
    let plugins = plugins.filter_map(|(name, line)| Some((package_of(&PLUGINS, &name)?, line)));
    let packages = theme.into_iter().chain(plugins);
    configured.packages = packages
        .map(|(package, line)| (package, Place::line(&file, line)))
        .collect();
    Some(configured)
}
