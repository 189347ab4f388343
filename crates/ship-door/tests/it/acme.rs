//! Certificates from a real authority: Pebble, the one that Let's Encrypt tests clients with.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ship_door::table::{self, Acme, Certificates, Table};
use ship_test::{Authority, Names};

use crate::authority_front::Front;
use crate::door::{App, Door, HOST, served_by, text, until};
use crate::tls::{local_root, pair, put_own, shake};

/// One for whom every name leads to `address`, and that looks at the door's ports. `None` where
/// Pebble is not installed.
fn authority(door: &Door, address: &str) -> Option<Authority> {
    Authority::start(door.address.port(), door.secure.port(), address)
}

fn policy(authority: &Authority) -> Certificates {
    certificates(one(authority.directory(), authority.root()), None)
}

pub(crate) fn one(directory: &str, root: &Path) -> table::Authority {
    table::Authority {
        directory: directory.to_owned(),
        root: Some(root.to_owned()),
        eab: None,
    }
}

pub(crate) fn certificates(
    authority: table::Authority,
    fallback: Option<table::Authority>,
) -> Certificates {
    Certificates {
        local: true,
        acme: Some(Box::new(Acme {
            authority,
            contact: vec!["mailto:you@blog.example".to_owned()],
            check_dns: false,
            fallback,
            dns: None,
        })),
    }
}

pub(crate) async fn swap(door: &Door, app: &App, hosts: &[&str], certificates: Certificates) {
    let mut sites = served_by(&[app]);
    sites[0].hosts.extend(hosts.iter().map(ToString::to_string));
    let table = Table {
        sites,
        certificates,
        ..Table::empty()
    };
    door.client().await.swap(table).await.unwrap();
}

pub(crate) fn file(door: &Door, name: &str) -> PathBuf {
    door.folder
        .path()
        .join("door/acme")
        .join(format!("{name}.pem"))
}

/// The certificates above the leaf, for a visitor that trusts them.
pub(crate) fn issuers(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let all = CertificateDer::pem_slice_iter(text.as_bytes()).count();
    assert!(all >= 2, "a leaf and its chain");
    let parts = text.split_inclusive("-----END CERTIFICATE-----\n");
    parts.skip(1).collect()
}

/// `SHIP_ACME_ORDERS=100` is a longer run.
#[expect(
    clippy::disallowed_methods,
    reason = "a person asks a test for a longer run"
)]
fn orders() -> u32 {
    let wanted = std::env::var("SHIP_ACME_ORDERS").ok();
    wanted.map_or(3, |wanted| wanted.parse().expect("a number of orders"))
}

#[tokio::test]
async fn names_get_certificates_from_an_authority_that_refuses_half_of_all_nonces() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let names: Vec<String> = (0..orders()).map(|n| format!("n{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    swap(&door, &app, &names, policy(&authority)).await;
    for &name in &names {
        let path = file(&door, name);
        until("the certificate is there", async || {
            path.exists().then_some(())
        })
        .await;
        let serves = async || shake(&door, &issuers(&path), name, "h2").await.ok();
        until("the certificate is served", serves).await;
    }
    let account = door.folder.path().join("door/acme/accounts");
    assert_eq!(std::fs::read_dir(account).unwrap().count(), 1);

    // Without the authority, a table that names them anew is served from what is on disk.
    let again = policy(&authority);
    drop(authority);
    swap(&door, &app, &[], again.clone()).await;
    assert!(shake(&door, "", names[0], "h2").await.is_err());
    swap(&door, &app, &names, again).await;
    let issuers = issuers(&file(&door, names[0]));
    assert!(shake(&door, &issuers, names[0], "h2").await.is_ok());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_told_in_the_authoritys_words() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    // Nothing listens there on the door's ports.
    let Some(authority) = authority(&door, "127.9.9.9") else {
        return;
    };
    swap(&door, &app, &["blog.example"], policy(&authority)).await;
    let trouble = until("it is told", async || {
        let status = door.client().await.status().await.unwrap();
        let mut troubles = status
            .certificates
            .into_iter()
            .filter_map(|state| state.trouble);
        // The authority may not answer yet in the first moment.
        troubles.find(|trouble| trouble.contains("could not verify"))
    });
    let trouble = trouble.await;
    assert!(trouble.contains("`blog.example`"), "{trouble}");
    assert!(trouble.contains("refused"), "{trouble}");
    assert!(trouble.ends_with("it has no certificate yet"), "{trouble}");
    assert!(!file(&door, "blog.example").exists());
}

/// Nobody listens where the authority and the server of names should be, and no request asks them.
#[tokio::test]
async fn an_authority_and_a_name_server_that_are_gone_cost_no_visitor_anything() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let (certificate, key) = pair("blog.example");
    put_own(&door, "blog.pem", &(certificate.clone() + &key)).await;
    let mut nobody = certificates(one("https://localhost:1/dir", Path::new("/none")), None);
    let acme = nobody.acme.as_mut().unwrap();
    acme.check_dns = true;
    acme.dns = Some(table::Dns {
        provider: table::DnsProvider::Hook("/none".into()),
        resolver: Some("127.0.0.1:1".parse().unwrap()),
        port: 1,
        wait: 1,
    });
    let names = ["blog.example", "shop.example", "*.shop.example"];
    swap(&door, &app, &names, nobody).await;
    until("it is told", async || {
        let status = door.client().await.status().await.unwrap();
        let mut troubles = status.certificates.into_iter().filter(|it| !it.serves);
        troubles.find_map(|it| it.trouble)
    })
    .await;
    for _ in 0..100 {
        for host in ["blog.example", "shop.example", "a.shop.example"] {
            let request = crate::door::get("/", &[("host", host)]);
            let answer = door.visit().await.send(request).await.unwrap();
            assert_eq!(answer.status, 200, "{host}");
        }
    }
    for (root, name) in [(certificate, "blog.example"), (local_root(&door), HOST)] {
        assert!(shake(&door, &root, name, "h2").await.is_ok(), "{name}");
    }
}

