//! An answer of the API that is a problem: the error with the status that fits it.

use hyper::{Response, StatusCode};
use ship_api::problem::Problem;
use ship_api::route::NoRoute;
use ship_base::fault::FaultKind;

use crate::body::{Body, json_response};
use crate::error::Error;

/// An answer that is a problem.
pub(crate) struct Refused {
    status: StatusCode,
    problem: Box<Problem>,
}

impl Refused {
    /// What was tried and what happened.
    pub(crate) fn message(&self) -> &str {
        &self.problem.message
    }

    /// As it travels.
    pub(crate) fn response(self) -> Response<Body> {
        json_response(
            self.status,
            serde_json::to_vec(&self.problem).unwrap_or_default(),
        )
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match (&error, error.fault()) {
            (Error::Forbidden { .. }, _) => StatusCode::FORBIDDEN,
            (Error::NoApp { .. } | Error::NoSuchRelease { .. }, _) => StatusCode::NOT_FOUND,
            (_, FaultKind::User | FaultKind::Manifest) => StatusCode::UNPROCESSABLE_ENTITY,
            (_, FaultKind::Usage) => StatusCode::BAD_REQUEST,
            (_, FaultKind::Outside) => StatusCode::BAD_GATEWAY,
            (_, FaultKind::Bug) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            status,
            problem: Box::new(error.problem(None)),
        }
    }
}

impl From<NoRoute> for Refused {
    fn from(no_route: NoRoute) -> Self {
        let status = match no_route {
            NoRoute::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            NoRoute::Path(_) | NoRoute::Name(_) => StatusCode::NOT_FOUND,
        };
        Self {
            status,
            problem: Box::new(Error::Request(no_route.to_string()).problem(None)),
        }
    }
}
