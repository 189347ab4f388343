//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.

use ship_api::event::LogLine;

use crate::authorized_keys::PublicKey;
use crate::config::Config;
use crate::destination::Destination;
use crate::text::tame;
use crate::{access, pushed};

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("ship-access-line", |bytes| text(bytes, access_line)),
    ("ship-config", |bytes| text(bytes, config)),
    ("ship-destination", |bytes| text(bytes, destination)),
    ("ship-public-key", |bytes| text(bytes, public_key)),
    ("ship-pushed", |bytes| text(bytes, of_push)),
    ("ship-tame", |bytes| text(bytes, tamed)),
];

fn text(bytes: &[u8], target: fn(&str)) {
    if let Ok(text) = str::from_utf8(bytes) {
        target(text);
    }
}

/// What a server sends as a line of its access log moves no cursor, and is one line.
fn access_line(text: &str) {
    let line = LogLine {
        at: "2026-11-21T08:00:00Z".parse().expect("a moment"),
        instance: "blog/door.1".parse().expect("an instance"),
        release: "r7".parse().expect("a release"),
        stream: "out".to_owned(),
        text: text.to_owned(),
    };
    let shown = access::combined(&line);
    assert_eq!(tame(&shown), shown);
    let json = serde_json::to_string(&access::object(&line)).expect("JSON");
    assert!(!json.contains(|c| c < ' '), "{json}");
}

/// `server.toml`: an authority that is asked is one that can be.
fn config(text: &str) {
    let config = Config::parse(text).ok();
    if let Some(authority) = config.and_then(|config| config.acme.authority()) {
        assert!(authority.authority.directory.starts_with("https://"));
        let is_mail = |contact: &String| contact.starts_with("mailto:") && !contact.contains(' ');
        assert!(authority.contact.iter().all(is_mail));
    }
}

/// What ssh is told of is no option, and no word of a shell.
fn destination(text: &str) {
    let Ok(destination) = text.parse::<Destination>() else {
        return;
    };
    let shown = destination.to_string();
    assert_eq!(shown.parse(), Ok(destination), "{shown}");
    assert!(!shown.starts_with('-') && !shown.contains("@-"));
    let special =
        |c: char| c.is_whitespace() || c.is_control() || "$`;|&<>'\"\\(){}!*?".contains(c);
    assert!(!shown.contains(special), "{shown}");
}

/// A key that is taken is one line of `authorized_keys`, and the only one with that content.
fn public_key(text: &str) {
    let Ok(key) = PublicKey::read(text) else {
        return;
    };
    let line = key.line();
    assert!(!line.contains(char::is_control) && line.split(' ').count() == 2);
    let again = PublicKey::read(&line).expect("a line of ours");
    assert_eq!((again.line(), again.fingerprint), (line, key.fingerprint));
}

/// What git tells a hook, and what ssh was asked to run.
fn of_push(text: &str) {
    if let Ok(pushed) = pushed::Pushed::read(text) {
        assert!(pushed.commit.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(pushed.commit.bytes().any(|byte| byte != b'0'));
    }
    if let Some(path) = pushed::path_in(text) {
        assert!(text.contains(path));
    }
}

/// Twice is once, and no control is left but those of colours.
fn tamed(text: &str) {
    let once = tame(text);
    let plain = |text: &str| text.trim_end_matches("\u{1b}[0m").to_owned();
    assert_eq!(plain(&tame(&plain(&once))), plain(&once));
    let allowed = |c: char| !c.is_control() || c == '\t' || c == '\u{1b}';
    assert!(once.chars().all(allowed), "{once:?}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}
