//! Visitors that come by TLS.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use ship_door::local_ca::LocalCa;
use ship_door::table::{Certificates, Https, Site, Table};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::door::{Answer, App, Door, HOST, served_by, soon, text};
use crate::raw;

/// Says back what it was asked.
pub(crate) fn mirror() -> App {
    App::http(
        "blog/web.1@r7",
        |request: Request<hyper::body::Incoming>| async move {
            let fields = request.headers().iter();
            let lines =
                fields.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
            let lines: String = lines.collect();
            text(format!("{} {}\n{lines}", request.method(), request.uri()))
        },
    )
}

/// Agrees with the door on TLS, trusting `root`.
pub(crate) async fn shake(
    door: &Door,
    root: &str,
    name: &str,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(root.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(door.secure).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    soon("an agreement on TLS", shaking).await
}

pub(crate) fn local_root(door: &Door) -> String {
    let folder = door.folder.path().join("door");
    LocalCa::open(&folder).unwrap().pem().to_owned()
}

async fn whole(response: Response<hyper::body::Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: soon("an answer ends", body.collect())
            .await
            .unwrap()
            .to_bytes(),
    }
}

type Asked = Request<Empty<bytes::Bytes>>;

/// What can be sent.
pub(crate) trait Sends:
    hyper::body::Body<Data: Send, Error: std::error::Error + Send + Sync> + Send + Unpin + 'static
{
}

impl<B> Sends for B where
    B: hyper::body::Body<Data: Send, Error: std::error::Error + Send + Sync>
        + Send
        + Unpin
        + 'static
{
}

pub(crate) async fn ask_http1(door: &Door, request: Request<impl Sends>) -> Answer {
    let stream = shake(door, &local_root(door), HOST, "http/1.1")
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    whole(
        soon("an answer", sender.send_request(request))
            .await
            .unwrap(),
    )
    .await
}

pub(crate) async fn ask_http2(door: &Door, request: Request<impl Sends>) -> Answer {
    let stream = shake(door, &local_root(door), HOST, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let executor = TokioExecutor::new();
    let shaken = hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    whole(
        soon("an answer", sender.send_request(request))
            .await
            .unwrap(),
    )
    .await
}

pub(crate) fn get(path: &str, fields: &[(&str, &str)]) -> Asked {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_laptops_names_have_tls_from_its_own_ca() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let answer = ask_http1(&door, get("/a?b", &[("host", HOST)])).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().starts_with("GET /a?b\n"), "{}", answer.text());
    assert!(answer.text().contains("x-forwarded-proto: https\n"));
}

#[tokio::test]
async fn http2_reaches_the_app_as_http1_with_one_host_and_one_cookie_field() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let path = format!("https://{HOST}/a?b");
    let cookies = [
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("content_length", "7"),
    ];
    let answer = ask_http2(&door, get(&path, &cookies)).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.starts_with("GET /a?b\n"), "{text}");
    assert!(text.contains("cookie: a=1; b=2\n"), "{text}");
    assert_eq!(text.matches("host: blog.localhost\n").count(), 2, "{text}");
    assert!(!text.contains("content_length"), "{text}");
}

#[tokio::test]
async fn http2_has_the_limits_of_http1() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let path = format!("https://{HOST}/");
    let many = vec![("x", "1"); 101];
    assert_eq!(ask_http2(&door, get(&path, &many)).await.status, 431);
    let long = "x".repeat(17 << 10);
    assert_eq!(
        ask_http2(&door, get(&path, &[("x", &long)])).await.status,
        431
    );
    let two_hosts = get(&path, &[("host", "other.localhost")]);
    assert_eq!(ask_http2(&door, two_hosts).await.status, 400);
}

#[tokio::test]
async fn an_unknown_name_gets_nobodys_certificate() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let (certificate, key) = pair("blog.example");
    put_own(&door, "blog.pem", &(certificate.clone() + &key)).await;
    assert!(
        shake(&door, &certificate, "blog.example", "h2")
            .await
            .is_ok()
    );
    let refused = shake(&door, &certificate, "other.example", "h2").await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("alert"), "{refused}");
}

#[tokio::test]
async fn plain_http_on_a_port_of_tls_is_answered_in_words_with_the_address() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let request = format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nhi");
    let answer = raw::talk(door.secure, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let address = format!("https://{HOST}:{}/\n", door.secure.port());
    assert!(answer.ends_with(&address), "{answer}");
    // Other bytes are TLS's to refuse, and TLS is spoken on.
    let other = raw::talk(door.secure, b"\0\0\0\0\0\0\0\0\0\0\0\0").await;
    assert!(!other.contains("HTTP"), "{other}");
    let answer = ask_http1(&door, get("/", &[("host", HOST)])).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_broken_certificate_changes_nothing_for_visitors_and_is_told() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let (certificate, key) = pair("blog.example");
    put_own(&door, "blog.pem", &(certificate.clone() + &key)).await;
    put_own(
        &door,
        "blog.pem",
        &(certificate.clone() + &pair("blog.example").1),
    )
    .await;
    assert!(
        shake(&door, &certificate, "blog.example", "h2")
            .await
            .is_ok()
    );
    let status = door.client().await.status().await.unwrap();
    let trouble = status.certificates[0].trouble.clone().unwrap();
    insta::assert_snapshot!(trouble, @"the private key does not belong to the certificate: keys may not be consistent: KeyMismatch; the last good one serves on");
}

#[tokio::test]
async fn http_leads_to_https_and_https_says_to_stay_where_that_is_asked_for() {
    let app = mirror();
    let mut sites = served_by(&[&app]);
    sites[0].https = Https {
        redirect: Some(8443),
        hsts: Some(3600),
    };
    let door = Door::start(sites).await;
    let led = door.get("/a?b=c").await;
    assert_eq!(led.status, 308);
    assert_eq!(led.header("location"), "https://blog.localhost:8443/a?b=c");
    let led = door.get("/login?next=/admin/").await;
    let to = "https://blog.localhost:8443/login?next=/admin/";
    assert_eq!(led.header("location"), to);
    assert_eq!(led.header("strict-transport-security"), "");
    let answer = ask_http1(&door, get("/", &[("host", HOST)])).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=3600");
}

#[tokio::test]
async fn a_name_without_a_certificate_is_not_led_to_where_nobody_answers() {
    let app = mirror();
    let mut sites = served_by(&[&app]);
    sites[0].hosts.push("blog.example".to_owned());
    sites[0].https.redirect = Some(443);
    let door = Door::start(sites).await;
    let named = |host| crate::door::get("/", &[("host", host)]);
    let status = async |host| door.visit().await.send(named(host)).await.unwrap().status;
    assert_eq!(status("blog.example").await, 200);
    assert_eq!(status(HOST).await, 308);
}

#[tokio::test]
async fn without_a_local_ca_a_laptops_names_have_no_certificate() {
    let app = mirror();
    let door = Door::start(served_by(&[&app])).await;
    let root = local_root(&door);
    let sites: Vec<Site> = served_by(&[&app]);
    let table = Table {
        sites,
        certificates: Certificates::default(),
        ..Table::empty()
    };
    door.client().await.swap(table).await.unwrap();
    assert!(shake(&door, &root, HOST, "h2").await.is_err());
}

pub(crate) fn pair(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// Puts a file into the folder of certificates; a swap has the door look.
pub(crate) async fn put_own(door: &Door, name: &str, content: &str) {
    let folder = door.folder.path().join("door/certificates");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), content).unwrap();
    door.swap(Vec::new()).await;
}
