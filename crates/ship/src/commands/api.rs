//! `ship api`: what programs of others may ask of the server.

use ship_api::description::description;

use crate::cli::Context;
use crate::error::Result;

/// Print what the server's API takes and answers, as OpenAPI 3.1
///
/// The server itself answers the same at `/v1/openapi.json`. It listens on a unix socket alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship api > openapi.json
  ship api | jq '.paths | keys'
  curl --unix-socket /run/ship/api.sock http://ship/v1/openapi.json")]
pub(crate) struct Args {}

/// Prints it.
pub(crate) fn run(_: &Args, context: &mut Context) -> Result<()> {
    context.ui.json(&description())
}
