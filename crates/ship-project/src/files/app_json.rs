//! `app.json`: the settings that Heroku asks for when an app is made.
//!
//! Format: <https://devcenter.heroku.com/articles/app-json-schema>. Add-ons, buildpacks and sizes mean
//! nothing here, and `postdeploy` runs once where a release command runs each time.

use serde_json::Value;

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// What it is where nobody says otherwise.
    pub(crate) value: Option<String>,
    /// The app is said not to run without it.
    pub(crate) required: bool,
    /// `"generator": "secret"`: a random one will do.
    pub(crate) drawn: bool,
    /// The line that names it, from 1.
    pub(crate) line: u32,
}

/// Reads `env`, in the order of names; the error is the JSON reader's.
pub(crate) fn parse(text: &str) -> Result<Vec<Setting>, serde_json::Error> {
    let file: Value = serde_json::from_str(text)?;
    let env = file.get("env").and_then(Value::as_object);
    let mut settings: Vec<Setting> = env
        .into_iter()
        .flatten()
        .map(|(name, about)| Setting {
            value: about
                .as_str()
                .or_else(|| about.get("value")?.as_str())
                // A template that was never filled in says nothing.
                .filter(|value| !value.contains("{{"))
                .map(str::to_owned),
            drawn: about.get("generator").and_then(Value::as_str) == Some("secret"),
            required: about.get("required").and_then(Value::as_bool) != Some(false),
            line: line_of(text, name),
            name: name.clone(),
        })
        .collect();
    settings.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(settings)
}

fn line_of(text: &str, name: &str) -> u32 {
    let quoted = format!("\"{name}\"");
    let at = text.find(&quoted).unwrap_or(0);
    text[..at].matches('\n').count() as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn settings_are_read_with_their_values() {
        let text = "{\n \"env\": {\n  \"SECRET_KEY\": {\"generator\": \"secret\"},\n  \"MODE\": \"production\",\n  \"DEBUG\": {\"value\": \"0\"},\n  \"SENTRY_DSN\": {\"required\": false},\n  \"SITE\": {\"value\": \"{{name}}\"}\n }\n}\n";
        let told: Vec<String> = parse(text)
            .unwrap()
            .iter()
            .map(|s| {
                format!(
                    "{} {:?} {} {} :{}",
                    s.name, s.value, s.required, s.drawn, s.line
                )
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        DEBUG Some("0") true false :5
        MODE Some("production") true false :4
        SECRET_KEY None true true :3
        SENTRY_DSN None false false :6
        SITE None true false :7
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text);
        }
    }
}
