//! The story: manifest, then Procfile, then detection become one [`Plan`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use ship_base::name::AppName;

use crate::asked;
use crate::detect::development::recognise;
use crate::detect::front_end::{self, Added};
use crate::detect::{self, Found};
use crate::drawn;
use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::files::procfile::Entry;
use crate::left_out::LeftOut;
use crate::manifest::Manifest;
use crate::misnamed;
use crate::packages::Packages;
use crate::plan::{
    AssetStep, DataPath, Framework, Place, Plan, Process, Route, RouteTarget, Sourced, VERSION,
};
use crate::project::Project;
use crate::proposals::{self, Proposed};
use crate::python_wanted;
use crate::several;
use crate::web;

mod collected;
mod packages;
mod processes;
mod settings;
mod visitors;

pub(crate) use processes::{command, worker};

/// How long a process may take to finish after SIGTERM, unless the manifest says otherwise.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// How long `web` may take to become ready, unless the manifest says otherwise.
pub(crate) const READY_WITHIN: Duration = Duration::from_mins(1);

/// Everything that was read, before it is put together.
pub(crate) struct Sources {
    pub(crate) project: Project,
    pub(crate) manifest: Manifest,
    pub(crate) procfile: Vec<Entry>,
    /// What of the Procfile runs nowhere.
    pub(crate) left_out: Vec<LeftOut>,
}

impl Sources {
    /// The lines of the Procfile that run.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let entries = self.procfile.iter();
        entries.filter(|entry| !self.leaves_out(&entry.name))
    }

    /// Whether the Procfile's process of this name runs nowhere.
    pub(crate) fn leaves_out(&self, name: &str) -> bool {
        self.left_out.iter().any(|line| line.name == name)
    }
}

