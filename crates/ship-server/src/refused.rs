//! An answer of the API that is a problem: the error with the status that fits it.

use hyper::{Method, Response, StatusCode, header};
use ship_api::problem::{self, Problem};
use ship_api::route::NoRoute;
use ship_base::fault::FaultKind;

use crate::body::{Body, json_response};
use crate::error::Error;

/// An answer that is a problem.
pub(crate) struct Refused {
    status: StatusCode,
    problem: Box<Problem>,
    /// The methods that the path answers, where another was tried (RFC 9110, 15.5.6).
    allowed: Vec<Method>,
}

impl Refused {
    /// What was tried and what happened.
    pub(crate) fn message(&self) -> &str {
        &self.problem.message
    }

    /// As it travels.
    pub(crate) fn response(self) -> Response<Body> {
        let mut response = json_response(
            self.status,
            problem::CONTENT_TYPE,
            serde_json::to_vec(&self.problem).unwrap_or_default(),
        );
        let allowed: Vec<&str> = self.allowed.iter().map(Method::as_str).collect();
        if let (false, Ok(allowed)) = (allowed.is_empty(), allowed.join(", ").parse()) {
            response.headers_mut().insert(header::ALLOW, allowed);
        }
        response
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match (&error, error.fault()) {
            (Error::Forbidden { .. }, _) => StatusCode::FORBIDDEN,
            (Error::NoApp { .. } | Error::NoSuchRelease { .. }, _) => StatusCode::NOT_FOUND,
            // Damaged on its way, perhaps, and still what the caller sent.
            (Error::Batch(_), _) | (_, FaultKind::User | FaultKind::Manifest) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            (_, FaultKind::Usage) => StatusCode::BAD_REQUEST,
            (_, FaultKind::Outside) => StatusCode::BAD_GATEWAY,
            (_, FaultKind::Bug) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            status,
            problem: Box::new(error.problem(None)),
            allowed: Vec::new(),
        }
    }
}

impl From<NoRoute> for Refused {
    fn from(no_route: NoRoute) -> Self {
        let (status, allowed) = match &no_route {
            NoRoute::Method { allowed, .. } => (StatusCode::METHOD_NOT_ALLOWED, allowed.clone()),
            NoRoute::Path(_) | NoRoute::Name(_) => (StatusCode::NOT_FOUND, Vec::new()),
        };
        Self {
            status,
            problem: Box::new(Error::Request(no_route.to_string()).problem(None)),
            allowed,
        }
    }
}
