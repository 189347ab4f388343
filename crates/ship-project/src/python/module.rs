//! One Python file, reduced to what detection reads.

use std::path::{Path, PathBuf};

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{self as ast, Stmt};
use ruff_text_size::Ranged;

use crate::error::Error;
use crate::plan::Place;
use crate::python::expr::{Call, Expr, guarded_setting};
use crate::python::mistake::Mistake;
use crate::python::unset::{Known, Unset};

/// A file.
#[derive(Debug)]
pub(crate) struct Module {
    /// Relative to the project.
    pub(crate) file: PathBuf,
    /// What stands at the top level, also within `if`, `try` and `with`.
    pub(crate) top: Scope,
    /// What stands within `if __name__ == "__main__"`: it runs, and cannot be imported.
    pub(crate) main: Scope,
    /// Every call of the file, wherever it stands.
    pub(crate) calls: Vec<(Call, u32)>,
    /// Every `x["y"]` that is read, wherever it stands.
    pub(crate) items: Vec<(Expr, u32)>,
    /// Every text that begins as the address of an SQLite database, also when it is put together.
    pub(crate) databases: Vec<(Expr, u32)>,
    /// Every `X` of `"X" in os.environ`, `os.environ.setdefault("X", …)` and `os.environ["X"] = …`.
    pub(crate) guards: Vec<String>,
    /// Every string of the file.
    pub(crate) texts: Vec<(String, u32)>,
    /// The first syntax error; the rest is then what could be recovered.
    pub(crate) mistake: Option<Mistake>,
}

/// Names of one level: a file, or the body of a function.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) imports: Vec<Import>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) functions: Vec<Function>,
    pub(crate) classes: Vec<Class>,
    /// Calls that stand alone, as statements.
    pub(crate) calls: Vec<(Call, u32)>,
    pub(crate) returns: Vec<Expr>,
    /// Whether there is a `raise` in it.
    pub(crate) raises: bool,
    /// The line of the first `while True`.
    pub(crate) endless: Option<u32>,
    /// `name: type` without a value.
    pub(crate) declared: Vec<(String, u32)>,
}

/// `import a.b as c`, `from a import b as c`.
#[derive(Debug)]
pub(crate) struct Import {
    /// The name it gets here; `*` for all.
    pub(crate) local: String,
    /// Dots before the module: 0 is absolute.
    pub(crate) level: u32,
    /// The module, without the dots; may be empty after dots.
    pub(crate) module: String,
    /// The name within the module; `None` for `import a.b`.
    pub(crate) name: Option<String>,
    pub(crate) line: u32,
    /// As that of a [`Binding`].
    pub(crate) asleep: Option<Vec<String>>,
}

/// `name = value`
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) value: Expr,
    pub(crate) line: u32,
    /// What the value is where no setting is there.
    pub(crate) unset: Option<Box<Unset>>,
    /// It stands below a condition that does not hold unless one of these variables is set; none of
    /// them, where it never holds.
    pub(crate) asleep: Option<Vec<String>>,
}

/// `def name(…):`
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: u32,
    pub(crate) is_async: bool,
    pub(crate) decorated: bool,
    /// What stands behind each `@`.
    pub(crate) decorators: Vec<Expr>,
    /// Positional parameters, in order.
    pub(crate) parameters: Vec<String>,
    /// How many parameters have no default.
    pub(crate) required: usize,
    /// Those of the last positional parameters, in order.
    pub(crate) defaults: Vec<Expr>,
    pub(crate) body: Scope,
}

/// `class Name(bases):`
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) bases: Vec<Expr>,
    pub(crate) methods: Vec<Function>,
    /// `name = value` in its body.
    pub(crate) bindings: Vec<Binding>,
    /// `name: type` in its body, without a value.
    pub(crate) declared: Vec<(String, u32)>,
    /// Classes in its body: `Meta`, `Config`.
    pub(crate) classes: Vec<Class>,
}

impl Scope {
    /// The functions and methods in it.
    pub(crate) fn inner(&self) -> impl Iterator<Item = &Scope> {
        let methods = self.classes.iter().flat_map(|class| &class.methods);
        self.functions
            .iter()
            .chain(methods)
            .map(|Function { body, .. }| body)
    }
}

