//! Classes of settings by pydantic: fields without a value have to be in the environment.
//!
//! <https://docs.pydantic.dev/latest/concepts/pydantic_settings/>

use crate::python::expr::Expr;
use crate::python::index::{Index, View};
use crate::python::module::{Class, Module};

/// The variables that fields of the classes of `module` need, each with its line.
pub(crate) fn needed(index: &Index, module: &Module) -> Vec<(String, u32)> {
    let classes = module.top.classes.iter();
    classes
        .flat_map(|class| fields(index, module, class))
        .collect()
}

/// Fields of `class Settings(BaseSettings)` without a value.
fn fields(index: &Index, module: &Module, class: &Class) -> Vec<(String, u32)> {
    let view = View::of(module);
    let is_settings = class.bases.iter().any(|base| {
        let name = index.outside(&view, base).unwrap_or_default();
        name == "pydantic_settings.BaseSettings" || name == "pydantic.BaseSettings"
    });
    let Some(prefix) = prefix(class).filter(|_| is_settings) else {
        return Vec::new();
    };
    let declared = class.declared.iter().map(|(name, line)| (name, *line));
    let empty = class
        .bindings
        .iter()
        .filter(|binding| is_needed(&binding.value));
    let all = declared.chain(empty.map(|binding| (&binding.name, binding.line)));
    all.filter(|(name, _)| !name.starts_with('_') && *name != "model_config")
        .map(|(name, line)| (format!("{prefix}{name}").to_uppercase(), line))
        .collect()
}

/// `Field(...)`
fn is_needed(value: &Expr) -> bool {
    value.call().is_some_and(|call| {
        let is_field = call.function.name() == Some("Field");
        let renamed = [
            "alias",
            "validation_alias",
            "env",
            "default",
            "default_factory",
        ];
        is_field
            && call.arguments.first() == Some(&Expr::Other)
            && renamed.iter().all(|name| call.keyword(name).is_none())
    })
}

/// `env_prefix` of `model_config` or `class Config`; `None` where it is computed.
fn prefix(class: &Class) -> Option<String> {
    let text = |value: Option<&Expr>| match value {
        None => Some(String::new()),
        Some(Expr::Text(text)) => Some(text.clone()),
        Some(_) => None,
    };
    let model = class
        .bindings
        .iter()
        .find(|binding| binding.name == "model_config");
    if let Some(model) = model {
        let of_call = model
            .value
            .call()
            .and_then(|call| call.keyword("env_prefix"));
        return text(of_call.or_else(|| model.value.item("env_prefix")));
    }
    let config = class.classes.iter().find(|class| class.name == "Config");
    let binding = config.and_then(|config| config.bindings.iter().find(|b| b.name == "env_prefix"));
    text(binding.map(|binding| &binding.value))
}
