//! Why there is nothing to run, as far as the code tells: what it is made for, and which fact is
//! missing.

use std::path::Path;

use crate::detect::{declared, objects};
use crate::error::Error;
use crate::project::Project;
use crate::python::index::View;
use crate::python::module::Module;

/// A package whose code is run by something else.
struct Known {
    /// How it is imported.
    package: &'static str,
    /// What its author should know.
    told: fn(&Project, &Module) -> Option<String>,
}

/// Those that people bring most.
const KNOWN: [Known; 6] = [
    Known {
        package: "mesop",
        told: mesop,
    },
    Known {
        package: "strawberry",
        told: strawberry,
    },
    Known {
        package: "azure.functions",
        told: azure,
    },
    Known {
        package: "airflow",
        told: airflow,
    },
    Known {
        package: "functions_framework",
        told: functions_framework,
    },
    Known {
        package: "http.server",
        told: handler,
    },
];

/// A syntax error in a file with a telling name explains more than "nothing found".
pub(super) fn error(project: &Project) -> Error {
    let telling = project
        .index
        .own_modules()
        .filter(|module| objects::rank_of(module) < objects::UNCONVENTIONAL);
    for module in telling.chain(project.index.own_modules()) {
        if let Err(error) = module.check() {
            return error;
        }
    }
    let mut looked_at = match known(project) {
        Some(told) => vec![told],
        None => vec![python(project)],
    };
    looked_at.extend(library(project));
    let named = declared::object(project)
        .ok()
        .and_then(|(_, astray)| astray);
    looked_at.extend(named.map(|astray| format!("`{}`: {}", astray.place, astray.told())));
    let files = ["Procfile", "ship.toml"].map(|name| project.folder.join(name));
    let there = files.iter().filter(|file| project.tree.has(file));
    looked_at.extend(there.map(|file| format!("`{}`: no `web` process in it", file.display())));
    looked_at.extend(notebook(project));
    Error::Nothing {
        project: project.root.clone(),
        looked_at,
    }
}

fn python(project: &Project) -> String {
    match project.index.len() {
        0 => pages_below(project)
            .unwrap_or_else(|| "every file: no Python here, and no `index.html`".to_owned()),
        1 => "1 Python file: no application object in it".to_owned(),
        count => format!("{count} Python files: no application object in them"),
    }
}

/// Pages in a folder whose name does not say that they are a site.
fn pages_below(project: &Project) -> Option<String> {
    let pages = project
        .tree
        .files()
        .filter(|file| file.ends_with("index.html"));
    let page = pages.min_by_key(|file| (file.components().count(), *file))?;
    let folder = project.root.join(page.parent()?);
    Some(format!(
        "`{}`: pages that are not in the folder itself, `public`, `dist` or `site`; `ship up {}` serves them",
        page.display(),
        folder.display(),
    ))
}

fn known(project: &Project) -> Option<String> {
    KNOWN.iter().find_map(|known| {
        let first = known.package.split('.').next().unwrap_or_default();
        let mut modules = project.index.own_modules_with(&[first]);
        modules.find_map(|module| {
            let imports = |module: &Module| {
                let mut imports = module.top.imports.iter();
                imports.any(|import| {
                    let below = import.module.strip_prefix(known.package);
                    import.level == 0
                        && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                })
            };
            imports(module)
                .then(|| (known.told)(project, module))
                .flatten()
        })
    })
}

/// <https://google.github.io/mesop/guides/deployment/>
fn mesop(project: &Project, module: &Module) -> Option<String> {
    let import = module.top.imports.iter().find(|i| i.module == "mesop")?;
    let (_, name) = project.index.import_name(&module.file);
    Some(format!(
        "`{}`: pages of Mesop, whose application is the imported package itself: `[web]` with `app = \"{name}:{}\"` in `ship.toml`",
        module.place(import.line),
        import.local,
    ))
}

