//! Whether the server runs, and speaks our language.

use ship_api::client::Client;
use ship_base::hint::{self, Hints as _};

use super::finding::Finding;
use crate::control::Control;

/// The server that answers, if one does.
pub(crate) async fn check(control: &Control) -> (Finding, Option<Client>) {
    let socket = control.folders().api_socket();
    let client = match Client::connect(&socket).await {
        Ok(client) => client,
        Err(error) if error.is_nobody_there() => {
            let finding = Finding::good("server", "not running; commands start it");
            return (finding, None);
        }
        Err(error) => {
            let remedy = format!("`ls -l {}` says whose it is", socket.display());
            return (Finding::broken("server", hint::chain(&error), remedy), None);
        }
    };
    match client.status().await {
        Ok(status) => {
            let what = format!("pid {}, version {}", status.pid, status.version);
            (Finding::good("server", what), Some(client))
        }
        Err(error) => {
            let remedy = error.hints().into_iter().next().unwrap_or_default();
            (Finding::broken("server", hint::chain(&error), remedy), None)
        }
    }
}
