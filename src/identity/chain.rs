//! Where credentials are looked for when none are given. The order is that of Alibaba Cloud's own packages, so that the same
//! machine has the same identity here and there:
//!
//! 1. **Environment**: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for temporary ones,
//!    `ALIBABA_CLOUD_SECURITY_TOKEN`. Goes on if neither of the pair is set; half of a pair is an error.
//! 2. **OIDC role**: only if `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and `ALIBABA_CLOUD_OIDC_TOKEN_FILE`
//!    are all set. Goes on if one is not; every failure of the role is an error.
//! 3. **`~/.aliyun/config.json`**, the file of the `aliyun` command: the profile that `ALIBABA_CLOUD_PROFILE` names, or the
//!    current one. Goes on if switched off (`ALIBABA_CLOUD_CLI_PROFILE_DISABLED=true`), and without a file, without such a
//!    profile, or with an empty one. A profile that is there and does not work is an error.
//! 4. **`~/.alibabacloud/credentials.ini`**, or the file that `ALIBABA_CLOUD_CREDENTIALS_FILE` names: the section of
//!    `ALIBABA_CLOUD_PROFILE`, or `default`. Goes on without a file or section, unless a variable names what is not there.
//! 5. **ECS instance role**, from the metadata service: unless `ALIBABA_CLOUD_ECS_METADATA_DISABLED=true`. Goes on if
//!    nothing answers within a second, or the instance has no role. If `ALIBABA_CLOUD_ECS_METADATA` names a role, every
//!    failure is an error.
//! 6. **Credentials URI**: only if `ALIBABA_CLOUD_CREDENTIALS_URI` is set; every failure is an error.
//!
//! Where Alibaba Cloud's packages go on after a failure, this chain stops at what was configured and is broken: it never
//! signs with an identity that the user did not mean. The first place that had credentials is asked from then on, alone.
use super::cli_profile::CliProfile;
use super::ecs_role::EcsRole;
use super::environment::{ACCESS_KEY_ID, ACCESS_KEY_SECRET, Environment};
use super::ini_profile::IniProfile;
use super::notices::Notices;
use super::oidc_role::OidcVariables;
use super::uri::Uri;
use super::{Found, Provide, Providing, World};
use crate::error::{Error, Kind, Result};
use std::sync::OnceLock;

#[derive(Debug)]
pub(super) struct Chain {
    links: [(&'static str, Box<dyn Provide>); 6],
    kept: OnceLock<usize>,
}

impl Default for Chain {
    fn default() -> Self {
        let links: [(&'static str, Box<dyn Provide>); 6] = [
            ("environment", Box::new(Environment)),
            ("OIDC role", Box::new(OidcVariables)),
            ("aliyun command's profile", Box::new(CliProfile)),
            ("credentials file", Box::new(IniProfile)),
            ("ECS instance role", Box::new(EcsRole::link())),
            ("credentials URI", Box::new(Uri(None))),
        ];
        Self { links, kept: OnceLock::new() }
    }
}

impl Chain {
    async fn walk(&self, world: World<'_>, notices: &Notices) -> Result<Found> {
        if let Some((name, link)) = self.kept.get().and_then(|index| self.links.get(*index)) {
            return match link.provide(world, notices).await? {
                Found::Absent(why) => Err(Error::new(
                    Kind::CredentialsNotFound,
                    format!("the credentials of this client came from the {name}, and have gone: {why}"),
                )),
                here @ Found::Here(_) => Ok(here),
            };
        }
        let mut tried = Vec::new();
        for (index, (name, link)) in self.links.iter().enumerate() {
            match link.provide(world, notices).await? {
                Found::Absent(why) => tried.push(format!("{name} ({why})")),
                here @ Found::Here(_) => {
                    let _ = self.kept.set(index);
                    return Ok(here);
                }
            }
        }
        Err(not_found(&tried))
    }
}

impl Provide for Chain {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a> {
        Box::pin(self.walk(world, notices))
    }
}

/// What to say when no place had credentials (A01): the ways out first, then what was tried.
fn not_found(tried: &[String]) -> Error {
    Error::new(
        Kind::CredentialsNotFound,
        format!(
            "no credentials found. Ways out: set {ACCESS_KEY_ID} and {ACCESS_KEY_SECRET}; pass \
             credentials=aigclens.Credentials(...); or try without an account on the emulator: aigclens.Client.local(), or \
             'aigclens demo' in a shell. Tried: credentials= (not given), {}",
            tried.join(", ")
        ),
    )
}