impl Module {
    /// Reads `source`; mistakes are kept, what can be recovered is read.
    pub(crate) fn read(file: &Path, source: &str) -> Self {
        let parsed = ruff_python_parser::parse_unchecked_source(source, ast::PySourceType::Python);
        let mistake = Mistake::first(file, source, &parsed);
        let body = &parsed.syntax().body;
        let mut reader = Reader::new(source);
        reader.visit_body(body);
        let mut everywhere = Everywhere::new(source);
        everywhere.visit_body(body);
        Self {
            file: file.to_owned(),
            top: reader.scope,
            main: reader.main,
            calls: everywhere.calls,
            items: everywhere.items,
            databases: everywhere.databases,
            guards: everywhere.guards,
            texts: everywhere.texts,
            mistake,
        }
    }

    /// Every scope: the file, its functions and methods, at any depth.
    pub(crate) fn scopes(&self) -> Vec<&Scope> {
        let mut scopes = vec![&self.top];
        let mut at = 0;
        while at < scopes.len() {
            let below = scopes[at].inner();
            scopes.extend(below);
            at += 1;
        }
        scopes
    }

    /// A line of this file as a place.
    pub(crate) fn place(&self, line: u32) -> Place {
        Place::line(&self.file, line)
    }

    /// Fails where the file does not parse.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.mistake {
            None => Ok(()),
            Some(mistake) => Err(Error::Syntax {
                excerpt: Box::new(mistake.excerpt.clone()),
                message: mistake.message.clone(),
            }),
        }
    }

    /// The file's name without `.py`.
    pub(crate) fn stem(&self) -> &str {
        let stem = self.file.file_stem().unwrap_or_default();
        stem.to_str().unwrap_or_default()
    }
}

impl Scope {
    /// The last binding of `name`.
    pub(crate) fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().rev().find(|b| b.name == name)
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().rev().find(|f| f.name == name)
    }

    pub(crate) fn class(&self, name: &str) -> Option<&Class> {
        self.classes.iter().rev().find(|c| c.name == name)
    }

    pub(crate) fn import(&self, local: &str) -> Option<&Import> {
        self.imports.iter().rev().find(|i| i.local == local)
    }
}

