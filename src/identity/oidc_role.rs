//! A role for a token of an identity provider, mostly of a pod of Kubernetes. The token's file is read for every session.
//!
//! In the chain, *absent* unless all of its three variables are set. Everything else is an *error*.
use super::notices::Notices;
use super::{Found, Provide, Providing, World, broken, file, sts};
use crate::ambient::Ambient;
use crate::credential::OidcRole;
use crate::error::Result;
use std::path::PathBuf;

const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";

#[derive(Debug)]
pub(super) struct Oidc(pub OidcRole);

impl Oidc {
    async fn look(&self, world: World<'_>) -> Result<Found> {
        let OidcRole { role, provider_arn, token_file } = &self.0;
        let variable = |name: &str| world.ambient.variable(name);
        let provider = provider_arn.clone().or_else(|| variable(PROVIDER));
        let provider = provider.ok_or_else(|| broken(format!("the OIDC role has no provider; set {PROVIDER}")))?;
        let path = token_file.clone().or_else(|| variable(TOKEN_FILE).map(PathBuf::from));
        let path = path.ok_or_else(|| broken(format!("the OIDC role has no token file; set {TOKEN_FILE}")))?;
        let text = file::read(&path).await?;
        let missing = || broken(format!("the token file '{}' of the OIDC role is not there", path.display()));
        let token = text.ok_or_else(missing)?.text;
        let token = token.trim();
        if token.is_empty() {
            return Err(broken(format!("the token file '{}' of the OIDC role is empty", path.display())));
        }
        sts::assume_with_oidc(world, role, &provider, token).await.map(Found::Here)
    }
}

impl Provide for Oidc {
    fn provide<'a>(&'a self, world: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world))
    }
}

/// The link of the chain.
#[derive(Debug)]
pub(super) struct OidcVariables;

fn unset(ambient: &Ambient) -> Vec<&'static str> {
    let names = [sts::ROLE_ARN, PROVIDER, TOKEN_FILE];
    names.into_iter().filter(|name| ambient.variable(name).is_none()).collect()
}

impl Provide for OidcVariables {
    fn provide<'a>(&'a self, world: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(async move {
            let unset = unset(world.ambient);
            if unset.is_empty() {
                return Oidc(OidcRole::default()).look(world).await;
            }
            Ok(Found::Absent(format!("not set: {}", unset.join(", "))))
        })
    }
}
