//! Who asks: the client's key, and what it may use.
//!
//! Off on loopback until the first key exists or the configuration asks for keys; from then on every request needs one,
//! and revoking the last does not open the door again. A client's key is never passed on and never logged.

use http::{HeaderMap, StatusCode, header};
use pointsman_kernel::{Scope, TargetId, Tenant};
use pointsman_store::{KeyRecord, KeyRing};
use std::sync::Arc;

use crate::config::KeysRule;
use crate::error::Refusal;
use crate::snapshot::Snapshot;

/// The tenant of requests without a key.
const LOCAL: &str = "local";

/// Whoever sent a request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whose request it is.
    pub tenant: Tenant,
    /// The key's id.
    pub key: Option<Arc<str>>,
    /// What it may use.
    pub scope: Scope,
}

impl Caller {
    /// Whether the key may ask for a target by its name. Targets that the key lists say so themselves. One that lists
    /// routes alone may name what those choose among, and nothing else: otherwise its routes would limit nothing.
    #[must_use]
    pub fn may_name(&self, snapshot: &Snapshot, target: &TargetId) -> bool {
        if self.scope.targets.is_some() || self.scope.routes.is_none() {
            return self.scope.allows_target(target.as_str()) && self.is_granted(snapshot, target);
        }
        let mut routes = snapshot.routes.iter().filter(|(name, _)| self.scope.allows_route(name));
        let chooses = routes.any(|(_, route)| {
            route.asks_first(target) || route.route.targets.iter().any(|own| own.id == *target)
        });
        chooses && self.is_granted(snapshot, target)
    }

    /// Whether the key was granted what the target requires; one that is not there requires nothing.
    fn is_granted(&self, snapshot: &Snapshot, target: &TargetId) -> bool {
        snapshot.targets.get(target).is_none_or(|served| self.scope.grants(&served.target.requires))
    }
}

/// Checks the key of a request, by the rule in force.
///
/// # Errors
/// No key where one is needed, or one that is unknown or revoked.
pub fn caller(ring: &KeyRing, rule: KeysRule, request: &HeaderMap) -> Result<Caller, Refusal> {
    if !ring.any_exist() {
        return match rule {
            KeysRule::Auto => Ok(Caller { tenant: Tenant::from(LOCAL), key: None, scope: Scope::default() }),
            KeysRule::Always => Err(refused(
                "`keys.required` is `always` and there is no client key yet: make one with `pointsman keys create NAME`",
            )),
        };
    }
    let Some(presented) = presented(request) else {
        return Err(refused(
            "no client key: send `authorization: Bearer pm-...`; `pointsman keys create` makes one",
        ));
    };
    match ring.check(presented) {
        Some(record) => Ok(of_record(&record)),
        None => Err(refused("the client key is unknown or revoked; `pointsman keys create` makes a new one")),
    }
}

fn of_record(record: &KeyRecord) -> Caller {
    Caller { tenant: record.tenant.clone(), key: Some(Arc::clone(&record.id)), scope: record.scope.clone() }
}

fn presented(request: &HeaderMap) -> Option<&str> {
    let bearer = request.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let plain = || ["x-api-key", "api-key"].iter().find_map(|name| request.get(*name)?.to_str().ok());
    bearer.or_else(plain)
}

fn refused(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "invalid_api_key", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_each_kind_of_client_puts_it() {
        for (name, value) in [("authorization", "bearer pm-1"), ("x-api-key", "pm-1"), ("api-key", "pm-1")] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(presented(&headers), Some("pm-1"));
        }
        let mut basic = HeaderMap::new();
        basic.insert("authorization", "Basic cG06MQ==".parse().unwrap());
        assert_eq!(presented(&basic), None);
    }
}