/// Collects one level, statement by statement.
struct Reader<'a> {
    source: &'a str,
    lines: Lines,
    scope: Scope,
    main: Scope,
    known: Known,
    /// Of the statements at hand, as that of a [`Binding`].
    asleep: Option<Vec<String>>,
    /// They run, and once.
    is_sure: bool,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        Self::with(source, Lines::new(source))
    }

    fn with(source: &'a str, lines: Lines) -> Self {
        Self {
            source,
            lines,
            scope: Scope::default(),
            main: Scope::default(),
            known: Known::default(),
            asleep: None,
            is_sure: true,
        }
    }

    fn line(&self, node: &impl Ranged) -> u32 {
        self.lines.at(node.start().to_usize())
    }

    fn inner(&self, body: &[Stmt]) -> Scope {
        let mut reader = Reader::with(self.source, self.lines.clone());
        reader.visit_body(body);
        reader.scope
    }

    fn bind(&mut self, target: &ast::Expr, value: &Expr, line: u32) {
        let asleep = self.asleep.clone();
        let mut push = |name: String, value: Expr| {
            self.scope.bindings.push(Binding {
                name,
                value,
                line,
                unset: None,
                asleep: asleep.clone(),
            });
        };
        match target {
            ast::Expr::Name(name) => push(name.id.to_string(), value.clone()),
            // `DATABASES["default"] = {…}` and `app.wsgi_app = …` keep their written name.
            ast::Expr::Attribute(_) => {
                if let Some(dotted) = Expr::read(target).dotted() {
                    push(dotted, value.clone());
                }
            }
            ast::Expr::Subscript(item) => {
                let key = Expr::read(&item.slice);
                if let (Some(name), Some(key)) = (Expr::read(&item.value).dotted(), key.text()) {
                    push(format!("{name}[{key}]"), value.clone());
                }
            }
            ast::Expr::Tuple(tuple) => self.bind_each(&tuple.elts, value, line),
            _ => {}
        }
    }

    fn bind_each(&mut self, targets: &[ast::Expr], value: &Expr, line: u32) {
        for (at, target) in targets.iter().enumerate() {
            match value {
                Expr::List(values) => {
                    if let Some(value) = values.get(at) {
                        self.bind(target, value, line);
                    }
                }
                // `app, rt = fast_app()`: what it gives is told apart by its place.
                Expr::Call(_) => {
                    let at = Expr::Number(i64::try_from(at).unwrap_or(i64::MAX));
                    let item = Expr::Item(Box::new(value.clone()), Box::new(at));
                    self.bind(target, &item, line);
                }
                _ => {}
            }
        }
    }

    /// Binds `target`, and keeps what the value is where no setting is there.
    fn assign(&mut self, target: &ast::Expr, written: &ast::Expr, value: &Expr, line: u32) {
        let before = self.scope.bindings.len();
        self.bind(target, value, line);
        let [binding] = &mut self.scope.bindings[before..] else {
            return;
        };
        let unset = self.known.of(written);
        binding.unset = unset.clone().map(Box::new);
        if self.asleep.is_none() {
            self.known
                .set(&binding.name, unset.filter(|_| self.is_sure));
        }
    }

    /// Statements that may run, or not.
    fn part(&mut self, body: &[Stmt], asleep: Option<Vec<String>>, is_sure: bool) {
        let outer = (self.asleep.clone(), self.is_sure);
        self.asleep = self.asleep.take().or(asleep);
        self.is_sure &= is_sure;
        self.visit_body(body);
        (self.asleep, self.is_sure) = outer;
    }

    /// What stands within a statement that may run or not.
    fn perhaps(&mut self, stmt: &Stmt) {
        let outer = std::mem::replace(&mut self.is_sure, false);
        walk_stmt(self, stmt);
        self.is_sure = outer;
    }

    /// `if`, `elif` and `else`: those run that hold without any setting; where that cannot be told,
    /// all may.
    fn branches(&mut self, condition: &ast::StmtIf) {
        let first = (Some(&*condition.test), &condition.body);
        let others = condition.elif_else_clauses.iter();
        let others = others.map(|clause| (clause.test.as_ref(), &clause.body));
        let (mut asks, mut is_taken, mut is_sure) = (Vec::new(), false, true);
        for (test, body) in std::iter::once(first).chain(others) {
            let test = test.map(|test| self.known.of(test));
            if is_taken {
                self.part(body, Some(asks.clone()), is_sure);
                continue;
            }
            match test {
                Some(Some(test)) => {
                    asks.extend(test.asks.iter().cloned());
                    is_taken = test.is_true();
                    let asleep = (!is_taken).then(|| asks.clone());
                    self.part(body, asleep, is_sure);
                }
                Some(None) => {
                    is_sure = false;
                    self.part(body, None, is_sure);
                }
                None => self.part(body, None, is_sure),
            }
        }
    }

    fn function(&self, def: &ast::StmtFunctionDef) -> Function {
        let parameters = &def.parameters;
        let positional = || parameters.posonlyargs.iter().chain(&parameters.args);
        let needed = positional().chain(&parameters.kwonlyargs);
        Function {
            name: def.name.to_string(),
            line: self.line(&def.name),
            is_async: def.is_async,
            decorated: !def.decorator_list.is_empty(),
            decorators: def
                .decorator_list
                .iter()
                .map(|decorator| Expr::read(&decorator.expression))
                .collect(),
            parameters: positional().map(|p| p.parameter.name.to_string()).collect(),
            required: needed.filter(|p| p.default.is_none()).count(),
            defaults: positional()
                .filter_map(|p| p.default.as_deref().map(Expr::read))
                .collect(),
            body: self.inner(&def.body),
        }
    }

    fn class(&self, def: &ast::StmtClassDef) -> Class {
        let bases = def.arguments.iter().flat_map(|arguments| &arguments.args);
        let body = self.inner(&def.body);
        Class {
            name: def.name.to_string(),
            bases: bases.map(Expr::read).collect(),
            methods: body.functions,
            bindings: body.bindings,
            declared: body.declared,
            classes: body.classes,
        }
    }

    fn import_from(&mut self, import: &ast::StmtImportFrom) {
        let line = self.line(import);
        for alias in &import.names {
            let local = alias.asname.as_ref().unwrap_or(&alias.name);
            self.scope.imports.push(Import {
                local: local.to_string(),
                level: import.level,
                module: import
                    .module
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                name: Some(alias.name.to_string()),
                line,
                asleep: self.asleep.clone(),
            });
        }
    }

    /// `import a.b` binds `a`; `import a.b as c` binds `a.b` to `c`.
    fn import(&mut self, import: &ast::StmtImport) {
        let line = self.line(import);
        for alias in &import.names {
            let whole = alias.name.to_string();
            let first = whole.split('.').next().unwrap_or_default().to_owned();
            let (local, module) = match &alias.asname {
                Some(name) => (name.to_string(), whole),
                None => (first, whole),
            };
            self.scope.imports.push(Import {
                local,
                level: 0,
                module,
                name: None,
                line,
                asleep: self.asleep.clone(),
            });
        }
    }

    fn main_block(&mut self, body: &[Stmt]) {
        let main = self.inner(body);
        self.main.imports.extend(main.imports);
        self.main.bindings.extend(main.bindings);
        self.main.calls.extend(main.calls);
        self.main.endless = self.main.endless.or(main.endless);
    }
}