/// Puts the plan together.
pub(crate) fn assemble(sources: &Sources) -> Result<Plan> {
    let Sources {
        project, manifest, ..
    } = sources;
    let name = app_name(project, manifest)?;
    let proposals = proposals::read(sources);
    let mut found = found(sources, &proposals)?;
    if let (Some(found), Some(app)) = (&mut found, &manifest.web.app) {
        found.follow(project, &app.value);
    }
    if let Some(found) = found.as_ref().filter(|_| !is_said(sources)) {
        several::refuse(project, found)?;
    }
    let folder = start_folder(sources, found.as_ref());
    let packages = packages::read(project, found.as_ref())?;
    let mut notes = Vec::new();
    let web = web::process(sources, found.as_ref(), &packages, &folder)?;
    let mut processes = Vec::new();
    let (mut before, mut set) = (None, Vec::new());
    if let Some(web) = web {
        processes.push(processes::web_process(manifest, web.start, found.as_ref()));
        (before, set) = (web.before, web.env);
        notes.extend(web.notes);
    }
    processes.extend(processes::procfile_workers(
        sources.entries(),
        manifest,
        &mut notes,
    ));
    notes.extend(sources.left_out.iter().map(|line| line.note.clone()));
    processes.extend(processes::workers(manifest));
    if processes.is_empty() {
        processes.extend(processes::detected_worker(found.as_ref()));
    }
    processes.extend(processes::jobs(manifest));
    processes.extend(proposals::processes(&proposals, &processes, &folder));
    refuse_hidden(project, manifest, &processes)?;
    if processes.is_empty() && manifest.routes.is_empty() && !is_static(found.as_ref()) {
        return Err(detect::detect(project)
            .err()
            .unwrap_or_else(|| nothing(project)));
    }
    let mut settings = settings::env(manifest, found.as_ref(), set);
    let asked = asked::settings(project, &mut settings)?;
    asked.count(manifest, &mut processes);
    if let Some(found) = &mut found {
        collected::honour(project, &settings, found);
    }
    let front_ends = front_ends(project, manifest, &processes);
    let assets = assets(manifest, &front_ends, found.as_ref());
    let is_python = !processes.is_empty()
        || packages::needs_python(&assets, &packages)
        || found.as_ref().is_some_and(|found| found.on_demand);
    if is_python && packages.dependencies.is_none() {
        packages::refuse(project, &packages)?;
    }
    let dependencies =
        is_python.then(|| packages::dependencies(project, &packages, found.as_ref()));
    if packages.notes.is_empty() {
        notes.extend(packages::unnamed(dependencies.as_ref()));
    }
    notes.extend(packages.notes.iter().cloned());
    notes.extend(misnamed::notes(project));
    notes.extend(asked.notes.iter().cloned());
    notes.extend(found.iter().flat_map(|found| found.notes.iter().cloned()));
    if !is_said(sources) {
        notes.extend(found.iter().filter_map(|found| found.others.clone()));
    }
    if is_python {
        notes.extend(detect::services::notes(project, &packages, &asked.addons));
        notes.extend(detect::secrets_file::note(project));
        notes.extend(detect::grpc::note(project, &processes));
    }
    notes.extend(front_ends.notes.iter().cloned());
    notes.extend(front_ends.unserved.iter().cloned());
    let mut asked_env = if is_python {
        settings::asked_env(project, manifest, &settings, found.as_ref())
    } else {
        Vec::new()
    };
    let mut drawn = asked.drawn.clone();
    drawn.extend(found.iter().flat_map(|found| found.drawn.iter().cloned()));
    let required = |name: &str| manifest.required_env.iter().any(|own| own.value == name);
    drawn.retain(|name| !settings.contains_key(&name.value) && !required(&name.value));
    let drawn_env = drawn::take(&mut asked_env, drawn);
    let mut python = None;
    if is_python {
        let wanted = python_wanted::choose(project, manifest, &packages, &folder)?;
        notes.extend(python_wanted::doubts(project, &folder, &wanted)?);
        notes.extend(python_wanted::ended(&wanted));
        python = Some(wanted);
    }
    let framework = framework(sources, found.as_ref(), &packages, &proposals);
    let browsers = visitors::browsers(&manifest.browsers, &framework.value.key);
    let release = processes::release(sources, before, found.as_ref(), &folder);
    notes.extend(asked.once(release.as_ref().map(|release| &release.value)));
    if is_python && release.is_none() {
        notes.extend(detect::migrations::note(project, &packages));
    }
    Ok(Plan {
        version: VERSION,
        name,
        domains: manifest.domains.iter().map(sourced).collect(),
        framework,
        python,
        dependencies,
        import_paths: proposals::with_import_paths(
            import_paths(project, found.as_ref(), is_python),
            &proposals,
        ),
        release,
        assets,
        routes: routes(manifest, &front_ends, found.as_ref()),
        data: data(manifest, found.as_ref()),
        env: settings,
        required_env: settings::required_env(manifest),
        asked_env,
        drawn_env,
        refused_hosts: Vec::new(),
        limits: manifest.limits.clone(),
        https: manifest.https.clone(),
        canonical: manifest.canonical.as_ref().map(sourced),
        browsers,
        pages: visitors::pages(project, &manifest.pages)?,
        above: None,
        folder: shown(&folder),
        processes,
        notes,
    })
}

fn sourced<T: Clone>(located: &crate::manifest::Located<T>) -> Sourced<T> {
    Sourced::from(located.value.clone(), located.place.clone())
}

fn app_name(project: &Project, manifest: &Manifest) -> Result<Sourced<AppName>> {
    if let Some(name) = &manifest.name {
        return Ok(sourced(name));
    }
    let named = project
        .pyproject
        .as_ref()
        .and_then(|file| file.name.as_ref());
    if let Some((text, place)) = named
        && let Some(name) = AppName::from_free_text(text)
    {
        return Ok(Sourced::from(name, place.clone()));
    }
    let own = project.root.join(&project.folder);
    let whole = own.canonicalize().unwrap_or(own);
    let folder = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    match AppName::from_free_text(&folder) {
        Some(name) => Ok(Sourced::by_default(name, "the folder's name")),
        None => Err(Error::Name { folder }),
    }
}

/// Whether the author says what runs.
fn is_said(sources: &Sources) -> bool {
    let manifest = &sources.manifest;
    manifest.web.command.is_some()
        || manifest.web.app.is_some()
        || !manifest.processes.is_empty()
        || !manifest.routes.is_empty()
        || sources.entries().next().is_some()
}

