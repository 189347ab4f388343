//! Deploy keys: what each may.

use ship_api::reply::Key;
use ship_api::request::{AddKey, RemoveKey};
use ship_base::clock::Moment;
use ship_store::KeyRecord;

use crate::error::Error;
use crate::server::Server;

/// Every key, sorted by name.
pub(crate) fn list(server: &Server) -> Result<Vec<Key>, Error> {
    let keys = server.store.keys()?.into_iter().map(|key| Key {
        name: key.name,
        apps: key.apps,
        // A role of a newer version opens nothing here.
        may: key
            .may
            .iter()
            .filter_map(|role| role.parse().ok())
            .collect(),
        fingerprint: key.fingerprint,
        added: key.added,
    });
    Ok(keys.collect())
}

/// From now on the key may this.
pub(crate) fn add(server: &Server, key: AddKey) -> Result<(), Error> {
    let name = key.name.clone();
    let added = server.store.add_key(&KeyRecord {
        name: key.name,
        apps: key.apps,
        may: key.may.iter().map(ToString::to_string).collect(),
        fingerprint: key.fingerprint,
        added: Moment::now(),
    })?;
    added.then_some(()).ok_or(Error::KeyTaken { key: name })
}

/// From now on it may nothing.
pub(crate) fn remove(server: &Server, key: &RemoveKey) -> Result<(), Error> {
    let removed = server.store.remove_key(&key.name)?;
    removed.then_some(()).ok_or_else(|| Error::NoKey {
        key: key.name.clone(),
    })
}
