//! An expression, reduced to what detection reads.

use ruff_python_ast::{self as ast, InterpolatedStringElement, Operator};

/// Deeper nesting is not looked at: generated code nests without limit.
const DEPTH: usize = 40;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Text(String),
    Number(i64),
    Truth(bool),
    Nothing,
    Name(String),
    Attribute(Box<Expr>, String),
    Call(Box<Call>),
    /// A list, tuple or set.
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// `a / b`: how pathlib joins.
    Slash(Box<Expr>, Box<Expr>),
    Plus(Box<Expr>, Box<Expr>),
    /// The parts of an f-string.
    Joined(Vec<Expr>),
    Item(Box<Expr>, Box<Expr>),
    /// `a or b`, `a if c else b`: one of these, in order.
    OneOf(Vec<Expr>),
    Other,
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) function: Expr,
    pub(crate) arguments: Vec<Expr>,
    pub(crate) keywords: Vec<(String, Expr)>,
}

impl Call {
    /// The argument at `index`, or the one with this keyword.
    pub(crate) fn argument(&self, index: usize, keyword: &str) -> Option<&Expr> {
        self.arguments.get(index).or_else(|| self.keyword(keyword))
    }

    pub(crate) fn keyword(&self, name: &str) -> Option<&Expr> {
        self.keywords
            .iter()
            .find(|(keyword, _)| keyword == name)
            .map(|(_, value)| value)
    }

    /// All arguments, with or without a keyword.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Expr> {
        let named = self.keywords.iter().map(|(_, value)| value);
        self.arguments.iter().chain(named)
    }
}

impl Expr {
    /// Reads one from the syntax tree.
    pub(crate) fn read(expr: &ast::Expr) -> Self {
        lower(expr, 0)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn call(&self) -> Option<&Call> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    /// `a.b.c` as it is written, for names and attributes of names.
    pub(crate) fn dotted(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Attribute(of, name) => Some(format!("{}.{name}", of.dotted()?)),
            _ => None,
        }
    }

    /// The value of a key of a dict display.
    pub(crate) fn item(&self, key: &str) -> Option<&Expr> {
        let Self::Dict(items) = self else { return None };
        let mut fitting = items.iter().filter(|(k, _)| k.text() == Some(key));
        fitting.next_back().map(|(_, value)| value)
    }
}

fn lower(expr: &ast::Expr, depth: usize) -> Expr {
    if depth > DEPTH {
        return Expr::Other;
    }
    let sub = |expr: &ast::Expr| lower(expr, depth + 1);
    let all = |exprs: &[ast::Expr]| exprs.iter().map(sub).collect();
    match expr {
        ast::Expr::StringLiteral(text) => Expr::Text(text.value.to_str().to_owned()),
        ast::Expr::NumberLiteral(number) => number_of(&number.value),
        ast::Expr::BooleanLiteral(truth) => Expr::Truth(truth.value),
        ast::Expr::NoneLiteral(_) => Expr::Nothing,
        ast::Expr::Name(name) => Expr::Name(name.id.to_string()),
        ast::Expr::Attribute(attribute) => {
            Expr::Attribute(Box::new(sub(&attribute.value)), attribute.attr.to_string())
        }
        ast::Expr::Call(call) => Expr::Call(Box::new(Call {
            function: sub(&call.func),
            arguments: all(&call.arguments.args),
            keywords: call
                .arguments
                .keywords
                .iter()
                .filter_map(|keyword| {
                    Some((keyword.arg.as_ref()?.to_string(), sub(&keyword.value)))
                })
                .collect(),
        })),
        ast::Expr::List(list) => Expr::List(all(&list.elts)),
        ast::Expr::Tuple(tuple) => Expr::List(all(&tuple.elts)),
        ast::Expr::Set(set) => Expr::List(all(&set.elts)),
        ast::Expr::Starred(starred) => sub(&starred.value),
        ast::Expr::Await(awaited) => sub(&awaited.value),
        ast::Expr::Named(named) => sub(&named.value),
        ast::Expr::Dict(dict) => Expr::Dict(
            dict.items
                .iter()
                .filter_map(|item| Some((sub(item.key.as_ref()?), sub(&item.value))))
                .collect(),
        ),
        ast::Expr::BinOp(binary) => {
            let (left, right) = (Box::new(sub(&binary.left)), Box::new(sub(&binary.right)));
            match binary.op {
                Operator::Div => Expr::Slash(left, right),
                Operator::Add => Expr::Plus(left, right),
                _ => Expr::Other,
            }
        }
        ast::Expr::FString(text) => {
            Expr::Joined(text.value.elements().map(|e| part(e, depth)).collect())
        }
        ast::Expr::Subscript(item) => {
            Expr::Item(Box::new(sub(&item.value)), Box::new(sub(&item.slice)))
        }
        ast::Expr::BoolOp(either) => Expr::OneOf(all(&either.values)),
        ast::Expr::If(either) => {
            let mut options = vec![sub(&either.body), sub(&either.orelse)];
            if asks_environment(&either.test) {
                options.reverse();
            }
            Expr::OneOf(options)
        }
        _ => Expr::Other,
    }
}

/// `"X" in os.environ`, `os.environ.get("X")`: most settings are not there, so what holds without
/// them counts.
fn asks_environment(test: &ast::Expr) -> bool {
    match test {
        ast::Expr::Compare(compare) => guarded_setting(compare).is_some(),
        test => {
            let call = Expr::read(test);
            let function = call.call().and_then(|call| call.function.dotted());
            function.is_some_and(|f| f.ends_with("environ.get") || f.ends_with("getenv"))
        }
    }
}

/// The `X` of `"X" in os.environ`.
pub(crate) fn guarded_setting(compare: &ast::ExprCompare) -> Option<String> {
    let ([ast::CmpOp::In], [of]) = (&*compare.ops, &*compare.comparators) else {
        return None;
    };
    let of = Expr::read(of).dotted()?;
    let name = Expr::read(&compare.left);
    of.ends_with("environ")
        .then(|| name.text().map(str::to_owned))
        .flatten()
}

fn part(element: &InterpolatedStringElement, depth: usize) -> Expr {
    match element {
        InterpolatedStringElement::Literal(literal) => Expr::Text(literal.value.to_string()),
        InterpolatedStringElement::Interpolation(inner) => lower(&inner.expression, depth + 1),
    }
}

fn number_of(number: &ast::Number) -> Expr {
    match number {
        ast::Number::Int(number) => number.as_i64().map_or(Expr::Other, Expr::Number),
        _ => Expr::Other,
    }
}
