//! What an expression says as text, as far as it can be told without running it: constants,
//! f-strings, joins, `__file__`, and the defaults of settings.

use std::path::{Component, Path, PathBuf};

use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};

/// Stands for the project's folder in a text, as no path can hold it.
const ROOT: char = '\u{0}';
/// How many names and calls are followed.
const DEPTH: usize = 12;

/// Reads texts and paths in the light of a module.
pub(crate) struct Texts<'a> {
    pub(crate) index: &'a Index,
    /// The folder that processes start in: what a relative path is relative to.
    pub(crate) folder: &'a Path,
}

impl<'a> Texts<'a> {
    /// The text, where it is constant; paths below the project hold a mark for its folder, which
    /// [`Texts::inside`] understands.
    pub(crate) fn text(&self, view: &View<'a>, expr: &Expr) -> Option<String> {
        self.eval(view, expr, DEPTH)
    }

    /// The path relative to the project that `text` means; `None` when it lies elsewhere or is
    /// the project itself.
    pub(crate) fn inside(&self, text: &str) -> Option<PathBuf> {
        let path = match text.strip_prefix(ROOT) {
            Some(below) => PathBuf::from(below.trim_start_matches('/')),
            None if text.starts_with('/') => return None,
            None => self.folder.join(text),
        };
        let mut plain = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => plain.push(part),
                Component::ParentDir if !plain.pop() => return None,
                _ => {}
            }
        }
        (plain.iter().next().is_some()).then_some(plain)
    }

    fn eval(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<String> {
        let left = left.checked_sub(1)?;
        let eval = |expr: &Expr| self.eval(view, expr, left);
        match expr {
            Expr::Text(text) => Some(text.clone()),
            Expr::Name(name) if name == "__file__" => Some(below_root(&view.module.file)),
            Expr::Name(_) => self.named(view, expr, left),
            Expr::Joined(parts) => parts.iter().map(eval).collect(),
            Expr::Plus(a, b) => Some(eval(a)? + &eval(b)?),
            Expr::Slash(a, b) => Some(join(&eval(a)?, &eval(b)?)),
            Expr::OneOf(options) => options.iter().find_map(eval),
            Expr::Call(call) => self.call(view, call, left),
            Expr::Attribute(of, name) => match name.as_str() {
                "parent" => eval(of).map(|path| parent(&path)),
                // Flask keeps it beside the package or module of the application.
                "instance_path" => Some(join(&self.flask_root(view), "instance")),
                "root_path" => view.module.file.parent().map(below_root),
                _ => self.named(view, expr, left),
            },
            Expr::Item(of, index) => match (&**of, &**index) {
                (Expr::Attribute(path, parents), Expr::Number(number)) if parents == "parents" => {
                    (0..=*number).try_fold(eval(path)?, |path, _| Some(parent(&path)))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn named(&self, view: &View<'a>, expr: &Expr, left: usize) -> Option<String> {
        if let Some(name) = expr.name() {
            let local = view
                .inner
                .iter()
                .rev()
                .find_map(|scope| scope.binding(name));
            if let Some(binding) = local {
                return self.eval(view, &binding.value, left);
            }
        }
        let Target::Inside(module, names) = self.index.resolve(view, expr)? else {
            return None;
        };
        let binding = module.top.binding(&names.join("."))?;
        let view = View {
            beside: view.beside.clone(),
            ..View::of(module)
        };
        self.eval(&view, &binding.value, left)
    }

    fn call(&self, view: &View<'a>, call: &Call, left: usize) -> Option<String> {
        let eval = |expr: &Expr| self.eval(view, expr, left);
        let first = || call.arguments.first();
        let method = match &call.function {
            Expr::Attribute(of, method) => Some((&**of, method.as_str())),
            _ => None,
        };
        let function = self
            .index
            .outside(view, &call.function)
            .or_else(|| call.function.dotted())
            .unwrap_or_default();
        match function.as_str() {
            "os.path.dirname" => eval(first()?).map(|path| parent(&path)),
            "os.path.abspath" | "os.path.realpath" | "os.path.normpath" | "os.path.expanduser"
            | "str" | "os.fspath" => eval(first()?),
            "os.path.join" => self.join_all(view, &call.arguments, left),
            "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" => {
                self.join_all(view, &call.arguments, left)
            }
            "os.getcwd" | "pathlib.Path.cwd" | "os.getcwdb" => Some(below_root(self.folder)),
            _ => match method {
                // `url.replace("postgres://", …)` too: what is replaced is not SQLite's.
                Some((
                    of,
                    "resolve" | "absolute" | "as_posix" | "expanduser" | "replace" | "strip",
                )) => eval(of),
                Some((of, "joinpath")) => {
                    let rest = self.join_all(view, &call.arguments, left)?;
                    Some(join(&eval(of)?, &rest))
                }
                _ if is_setting(&function) => eval(call.argument(1, "default")?),
                _ => None,
            },
        }
    }

    fn join_all(&self, view: &View<'a>, parts: &[Expr], left: usize) -> Option<String> {
        let mut parts = parts.iter().map(|part| self.eval(view, part, left));
        let first = parts.next()??;
        parts.try_fold(first, |path, part| Some(join(&path, &part?)))
    }

    /// The folder that holds the module or package in which the application stands.
    fn flask_root(&self, view: &View<'a>) -> String {
        let file = &view.module.file;
        let folder = file.parent().unwrap_or(Path::new(""));
        let is_package = self.index.get(&folder.join("__init__.py")).is_some();
        let (root, _) = self.index.import_name(file);
        below_root(if is_package { &root } else { folder })
    }
}

/// Functions that read a setting, with its default as second argument or as `default`.
pub(crate) fn is_setting(function: &str) -> bool {
    const WHOLE: [&str; 6] = [
        "os.environ.get",
        "os.getenv",
        "os.environ.setdefault",
        "decouple.config",
        "dj_database_url.config",
        "starlette.config.Config",
    ];
    const LAST: [&str; 9] = [
        "config", "env", "getenv", "str", "url", "path", "db", "db_url", "get",
    ];
    let mut parts = function.rsplit('.');
    let last = parts.next().unwrap_or_default();
    let of = parts.next().unwrap_or("env");
    WHOLE.contains(&function)
        || LAST.contains(&last) && ["env", "environ", "ENV", "os", "config"].contains(&of)
}

fn below_root(path: &Path) -> String {
    format!("{ROOT}/{}", path.display())
}

fn parent(path: &str) -> String {
    match path.trim_end_matches('/').rsplit_once('/') {
        Some((parent, _)) => parent.to_owned(),
        None if path.starts_with(ROOT) => path.to_owned(),
        None => String::new(),
    }
}

fn join(base: &str, path: &str) -> String {
    if path.starts_with('/') || path.starts_with(ROOT) || base.is_empty() {
        return path.to_owned();
    }
    format!("{}/{path}", base.trim_end_matches('/'))
}
