//! The targets of this folder; see [`crate::fuzz`].

use hyper::StatusCode;

use super::{Page, html, json};

/// Whatever a visitor wrote ends up on the page as text, and in JSON as one text.
pub(crate) fn page(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let plain = |text: &str| Page::plain(StatusCode::NOT_FOUND, "Not found", text);
    let markup = |page: &str| page.matches(['<', '>', '"', '\'']).count();
    let quotes = text.matches('`').count() / 2;
    let same = markup(&html(&plain(&"`x`".repeat(quotes)), "1"));
    assert_eq!(markup(&html(&plain(&text), "1")), same, "{text}");
    let written = json(&plain(&text), "1");
    let read: serde_json::Value = serde_json::from_str(&written).expect("what was written");
    assert!(read.is_object());
}
