//! The users of `basic_auth`: a setting with `name:password`, one after the other.

use ship_base::name::AppName;
use ship_project::plan::{BasicAuth, Plan};

use crate::environment::Variables;
use crate::error::Error;

/// Each `name:password`. A password has no white space, a name no colon (RFC 7617, 2).
pub(crate) fn of(value: &str) -> impl Iterator<Item = &str> {
    value.split_whitespace().filter(|user| is_user(user))
}

fn is_user(text: &str) -> bool {
    text.split_once(':')
        .is_some_and(|(name, password)| !name.is_empty() && !password.is_empty())
}

/// Fails where a setting that a route asks for has anything but users: a visitor would be refused
/// for ever, and nobody would know why.
pub(crate) fn check(app: &AppName, plan: &Plan, settings: &Variables) -> Result<(), Error> {
    for route in &plan.routes {
        let Some(BasicAuth::Setting(name)) = &route.value.rules.basic_auth else {
            continue;
        };
        let value = settings.get(name).map(|value| value.reveal().as_str());
        let mut words = value.unwrap_or_default().split_whitespace().peekable();
        if words.peek().is_none() || !words.all(is_user) {
            return Err(Error::Users {
                app: app.clone(),
                name: name.clone(),
                prefix: route.value.prefix.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_stand_one_after_the_other_and_what_is_none_is_nobody() {
        let value = "anna:correct-horse\n  ben:a:b  carl: :x dora";
        let users: Vec<&str> = of(value).collect();
        assert_eq!(users, ["anna:correct-horse", "ben:a:b"]);
    }
}
