//! Django: <https://www.djangoproject.com>. Found by `manage.py`, read through its settings.

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::django_settings::Settings;
use crate::detect::objects::import_paths;
use crate::detect::stored::{home_of, push};
use crate::detect::{Candidate, Found, Row, stored};
use crate::drawn;
use crate::error::Result;
use crate::packages::Packages;
use crate::plan::{
    AssetStep, DataPath, Interface, Note, ObjectRef, Place, Route, RouteTarget, Sourced,
};
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;
use crate::python::module::Module;
use crate::python::paths::Texts;
use crate::python::source::Source;
use crate::web_server::WebServer;

pub(super) const ROW: Row = Row {
    key: "django",
    label: "Django",
    package: "django",
    classes: &[],
};

const VARIABLE: &str = "DJANGO_SETTINGS_MODULE";
/// The class of settings, with django-configurations: <https://django-configurations.readthedocs.io>
const CLASS: &str = "DJANGO_CONFIGURATION";
/// How many folders down `manage.py` may lie.
const DEEPEST: usize = 2;

/// A Django project, by its `manage.py`.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let mut managers: Vec<&Module> = project
        .index
        .own_sources()
        .filter(|source| source.stem() == "manage")
        .filter_map(Source::module)
        .filter(|module| is_manager(module))
        .collect();
    managers.sort_by_key(|module| module.file.components().count());
    let Some(manage) = managers.first() else {
        return Ok(None);
    };
    manage.check()?;
    let folder = manage.file.parent().unwrap_or(Path::new("")).to_owned();
    let site = Site {
        project,
        manage,
        folder: &folder,
    };
    site.found().map(Some)
}

fn is_manager(module: &Module) -> bool {
    let depth = module.file.components().count() - 1;
    depth <= DEEPEST
        && (module.mistake.is_some() || module.texts.iter().any(|(text, _)| text == VARIABLE))
}

struct Site<'a> {
    project: &'a Project,
    manage: &'a Module,
    folder: &'a Path,
}

impl<'a> Site<'a> {
    fn found(&self) -> Result<Found> {
        let mut found = Found::new(&ROW, Place::file(&self.manage.file));
        self.folder.clone_into(&mut found.folder);
        found.import_paths = import_paths(self.folder);
        let Some((name, place)) = self.settings_name() else {
            found.objects = self.callables(None);
            return Ok(found);
        };
        found
            .env
            .insert(VARIABLE.to_owned(), Sourced::from(name.clone(), place));
        let Some(module) = self.module(&name) else {
            found.objects = self.callables(None);
            return Ok(found);
        };
        module.check()?;
        let class = self.named(CLASS, |name| module.top.class(name).is_some());
        let configuration = class.as_ref().map(|(name, _)| name.as_str());
        let settings = Settings::read(self.project, module, self.folder, configuration, &|name| {
            self.project.gives(name)
        });
        found.objects = self.callables(Some(&settings));
        self.migrations(&settings, &mut found);
        self.static_files(&settings, &name, &mut found);
        self.stored(&settings, &mut found);
        self.notes(&settings, &mut found);
        if let Some((name, place)) = class {
            let class = Sourced::from(name, place);
            found.env.insert(CLASS.to_owned(), class);
        }
        Ok(found)
    }

