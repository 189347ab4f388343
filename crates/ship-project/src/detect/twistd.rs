//! Twisted application: <https://docs.twisted.org/en/stable/core/howto/application.html>, and plugins
//! that give `twist` a service: <https://docs.twisted.org/en/stable/core/howto/tap.html>.

use std::path::{Path, PathBuf};

use crate::command::CommandLine;
use crate::detect::objects::import_paths;
use crate::detect::program::{Program, spoken};
use crate::detect::tool::{Tool, ends_in};
use crate::detect::{Found, Row, stored};
use crate::error::Result;
use crate::plan::OwnPort;
use crate::project::Project;
use crate::python::expr::Call;
use crate::python::index::View;
use crate::python::module::{Binding, Module};
use crate::python::source::{self, Source};

pub(super) const ROW: Row = Row {
    key: "twisted-tac",
    label: "Twisted application",
    package: "twisted",
    classes: &[],
};

pub(super) const TOOL: Tool = Tool {
    row: &ROW,
    belongs,
    command: &["twistd", "--nodaemon", "--pidfile=", "--python={file}"],
    several: None,
    own_port: OwnPort::First,
    note: None,
};

fn belongs(file: &Path) -> bool {
    ends_in(file, &["tac"])
}

/// Where Twisted looks for plugins, below each folder that Python imports from.
const PLUGINS: &str = "twisted/plugins";
/// Makes a plugin of a module with `makeService`.
const MAKER: &str = "twisted.application.service.ServiceMaker";

/// The service that a plugin names: `twist NAME` starts it.
pub(super) fn find(project: &Project) -> Result<Option<Found>> {
    let is_plugin = |source: &&Source| {
        let folder = source.file.parent();
        folder.is_some_and(|folder| folder.ends_with(PLUGINS))
    };
    let own = project.index.own_sources().filter(is_plugin).collect();
    let mut named = source::parsed(own).filter_map(|module| Some((module, name(project, module)?)));
    let Some((module, (name, line))) = named.next() else {
        return Ok(None);
    };
    module.check()?;
    let root: PathBuf = module.file.ancestors().skip(3).take(1).collect();
    let place = module.place(line);
    let mut found = Found::new(&ROW, place.clone());
    found.reason = format!("a plugin of Twisted names the service `{name}`");
    found.import_paths = import_paths(&root);
    found.program = Some(Program {
        command: CommandLine::Argv(vec!["twist".to_owned(), name]),
        own_port: Some(OwnPort::First),
        is_web: true,
        reason: format!("its own server, {}", spoken(OwnPort::First)),
        place,
    });
    found.folder = root;
    stored::add(project, &mut found);
    Ok(Some(found))
}

/// The name of the service: `tapname` of a class whose instance is bound, or the last argument of
/// `ServiceMaker("Kiosk", "kiosk.tap", "Sells.", "kiosk")`.
fn name(project: &Project, module: &Module) -> Option<(String, u32)> {
    let view = View::of(module);
    module.top.bindings.iter().find_map(|binding| {
        let call = binding.value.call()?;
        let made = project.index.outside(&view, &call.function);
        if made.is_some_and(|made| made == MAKER) {
            let name = call.argument(3, "tapname")?.text()?;
            return Some((name.to_owned(), binding.line));
        }
        let named = tapname(module, call)?;
        Some((named.value.text()?.to_owned(), named.line))
    })
}

fn tapname<'a>(module: &'a Module, call: &Call) -> Option<&'a Binding> {
    let class = module.top.class(call.function.name()?)?;
    class
        .bindings
        .iter()
        .find(|binding| binding.name == "tapname")
}
