//! Certificates for wildcards: from Pebble, which sees the record at a real DNS server.

use std::path::{Path, PathBuf};

use ship_door::table::{Certificates, Dns, DnsProvider};
use ship_test::{Authority, NameServer, Names};

use crate::acme::{certificates, file, issuers, one, swap};
use crate::door::{App, Door, text, until};
use crate::tls::shake;

const WILDCARD: &str = "*.blog.example";
const RECORD: &str = "_acme-challenge.blog.example";

/// A door, its authority, and the server of names that both ask.
struct Scene {
    door: Door,
    authority: Authority,
    names: NameServer,
}

impl Scene {
    /// `None` where one of the programs is not installed.
    async fn new() -> Option<Self> {
        let names = NameServer::start("blog.example")?;
        let door = Door::start(Vec::new()).await;
        let (http, tls) = (door.address.port(), door.secure.port());
        let known = Names::Server(names.address());
        let authority = Authority::start_with(http, tls, &known, None)?;
        Some(Self {
            door,
            authority,
            names,
        })
    }

    fn policy(&self, provider: DnsProvider) -> Certificates {
        let authority = one(self.authority.directory(), self.authority.root());
        let mut certificates = certificates(authority, None);
        certificates.acme.as_mut().unwrap().dns = Some(Dns {
            provider,
            resolver: Some(self.names.address()),
            port: self.names.address().port(),
            wait: 20,
        });
        certificates
    }

    fn server(&self, key: PathBuf) -> DnsProvider {
        DnsProvider::Server {
            address: self.names.address().to_string(),
            key: Some(key),
        }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.names.folder().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    async fn is_signed(&self, name: &str) {
        let path = file(&self.door, &name.replace('*', "_"));
        until("the certificate is there", async || {
            path.exists().then_some(())
        })
        .await;
    }

    async fn trouble(&self) -> String {
        until("it is told", async || {
            let status = self.door.client().await.status().await.unwrap();
            status.certificates.into_iter().find_map(|it| it.trouble)
        })
        .await
    }
}

fn app() -> App {
    App::http("blog/web.1@r7", |_| async { text("ok") })
}

#[tokio::test]
async fn a_wildcard_gets_its_certificate_by_a_signed_change_of_its_zone() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (app, door) = (app(), &scene.door);
    let policy = scene.policy(scene.server(scene.names.key()));
    swap(door, &app, &[WILDCARD], policy.clone()).await;
    scene.is_signed(WILDCARD).await;
    let issuers = issuers(&file(door, "_.blog.example"));
    for name in ["a.blog.example", "b.blog.example"] {
        until("it is served for the name", async || {
            shake(door, &issuers, name, "h2").await.ok()
        })
        .await;
    }
    // It serves on where nobody can change the zone any more.
    let mut without = policy.clone();
    without.acme.as_mut().unwrap().dns = None;
    swap(door, &app, &[WILDCARD], without).await;
    assert!(shake(door, &issuers, "a.blog.example", "h2").await.is_ok());
    assert!(shake(door, &issuers, "blog.example", "h2").await.is_err());
    assert!(
        shake(door, &issuers, "a.b.blog.example", "h2")
            .await
            .is_err()
    );
    let gone = async || scene.names.texts(RECORD).is_empty().then_some(());
    until("the record is gone", gone).await;

    // A name that it covers needs none of its own; the name above it does.
    swap(
        door,
        &app,
        &[WILDCARD, "www.blog.example", "blog.example"],
        policy,
    )
    .await;
    scene.is_signed("blog.example").await;
    assert!(!file(door, "www.blog.example").exists());
    let status = door.client().await.status().await.unwrap();
    let mut told: Vec<String> = status
        .certificates
        .into_iter()
        .flat_map(|it| it.names)
        .collect();
    told.sort();
    assert_eq!(told, [WILDCARD, "blog.example"]);
}

#[tokio::test]
async fn a_name_that_is_an_alias_is_shown_where_that_leads() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let policy = scene.policy(scene.server(scene.names.key()));
    swap(&scene.door, &app(), &["*.alias.blog.example"], policy).await;
    scene.is_signed("*.alias.blog.example").await;
}

#[tokio::test]
async fn a_key_that_the_server_does_not_take_is_told() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let (app, door) = (app(), &scene.door);
    let text = std::fs::read_to_string(scene.names.key()).unwrap();
    let unknown = scene.write("unknown", &text.replace("\"ship\"", "\"other\""));
    let secret = text.split('"').nth(3).unwrap();
    let wrong = scene.write("wrong", &text.replace(secret, "Zm9vYmFy"));
    let expected = [
        (unknown, "BADKEY (it knows no such key)"),
        (wrong, "BADSIG (the secret is another one)"),
    ];
    for (place, (key, word)) in expected.into_iter().enumerate() {
        // Another name each time: the first is not asked for again so soon.
        let name = format!("*.n{place}.blog.example");
        swap(door, &app, &[&name], scene.policy(scene.server(key))).await;
        let trouble = scene.trouble().await;
        assert!(trouble.contains(word), "{trouble}");
        assert!(trouble.ends_with("it has no certificate yet"), "{trouble}");
    }
}

/// A program that asks BIND's own client to change the zone.
fn hook(scene: &Scene, last: &str) -> PathBuf {
    let script = format!(
        "#!/bin/sh\n\
         case $1 in set) verb=\"add $2 60\" ;; remove) verb=\"delete $2\" ;; esac\n\
         printf 'server 127.0.0.1 {}\\nupdate %s TXT %s\\nsend\\n' \"$verb\" \"$3\" |\n\
         nsupdate -k {} || exit 1\n\
         echo \"$1 $2\" >>{}\n{last}\n",
        scene.names.address().port(),
        scene.names.key().display(),
        scene.names.folder().join("calls").display(),
    );
    let path = scene.write("hook", &script);
    executable(&path);
    path
}

fn executable(path: &Path) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, mode).unwrap();
}

#[tokio::test]
async fn a_program_sets_the_record_and_removes_it() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let policy = scene.policy(DnsProvider::Hook(hook(&scene, "")));
    swap(&scene.door, &app(), &[WILDCARD], policy).await;
    scene.is_signed(WILDCARD).await;
    let calls = std::fs::read_to_string(scene.names.folder().join("calls")).unwrap();
    assert_eq!(calls, format!("set {RECORD}\nremove {RECORD}\n"));
    assert!(scene.names.texts(RECORD).is_empty());
}

#[tokio::test]
async fn the_words_of_a_program_that_fails_are_told() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let hook = hook(
        &scene,
        "[ $1 = remove ] || { echo 'the token has ended' >&2; exit 7; }",
    );
    swap(
        &scene.door,
        &app(),
        &[WILDCARD],
        scene.policy(DnsProvider::Hook(hook)),
    )
    .await;
    let trouble = scene.trouble().await;
    assert!(
        trouble.contains("(exit status: 7): the token has ended"),
        "{trouble}"
    );
    // What it may have done all the same was undone.
    assert!(scene.names.texts(RECORD).is_empty());
}

#[tokio::test]
async fn without_dns_a_wildcard_is_not_asked_for_and_stops_nobody() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    let authority = one(scene.authority.directory(), scene.authority.root());
    let policy = certificates(authority, None);
    swap(&scene.door, &app(), &[WILDCARD, "blog.example"], policy).await;
    scene.is_signed("blog.example").await;
    assert!(!file(&scene.door, "_.blog.example").exists());
}
