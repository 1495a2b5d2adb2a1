//! Credentials for the attempts of a call.
use super::{Service, Terms};
use crate::credential::Credentials;
use crate::error::{Error, Kind, Result};
use crate::identity::World;
use crate::redact;
use crate::wire::codes;
use std::sync::Arc;

/// Says whose key was refused: the end of its id, never more (A17).
pub(super) fn named(error: Error, used: &Credentials) -> Error {
    match error.kind() {
        Kind::Authentication | Kind::CredentialsExpired | Kind::PermissionDenied => {
            error.adding(&format!("(access key id {})", redact::access_key_id(&used.access_key_id)))
        }
        _ => error,
    }
}

impl Service {
    fn world(&self) -> World<'_> {
        World {
            ambient: &self.ambient,
            transport: &*self.transport,
            clock: &self.experience.clock,
            user_agent: &self.settings.network.user_agent,
        }
    }

    /// The credentials for one attempt; waiting for them ends with the call.
    pub async fn credentials(&self, terms: Terms) -> Result<Arc<Credentials>> {
        let late = |_| {
            Error::new(
                Kind::DetectTimeout,
                "the call's total time-out passed before the credentials came; nothing was sent",
            )
        };
        let found = self.experience.identity.credentials(self.world());
        tokio::time::timeout(terms.left()?, found).await.map_err(late)?
    }

    /// Credentials that the service calls expired, or a token that it takes for another key's, are replaced. Says whether
    /// there are other ones now (A07, A08).
    pub(super) async fn renewed(&self, error: &Error, used: &Arc<Credentials>, terms: Terms) -> bool {
        let Ok(left) = terms.left() else { return false };
        let is_of_token = error.facts().code.as_deref().is_some_and(codes::is_about_token);
        if error.kind() != Kind::CredentialsExpired && !is_of_token {
            return false;
        }
        let other = tokio::time::timeout(left, self.experience.identity.replace(used, self.world())).await;
        matches!(other, Ok(Some(_)))
    }
}
