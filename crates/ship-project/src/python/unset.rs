//! What a value is where the environment has none of the variables that it asks for, as far as its
//! expression tells: `os.environ.get("X", "1") == "1"` is true, and `X` may change that.

use std::collections::HashMap;

use ruff_python_ast::{self as ast, BoolOp, CmpOp, UnaryOp};

use crate::python::expr::Expr;
use crate::python::paths::is_setting;

/// Longer chains are generated.
const DEPTH: usize = 20;

/// A value of a program that is given nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unset {
    value: Value,
    /// The variables that decide it.
    pub(crate) asks: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(i64),
    Truth(bool),
    Nothing,
}

/// The values of names so far.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<String, Unset>);

impl Known {
    /// What `name` is from here on; not known, where `value` is `None`.
    pub(crate) fn set(&mut self, name: &str, value: Option<Unset>) {
        match value {
            Some(value) => drop(self.0.insert(name.to_owned(), value)),
            None => drop(self.0.remove(name)),
        }
    }

    /// `os.environ.setdefault("X", "dev")`
    pub(crate) fn set_default(&mut self, call: &ast::ExprCall) {
        let function = Expr::read(&call.func).dotted().unwrap_or_default();
        let [name, value] = &*call.arguments.args else {
            return;
        };
        if let (true, Expr::Text(name), Some(value)) = (
            function.ends_with("environ.setdefault"),
            Expr::read(name),
            self.of(value),
        ) {
            let value = value.and_asks([name.clone()]);
            self.0.insert(item(&name), value);
        }
    }

    /// The value of `expr`.
    pub(crate) fn of(&self, expr: &ast::Expr) -> Option<Unset> {
        self.eval(expr, DEPTH)
    }

    fn eval(&self, expr: &ast::Expr, left: usize) -> Option<Unset> {
        let left = left.checked_sub(1)?;
        let eval = |expr: &ast::Expr| self.eval(expr, left);
        match expr {
            ast::Expr::StringLiteral(text) => {
                Some(Value::Text(text.value.to_str().to_owned()).into())
            }
            ast::Expr::NumberLiteral(_) => match Expr::read(expr) {
                Expr::Number(number) => Some(Value::Number(number).into()),
                _ => None,
            },
            ast::Expr::BooleanLiteral(truth) => Some(Value::Truth(truth.value).into()),
            ast::Expr::NoneLiteral(_) => Some(Value::Nothing.into()),
            ast::Expr::Name(name) => self.0.get(name.id.as_str()).cloned(),
            ast::Expr::Subscript(_) => match Expr::read(expr) {
                Expr::Item(of, name) if of.dotted()?.ends_with("environ") => {
                    self.0.get(&item(name.text()?)).cloned()
                }
                _ => None,
            },
            ast::Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => {
                let of = eval(&unary.operand)?;
                Some(of.map(|value| Value::Truth(!value.is_true())))
            }
            ast::Expr::BoolOp(either) => self.either(either, left),
            ast::Expr::If(either) => {
                let test = eval(&either.test)?;
                let taken = if test.is_true() {
                    &either.body
                } else {
                    &either.orelse
                };
                Some(eval(taken)?.and_asks(test.asks))
            }
            ast::Expr::Compare(compare) => self.compare(compare, left),
            ast::Expr::Call(call) => self.call(call, left),
            _ => None,
        }
    }

    /// `a or b`, `a and b`
    fn either(&self, either: &ast::ExprBoolOp, left: usize) -> Option<Unset> {
        let stops_at = either.op == BoolOp::Or;
        let mut asks = Vec::new();
        let (last, before) = either.values.split_last()?;
        for value in before {
            let value = self.eval(value, left)?;
            if value.is_true() == stops_at {
                return Some(value.and_asks(asks));
            }
            asks.extend(value.asks);
        }
        Some(self.eval(last, left)?.and_asks(asks))
    }

    fn compare(&self, compare: &ast::ExprCompare, left: usize) -> Option<Unset> {
        let ([op], [other]) = (&*compare.ops, &*compare.comparators) else {
            return None;
        };
        let first = self.eval(&compare.left, left)?;
        let of_environment = Expr::read(other)
            .dotted()
            .is_some_and(|name| name.ends_with("environ"));
        if let (true, Value::Text(name)) = (of_environment, &first.value) {
            let asks = vec![name.clone()];
            let value = match op {
                CmpOp::In => Value::Truth(false),
                CmpOp::NotIn => Value::Truth(true),
                _ => return None,
            };
            return Some(Unset { value, asks });
        }
        let (truth, asks) = match op {
            CmpOp::In | CmpOp::NotIn => {
                let is_in = self.is_in(&first.value, other, left)?;
                (is_in == (*op == CmpOp::In), Vec::new())
            }
            CmpOp::Eq | CmpOp::Is | CmpOp::NotEq | CmpOp::IsNot => {
                let second = self.eval(other, left)?;
                let is_same = first.value == second.value;
                let wants_same = matches!(op, CmpOp::Eq | CmpOp::Is);
                (is_same == wants_same, second.asks)
            }
            _ => return None,
        };
        Some(first.map(|_| Value::Truth(truth)).and_asks(asks))
    }