/// What detection finds. Nothing is an error only when nobody else says what to run.
fn found(sources: &Sources, proposals: &[Proposed]) -> Result<Option<Found>> {
    let said = is_said(sources) || !proposals.is_empty();
    match detect::detect(&sources.project) {
        // Pages and scripts beside a program of the author's are the program's.
        Ok(found) if said && !found.serves() && !sources.leaves_out("web") => Ok(None),
        Ok(found) if said && found.program.is_some() && !web::is_known(sources, &found) => Ok(None),
        Ok(found) => Ok(Some(found)),
        Err(Error::Nothing { .. }) if said => Ok(None),
        Err(error) => Err(error),
    }
}

fn nothing(project: &Project) -> Error {
    Error::Nothing {
        project: project.root.clone(),
        looked_at: Vec::new(),
    }
}

/// Files at `/` answer whatever is asked: a `web` that no other route leads to would get nothing.
fn refuse_hidden(project: &Project, manifest: &Manifest, processes: &[Process]) -> Result<()> {
    let Some(web) = processes.iter().find(|process| process.is_web()) else {
        return Ok(());
    };
    let leads_to_web = |route: &crate::manifest::Route| matches!(&route.to, RouteTarget::Process { process } if *process == web.name);
    let root = manifest
        .routes
        .iter()
        .find(|route| route.prefix.value == "/");
    let Some(root) = root.filter(|root| !leads_to_web(root) && web.instances > 0) else {
        return Ok(());
    };
    if manifest.routes.iter().any(leads_to_web) {
        return Ok(());
    }
    let place = &root.prefix.place;
    let text = project.tree.text(&place.file)?.unwrap_or_default();
    Err(Error::Manifest {
        excerpt: Box::new(Excerpt::of_line(&place.file, &text, place.line)),
        message: format!(
            "this route answers every path, so that no request would reach `web` ({})",
            web.start.value.summary()
        ),
        hint: Some(
            "say what is for the program, `[route.\"/api\"]` with `process = \"web\"`; or that it does not run, `[web]` with `instances = 0`; or give the files a path of their own"
                .to_owned(),
        ),
    })
}

fn is_static(found: Option<&Found>) -> bool {
    found.is_some_and(Found::is_static)
}

/// The author's commands are written for the project's own folder; our own start where
/// `manage.py` or the application is.
fn start_folder(sources: &Sources, found: Option<&Found>) -> PathBuf {
    let manifest = &sources.manifest;
    // A development server that detection's object stands in for runs where detection says.
    let replaced = |entry: &Entry| {
        let found = recognise(&sources.project, &entry.command);
        entry.name == "web" && found.is_some_and(|it| it.remedy.is_none() && it.before.is_none())
    };
    let authored = !sources.entries().all(replaced)
        || manifest.web.command.is_some()
        || !manifest.processes.is_empty()
        || !manifest.jobs.is_empty()
        || manifest.release.is_some()
        || !manifest.build.is_empty();
    match found {
        Some(found) if !authored => found.folder.clone(),
        _ => sources.project.folder.clone(),
    }
}

fn framework(
    sources: &Sources,
    found: Option<&Found>,
    packages: &Packages,
    proposals: &[Proposed],
) -> Sourced<Framework> {
    let Some(found) = found else {
        let proposed = proposals
            .first()
            .filter(|_| sources.manifest.processes.is_empty());
        let (key, label, place) = match (sources.entries().next(), proposed) {
            (Some(entry), _) => ("procfile", "Procfile", Place::file(&entry.place.file)),
            (None, Some(one)) => ("worker", one.label, Place::file(&one.worker.places[0].file)),
            (None, None) => ("manifest", "ship.toml", Place::file(crate::manifest::FILE)),
        };
        let framework = Framework {
            key: key.to_owned(),
            label: label.to_owned(),
            version: None,
        };
        return Sourced::from(framework, place);
    };
    let framework = Framework {
        key: found.row.key.to_owned(),
        label: found.row.label.to_owned(),
        version: packages.version(found.row.package).map(str::to_owned),
    };
    Sourced::because(framework, found.reason.clone(), found.places.clone())
}

