//! Domains that were given with a deploy: they are in the plan of its release, and go on from there
//! to the next until others are given.

use std::net::{Ipv4Addr, UdpSocket};

use ship_project::plan::{Plan, Sourced};

use crate::app::App;
use crate::error::Error;
use crate::server::Server;

/// The reason of such a domain in a plan.
const REASON: &str = "--domain";

/// Adds `given` to the domains of `plan`, or where none are given those of the live release.
pub(crate) fn add(
    server: &Server,
    app: &App,
    plan: &mut Plan,
    given: &[String],
) -> Result<(), Error> {
    let domains = if given.is_empty() {
        given_before(server, app)
    } else {
        given.iter().map(|domain| domain.to_lowercase()).collect()
    };
    for domain in domains {
        if !is_domain(&domain) {
            return Err(Error::Domain { domain });
        }
        if !plan.domains.iter().any(|known| known.value == domain) {
            plan.domains.push(Sourced::by_default(domain, REASON));
        }
    }
    Ok(())
}

/// Takes out the domains that were given with a deploy.
pub(crate) fn take_given(plan: &mut Plan) {
    plan.domains.retain(|domain| domain.reason != REASON);
}

/// A release that cannot be read has none: the deploy that follows replaces it.
fn given_before(server: &Server, app: &App) -> Vec<String> {
    let record = server.record(&app.name).ok();
    let plan = record
        .and_then(|record| record.current)
        .and_then(|release| server.plan(&app.name, release).ok());
    let domains = plan.into_iter().flat_map(|plan| plan.domains);
    domains
        .filter(|domain| domain.reason == REASON)
        .map(|domain| domain.value)
        .collect()
}

/// The domain of an app that has all names which no other app has.
pub(crate) const REST: &str = "*";

/// The address under which this machine reaches others, as it stands in a URL: to show where such an
/// app is. Nothing is sent.
pub(crate) fn own_address() -> Option<String> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address of documentation (RFC 5737): the kernel only looks which way it would go.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

/// A host name of letters, digits and hyphens (RFC 1123, 2.1), with a dot; `*.` and such a name; or
/// [`REST`].
fn is_domain(text: &str) -> bool {
    if text == REST {
        return true;
    }
    let text = text.strip_prefix("*.").unwrap_or(text);
    let is_label = |label: &str| {
        let inner = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner
            && !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Scene, plan, web};

    fn values(plan: &Plan) -> Vec<&str> {
        plan.domains
            .iter()
            .map(|domain| domain.value.as_str())
            .collect()
    }

    #[test]
    fn given_domains_join_the_projects_own() {
        let scene = Scene::new();
        let app = scene.app("blog", true);
        let mut next = plan(&[web()], &[]);
        add(&scene.server, &app, &mut next, &["Talk.Example".to_owned()]).unwrap();
        assert_eq!(values(&next), ["Blog.Example", "talk.example"]);
    }

    #[test]
    fn a_wildcard_is_a_domain() {
        let scene = Scene::new();
        let app = scene.app("blog", true);
        let mut next = plan(&[web()], &[]);
        add(
            &scene.server,
            &app,
            &mut next,
            &["*.Talk.Example".to_owned()],
        )
        .unwrap();
        assert_eq!(values(&next), ["Blog.Example", "*.talk.example"]);
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let scene = Scene::new();
        let app = scene.app("blog", true);
        for no in [
            "",
            "localhost",
            "a..b",
            "-a.example",
            "a b.example",
            "https://a.example",
            "*.localhost",
            "*a.example",
            "*.*.example.org",
        ] {
            let mut next = plan(&[web()], &[]);
            let refused = add(&scene.server, &app, &mut next, &[no.to_owned()]);
            assert!(matches!(refused, Err(Error::Domain { .. })), "{no}");
        }
    }
}