    fn is_in(&self, value: &Value, all: &ast::Expr, left: usize) -> Option<bool> {
        let items = match all {
            ast::Expr::List(list) => &list.elts,
            ast::Expr::Tuple(tuple) => &tuple.elts,
            ast::Expr::Set(set) => &set.elts,
            _ => return None,
        };
        let items: Option<Vec<Unset>> = items.iter().map(|item| self.eval(item, left)).collect();
        Some(items?.iter().any(|item| item.value == *value))
    }

    fn call(&self, call: &ast::ExprCall, left: usize) -> Option<Unset> {
        let read = Expr::read(&call.func);
        let name = read.dotted().unwrap_or_default();
        let positional = &call.arguments.args;
        if is_reader(&name)
            && let Expr::Text(asked) = Expr::read(positional.first()?)
        {
            return self.setting(call, &name, asked, left);
        }
        if let ast::Expr::Attribute(method) = &*call.func
            && let Some(of) = self.eval(&method.value, left)
        {
            return of.method(method.attr.as_str(), positional);
        }
        let argument = self.eval(positional.first()?, left)?;
        argument.called(name.rsplit('.').next()?)
    }

    /// `os.environ.get("X", "1")`, `env.bool("X", False)`, `config("X", default=True, cast=bool)`
    fn setting(
        &self,
        call: &ast::ExprCall,
        function: &str,
        name: String,
        left: usize,
    ) -> Option<Unset> {
        let keyword = |name: &str| call.arguments.find_keyword(name).map(|own| &own.value);
        let default = keyword("default").or_else(|| call.arguments.args.get(1));
        let value = match default {
            Some(default) => self.eval(default, left)?,
            None if function.ends_with("environ.get") || function.ends_with("getenv") => {
                Value::Nothing.into()
            }
            None => return None,
        };
        let cast = keyword("cast").map(Expr::read);
        let is_bool = function.rsplit('.').next() == Some("bool")
            || cast.as_ref().and_then(|cast| cast.name()) == Some("bool");
        let value = if is_bool {
            value.map(|value| Value::Truth(value.says_yes()))
        } else {
            value
        };
        Some(value.and_asks([name]))
    }
}

fn item(name: &str) -> String {
    format!("environ[{name}]")
}

fn is_reader(function: &str) -> bool {
    let last = function.rsplit('.').next().unwrap_or_default();
    is_setting(function)
        || function == "environ.get"
        || function.contains('.') && ["bool", "int"].contains(&last)
}

impl From<Value> for Unset {
    fn from(value: Value) -> Self {
        Self {
            value,
            asks: Vec::new(),
        }
    }
}

impl Unset {
    /// Whether Python takes it for true: any text but the empty one.
    pub(crate) fn is_true(&self) -> bool {
        self.value.is_true()
    }

    /// Whether it is a text that says the opposite of what Python takes it for: `"False"`.
    pub(crate) fn is_no_in_words(&self) -> bool {
        matches!(&self.value, Value::Text(text) if !text.is_empty() && !self.value.says_yes())
    }

    fn map(self, value: impl FnOnce(Value) -> Value) -> Self {
        Self {
            value: value(self.value),
            asks: self.asks,
        }
    }

    fn and_asks(mut self, more: impl IntoIterator<Item = String>) -> Self {
        for name in more {
            if !self.asks.contains(&name) {
                self.asks.push(name);
            }
        }
        self
    }

    /// `value.lower()`
    fn method(self, method: &str, arguments: &[ast::Expr]) -> Option<Self> {
        let Value::Text(text) = &self.value else {
            return None;
        };
        let value = match (method, arguments) {
            ("lower" | "casefold", []) => Value::Text(text.to_lowercase()),
            ("upper", []) => Value::Text(text.to_uppercase()),
            ("strip", []) => Value::Text(text.trim().to_owned()),
            ("capitalize" | "title", []) => Value::Text(capitalised(text)),
            ("startswith", [begin]) => Value::Truth(text.starts_with(Expr::read(begin).text()?)),
            _ => return None,
        };
        Some(self.map(|_| value))
    }

