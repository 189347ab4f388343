//! Certificates from a real authority: Pebble, the one that Let's Encrypt tests clients with.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ship_door::table::{Acme, Certificates, Table};
use ship_test::Authority;

use crate::door::{App, Door, served_by, text, until};
use crate::tls::shake;

/// One for whom every name leads to `address`, and that looks at the door's ports. `None` where
/// Pebble is not installed.
fn authority(door: &Door, address: &str) -> Option<Authority> {
    Authority::start(door.address.port(), door.secure.port(), address)
}

fn policy(authority: &Authority) -> Certificates {
    Certificates {
        local: true,
        acme: Some(Acme {
            directory: authority.directory().to_owned(),
            contact: vec!["mailto:you@blog.example".to_owned()],
            root: Some(authority.root().to_owned()),
            check_dns: false,
        }),
    }
}

async fn swap(door: &Door, app: &App, hosts: &[&str], certificates: Certificates) {
    let mut sites = served_by(&[app]);
    sites[0].hosts.extend(hosts.iter().map(ToString::to_string));
    let table = Table {
        sites,
        certificates,
        ..Table::empty()
    };
    door.client().await.swap(table).await.unwrap();
}

fn file(door: &Door, name: &str) -> PathBuf {
    door.folder
        .path()
        .join("door/acme")
        .join(format!("{name}.pem"))
}

/// The certificates above the leaf, for a visitor that trusts them.
fn issuers(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let all = CertificateDer::pem_slice_iter(text.as_bytes()).count();
    assert!(all >= 2, "a leaf and its chain");
    let parts = text.split_inclusive("-----END CERTIFICATE-----\n");
    parts.skip(1).collect()
}

#[tokio::test]
async fn names_get_certificates_from_an_authority_that_refuses_half_of_all_nonces() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    let Some(authority) = authority(&door, "127.0.0.1") else {
        return;
    };
    let names = ["blog.example", "www.blog.example", "shop.example"];
    swap(&door, &app, &names, policy(&authority)).await;
    for name in names {
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
    assert!(shake(&door, "", "blog.example", "h2").await.is_err());
    swap(&door, &app, &names, again).await;
    let issuers = issuers(&file(&door, "blog.example"));
    assert!(shake(&door, &issuers, "blog.example", "h2").await.is_ok());
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