/// Front ends, unless their author says how they are built.
fn front_ends(project: &Project, manifest: &Manifest, processes: &[Process]) -> Added {
    let said = !manifest.build.is_empty() || manifest.routes.iter().any(|r| r.build.is_some());
    if said {
        return Added::default();
    }
    let has_web = processes.iter().any(Process::is_web);
    let mut added = front_end::add(project, has_web);
    // The author's own `/` decides what is answered where.
    if manifest
        .routes
        .iter()
        .any(|route| route.prefix.value == "/")
    {
        added.routes.clear();
        added.unserved.clear();
    }
    added
}

fn assets(
    manifest: &Manifest,
    front_ends: &Added,
    found: Option<&Found>,
) -> Vec<Sourced<AssetStep>> {
    let routes = manifest
        .routes
        .iter()
        .filter_map(|route| route.build.as_ref());
    let commands = manifest.build.iter().chain(routes).map(|command| {
        let step = AssetStep::Command {
            command: processes::own(&command.value),
        };
        Sourced::from(step, command.place.clone())
    });
    // What the author builds may be what `collectstatic` collects.
    let found = found
        .into_iter()
        .flat_map(|found| found.assets.iter().cloned());
    let front_ends = front_ends.assets.iter().cloned();
    commands.chain(front_ends).chain(found).collect()
}

fn routes(manifest: &Manifest, front_ends: &Added, found: Option<&Found>) -> Vec<Sourced<Route>> {
    let mut routes: Vec<Sourced<Route>> = manifest
        .routes
        .iter()
        .map(|route| {
            let value = Route {
                prefix: route.prefix.value.clone(),
                to: route.to.clone(),
                cache: route.cache.clone(),
                strip: route.strip,
                rules: route.rules.clone(),
                open: route.open,
            };
            Sourced::from(value, route.prefix.place.clone())
        })
        .collect();
    let detected = found.into_iter().flat_map(|found| &found.routes);
    for route in detected.chain(&front_ends.routes) {
        let same = |own: &&mut Sourced<Route>| own.value.is_of(&route.value.prefix);
        match routes.iter_mut().find(same) {
            Some(own) => own.value.answered_by(route.value.to.clone()),
            None => routes.push(route.clone()),
        }
    }
    routes
}

fn data(manifest: &Manifest, found: Option<&Found>) -> Vec<Sourced<DataPath>> {
    let mut data: Vec<Sourced<DataPath>> = Vec::new();
    for path in &manifest.data {
        let value = data_path(&path.value);
        data.push(Sourced::from(value, path.place.clone()));
    }
    let detected = found.into_iter().flat_map(|found| &found.data);
    for path in detected {
        let covered = |own: &Sourced<DataPath>| path.value.path.starts_with(&own.value.path);
        if !data.iter().any(covered) {
            data.push(path.clone());
        }
    }
    // A folder of uploads that a route serves has to be there.
    for route in &manifest.routes {
        if let RouteTarget::Data { folder } = &route.to
            && !data.iter().any(|own| folder.starts_with(&own.value.path))
        {
            let value = DataPath {
                path: folder.clone(),
                folder: true,
            };
            data.push(Sourced::from(value, route.prefix.place.clone()));
        }
    }
    data
}

/// `media/` and `media` are folders, `db.sqlite3` a file.
fn data_path(written: &Path) -> DataPath {
    let text = written.to_string_lossy();
    DataPath {
        path: crate::python::index::plain(written),
        folder: text.ends_with('/') || written.extension().is_none(),
    }
}

fn import_paths(project: &Project, found: Option<&Found>, is_python: bool) -> Vec<PathBuf> {
    if !is_python {
        return Vec::new();
    }
    let mut paths = match found {
        Some(found) if !found.import_paths.is_empty() => found.import_paths.clone(),
        _ => vec![shown(&project.folder)],
    };
    let src = project.folder.join("src");
    let is_layout = project
        .index
        .sources()
        .any(|source| source.file.starts_with(&src))
        && !project.tree.has(src.join("__init__.py"));
    if is_layout && !paths.contains(&src) {
        paths.push(src);
    }
    paths
}

/// `""` as `.`
fn shown(folder: &Path) -> PathBuf {
    match folder.iter().next() {
        None => PathBuf::from("."),
        Some(_) => folder.to_owned(),
    }
}
