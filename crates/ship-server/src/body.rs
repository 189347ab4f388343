//! Bodies of the API: JSON that callers send, JSON that they get.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ship_api::request::Stop;
use ship_api::source::{BATCH, PIECE};

use crate::error::Error;

/// The largest request body: settings of an app, generously.
const LARGEST: usize = 4 << 20;

/// The largest list of a source: [`MOST_ENTRIES`](ship_api::source::MOST_ENTRIES) files of a project.
const LARGEST_SOURCE: usize = 64 << 20;
/// The largest batch of pieces as it travels: what does not compress grows a little.
const LARGEST_BATCH: usize = BATCH + PIECE + (1 << 20);

/// The body of an answer: whole, or a stream of lines.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The body of a stop; it may be left out, since all it could say has a default.
pub(crate) async fn read_stop(request: Request<Incoming>) -> Result<Stop, Error> {
    let text = read_whole(request, LARGEST).await?;
    if text.is_empty() {
        return Ok(Stop::default());
    }
    parse(&text)
}

/// The body as what the route takes.
pub(crate) async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Error> {
    parse(&read_whole(request, LARGEST).await?)
}

/// The same for what holds the list of a whole project.
pub(crate) async fn read_source<T: DeserializeOwned>(
    request: Request<Incoming>,
) -> Result<T, Error> {
    parse(&read_whole(request, LARGEST_SOURCE).await?)
}

/// The body as it is: a batch of pieces.
pub(crate) async fn read_batch(request: Request<Incoming>) -> Result<Bytes, Error> {
    read_whole(request, LARGEST_BATCH).await
}

async fn read_whole(request: Request<Incoming>, most: usize) -> Result<Bytes, Error> {
    let body = Limited::new(request.into_body(), most).collect().await;
    let body =
        body.map_err(|error| Error::Request(format!("the body did not come whole: {error}")))?;
    Ok(body.to_bytes())
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text)
        .or_else(|error| parse_whole_numbers(text).ok_or(error))
        .map_err(|error| Error::Request(format!("the body is not what this route takes: {error}")))
}

/// The same where whole numbers are written as `2.0`: to JSON that is the number 2 (RFC 8259, 6),
/// and some languages know no other way to write it.
fn parse_whole_numbers<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    // A list of a whole project would take a lot of memory in this form, and only `ship` sends one.
    let mut value = (text.len() <= LARGEST).then(|| serde_json::from_slice(text).ok())??;
    write_whole_numbers_plainly(&mut value);
    serde_json::from_value(value).ok()
}

fn write_whole_numbers_plainly(value: &mut Value) {
    /// 2⁵³: beyond it, not every whole number has a form of its own as a float.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number
                .as_f64()
                .filter(|it| it.fract() == 0.0 && it.abs() <= EXACT);
            if let Some(float) = float {
                #[expect(clippy::cast_possible_truncation, reason = "whole, and not too large")]
                let whole = float as i64;
                *number = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(write_whole_numbers_plainly),
        Value::Object(fields) => fields.values_mut().for_each(write_whole_numbers_plainly),
        _ => {}
    }
}

/// An answer with a value.
pub(crate) fn whole<T: Serialize>(value: &T) -> Result<Response<Body>, Error> {
    let json = serde_json::to_vec(value).map_err(|_| Error::Bug("an answer is no JSON"))?;
    Ok(json_response(StatusCode::OK, "application/json", json))
}

/// An answer with a status and a kind of JSON of its own.
pub(crate) fn json_response(
    status: StatusCode,
    kind: &'static str,
    json: Vec<u8>,
) -> Response<Body> {
    let mut response = Response::new(Full::from(json).boxed_unsync());
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// An answer that says: done.
pub(crate) fn nothing() -> Response<Body> {
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_api::request::Scale;

    #[test]
    fn whole_numbers_may_be_written_with_a_point() {
        let scale = |number: &str| {
            let text = format!("{{\"processes\": {{\"web\": {number}}}}}");
            let scale = parse::<Scale>(text.as_bytes());
            scale.map(|scale| scale.processes.into_values().collect::<Vec<u32>>())
        };
        for (number, count) in [("2", 2), ("2.0", 2), ("2e1", 20)] {
            assert_eq!(scale(number).unwrap(), vec![count], "{number}");
        }
        for number in ["2.5", "-1.0", "4294967296.0", "1e300"] {
            let error = scale(number).unwrap_err().to_string();
            assert!(
                error.contains("is not what this route takes"),
                "{number}: {error}"
            );
        }
    }
}
