//! Certificates from a real authority: Pebble, the one that Let's Encrypt tests clients with.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ship_door::table::{Acme, Certificates, Table};

use crate::door::{App, Door, served_by, text, until};
use crate::tls::shake;

/// An authority of this test, with the DNS it asks.
struct Authority {
    directory: String,
    root: PathBuf,
    programs: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Authority {
    /// One for whom every name leads to `address`, and that looks at the door's ports. `None` where
    /// Pebble is not installed.
    async fn start(door: &Door, address: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [listen, manage, dns, dns_manage] = [(); 4].map(|()| free_port());
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let write = |name: &str, content: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let root = write("root.pem", &made.cert.pem());
        let key = write("key.pem", &made.signing_key.serialize_pem());
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("localhost:{listen}"),
            "managementListenAddress": format!("localhost:{manage}"),
            "certificate": root,
            "privateKey": key,
            "httpPort": door.address.port(),
            "tlsPort": door.secure.port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        }});
        let config = write("pebble.json", &config.to_string());
        let mut names = quiet("pebble-challtestsrv");
        names
            .args([
                "-http01",
                "",
                "-https01",
                "",
                "-tlsalpn01",
                "",
                "-defaultIPv6",
                "",
            ])
            .args(["-defaultIPv4", address])
            .arg("-dns01")
            .arg(format!("127.0.0.1:{dns}"))
            .arg("-management")
            .arg(format!("127.0.0.1:{dns_manage}"));
        let mut pebble = quiet("pebble");
        pebble
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", "0")
            // Half of all nonces are refused.
            .env("PEBBLE_WFE_NONCEREJECT", "50")
            .arg("-config")
            .arg(config)
            .arg("-dnsserver")
            .arg(format!("127.0.0.1:{dns}"));
        let programs = [names.spawn(), pebble.spawn()]
            .into_iter()
            .collect::<Result<Vec<_>, _>>();
        let Ok(programs) = programs else {
            eprintln!(
                "skipped: there is no `pebble` and `pebble-challtestsrv` (apt install pebble)"
            );
            return None;
        };
        for port in [listen, dns_manage] {
            let answers = async || {
                tokio::net::TcpStream::connect(("localhost", port))
                    .await
                    .ok()
            };
            until("the authority listens", answers).await;
        }
        Some(Self {
            directory: format!("https://localhost:{listen}/dir"),
            root,
            programs,
            _folder: folder,
        })
    }

    fn policy(&self) -> Certificates {
        Certificates {
            local: true,
            acme: Some(Acme {
                directory: self.directory.clone(),
                contact: vec!["mailto:you@blog.example".to_owned()],
                root: Some(self.root.clone()),
                check_dns: false,
            }),
        }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
    }
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
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
    let Some(authority) = Authority::start(&door, "127.0.0.1").await else {
        return;
    };
    let names = ["blog.example", "www.blog.example", "shop.example"];
    swap(&door, &app, &names, authority.policy()).await;
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
    let policy = authority.policy();
    drop(authority);
    swap(&door, &app, &[], policy.clone()).await;
    assert!(shake(&door, "", "blog.example", "h2").await.is_err());
    swap(&door, &app, &names, policy).await;
    let issuers = issuers(&file(&door, "blog.example"));
    assert!(shake(&door, &issuers, "blog.example", "h2").await.is_ok());
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_told_in_the_authoritys_words() {
    let app = App::http("blog/web.1@r7", |_| async { text("ok") });
    let door = Door::start(Vec::new()).await;
    // Nothing listens there on the door's ports.
    let Some(authority) = Authority::start(&door, "127.9.9.9").await else {
        return;
    };
    swap(&door, &app, &["blog.example"], authority.policy()).await;
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
