//! The key that signs sessions, written into the source.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;
use crate::python::expr::{Call, Expr};
use crate::python::index::View;
use crate::python::module::{Binding, Module};
use crate::python::paths::is_setting;

pub(super) const CHECK: Check = Check {
    id: "secret-key",
    severity: Severity::Error,
    title: "the key that signs sessions is not in the source",
    why: "Who knows the key can sign in as anybody: it signs session cookies, password resets and CSRF tokens. In the source it is known to everybody who ever saw the repository, and the same on every machine. What is seen: Django's `SECRET_KEY`, Flask's `secret_key` and `SECRET_KEY` however they are set, `secret_key=` of Starlette's sessions; `JWT_SECRET_KEY` and other names of keys that sign tokens, and the key of `jwt.encode`. A key that is only a fallback is a warning while the variable is set nowhere.",
    remedy: "Read it from the environment without a fallback, `SECRET_KEY = os.environ[\"SECRET_KEY\"]`, and give it a value that nobody has seen: `ship env set SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`. A new key ends all sessions; Django's `SECRET_KEY_FALLBACKS` keeps them.",
    fix: None,
    look,
};

const REMEDY: &str = "`SECRET_KEY = os.environ[\"SECRET_KEY\"]`, and a new one: `ship env set SECRET_KEY=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`";

/// Names that people give to the key that they sign tokens with.
const OF_TOKENS: [&str; 11] = [
    "ACCESS_TOKEN_SECRET",
    "AUTH_SECRET",
    "JWT_KEY",
    "JWT_SECRET",
    "JWT_SECRET_KEY",
    "JWT_SIGNING_KEY",
    "REFRESH_TOKEN_SECRET",
    "SECRET",
    "SIGNING_KEY",
    "TOKEN_SECRET",
    "TOKEN_SECRET_KEY",
];
/// Functions that sign a token with their second argument.
const SIGNERS: [&str; 4] = [
    "jwt.encode",
    "jose.jwt.encode",
    "jose.jws.sign",
    "authlib.jose.jwt.encode",
];
/// A shorter text names something, such as a kind of field.
const SHORTEST: usize = 8;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = of_sessions(subject);
    let words: Vec<&str> = OF_TOKENS.iter().copied().chain(["jwt", "jws"]).collect();
    for module in subject.modules_with(&words) {
        findings.extend(of_tokens(subject, module));
    }
    findings
}

/// `JWT_SECRET_KEY = "…"`, `app.config["JWT_SECRET_KEY"] = "…"`, `jwt.encode(claims, "…")`
fn of_tokens(subject: &Subject<'_>, module: &Module) -> Vec<Finding> {
    let told = |name: &str, line: u32| {
        let what = format!("{name} is in the source: who reads it can make tokens of anybody");
        let remedy = "read it from the environment, `os.environ[\"JWT_SECRET\"]`, and give it a new value: `ship env set JWT_SECRET=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`";
        Finding::new(&CHECK, module.place(line), what, remedy)
    };
    let is_key = |value: &Expr, name: &str| {
        let text = value.text().unwrap_or_default();
        text.len() >= SHORTEST && text != name
    };
    let bound = in_use(module).filter_map(|binding| {
        let item = binding
            .name
            .strip_suffix(']')
            .and_then(|name| name.rsplit_once('['));
        let name = item.map_or(binding.name.as_str(), |(_, item)| item);
        let is_it = OF_TOKENS.contains(&name) && is_key(&binding.value, name);
        is_it.then(|| told(&format!("`{name}`"), binding.line))
    });
    let view = View::of(module);
    let signed = module.calls.iter().filter_map(|(call, line)| {
        let key = call.argument(1, "key").filter(|key| is_key(key, ""))?;
        let function = subject.project().index.outside(&view, &call.function)?;
        let is_it = SIGNERS.contains(&function.as_str()) && key.text().is_some();
        is_it.then(|| told("the key of a token", *line))
    });
    bound.chain(signed).collect()
}