/// What the door remembers of asking.
fn memory(door: &Door) -> serde_json::Value {
    let path = door.folder.path().join("door/acme/tries.json");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[tokio::test]
async fn a_certificate_is_renewed_when_its_authority_wants_it() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let front = Front::before(&authority).await;
    // For the first of the certificates it asks for another one now; why, says a page.
    front.wants_first_renewed();
    let policy = certificates(one(front.directory(), front.root()), None);
    swap(&door, &app, &["blog.example"], policy.clone()).await;
    let asked = until("it is asked about the second", async || {
        let asked = front.asked_about();
        (asked.len() == 2).then_some(asked)
    });
    let asked = asked.await;
    // The second order names the first certificate, and there is no third.
    assert_eq!(front.replaced(), [asked[0].clone()]);
    assert_eq!(front.orders(), 2);
    until("it is written down", async || {
        let renewal = &memory(&door)["names"]["blog.example"]["renewal"];
        (renewal["of"] == asked[1]).then_some(())
    })
    .await;

    // Taken up anew it knows the window, and asks no earlier than it was told to.
    swap(&door, &app, &[], policy.clone()).await;
    swap(&door, &app, &["blog.example", "www.blog.example"], policy).await;
    until("the other one is asked about", async || {
        (front.asked_about().len() == 3).then_some(())
    })
    .await;
    assert_eq!(front.asked_about()[..2], asked);
    assert_eq!(front.orders(), 3);
}

#[tokio::test]
async fn an_authority_that_wants_no_predecessor_named_gets_a_plain_order() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let front = Front::before(&authority).await;
    front.wants_first_renewed();
    front.refuse_predecessors();
    let policy = certificates(one(front.directory(), front.root()), None);
    swap(&door, &app, &["blog.example"], policy).await;
    until("it is asked about the second", async || {
        (front.asked_about().len() == 2).then_some(())
    })
    .await;
    assert!(front.replaced().is_empty());
}

#[tokio::test]
async fn the_second_authority_signs_when_the_first_has_failed_for_long() {
    const KEY: (&str, &str) = (
        "kid-1",
        "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
    );
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let (http, tls) = (door.address.port(), door.secure.port());
    let names = Names::All("127.0.0.1");
    let Some(second) = Authority::start_with(http, tls, &names, Some(KEY)) else {
        return;
    };
    // Nobody listens there.
    let dead = "https://localhost:1/dir";
    let first = one(dead, second.root());
    let mut other = one(second.directory(), second.root());
    other.eab = Some(table::Eab {
        kid: KEY.0.to_owned(),
        key: KEY.1.to_owned().into(),
    });
    let policy = certificates(first, Some(other));
    swap(&door, &app, &["blog.example"], policy.clone()).await;
    let trouble = until("it is told", async || {
        let status = door.client().await.status().await.unwrap();
        status.certificates.into_iter().find_map(|it| it.trouble)
    });
    let trouble = trouble.await;
    assert!(trouble.starts_with("`localhost:1`: "), "{trouble}");
    let accounts = door.folder.path().join("door/acme/accounts");
    assert!(!accounts.exists(), "the second was not asked yet");

    // Twenty minutes ago.
    swap(&door, &app, &[], policy.clone()).await;
    let mut known = memory(&door);
    let failing = &mut known["names"]["blog.example"]["tries"][dead]["failing"];
    *failing = (failing.as_i64().unwrap() - 20 * 60_000).into();
    let path = door.folder.path().join("door/acme/tries.json");
    std::fs::write(path, known.to_string()).unwrap();
    swap(&door, &app, &["blog.example"], policy).await;
    let state = until("it is signed", async || {
        let status = door.client().await.status().await.unwrap();
        status.certificates.into_iter().find(|it| it.serves)
    });
    let state = state.await;
    assert_eq!(state.from, second.directory());
    assert_eq!(state.trouble, None);
    let path = file(&door, "blog.example");
    let shaken = shake(&door, &issuers(&path), "blog.example", "h2").await;
    assert!(shaken.is_ok());
    // The table on disk holds the key of the account, for nobody else to read.
    let table = door.folder.path().join("door/table.json");
    let mode = std::fs::metadata(table).unwrap().permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_limit_of_an_authority_is_waited_for_as_long_as_it_says() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let front = Front::before(&authority).await;
    let pause = 7 * 3600;
    front.limit(pause);
    let directory = front.directory();
    let policy = certificates(one(directory, front.root()), None);
    let began = since_1970();
    swap(&door, &app, &["blog.example"], policy).await;
    let next = until("it is written down", async || {
        memory(&door)["names"]["blog.example"]["tries"][directory]["next"].as_i64()
    });
    assert!(next.await - began >= pause * 1000);
    let status = door.client().await.status().await.unwrap();
    let trouble = status.certificates[0].trouble.as_deref().unwrap();
    assert!(trouble.contains("too many certificates"), "{trouble}");
}

fn since_1970() -> i64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[tokio::test]
async fn an_account_that_its_authority_forgot_is_made_anew() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let front = Front::before(&authority).await;
    front.forget_accounts();
    let policy = certificates(one(front.directory(), front.root()), None);
    swap(&door, &app, &["blog.example"], policy).await;
    until("it is told", async || {
        let status = door.client().await.status().await.unwrap();
        status.certificates.into_iter().find_map(|it| it.trouble)
    })
    .await;
    let accounts = door.folder.path().join("door/acme/accounts");
    assert_eq!(std::fs::read_dir(accounts).unwrap().count(), 0);
}
