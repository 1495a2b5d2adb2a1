//! The environment, read at each use.
//!
//! *Absent* when neither variable is set. *Error* when one of the two is missing, or a value cannot be right.
use super::notices::Notices;
use super::{Found, Issued, Keep, Provide, Providing, World};
use crate::ambient::Ambient;
use crate::credential::Credentials;
use crate::error::{Error, Kind, Result};

/// The environment variables of Alibaba Cloud's own tools.
pub(super) const ACCESS_KEY_ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
pub(super) const ACCESS_KEY_SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const SECURITY_TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

#[derive(Debug)]
pub(super) struct Environment;

impl Provide for Environment {
    fn provide<'a>(&'a self, world: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(std::future::ready(read(world.ambient)))
    }
}

fn read(ambient: &Ambient) -> Result<Found> {
    match (ambient.variable(ACCESS_KEY_ID), ambient.variable(ACCESS_KEY_SECRET)) {
        (Some(id), Some(secret)) => {
            let credentials = Credentials::new(&id, &secret, ambient.variable(SECURITY_TOKEN).as_deref())?;
            Ok(Found::Here(Issued { credentials, keep: Keep::Never }))
        }
        (None, None) => Ok(Found::Absent(format!("{ACCESS_KEY_ID} and {ACCESS_KEY_SECRET} are not set"))),
        (id, _) => {
            let (set, missing) = match id {
                Some(_) => (ACCESS_KEY_ID, ACCESS_KEY_SECRET),
                None => (ACCESS_KEY_SECRET, ACCESS_KEY_ID),
            };
            Err(Error::new(
                Kind::CredentialsNotFound,
                format!("{set} is set but {missing} is not; set both or neither"),
            ))
        }
    }
}