impl StatementVisitor<'_> for Reader<'_> {
    fn visit_stmt(&mut self, stmt: &Stmt) {
        let line = self.line(stmt);
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::FunctionDef(def) => {
                let function = self.function(def);
                self.scope.functions.push(function);
            }
            Stmt::ClassDef(def) => {
                let class = self.class(def);
                self.scope.classes.push(class);
            }
            Stmt::Assign(assign) => {
                let value = Expr::read(&assign.value);
                for target in &assign.targets {
                    self.assign(target, &assign.value, &value, line);
                }
            }
            Stmt::AnnAssign(assign) => {
                if let Some(value) = &assign.value {
                    self.assign(&assign.target, value, &Expr::read(value), line);
                } else {
                    let name = Expr::read(&assign.target).dotted();
                    self.scope.declared.extend(name.map(|name| (name, line)));
                }
            }
            Stmt::AugAssign(assign) if assign.op == ast::Operator::Add => {
                let old = Box::new(Expr::read(&assign.target));
                let sum = Expr::Plus(old, Box::new(Expr::read(&assign.value)));
                self.bind(&assign.target, &sum, line);
                if let ast::Expr::Name(name) = &*assign.target {
                    self.known.set(name.id.as_str(), None);
                }
            }
            Stmt::Expr(expr) => {
                if let ast::Expr::Call(call) = &*expr.value {
                    self.known.set_default(call);
                }
                if let Expr::Call(call) = Expr::read(&expr.value) {
                    self.scope.calls.push((*call, line));
                }
            }
            Stmt::Return(value) => {
                let value = value.value.as_deref();
                self.scope.returns.extend(value.map(Expr::read));
            }
            Stmt::Raise(_) => self.scope.raises = true,
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = &item.optional_vars {
                        self.bind(target, &Expr::read(&item.context_expr), line);
                    }
                }
                walk_stmt(self, stmt);
            }
            Stmt::While(repeat) => {
                if is_always(&repeat.test) {
                    self.scope.endless.get_or_insert(line);
                }
                self.perhaps(stmt);
            }
            Stmt::If(condition) if is_main(&condition.test) => self.main_block(&condition.body),
            Stmt::If(condition) if is_typing(&condition.test) => {}
            Stmt::If(condition) => self.branches(condition),
            Stmt::Try(_) | Stmt::For(_) | Stmt::Match(_) => self.perhaps(stmt),
            _ => walk_stmt(self, stmt),
        }
    }
}

/// `while True`, `while 1`
fn is_always(test: &ast::Expr) -> bool {
    match Expr::read(test) {
        Expr::Truth(truth) => truth,
        Expr::Number(number) => number != 0,
        _ => false,
    }
}

/// `__name__ == "__main__"`
fn is_main(test: &ast::Expr) -> bool {
    let ast::Expr::Compare(compare) = test else {
        return false;
    };
    let sides = std::iter::once(&*compare.left).chain(&compare.comparators);
    let sides: Vec<Expr> = sides.map(Expr::read).collect();
    sides.iter().any(|side| side.name() == Some("__name__"))
        && sides.iter().any(|side| side.text() == Some("__main__"))
}

/// `TYPE_CHECKING`: never runs.
fn is_typing(test: &ast::Expr) -> bool {
    let dotted = Expr::read(test).dotted().unwrap_or_default();
    dotted.rsplit('.').next() == Some("TYPE_CHECKING")
}

/// Collects what is looked for wherever it stands.
struct Everywhere {
    lines: Lines,
    calls: Vec<(Call, u32)>,
    items: Vec<(Expr, u32)>,
    databases: Vec<(Expr, u32)>,
    guards: Vec<String>,
    texts: Vec<(String, u32)>,
}