    fn module(&self, name: &str) -> Option<&'a Module> {
        let roots = [self.folder.to_owned(), PathBuf::new(), PathBuf::from("src")];
        self.project.index.find(name, &roots)
    }

    /// The settings that serve visitors: of the environment, else of `wsgi.py` or `asgi.py`, which
    /// name the production ones where they are split, else of `manage.py`.
    fn settings_name(&self) -> Option<(String, Place)> {
        self.named(VARIABLE, |name| self.module(name).is_some())
    }

    /// What `variable` names, where `wsgi.py` and `asgi.py` name something that `exists`.
    fn named(&self, variable: &str, exists: impl Fn(&str) -> bool) -> Option<(String, Place)> {
        if let Some(hint) = self.project.hints.get(variable) {
            return Some(hint.clone());
        }
        let own = self.named_in(self.manage, variable);
        let served = ["wsgi", "asgi"].iter().flat_map(|stem| self.files(stem));
        let mut named = served.filter_map(|module| self.named_in(module, variable));
        named.find(|(name, _)| exists(name)).or(own)
    }

    /// `os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site.settings")`, or set as an item.
    fn named_in(&self, module: &'a Module, variable: &str) -> Option<(String, Place)> {
        let texts = Texts {
            index: &self.project.index,
            folder: self.folder,
        };
        let view = View::of(module);
        let by_call = module.calls.iter().filter_map(|(call, line)| {
            let names = call.arguments.first().and_then(Expr::text) == Some(variable);
            let value = call.arguments.get(1).filter(|_| names)?;
            Some((texts.text(&view, value)?, module.place(*line)))
        });
        let item = format!("os.environ[{variable}]");
        let by_item = module.top.bindings.iter().filter_map(|binding| {
            let text = texts
                .text(&view, &binding.value)
                .filter(|_| binding.name == item)?;
            Some((text, module.place(binding.line)))
        });
        by_call.chain(by_item).next()
    }

    /// Files with this stem below the site's folder, the shallow ones first.
    fn files(&self, stem: &str) -> Vec<&'a Module> {
        let below = self.project.index.own_sources();
        let mut files: Vec<&Module> = below
            .filter(|source| source.stem() == stem && source.file.starts_with(self.folder))
            .filter_map(Source::module)
            .collect();
        files.sort_by_key(|module| module.file.components().count());
        files
    }

    /// `application` of `wsgi.py` and `asgi.py`, the one that fits the project first; without
    /// either, Django's own function.
    fn callables(&self, settings: Option<&Settings<'a>>) -> Vec<Candidate> {
        let wsgi = self.callable(settings, "WSGI_APPLICATION", "wsgi", Interface::Wsgi);
        let asgi = self.callable(settings, "ASGI_APPLICATION", "asgi", Interface::Asgi);
        let first_asgi = asgi.is_some() && (wsgi.is_none() || self.prefers_asgi(settings));
        let both = if first_asgi {
            [asgi, wsgi]
        } else {
            [wsgi, asgi]
        };
        let found: Vec<Candidate> = both.into_iter().flatten().collect();
        if found.is_empty() {
            vec![self.built_in()]
        } else {
            found
        }
    }

    fn callable(
        &self,
        settings: Option<&Settings<'a>>,
        setting: &str,
        stem: &str,
        interface: Interface,
    ) -> Option<Candidate> {
        let named = settings
            .and_then(|settings| settings.text(setting))
            .and_then(|(text, place)| {
                let (module, attribute) = text.rsplit_once('.')?;
                self.module(module)?;
                Some((
                    module.to_owned(),
                    attribute.to_owned(),
                    setting.to_owned(),
                    place,
                ))
            });
        let by_file = || {
            let module = *self
                .files(stem)
                .iter()
                .find(|module| module.top.binding("application").is_some())?;
            let name = dotted_from(self.folder, &module.file)?;
            Some((
                name,
                "application".to_owned(),
                String::new(),
                Place::file(&module.file),
            ))
        };
        let (module, attribute, setting, place) = named.or_else(by_file)?;
        Some(Candidate {
            object: ObjectRef {
                module,
                attribute,
                factory: false,
            },
            interface: Some(interface),
            reason: if setting.is_empty() {
                setting
            } else {
                format!("`{setting}` in settings")
            },
            place,
        })
    }

    /// Channels needs ASGI; a project that names only an ASGI server wants it.
    fn prefers_asgi(&self, settings: Option<&Settings<'a>>) -> bool {
        let apps = settings
            .map(|settings| settings.list("INSTALLED_APPS"))
            .unwrap_or_default();
        let packages = self.packages();
        let locked = |interface| {
            packages
                .as_ref()
                .and_then(|p| WebServer::among(p.names(), interface))
        };
        apps.contains(&"channels")
            || apps.contains(&"daphne")
            || locked(Interface::Wsgi).is_none() && locked(Interface::Asgi).is_some()
    }

    fn packages(&self) -> Option<Packages> {
        let folders = [PathBuf::new(), self.folder.to_owned()];
        Packages::read(&self.project.tree, &folders).ok()
    }

    fn built_in(&self) -> Candidate {
        Candidate {
            object: ObjectRef {
                module: "django.core.wsgi".to_owned(),
                attribute: "get_wsgi_application".to_owned(),
                factory: true,
            },
            interface: Some(Interface::Wsgi),
            reason: "no `wsgi.py`: Django's own function".to_owned(),
            place: Place::file(&self.manage.file),
        }
    }

    fn split_settings(&self, found: &Found) -> Option<Note> {
        let used = found.env.get(VARIABLE)?;
        let (own, _) = self.named_in(self.manage, VARIABLE)?;
        (own != used.value).then(|| Note {
            text: format!(
                "`manage.py` names `{own}`; `{}` is used for everything",
                used.value
            ),
            hint: Some(format!("`ship env set {VARIABLE}={own}` chooses the other")),
            place: used.places.first().cloned(),
        })
    }

    /// Settings named for development are used although there are others for production.
    fn production_beside(&self, found: &Found) -> Option<Note> {
        let used = found.env.get(VARIABLE)?;
        let (package, last) = used.value.rsplit_once('.')?;
        let for_development = ["dev", "development", "local"].contains(&last);
        let names = ["production", "prod"].map(|name| format!("{package}.{name}"));
        let other = names.iter().find(|name| self.module(name).is_some())?;
        for_development.then(|| Note {
            text: format!("`{}` is used, and there is `{other}`", used.value),
            hint: Some(format!("`ship env set {VARIABLE}={other}` chooses it")),
            place: used.places.first().cloned(),
        })
    }

    fn migrations(&self, settings: &Settings<'a>, found: &mut Found) {
        if !settings.has_databases() {
            return;
        }
        let own = self.project.index.sources().any(|source| {
            let folder = source.file.parent().and_then(Path::file_name);
            folder.is_some_and(|name| name == "migrations") && source.stem() != "__init__"
        });
        let reason = if own {
            "Django with migrations"
        } else {
            "Django with a database"
        };
        let command = ["python", "manage.py", "migrate", "--noinput"];
        let command = CommandLine::Argv(command.map(str::to_owned).to_vec());
        let places = settings.place("DATABASES").into_iter().collect();
        found.release = Some(Sourced::because(command, reason, places));
    }

    fn static_files(&self, settings: &Settings<'a>, name: &str, found: &mut Found) {
        if !settings
            .list("INSTALLED_APPS")
            .contains(&"django.contrib.staticfiles")
        {
            return;
        }
        let (reason, place) = match settings.place("STATIC_ROOT") {
            Some(place) => ("STATIC_ROOT in settings", Some(place)),
            None => (
                "django.contrib.staticfiles is installed",
                settings.place("INSTALLED_APPS"),
            ),
        };
        let places: Vec<Place> = place.into_iter().collect();
        let step = AssetStep::CollectStatic {
            project: shown(self.folder),
            settings: name.to_owned(),
        };
        found
            .assets
            .push(Sourced::because(step, reason, places.clone()));
        let url = settings
            .text("STATIC_URL")
            .map_or_else(|| "/static/".to_owned(), |(url, _)| url);
        if let Some(prefix) = prefix(&url) {
            let to = RouteTarget::Assets;
            found
                .routes
                .push(Sourced::because(Route::new(prefix, to), reason, places));
        }
    }

    fn stored(&self, settings: &Settings<'a>, found: &mut Found) {
        stored::add(self.project, found);
        for (path, place) in settings.sqlite_files() {
            let value = home_of(self.project, path);
            push(
                &mut found.data,
                Sourced::because(value, "SQLite", vec![place]),
            );
        }
        let Some((path, place)) = settings.path("MEDIA_ROOT") else {
            return;
        };
        if path == self.folder {
            return;
        }
        let url = settings.text("MEDIA_URL").and_then(|(url, _)| prefix(&url));
        if let Some(prefix) = url {
            let to = RouteTarget::Data {
                folder: path.clone(),
            };
            let route = Route::new(prefix, to);
            found.routes.push(Sourced::because(
                route,
                "MEDIA_URL in settings",
                vec![place.clone()],
            ));
        }
        let media = DataPath { path, folder: true };
        push(
            &mut found.data,
            Sourced::because(media, "MEDIA_ROOT in settings", vec![place]),
        );
    }

    fn notes(&self, settings: &Settings<'a>, found: &mut Found) {
        if settings.is_true("DEBUG") {
            found.notes.push(Note {
                text: "`DEBUG = True`: visitors see code and settings when something fails"
                    .to_owned(),
                hint: Some("read it from the environment, false by default".to_owned()),
                place: settings.place("DEBUG"),
            });
        }
        found.notes.extend(self.split_settings(found));
        found.notes.extend(self.production_beside(found));
        let given = |name: &str| self.project.dotenv.iter().any(|entry| entry.name == name);
        let key = settings.place("SECRET_KEY");
        for (name, place) in settings.demands(&|name| self.project.gives(name)) {
            if given(&name) {
                continue;
            }
            if drawn::is_key(&name) || key.as_ref() == Some(&place) {
                found.drawn.push(Sourced::from(name, place));
            } else if name != VARIABLE && name != "PORT" {
                found.demanded.push(Sourced::from(name, place));
            }
        }
    }
}

/// `""` as `.`
fn shown(folder: &Path) -> PathBuf {
    match folder.iter().next() {
        None => PathBuf::from("."),
        Some(_) => folder.to_owned(),
    }
}

fn dotted_from(folder: &Path, file: &Path) -> Option<String> {
    let relative = file.strip_prefix(folder).ok()?.with_extension("");
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("."))
}

/// `static/` and `/static/` as `/static`; nothing for other hosts and for `/`.
fn prefix(url: &str) -> Option<String> {
    let path = url.trim_matches('/');
    let plain = !path.is_empty() && !url.contains("//") && !path.contains('\u{0}');
    plain.then(|| format!("/{path}"))
}
