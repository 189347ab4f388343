//! The account at an authority: one for each, kept on disk.

use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, ExternalAccountKey, NewAccount};
use ship_base::file;
use tracing::info;

use super::client::Client;
use super::error::AcmeError;
use super::order;
use crate::table::Authority;

/// A word for an authority in logs and names of files: its host.
pub(super) fn host(directory: &str) -> &str {
    directory.split('/').nth(2).unwrap_or("authority")
}

fn file_of(folder: &Path, authority: &Authority) -> PathBuf {
    let host = host(&authority.directory).replace(':', "-");
    folder.join("accounts").join(format!("{host}.json"))
}

/// The one on disk, or a new one that is there from now on.
pub(super) async fn account(
    folder: &Path,
    authority: &Authority,
    contact: &[String],
    http: &Client,
) -> Result<Account, AcmeError> {
    let path = file_of(folder, authority);
    let builder = || Account::builder_with_http(Box::new(http.clone()));
    if let Some(text) = file::read_text_if_there(&path)? {
        let credentials: AccountCredentials =
            serde_json::from_str(&text).map_err(|_| AcmeError::NoAccount { path })?;
        return Ok(builder().from_credentials(credentials).await?);
    }
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let account = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let binding = binding(authority)?;
    let create = async || {
        let directory = authority.directory.clone();
        builder()
            .create(&account, directory, binding.as_ref())
            .await
    };
    let (account, credentials) = order::again(create).await?;
    let text = serde_json::to_vec(&credentials).map_err(instant_acme::Error::Json)?;
    file::create_private_folder(&folder.join("accounts"))?;
    file::write_whole_with_mode(&path, &text, 0o600)?;
    info!(authority = host(&authority.directory), "made an account");
    Ok(account)
}

/// That the account belongs to one that was made elsewhere (RFC 8555, 7.3.4).
fn binding(authority: &Authority) -> Result<Option<ExternalAccountKey>, AcmeError> {
    let Some(eab) = &authority.eab else {
        return Ok(None);
    };
    let key = eab.bytes().ok_or(AcmeError::Binding)?;
    Ok(Some(ExternalAccountKey::new(eab.kid.clone(), &key)))
}

/// An authority that does not know its account any more gets a new one with the next order.
pub(super) fn forget(folder: &Path, authority: &Authority) -> Result<(), AcmeError> {
    let path = file_of(folder, authority);
    Ok(file::remove(&path)?)
}
