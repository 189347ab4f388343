//! A key that is drawn anew whenever the program starts.

use super::secret_key::{bound, given, variable};
use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::Place;
use crate::python::expr::Expr;
use crate::python::index::{Index, View};
use crate::python::module::Module;

pub(super) const CHECK: Check = Check {
    id: "fleeting-key",
    severity: Severity::Warning,
    title: "the key that signs sessions is the same after a restart",
    why: "A key that the code draws at random is another one in every process: each restart and each release signs everybody out, and with two workers or instances every second request meets one that does not know the session. What is seen: `get_random_secret_key()`, `secrets.token_…()`, `os.urandom()` and `uuid4()` as Django's `SECRET_KEY`, Flask's `secret_key` and `SECRET_KEY` however they are set, and `secret_key=` of Starlette's sessions; as a fallback, while the variable is set nowhere.",
    remedy: "`SECRET_KEY = os.environ[\"SECRET_KEY\"]`: a random one is drawn with the first deploy, and kept. Where the variable has another name, `ship env set NAME=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`.",
    fix: None,
    look,
};

/// Functions that give something else each time.
const RANDOM: [&str; 7] = [
    "django.core.management.utils.get_random_secret_key",
    "os.urandom",
    "random.randbytes",
    "secrets.token_bytes",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "uuid.uuid4",
];
/// How many calls stand around the one that draws: `base64.b64encode(os.urandom(24)).decode()`.
const DEPTH: usize = 6;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let index = &subject.project().index;
    if let Some(settings) = subject.settings() {
        let last = settings.last("SECRET_KEY");
        let finding = last.and_then(|(module, binding)| {
            let place = module.place(binding.line);
            judge(subject, index, module, "SECRET_KEY", &binding.value, place)
        });
        return finding.into_iter().collect();
    }
    if subject.is_django() {
        return Vec::new();
    }
    let modules = subject.modules_with(&["SECRET_KEY", "secret_key"]);
    modules
        .flat_map(|module| of_module(subject, index, module))
        .collect()
}

fn of_module(subject: &Subject<'_>, index: &Index, module: &Module) -> Vec<Finding> {
    let is_field = |line: u32| {
        let classes = module.top.classes.iter();
        classes
            .flat_map(|class| &class.bindings)
            .any(|own| own.line == line)
    };
    let bindings = bound(module).filter(|binding| {
        // A field of pydantic's settings takes what the variable of its name says.
        !(is_field(binding.line) && subject.is_set(&binding.name))
    });
    let bindings = bindings.map(|binding| {
        let name = binding.name.replace("[SECRET_KEY]", "[\"SECRET_KEY\"]");
        (name, &binding.value, binding.line)
    });
    let calls = module.calls.iter().filter_map(|(call, line)| {
        let (name, value) = given(call)?;
        Some((name.to_owned(), value, *line))
    });
    bindings
        .chain(calls)
        .filter_map(|(name, value, line)| {
            judge(subject, index, module, &name, value, module.place(line))
        })
        .collect()
}

fn judge(
    subject: &Subject<'_>,
    index: &Index,
    module: &Module,
    name: &str,
    value: &Expr,
    place: Place,
) -> Option<Finding> {
    if !is_random(index, &View::of(module), value, DEPTH) {
        return None;
    }
    let asked = match value {
        Expr::OneOf(options) => options.iter().find_map(variable),
        value => variable(value),
    };
    if asked.is_some_and(|asked| subject.is_set(asked)) {
        return None;
    }
    let what = match asked {
        Some(asked) => format!(
            "`{name}` is drawn anew at each start while `{asked}` is set nowhere: a restart signs everybody out"
        ),
        None => format!(
            "`{name}` is drawn anew at each start: a restart signs everybody out, and a second instance does not know the sessions of the first"
        ),
    };
    let remedy = match asked {
        Some(asked) => format!(
            "`ship env set {asked}=$(python3 -c 'import secrets; print(secrets.token_urlsafe(50))')`"
        ),
        None => format!(
            "`{name} = os.environ[\"SECRET_KEY\"]`: one is drawn with the first deploy, and kept"
        ),
    };
    Some(Finding::new(&CHECK, place, what, remedy))
}

/// Whether `expr` is what one of [`RANDOM`] gives, or falls back to it.
fn is_random(index: &Index, view: &View<'_>, expr: &Expr, left: usize) -> bool {
    let Some(left) = left.checked_sub(1) else {
        return false;
    };
    let is = |expr: &Expr| is_random(index, view, expr, left);
    match expr {
        Expr::OneOf(options) => options.iter().any(is),
        Expr::Plus(a, b) => is(a) || is(b),
        Expr::Joined(parts) => parts.iter().any(is),
        Expr::Call(call) => {
            let function = index.outside(view, &call.function).unwrap_or_default();
            let of = match &call.function {
                Expr::Attribute(of, _) => is(of),
                _ => false,
            };
            RANDOM.contains(&function.as_str()) || of || call.values().any(is)
        }
        Expr::Attribute(of, _) => is(of),
        _ => false,
    }
}
