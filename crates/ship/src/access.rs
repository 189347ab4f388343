//! A request as the front door wrote it down.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use ship_api::event::LogLine;
use ship_base::clock::Moment;
use ship_base::name::ReleaseId;

use crate::text::tame;
use crate::when;

/// The fields that the combined form has.
#[derive(Debug, Deserialize)]
struct Request {
    client: String,
    method: String,
    target: String,
    protocol: String,
    status: u16,
    bytes: u64,
    referer: Option<String>,
    agent: Option<String>,
}

/// A line as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Object<'l> {
    at: Moment,
    release: ReleaseId,
    #[serde(flatten)]
    rest: Rest<'l>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Rest<'l> {
    Request(serde_json::Map<String, serde_json::Value>),
    Remark { text: &'l str },
}

/// What Apache and nginx call combined. What is no request is a remark of ours.
pub(crate) fn combined(line: &LogLine) -> String {
    let Ok(request) = serde_json::from_str::<Request>(&line.text) else {
        return tame(&line.text);
    };
    let quoted = |text: Option<String>| escaped(text.as_deref().unwrap_or("-"));
    format!(
        "{} - - [{}] \"{} {} {}\" {} {} \"{}\" \"{}\"",
        escaped(&request.client),
        when::of_web_log(line.at),
        escaped(&request.method),
        escaped(&request.target),
        escaped(&request.protocol),
        request.status,
        request.bytes,
        quoted(request.referer),
        quoted(request.agent),
    )
}

/// As Apache writes it: what a visitor sends must neither end a field nor move the cursor.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => {
                let _ = write!(out, "\\x{:02x}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out
}

/// The same with every field.
pub(crate) fn object(line: &LogLine) -> Object<'_> {
    let rest = match serde_json::from_str(&line.text) {
        Ok(request) => Rest::Request(request),
        Err(_) => Rest::Remark { text: &line.text },
    };
    Object {
        at: line.at,
        release: line.release,
        rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> LogLine {
        LogLine {
            at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
            instance: "blog/door.1".parse().unwrap(),
            release: "r7".parse().unwrap(),
            stream: "out".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_request_is_shown_as_web_logs_are_and_cannot_forge_another() {
        let text = r#"{"client":"192.0.2.7","host":"blog.test","method":"GET","target":"/a","protocol":"HTTP/2","status":200,"bytes":5,"took_ms":1.5,"agent":"x\" 200\n\u001b[31m","request":"1"}"#;
        insta::assert_snapshot!(
            combined(&line(text)),
            @r#"192.0.2.7 - - [21/Nov/2026:08:00:00 +0000] "GET /a HTTP/2" 200 5 "-" "x\" 200\x0a\x1b[31m""#
        );
        let object = serde_json::to_value(object(&line(text))).unwrap();
        assert_eq!(
            (&object["release"], &object["took_ms"]),
            (&"r7".into(), &1.5.into())
        );
        let remark = "… 3 requests not written: there were too many at once";
        assert_eq!(combined(&line(remark)), remark);
    }
}