fn strawberry(project: &Project, module: &Module) -> Option<String> {
    let view = View::of(module);
    let mut bindings = module.top.bindings.iter();
    let schema = bindings.find(|binding| {
        let call = binding.value.call();
        let made = call.and_then(|call| project.index.outside(&view, &call.function));
        made.is_some_and(|made| made == "strawberry.Schema")
    })?;
    Some(format!(
        "`{}`: a schema of GraphQL, and no application that answers with it. Write these two lines below it: `from strawberry.asgi import GraphQL` and `app = GraphQL({})`",
        module.place(schema.line),
        schema.name,
    ))
}

fn azure(_: &Project, module: &Module) -> Option<String> {
    let imports = &module.top.imports;
    let import = imports
        .iter()
        .find(|i| i.module.starts_with("azure.functions"))?;
    Some(format!(
        "`{}`: functions that the host of Azure calls, and nothing else. What visitors reach here is an application: one of FastAPI or Flask with the same functions",
        module.place(import.line),
    ))
}

fn airflow(_: &Project, module: &Module) -> Option<String> {
    let imports = &module.top.imports;
    let import = imports.iter().find(|i| i.module.starts_with("airflow"))?;
    Some(format!(
        "`{}`: workflows for Airflow, whose own programs run them; name those in a `Procfile`, such as `web: airflow api-server --port $PORT` and `scheduler: airflow scheduler`",
        module.place(import.line),
    ))
}

fn functions_framework(_: &Project, module: &Module) -> Option<String> {
    let imports = &module.top.imports;
    let import = imports.iter().find(|i| i.module == "functions_framework")?;
    Some(format!(
        "`{}`: no function with `@functions_framework.http` at the top level of the file; one without it is named: `[web]` with `command = \"functions-framework --target=NAME --port=$PORT\"` in `ship.toml`",
        module.place(import.line),
    ))
}

/// A class that answers requests where others start the server, as Vercel does.
fn handler(project: &Project, module: &Module) -> Option<String> {
    let view = View::of(module);
    let class = module.top.classes.iter().find(|class| {
        let mut bases = class.bases.iter();
        bases.any(|base| {
            let name = project.index.outside(&view, base);
            name.is_some_and(|name| {
                name.starts_with("http.server.") && name.ends_with("HTTPRequestHandler")
            })
        })
    })?;
    let line = class.methods.first().map_or(0, |method| method.line);
    Some(format!(
        "`{}`: `{}` answers requests, and nothing starts a server with it, as hosts of functions do. These lines start one: `from http.server import HTTPServer`, `if __name__ == \"__main__\":` and in it `HTTPServer((\"127.0.0.1\", 8000), {}).serve_forever()`",
        module.place(line),
        class.name,
        class.name,
    ))
}

/// A package that others install: nothing of it is meant to run.
fn library(project: &Project) -> Option<String> {
    let pyproject = project.pyproject.as_ref()?;
    let (name, place) = pyproject.name.as_ref()?;
    let folder = name.replace('-', "_").to_lowercase();
    let package = ["src", ""].map(|above| Path::new(above).join(&folder).join("__init__.py"));
    let is_package = package
        .iter()
        .any(|file| project.index.has(&project.folder.join(file)));
    (is_package && pyproject.scripts.is_empty()).then(|| {
        format!("`{place}`: `{name}` is a package for other programs, which import it; one that starts it would be a file `main.py`, or a name in `[project.scripts]`")
    })
}

/// A notebook is nothing to run by itself; what shows it has to be among the packages.
fn notebook(project: &Project) -> Option<String> {
    let is_notebook = |file: &&Path| file.extension().is_some_and(|it| it == "ipynb");
    let file = project.tree.files().find(is_notebook)?;
    Some(format!(
        "`{}`: a notebook, which Voilà shows to visitors once the project names it: `echo voila >> requirements.txt`",
        file.display()
    ))
}
