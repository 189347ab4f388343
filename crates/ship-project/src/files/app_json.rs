//! `app.json`: the settings that Heroku asks for when an app is made.
//!
//! Format: <https://devcenter.heroku.com/articles/app-json-schema>. Add-ons tell which services the app
//! needs; sizes mean nothing here, of the buildpacks only the one that installs Debian's packages, and
//! `postdeploy` runs once where a release command runs each time.

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

/// What is read of the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AppJson {
    /// `env`, in the order of names.
    pub(crate) settings: Vec<Setting>,
    /// `addons` without their plans, each with its line: `heroku-postgresql`.
    pub(crate) addons: Vec<(String, u32)>,
    /// `formation`: how many of each process run, each with its line.
    pub(crate) formation: Vec<(String, u32, u32)>,
    /// `postdeploy` of `scripts`, with its line.
    pub(crate) postdeploy: Option<(String, u32)>,
    /// The line of the buildpack that installs what an `Aptfile` names.
    pub(crate) apt: Option<u32>,
}

/// Reads the file; the error is the JSON reader's.
pub(crate) fn parse(text: &str) -> Result<AppJson, serde_json::Error> {
    let file: Value = serde_json::from_str(text)?;
    Ok(AppJson {
        settings: settings(&file, text),
        addons: addons(&file, text),
        formation: formation(&file, text),
        postdeploy: postdeploy(&file, text),
        apt: apt(&file, text),
    })
}

/// `"web": {"quantity": 2}`
fn formation(file: &Value, text: &str) -> Vec<(String, u32, u32)> {
    let formation = file.get("formation").and_then(Value::as_object);
    let entries = formation.into_iter().flatten();
    let quantity = |about: &Value| u32::try_from(about.get("quantity")?.as_u64()?).ok();
    let line = line_of(text, "formation");
    let mut read: Vec<(String, u32, u32)> = entries
        .filter_map(|(name, about)| Some((name.clone(), quantity(about)?, line)))
        .collect();
    read.sort();
    read
}

/// `"postdeploy": "python seed.py"`, or a table with its `command`.
fn postdeploy(file: &Value, text: &str) -> Option<(String, u32)> {
    let script = file.get("scripts")?.get("postdeploy")?;
    let command = script
        .as_str()
        .or_else(|| script.get("command")?.as_str())?;
    let command = command.trim();
    (!command.is_empty()).then(|| (command.to_owned(), line_of(text, "postdeploy")))
}

/// `{"url": "https://github.com/heroku/heroku-buildpack-apt"}`, `heroku-community/apt`.
fn apt(file: &Value, text: &str) -> Option<u32> {
    let buildpacks = file.get("buildpacks")?.as_array()?;
    let mut addresses = buildpacks
        .iter()
        .filter_map(|one| one.as_str().or_else(|| one.get("url")?.as_str()));
    let address = addresses.find(|address| {
        let plain = address.trim_end_matches(".git").trim_end_matches('/');
        plain.ends_with("-apt") || plain.ends_with("/apt")
    })?;
    Some(line_of(text, address))
}

/// `"heroku-postgresql:mini"`, `{"plan": "heroku-postgresql:mini"}`
fn addons(file: &Value, text: &str) -> Vec<(String, u32)> {
    let addons = file.get("addons").and_then(Value::as_array);
    let plan = |addon: &Value| {
        let plan = addon.as_str().or_else(|| addon.get("plan")?.as_str())?;
        let name = plan.split(':').next()?;
        Some((name.to_owned(), line_of(text, plan)))
    };
    addons.into_iter().flatten().filter_map(plan).collect()
}

fn settings(file: &Value, text: &str) -> Vec<Setting> {
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
    settings
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
            .settings
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

    #[test]
    fn add_ons_are_read_without_their_plans() {
        let text = "{\n \"addons\": [\n  \"heroku-redis\",\n  {\"plan\": \"heroku-postgresql:mini\"}\n ]\n}\n";
        let told = [
            ("heroku-redis".to_owned(), 3),
            ("heroku-postgresql".to_owned(), 4),
        ];
        assert_eq!(parse(text).unwrap().addons, told);
    }

    #[test]
    fn formation_scripts_and_buildpacks_are_read() {
        let text = r#"{
 "formation": {"web": {"quantity": 2, "size": "basic"}, "worker": {}},
 "scripts": {"postdeploy": {"command": "python seed.py"}},
 "buildpacks": [{"url": "heroku/python"},
  {"url": "https://github.com/heroku/heroku-buildpack-apt.git"}]
}"#;
        let read = parse(text).unwrap();
        assert_eq!(read.formation, [("web".to_owned(), 2, 2)]);
        assert_eq!(read.postdeploy, Some(("python seed.py".to_owned(), 3)));
        assert_eq!(read.apt, Some(5));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text);
        }
    }
}
