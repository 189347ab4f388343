//! Uploads to a Django site that has no place for them.

use std::path::Path;

use super::missing_migrations::names;
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::{Binding, Module};
use crate::python::source::Source;

pub(super) const CHECK: Check = Check {
    id: "uploads",
    severity: Severity::Warning,
    title: "what visitors upload to a Django site has a folder that is kept",
    why: "Without `MEDIA_ROOT` Django writes uploads into the folder that it starts in, beside the code: a release is a fresh copy of the source, and they are gone with the next one. What is seen: a `FileField` or `ImageField` of a model of an installed app that has no `storage` of its own, in settings that have neither `MEDIA_ROOT` nor a storage.",
    remedy: "`MEDIA_ROOT = BASE_DIR / \"media\"` and `MEDIA_URL = \"/media/\"` in the settings: the folder is then kept between releases, and served.",
    fix: None,
    look,
};

/// Settings that say where uploads go.
const PLACES: [&str; 5] = [
    "MEDIA_ROOT",
    "STORAGES",
    "STORAGES[default]",
    "DEFAULT_FILE_STORAGE",
    "FILE_UPLOAD_HANDLERS",
];

const FIELDS: [&str; 2] = ["django.db.models.FileField", "django.db.models.ImageField"];

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = subject
        .settings()
        .filter(|settings| PLACES.iter().all(|name| settings.place(name).is_none()));
    let Some(settings) = settings else {
        return Vec::new();
    };
    let installed = settings.list("INSTALLED_APPS");
    let index = &subject.project().index;
    let is_installed = |file: &Path| {
        let folders = file.ancestors().skip(1);
        let mut folders = folders.take_while(|folder| folder.iter().next().is_some());
        folders.any(|folder| installed.iter().any(|app| names(app, folder)))
    };
    let sources = index.saying(index.own_sources(), &["FileField", "ImageField"]);
    let modules = sources
        .into_iter()
        .filter(|source| is_installed(&source.file))
        .filter_map(Source::module);
    let found = modules.filter_map(|module| {
        let (class, binding) = field(subject, module)?;
        let what = format!(
            "`{class}.{}` takes uploads, and without `MEDIA_ROOT` they lie beside the code: they are gone with the next release",
            binding.name
        );
        let remedy = "`MEDIA_ROOT = BASE_DIR / \"media\"` and `MEDIA_URL = \"/media/\"` in the settings";
        Some(Finding::new(&CHECK, module.place(binding.line), what, remedy))
    });
    // One place is enough: the remedy is the same for all.
    found.take(1).collect()
}

/// The first field that takes files, with its class.
fn field<'a>(subject: &Subject<'_>, module: &'a Module) -> Option<(&'a str, &'a Binding)> {
    let view = View::of(module);
    let takes_files = |value: &Expr| {
        let call = value.call()?;
        let name = subject.project().index.outside(&view, &call.function)?;
        let has_place = call.keyword("storage").is_some();
        (FIELDS.contains(&name.as_str()) && !has_place).then_some(())
    };
    module.top.classes.iter().find_map(|class| {
        let mut bindings = class.bindings.iter();
        let binding = bindings.find(|own| takes_files(&own.value).is_some())?;
        Some((class.name.as_str(), binding))
    })
}
