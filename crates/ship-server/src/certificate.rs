//! Certificates as control knows them: what the door said last, so that URLs name TLS only where
//! it answers, and a deploy tells its author how the certificate of a new domain went.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ship_api::reply::Certificate;
use ship_base::hint;
use ship_project::plan::Plan;
use tokio::time::sleep;
use tracing::debug;

use crate::app::lock;
use crate::domain;
use crate::door_process;
use crate::events::Events;
use crate::server::Server;

/// How often the door is asked when nobody waits: what it tells changes URLs alone.
const EVERY: Duration = Duration::from_secs(10);
/// How often while a deploy waits for a certificate.
const LOOK: Duration = Duration::from_millis(100);
/// How long a deploy waits for one. An order takes an authority a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps what is known about certificates fresh, on a server; a laptop's URLs do not depend on it.
pub(crate) async fn watch(server: Arc<Server>) {
    if server.config.public.is_none() {
        return;
    }
    loop {
        look(&server).await;
        tokio::select! {
            () = sleep(EVERY) => {}
            () = server.stopping.cancelled() => return,
        }
    }
}

/// Makes known what there is, for somebody who asks, where nobody keeps it fresh.
pub(crate) async fn look_for_one(server: &Server) {
    if server.config.public.is_none() {
        look(server).await;
    }
}

/// Asks the door. One that does not answer leaves what was known: it is being started again.
async fn look(server: &Server) {
    if !server.door.is_open() {
        return;
    }
    match door_process::status(server).await {
        Ok(status) => {
            let told = status.certificates.into_iter().map(|told| Certificate {
                names: told.names,
                from: told.from,
                serves: told.serves,
                trouble: told.trouble,
            });
            *lock(&server.certificates) = told.collect();
        }
        Err(error) => debug!(error = %hint::chain(&error), "certificates are not known anew"),
    }
}

/// Whether visitors who come to `host` with TLS get a certificate.
pub(crate) fn serves(server: &Server, host: &str) -> bool {
    let known = lock(&server.certificates);
    known.iter().any(|it| it.serves && is_for(it, host))
}

/// Whether there is one for `host`, or somebody who is asked for it.
pub(crate) fn is_to_come(server: &Server, host: &str) -> bool {
    serves(server, host) || asks(server)
}

fn asks(server: &Server) -> bool {
    let public = server.config.public.as_ref();
    public.is_some_and(|public| public.acme.is_some())
}

/// Whether `host` is a wildcard that the authority cannot be asked for, and that no file covers.
pub(crate) fn can_never_be(server: &Server, host: &str) -> bool {
    let public = server.config.public.as_ref();
    let acme = public.and_then(|public| public.acme.as_ref());
    let cannot = acme.is_some_and(|acme| acme.dns.is_none());
    host.starts_with("*.") && cannot && !serves(server, host)
}

/// Why there is none for `host`, where that is known.
fn trouble(server: &Server, host: &str) -> Option<String> {
    let known = lock(&server.certificates);
    let mut of_host = known.iter().filter(|it| is_for(it, host));
    of_host.find_map(|it| it.trouble.clone())
}