impl Everywhere {
    fn new(source: &str) -> Self {
        Self {
            lines: Lines::new(source),
            calls: Vec::new(),
            items: Vec::new(),
            databases: Vec::new(),
            guards: Vec::new(),
            texts: Vec::new(),
        }
    }
}

impl<'a> Visitor<'a> for Everywhere {
    fn visit_expr(&mut self, expr: &'a ast::Expr) {
        let line = self.lines.at(expr.start().to_usize());
        match expr {
            ast::Expr::StringLiteral(text) => {
                self.texts.push((text.value.to_str().to_owned(), line));
            }
            ast::Expr::Call(_) => {
                if let Expr::Call(call) = Expr::read(expr) {
                    self.guards.extend(defaulted_setting(&call));
                    self.calls.push((*call, line));
                }
            }
            ast::Expr::Subscript(item) if item.ctx.is_load() => {
                self.items.push((Expr::read(expr), line));
            }
            ast::Expr::Subscript(item) if item.ctx.is_store() => {
                self.guards.extend(set_setting(item));
            }
            ast::Expr::Compare(compare) => self.guards.extend(guarded_setting(compare)),
            _ => {}
        }
        let may_be_text = expr.is_string_literal_expr() || expr.is_f_string_expr();
        if may_be_text || expr.is_bin_op_expr() {
            let read = Expr::read(expr);
            if beginning(&read).is_some_and(|text| text.starts_with("sqlite")) {
                self.databases.push((read, line));
                return;
            }
        }
        visitor::walk_expr(self, expr);
    }
}

/// The constant text that an expression begins with.
fn beginning(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Text(text) => Some(text),
        Expr::Plus(left, _) => beginning(left),
        Expr::Joined(parts) => beginning(parts.first()?),
        _ => None,
    }
}

/// The `X` of `os.environ["X"] = …`.
fn set_setting(item: &ast::ExprSubscript) -> Option<String> {
    let is_environment = Expr::read(&item.value).dotted()?.ends_with("environ");
    let name = Expr::read(&item.slice);
    is_environment.then(|| name.text().map(str::to_owned))?
}

/// The `X` of `os.environ.setdefault("X", "dev")`.
fn defaulted_setting(call: &Call) -> Option<String> {
    let is_it = call.function.dotted()?.ends_with("environ.setdefault");
    let name = call.arguments.first()?.text()?;
    (is_it && call.arguments.len() > 1).then(|| name.to_owned())
}

/// Where each line begins.
#[derive(Clone)]
struct Lines(std::rc::Rc<[usize]>);

impl Lines {
    fn new(source: &str) -> Self {
        let ends = source
            .bytes()
            .enumerate()
            .filter(|&(_, byte)| byte == b'\n');
        Self(ends.map(|(at, _)| at).collect())
    }

    fn at(&self, offset: usize) -> u32 {
        self.0.partition_point(|&end| end < offset) as u32 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(source: &str) -> Module {
        Module::read(Path::new("app.py"), source)
    }

    #[test]
    fn what_stands_below_conditions_is_module_level_and_the_main_block_is_not() {
        let module = read(
            "try:\n    import a.b as c\nexcept ImportError:\n    c = None\n\
             if c:\n    x: int = 1\nelse:\n    x, y = 2, 'z'\n\
             if __name__ == '__main__':\n    main = True\n",
        );
        let names: Vec<(&str, u32)> = module
            .top
            .bindings
            .iter()
            .map(|binding| (binding.name.as_str(), binding.line))
            .collect();
        assert_eq!(names, [("c", 4), ("x", 6), ("x", 8), ("y", 8)]);
        assert_eq!(module.top.import("c").unwrap().module, "a.b");
        assert!(module.top.binding("main").is_none());
        assert!(module.main.binding("main").is_some());
    }

    #[test]
    fn what_can_be_recovered_from_broken_code_is_read() {
        let module = read("from flask import Flask\napp = Flask(__name__)\ndef f(:\n    pass\n");
        assert!(module.check().is_err());
        assert!(module.top.binding("app").is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,200}|([a-z(){}\\[\\]:=.,'\"f \n#@*\\\\]|def |class |import |from |lambda ){0,80}") {
            let _ = read(&text);
        }
    }
}