    /// `bool(value)`
    fn called(self, function: &str) -> Option<Self> {
        let value = match (function, &self.value) {
            ("bool", value) => Value::Truth(value.is_true()),
            ("str", Value::Text(text)) => Value::Text(text.clone()),
            ("int", value) => Value::Number(value.number()?),
            ("strtobool" | "str2bool" | "to_bool" | "str_to_bool", value) => {
                Value::Truth(value.says_yes())
            }
            ("literal_eval" | "eval" | "loads", Value::Text(text)) => match text.as_str() {
                "True" | "true" => Value::Truth(true),
                "False" | "false" => Value::Truth(false),
                number => Value::Number(number.parse().ok()?),
            },
            _ => return None,
        };
        Some(self.map(|_| value))
    }
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0,
            Self::Truth(truth) => *truth,
            Self::Nothing => false,
        }
    }

    /// As readers of settings understand a text.
    fn says_yes(&self) -> bool {
        match self {
            Self::Text(text) => {
                ["1", "true", "yes", "on", "y", "t"].contains(&text.to_lowercase().as_str())
            }
            other => other.is_true(),
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Text(text) => text.trim().parse().ok(),
            Self::Number(number) => Some(*number),
            Self::Truth(truth) => Some(i64::from(*truth)),
            Self::Nothing => None,
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::python::module::Module;

    /// Whether the last `DEBUG` that counts is on, and what may change that.
    fn debug(text: &str) -> Option<(bool, String)> {
        let module = Module::read(Path::new("settings.py"), text);
        assert!(module.mistake.is_none(), "{text}");
        let mut bindings = module.top.bindings.iter().rev();
        let binding = bindings.find(|own| own.name == "DEBUG" && own.asleep.is_none())?;
        let unset = binding.unset.as_ref()?;
        Some((unset.is_true(), unset.asks.join(" ")))
    }

    #[test]
    fn what_holds_without_any_setting_is_told_and_what_may_change_it() {
        for (value, is_on, asks) in [
            ("True", true, ""),
            ("1", true, ""),
            ("'RENDER' not in os.environ", true, "RENDER"),
            ("'LOCAL' in os.environ", false, "LOCAL"),
            ("not os.environ.get('PRODUCTION')", true, "PRODUCTION"),
            ("bool(os.environ.get('DEBUG', True))", true, "DEBUG"),
            ("bool(int(os.environ.get('DEBUG', '0')))", false, "DEBUG"),
            ("os.getenv('DEBUG', 'True') == 'True'", true, "DEBUG"),
            (
                "os.environ.get('DEBUG', 'no').lower() in ('true', '1')",
                false,
                "DEBUG",
            ),
            // Any text is true.
            ("os.environ.get('DEBUG', 'False')", true, "DEBUG"),
            (
                "config('DEBUG', default='False', cast=bool)",
                false,
                "DEBUG",
            ),
            ("env.bool('DEBUG', True)", true, "DEBUG"),
            ("os.environ.get('ENV', 'dev') != 'prod'", true, "ENV"),
            (
                "False if os.environ.get('A') else not os.environ.get('B')",
                true,
                "B A",
            ),
            ("os.environ.get('A') or os.environ.get('B')", false, "B A"),
        ] {
            let text = format!("DEBUG = {value}\n");
            assert_eq!(debug(&text), Some((is_on, asks.to_owned())), "{value}");
        }
        for value in [
            "unheard()",
            "os.environ['DEBUG']",
            "a or True",
            "env('DEBUG')",
        ] {
            assert_eq!(debug(&format!("DEBUG = {value}\n")), None, "{value}");
        }
    }

    #[test]
    fn what_stands_below_a_condition_counts_where_that_holds() {
        for (text, is_on, asks) in [
            (
                "DEBUG = False\nif os.environ.get('DEV'):\n    DEBUG = True\n",
                false,
                "",
            ),
            (
                "DEBUG = True\nif os.environ.get('ENV') == 'prod':\n    DEBUG = False\n",
                true,
                "",
            ),
            (
                "ENV = os.getenv('ENV', 'prod')\nif ENV == 'prod':\n    DEBUG = False\nelif ENV == 'dev':\n    DEBUG = True\nelse:\n    DEBUG = True\n",
                false,
                "",
            ),
            (
                "if not os.environ.get('PROD'):\n    DEBUG = True\nelse:\n    DEBUG = False\n",
                true,
                "",
            ),
            (
                "os.environ.setdefault('MODE', 'dev')\nDEBUG = os.environ['MODE'] == 'dev'\n",
                true,
                "MODE",
            ),
            ("A = 1\nif unheard:\n    DEBUG = True\n", true, ""),
        ] {
            assert_eq!(debug(text), Some((is_on, asks.to_owned())), "{text}");
        }
        let uncertain = "A = 'x'\nif unheard:\n    A = 'y'\nDEBUG = A == 'x'\n";
        assert_eq!(debug(uncertain), None);
    }
}
