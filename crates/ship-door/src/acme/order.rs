//! One certificate: ordered, the name shown to be ours, and fetched.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use ship_base::hint;
use tracing::debug;

use super::shown::Shown;
use super::{AcmeError, renewal, schedule};
use crate::table::Dns;
use crate::tls::{Identity, Store};

/// How often a step is tried again whose nonce an authority did not like (RFC 8555, 6.5): it says so
/// at random, and a new one comes with its refusal.
const NONCES: usize = 20;

/// How long an authority may take to look, and to sign.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_mins(1));

/// What is asked for.
pub(super) struct Ask<'p> {
    pub(super) name: String,
    /// The way to show that the name is ours, where the authority offers it.
    pub(super) challenge: ChallengeType,
    /// Who can change its zone.
    pub(super) dns: Option<&'p Dns>,
    /// The certificate that the new one is for the place of, of the same authority.
    pub(super) replaces: Option<Identity>,
}

impl Ask<'_> {
    /// The ways to show that the name is ours, the best first. For a wildcard there is one (RFC 8555,
    /// 7.1.3 leaves it to authorities; none of them takes another).
    fn ways(&self) -> Vec<ChallengeType> {
        if schedule::is_wildcard(&self.name) {
            return vec![ChallengeType::Dns01];
        }
        let others = [ChallengeType::Http01, ChallengeType::TlsAlpn01];
        std::iter::once(self.challenge.clone())
            .chain(others)
            .collect()
    }
}

/// Obtains a certificate: its key and chain as PEM.
pub(super) async fn obtain(
    account: &Account,
    ask: &Ask<'_>,
    store: &Arc<Store>,
) -> Result<String, AcmeError> {
    let name = &ask.name;
    let mut order = begin(account, ask).await?;
    let shown = prove(&mut order, ask, store).await?;
    let verified = again(async || order.poll_ready(&PATIENCE).await).await;
    if let Some(shown) = shown {
        shown.hide().await;
    }
    if !matches!(verified, Ok(OrderStatus::Ready)) {
        return Err(refusal(&mut order, name, verified.err()).await);
    }
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    again(async || order.finalize_csr(request.der()).await).await?;
    let chain = again(async || order.poll_certificate(&PATIENCE).await).await?;
    Ok(key.serialize_pem() + &chain)
}

/// An order that names the certificate it is to replace, for which some authorities make an exception
/// of their limits (RFC 9773, 5); a plain one, where that is what the authority minds.
async fn begin(account: &Account, ask: &Ask<'_>) -> Result<Order, Error> {
    let names = [Identifier::Dns(ask.name.clone())];
    if let Some(replaced) = &ask.replaces {
        let replaced = renewal::identifier(replaced);
        let new = async || {
            let order = NewOrder::new(&names).replaces(replaced.clone());
            account.new_order(&order).await
        };
        match again(new).await {
            Err(error) if may_be_about_replaced(&error) => {
                let error = hint::chain(&error);
                debug!(name = ask.name, error, "the order names no predecessor");
            }
            done => return done,
        }
    }
    again(async || account.new_order(&NewOrder::new(&names)).await).await
}

/// It takes none, knows it not, has replaced it already, or does not say it again (which the RFC asks
/// for, and `instant-acme` insists on).
fn may_be_about_replaced(error: &Error) -> bool {
    match error {
        Error::Api(problem) => matches!(problem.status, Some(400..=428 | 430..=499)),
        Error::Unsupported(_) => true,
        other => other.to_string().starts_with("replaces field mismatch"),
    }
}

/// Does a step again as long as only its nonce is at fault.
pub(super) async fn again<T>(mut step: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 1..NONCES {
        match step().await {
            Err(error) if is_about_nonce(&error) => {}
            done => return done,
        }
    }
    step().await
}

fn is_about_nonce(error: &Error) -> bool {
    let kind = match error {
        Error::Api(problem) => problem.r#type.as_deref(),
        _ => None,
    };
    kind == Some("urn:ietf:params:acme:error:badNonce")
}

/// Shows what the authority wants to see, and has it look.
async fn prove(
    order: &mut Order,
    ask: &Ask<'_>,
    store: &Arc<Store>,
) -> Result<Option<Shown>, AcmeError> {
    for _ in 0..NONCES {
        match prove_once(order, ask, store).await {
            Err(AcmeError::Authority(error)) if is_about_nonce(&error) => {}
            done => return done,
        }
    }
    prove_once(order, ask, store).await
}

async fn prove_once(
    order: &mut Order,
    ask: &Ask<'_>,
    store: &Arc<Store>,
) -> Result<Option<Shown>, AcmeError> {
    let mut authorizations = order.authorizations();
    let Some(next) = authorizations.next().await else {
        return Ok(None);
    };
    let mut authorization = next?;
    if authorization.status == AuthorizationStatus::Valid {
        // It has looked not long ago.
        return Ok(None);
    }
    let offered = |kind: &ChallengeType| {
        authorization
            .challenges
            .iter()
            .any(|one| one.r#type == *kind)
    };
    let way = ask.ways().into_iter().find(offered);
    let way = way.ok_or(AcmeError::NoChallenge)?;
    let mut challenge = authorization
        .challenge(way.clone())
        .ok_or(AcmeError::NoChallenge)?;
    let proof = challenge.key_authorization();
    let shown = Shown::new(ask, store, &way, &challenge.token, &proof).await?;
    if let Err(error) = again(async || challenge.set_ready().await).await {
        shown.hide().await;
        return Err(error.into());
    }
    Ok(Some(shown))
}

/// Why the authority did not find the name ours, in its own words.
async fn refusal(order: &mut Order, name: &str, error: Option<Error>) -> AcmeError {
    if let Some(error) = error
        && !matches!(error, Error::Api(_))
    {
        return error.into();
    }
    let mut why = None;
    // Each answer may be one about a nonce, which says nothing of the name.
    for _ in 0..NONCES {
        why = told(order).await;
        if why.is_some() {
            break;
        }
    }
    AcmeError::NotVerified {
        name: name.to_owned(),
        why: why.unwrap_or_else(|| "it did not say why".to_owned()),
    }
}

/// What the authority says of a challenge that failed.
async fn told(order: &mut Order) -> Option<String> {
    let mut authorizations = order.authorizations();
    let mut authorization = authorizations.next().await?.ok()?;
    let _ = again(async || authorization.refresh().await.map(|_| ())).await;
    let mut problems = authorization.challenges.iter();
    problems.find_map(|challenge| challenge.error.as_ref()?.detail.clone())
}
