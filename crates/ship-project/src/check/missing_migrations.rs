//! Models of Django without the migration that makes their tables.

use std::path::Path;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::{Class, Module};
use crate::python::source::Source;

pub(super) const CHECK: Check = Check {
    id: "missing-migrations",
    severity: Severity::Error,
    title: "every Django app with models has migrations",
    why: "`migrate` makes tables from migration files alone. Where they were never made, or an ignore file keeps them out of releases, the first query fails with `no such table`. What is seen: apps in `INSTALLED_APPS` whose `models.py` defines a concrete model and whose `migrations` folder holds none. Whether migrations agree with the models only Django can tell: `python manage.py makemigrations --check`.",
    remedy: "`python manage.py makemigrations`, and commit what it makes; take `migrations/` out of `.gitignore`.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(settings) = subject
        .settings()
        .filter(|settings| settings.last("MIGRATION_MODULES").is_none())
    else {
        return Vec::new();
    };
    let installed = settings.list("INSTALLED_APPS");
    let models = subject
        .project()
        .index
        .own_sources()
        .filter(|source| source.stem() == "models")
        .filter_map(Source::module);
    models
        .filter_map(|module| {
            let folder = module.file.parent().filter(|folder| folder.iter().next().is_some())?;
            let is_installed = installed.iter().any(|app| names(app, folder));
            let model = concrete(subject, module).filter(|_| is_installed && !has_migrations(subject, folder))?;
            let app = folder.file_name()?.to_str()?;
            let ignored = subject.project().root.join(folder).join("migrations/0001_initial.py").exists();
            let (what, remedy) = if ignored {
                (format!("the migrations of `{app}` are ignored: releases go without them"), "take `migrations` out of `.gitignore`, and commit them".to_owned())
            } else {
                (format!("`{app}` has models, `{model}` first, and no migrations: their tables are never made"), format!("`python manage.py makemigrations {app}`, and commit what it makes"))
            };
            Some(Finding::new(&CHECK, Place::file(&module.file), what, remedy))
        })
        .collect()
}

/// `shop`, `apps.shop`, `apps.shop.apps.ShopConfig` for `…/apps/shop`.
pub(super) fn names(app: &str, folder: &Path) -> bool {
    let parts: Vec<&str> = app.split('.').collect();
    let is_class = |name: &str| name.starts_with(|c: char| c.is_ascii_uppercase());
    let package = match parts.split_last() {
        Some((last, [package @ .., _module])) if is_class(last) => package,
        _ => &parts[..],
    };
    folder.ends_with(package.iter().collect::<std::path::PathBuf>())
}

fn has_migrations(subject: &Subject<'_>, folder: &Path) -> bool {
    let migrations = folder.join("migrations");
    subject
        .project()
        .index
        .sources()
        .any(|source| source.file.parent() == Some(&migrations) && source.stem() != "__init__")
}

/// The first model with a table of its own.
fn concrete<'a>(subject: &Subject<'_>, module: &'a Module) -> Option<&'a str> {
    let view = View::of(module);
    let is_model = |class: &&Class| {
        class.bases.iter().any(|base| {
            let name = subject.project().index.outside(&view, base);
            name.as_deref() == Some("django.db.models.Model")
        })
    };
    let has_table = |class: &&Class| {
        let meta = class.classes.iter().find(|class| class.name == "Meta");
        let options = meta.into_iter().flat_map(|meta| &meta.bindings);
        let off = [("abstract", true), ("proxy", true), ("managed", false)];
        !options.into_iter().any(|option| {
            off.iter()
                .any(|(name, value)| option.name == *name && option.value == Expr::Truth(*value))
        })
    };
    let found = module
        .top
        .classes
        .iter()
        .find(|class| is_model(class) && has_table(class));
    found.map(|class| class.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_installed_by_its_package_or_its_configuration() {
        for (app, folder, fits) in [
            ("shop", "shop", true),
            ("shop", "site/shop", true),
            ("apps.shop", "site/apps/shop", true),
            ("shop.apps.ShopConfig", "site/shop", true),
            ("project.apps.shop", "project/apps/shop", true),
            ("workshop", "shop", false),
            ("django.contrib.admin", "admin", false),
        ] {
            assert_eq!(names(app, Path::new(folder)), fits, "{app} {folder}");
        }
    }
}
