//! Who may ask for what: the roles of a key, the apps it is for, and what they open.
//!
//! Whoever reaches the API's own socket may everything: that is root on a server, and the user on
//! a laptop. A key comes through another door, and may what one of its roles may with one of its
//! apps. Which roles a route opens to stands in the tables of `route.rs`, beside the route.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::name::AppName;

use crate::route::Route;

/// What a key may do with its apps.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Send a project and bring it live; go back to an older release.
    Deploy,
    /// Read what the app wrote.
    Logs,
    /// See its releases and instances.
    Look,
    /// Restart, scale and stop it.
    Operate,
    /// Set and unset its settings, without reading them.
    Settings,
}

impl Role {
    /// Every role, as people write it.
    pub const ALL: [(Role, &'static str); 5] = [
        (Role::Deploy, "deploy"),
        (Role::Logs, "logs"),
        (Role::Look, "look"),
        (Role::Operate, "operate"),
        (Role::Settings, "settings"),
    ];

    fn word(self) -> &'static str {
        let row = Self::ALL.iter().find(|row| row.0 == self);
        row.map_or("", |row| row.1)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not something that a key may do: say `deploy`, `logs`, `look`, `operate` or `settings`"
)]
pub struct NoRole(String);

impl FromStr for Role {
    type Err = NoRole;
    fn from_str(text: &str) -> Result<Self, NoRole> {
        let row = Self::ALL.iter().find(|row| row.1 == text);
        row.map(|row| row.0).ok_or_else(|| NoRole(text.to_owned()))
    }
}

/// What a key may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights {
    /// The apps that it is for.
    pub apps: BTreeSet<AppName>,
    /// What it may do with them.
    pub may: BTreeSet<Role>,
}

impl Rights {
    /// Whether it may ask for this. What is not about one app is for no key.
    pub fn open(&self, route: &Route) -> bool {
        let ours = route.app().is_some_and(|app| self.apps.contains(app));
        ours && route.roles().iter().any(|role| self.may.contains(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::every_route;

    fn rights(apps: &[&str], may: &[Role]) -> Rights {
        Rights {
            apps: apps.iter().map(|app| app.parse().unwrap()).collect(),
            may: may.iter().copied().collect(),
        }
    }

    /// Every route with the roles that it opens to. A new one stands here only after somebody has
    /// thought about who may ask for it.
    #[test]
    fn each_route_opens_to_the_roles_of_its_line_and_to_no_other() {
        let mut lines = String::new();
        for route in every_route() {
            let opens = Role::ALL
                .iter()
                .filter(|row| rights(&["blog"], &[row.0]).open(&route));
            let opens: Vec<_> = opens.map(|row| row.1).collect();
            lines += format!("{route}  {}\n", opens.join(" ")).trim_end();
            lines.push('\n');
        }
        insta::assert_snapshot!(lines, @"
        POST /v1/keys
        GET /v1/apps
        GET /v1/audit
        POST /v1/apps
        GET /v1/openapi.json
        GET /v1/keys
        POST /v1/keys/remove
        GET /v1/status
        POST /v1/stop
        POST /v1/up
        GET /v1/apps/blog/attach
        POST /v1/apps/blog/env  settings
        POST /v1/apps/blog/deploy  deploy
        DELETE /v1/apps/blog
        GET /v1/apps/blog/env
        GET /v1/apps/blog/logs  logs
        POST /v1/apps/blog/maintenance  deploy operate
        POST /v1/apps/blog/source  deploy settings
        POST /v1/apps/blog/promote  deploy
        POST /v1/apps/blog/purge  deploy operate
        GET /v1/apps/blog/releases  deploy look
        POST /v1/apps/blog/restart  operate
        POST /v1/apps/blog/rollback  deploy operate
        POST /v1/apps/blog/run
        POST /v1/apps/blog/scale  operate
        POST /v1/apps/blog/pieces  deploy
        GET /v1/apps/blog  deploy look operate
        POST /v1/apps/blog/stop  operate
        ");
    }

    #[test]
    fn no_key_reaches_another_app_whatever_it_may() {
        let all = Role::ALL.map(|row| row.0);
        for route in every_route() {
            assert!(!rights(&["shop"], &all).open(&route), "{route}");
            assert!(!rights(&[], &all).open(&route), "{route}");
            assert!(!rights(&["blog"], &[]).open(&route), "{route}");
        }
    }

    #[test]
    fn roles_read_back_what_they_write() {
        for (role, word) in Role::ALL {
            assert_eq!(word.parse(), Ok(role));
            assert_eq!(role.to_string(), word);
        }
        assert!("root".parse::<Role>().is_err());
    }
}