/// Whether it is for this name. A wildcard stands for one label (RFC 9525, 6.3).
fn is_for(certificate: &Certificate, host: &str) -> bool {
    let above = host.split_once('.').map(|(_, above)| above);
    let names = &mut certificate.names.iter();
    names.any(|name| match name.strip_prefix("*.") {
        Some(domain) => above.is_some_and(|above| above.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(host),
    })
}

/// Waits a moment for the certificates of the domains of a plan that visitors reach by now, and
/// tells the caller what became of each. Nothing here can fail a deploy: plain HTTP answers.
pub(crate) async fn await_all(server: &Server, plan: &Plan, events: &Events) {
    let hosts = plan.domains.iter().map(|it| it.value.as_str());
    let hosts: Vec<&str> = hosts.filter(|host| *host != domain::REST).collect();
    if !asks(server) || hosts.is_empty() {
        return;
    }
    look(server).await;
    let pending = |server: &Server| {
        let is_pending = |host: &&str| !serves(server, host) && trouble(server, host).is_none();
        hosts.iter().copied().filter(is_pending).count()
    };
    if pending(server) > 0 {
        let step = events.step("certificate");
        let began = Instant::now();
        while pending(server) > 0 && began.elapsed() < PATIENCE && events.check().is_ok() {
            sleep(LOOK).await;
            look(server).await;
        }
        let with = hosts.iter().copied().filter(|host| serves(server, host));
        let with = with.collect::<Vec<_>>().join(", ");
        step.done(if with.is_empty() { "none" } else { &with });
    }
    for host in hosts.into_iter().filter(|host| !serves(server, host)) {
        tell(server, host, events);
    }
}

fn tell(server: &Server, host: &str, events: &Events) {
    match trouble(server, host) {
        Some(why) if host.starts_with("*.") => events.note(
            format!("`{host}` has no certificate: {why}"),
            Some(
                "see `[acme.dns]` in `/etc/ship/server.toml`; it is asked for again by itself, and \
                 plain HTTP answers meanwhile"
                    .to_owned(),
            ),
        ),
        Some(why) => events.note(
            format!("`{host}` has no certificate: {why}"),
            Some(
                "see that its DNS leads to this machine and that ports 80 and 443 are open; it is \
                 asked for again by itself, and plain HTTP answers meanwhile"
                    .to_owned(),
            ),
        ),
        None => events.note(
            format!("the certificate of `{host}` is not there yet; plain HTTP answers meanwhile"),
            Some("`ship ps` shows the address as `https://` once it is".to_owned()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Scene, plan, web};

    fn certificate(names: &[&str], serves: bool) -> Certificate {
        Certificate {
            names: names.iter().map(ToString::to_string).collect(),
            from: "file x.pem".to_owned(),
            serves,
            trouble: None,
        }
    }

    #[test]
    fn a_url_names_tls_once_there_is_a_certificate() {
        let scene = Scene::public();
        let plan = plan(&[web()], &[]);
        let known = |certificates: &[Certificate]| {
            *lock(&scene.server.certificates) = certificates.to_vec();
            scene.server.base_of(&plan, Some(80), Some(443))
        };
        assert_eq!(known(&[]), "http://blog.example");
        assert_eq!(
            known(&[certificate(&["blog.example"], false)]),
            "http://blog.example"
        );
        assert_eq!(
            known(&[certificate(&["other.example"], true)]),
            "http://blog.example"
        );
        assert_eq!(
            known(&[certificate(&["blog.example"], true)]),
            "https://blog.example"
        );
    }

    #[test]
    fn another_port_is_part_of_the_url() {
        let scene = Scene::public();
        let plan = plan(&[web()], &[]);
        let base = |http, https| scene.server.base_of(&plan, http, https);
        assert_eq!(base(Some(8080), None), "http://blog.example:8080");
        *lock(&scene.server.certificates) = vec![certificate(&["blog.example"], true)];
        assert_eq!(base(Some(8080), None), "http://blog.example:8080");
        assert_eq!(base(Some(8080), Some(8443)), "https://blog.example:8443");
    }

    #[test]
    fn a_laptop_goes_on_naming_the_plain_address() {
        let scene = Scene::new();
        *lock(&scene.server.certificates) = vec![certificate(&["blog.localhost"], true)];
        let base = scene
            .server
            .base_of(&plan(&[web()], &[]), Some(8000), Some(8443));
        assert_eq!(base, "http://blog.localhost:8000");
    }

    #[test]
    fn a_wildcard_alone_is_shown_by_a_name_that_it_has() {
        let scene = Scene::public();
        let mut plan = plan(&[web()], &[]);
        plan.domains[0].value = "*.talk.example".to_owned();
        let base = |plan: &Plan| scene.server.base_of(plan, Some(80), Some(443));
        assert_eq!(base(&plan), "http://blog.talk.example");
        *lock(&scene.server.certificates) = vec![certificate(&["*.talk.example"], true)];
        assert_eq!(base(&plan), "https://blog.talk.example");
        let single = ship_project::plan::Sourced::by_default("talk.example".to_owned(), "");
        plan.domains.push(single);
        assert_eq!(base(&plan), "http://talk.example");
    }

    #[test]
    fn an_app_of_all_other_names_is_shown_by_the_machines_address_and_without_tls() {
        let scene = Scene::public();
        let mut plan = plan(&[web()], &[]);
        plan.domains[0].value = domain::REST.to_owned();
        let base = |plan: &Plan| {
            let always = |_: &str| true;
            scene.server.base_where(plan, Some(80), Some(443), always)
        };
        let address = domain::own_address().map(|address| format!("http://{address}"));
        assert_eq!(
            base(&plan),
            address.unwrap_or("http://blog.localhost".to_owned())
        );
        let below = ship_project::plan::Sourced::by_default("*.talk.example".to_owned(), "");
        plan.domains.push(below);
        assert_eq!(base(&plan), "https://blog.talk.example");
    }

    #[test]
    fn a_wildcard_that_nobody_can_sign_is_refused_with_what_to_set() {
        let acme = |dns| ship_door::table::Acme {
            authority: ship_door::table::Authority {
                directory: "https://ca.example/dir".to_owned(),
                root: None,
                eab: None,
            },
            contact: Vec::new(),
            check_dns: true,
            fallback: None,
            dns,
        };
        let hook = ship_door::table::Dns {
            provider: ship_door::table::DnsProvider::Hook("/etc/ship/hook".into()),
            resolver: None,
            port: 53,
            wait: 1,
        };
        let mut plan = plan(&[web()], &[]);
        plan.domains[0].value = "*.talk.example".to_owned();
        let check = |scene: &Scene| crate::enter::check_domains(&scene.server, &plan);
        let scene = Scene::signed_by(acme(None));
        let error = check(&scene).unwrap_err();
        assert!(error.to_string().contains("`*.talk.example`"));
        let hint = ship_base::hint::Hints::hints(&error).join(" ");
        assert!(hint.contains("[acme.dns]"), "{hint}");
        // A file of one's own, somebody who can change the zone, or nobody who is asked at all.
        *lock(&scene.server.certificates) = vec![certificate(&["*.talk.example"], true)];
        assert!(check(&scene).is_ok());
        assert!(check(&Scene::signed_by(acme(Some(hook)))).is_ok());
        assert!(check(&Scene::public()).is_ok());
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let wildcard = certificate(&["*.blog.example"], true);
        assert!(is_for(&wildcard, "www.blog.example"));
        assert!(!is_for(&wildcard, "blog.example"));
        assert!(!is_for(&wildcard, "a.b.blog.example"));
    }
}