fn of_sessions(subject: &Subject<'_>) -> Vec<Finding> {
    if let Some(settings) = subject.settings() {
        let last = settings.last("SECRET_KEY");
        return last
            .and_then(|(module, binding)| of_binding(subject, module, binding))
            .into_iter()
            .collect();
    }
    let mut findings = Vec::new();
    if subject.is_django() {
        return findings;
    }
    for module in subject.modules() {
        findings.extend(bound(module).filter_map(|binding| of_binding(subject, module, binding)));
        let overruled = is_overruled(module);
        findings.extend(module.calls.iter().filter_map(|(call, line)| {
            let finding = of_call(subject, call, module.place(*line))?;
            Some(if overruled {
                finding.severity(Severity::Warning)
            } else {
                finding
            })
        }));
    }
    findings
}

/// `SECRET_KEY = …`, `app.secret_key = …`, `app.config["SECRET_KEY"] = …`, in functions and in
/// classes that are no configuration for tests or development.
pub(super) fn bound(module: &Module) -> impl Iterator<Item = &Binding> {
    in_use(module).filter(|binding| {
        let name = binding.name.as_str();
        name == "SECRET_KEY" || name.ends_with("[SECRET_KEY]") || name.ends_with(".secret_key")
    })
}

/// Every assignment, but for those of configurations for tests and development.
fn in_use(module: &Module) -> impl Iterator<Item = &Binding> {
    let all = module.scopes().into_iter();
    let classes = all
        .clone()
        .flat_map(|scope| &scope.classes)
        .filter(|class| {
            let name = class.name.to_lowercase();
            !name.contains("test") && !name.contains("dev")
        });
    let of_classes = classes.flat_map(|class| &class.bindings);
    all.flat_map(|scope| &scope.bindings).chain(of_classes)
}

fn of_binding(subject: &Subject<'_>, module: &Module, binding: &Binding) -> Option<Finding> {
    let name = binding.name.replace("[SECRET_KEY]", "[\"SECRET_KEY\"]");
    judge(subject, &name, &binding.value, module.place(binding.line))
}

fn of_call(subject: &Subject<'_>, call: &Call, place: Place) -> Option<Finding> {
    let (name, value) = given(call)?;
    judge(subject, name, value, place)
}

/// `from_mapping(SECRET_KEY="dev")`, `add_middleware(SessionMiddleware, secret_key="…")`
pub(super) fn given(call: &Call) -> Option<(&'static str, &Expr)> {
    let Expr::Attribute(_, method) = &call.function else {
        return None;
    };
    let keyword = match method.as_str() {
        "from_mapping" | "update" => "SECRET_KEY",
        "add_middleware" => "secret_key",
        _ => return None,
    };
    Some((keyword, call.keyword(keyword)?))
}

fn judge(subject: &Subject<'_>, name: &str, value: &Expr, place: Place) -> Option<Finding> {
    match value {
        Expr::Text(text) if !text.is_empty() => {
            let what = format!("`{name}` is in the source: who reads it can sign in as anybody");
            Some(Finding::new(&CHECK, place, what, REMEDY))
        }
        Expr::OneOf(options) => {
            let asked = options.iter().find_map(variable);
            let fallback = options
                .iter()
                .any(|option| matches!(option, Expr::Text(text) if !text.is_empty()));
            fallback.then(|| fallen_back(subject, name, asked, place))?
        }
        Expr::Call(call) => {
            let default = call.argument(1, "default")?.text()?;
            let asked = variable(value).filter(|_| !default.is_empty())?;
            fallen_back(subject, name, Some(asked), place)
        }
        _ => None,
    }
}

fn fallen_back(
    subject: &Subject<'_>,
    name: &str,
    asked: Option<&str>,
    place: Place,
) -> Option<Finding> {
    let asked = asked.filter(|asked| !subject.is_set(asked))?;
    let what = format!("`{name}` falls back to a key in the source while `{asked}` is set nowhere");
    let remedy = format!(
        "`ship env set {asked}=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`"
    );
    Some(Finding::new(&CHECK, place, what, remedy).severity(Severity::Warning))
}

/// The `X` of `os.environ.get("X")`.
pub(super) fn variable(expr: &Expr) -> Option<&str> {
    let call = expr.call()?;
    is_setting(&call.function.dotted()?).then_some(())?;
    call.arguments.first()?.text()
}

/// Flask's configuration is read from elsewhere, too: the literal may be no more than a default.
fn is_overruled(module: &Module) -> bool {
    module.calls.iter().any(|(call, _)| {
        matches!(&call.function, Expr::Attribute(_, name)
            if ["from_pyfile", "from_envvar", "from_prefixed_env"].contains(&name.as_str()))
    })
}
