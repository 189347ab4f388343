//! Django's `ALLOWED_HOSTS`, which must know the names under which the app is visited.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "allowed-hosts",
    severity: Severity::Warning,
    title: "Django answers under the project's own names",
    why: "Django answers 400 to every request whose host is not in `ALLOWED_HOSTS`. Behind Shipsmith's door the app is told to allow the names that are routed to it, and no others reach it; anywhere else the list alone counts. The names are `domains` of `ship.toml`. What is seen: a literal list that nothing is added to; a computed one is asked at build.",
    remedy: "Add the name to the list; `\".example.com\"` is the domain with everything below.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let (Some(settings), Ok(plan)) = (subject.settings(), subject.plan) else {
        return Vec::new();
    };
    let Some((hosts, place)) = settings.literal_list("ALLOWED_HOSTS") else {
        return Vec::new();
    };
    let refused = |name: &str| !hosts.iter().any(|host| allows(host, name));
    let own = plan.domains.iter().map(|domain| domain.value.as_str());
    // `*` in the list would be the wrong advice anywhere else.
    own.filter(|domain| *domain != "*" && refused(domain))
        .map(|domain| {
            let what = format!(
                "`ALLOWED_HOSTS` has no `{domain}`: Django answers there only where Shipsmith runs it"
            );
            let remedy = format!("add `\"{domain}\"` to the list");
            Finding::new(&CHECK, place.clone(), what, remedy)
        })
        .collect()
}

/// Django's rule (`validate_host` in django/http/request.py).
fn allows(pattern: &str, host: &str) -> bool {
    let below = pattern.strip_prefix('.').is_some_and(|domain| {
        host == domain
            || host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.'))
    });
    pattern == "*" || below || pattern.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_dot_allows_the_domain_and_what_is_below() {
        for (pattern, host, allowed) in [
            ("*", "a.example", true),
            (".shop.example", "shop.example", true),
            (".shop.example", "www.shop.example", true),
            (".shop.example", "myshop.example", false),
            ("shop.example", "www.shop.example", false),
            (".localhost", "shop.localhost", true),
        ] {
            assert_eq!(allows(pattern, host), allowed, "{pattern} {host}");
        }
    }
}
