//! `~/.aliyun/config.json`, the file of the `aliyun` command: a list of profiles, one of them current.
//!
//! *Absent* when switched off, and without a file, without such a profile, or with a profile that was never filled in.
//! *Error* when the file cannot be read, or its profile does not work.
use super::ecs_role::EcsRole;
use super::external::External;
use super::notices::Notices;
use super::oidc_role::Oidc;
use super::profile::{self, Described, PROFILE};
use super::ram_role::RamRole;
use super::{Fixed, Found, Provide, Providing, World, answer, broken, file};
use crate::credential::{Credentials, OidcRole, Role, Sts};
use crate::error::{Error, Result};
use crate::wire::json;
use serde_json::Value;
use std::path::{Path, PathBuf};

const DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
/// Profiles that stand on one another; more is a circle.
const DEEPEST: usize = 8;

pub(super) fn path(home: &Path) -> PathBuf {
    home.join(".aliyun").join("config.json")
}

/// The link of the chain.
#[derive(Debug)]
pub(super) struct CliProfile;

impl CliProfile {
    async fn look(&self, world: World<'_>, notices: &Notices) -> Result<Found> {
        if profile::is_true(world.ambient, DISABLED) {
            return Ok(Found::Absent(format!("switched off by {DISABLED}")));
        }
        let Some(home) = profile::home(world.ambient) else {
            return Ok(Found::Absent("HOME is not set".to_owned()));
        };
        let path = path(&home);
        let Some(text) = file::read(&path).await? else {
            return Ok(Found::Absent(format!("there is no '{}'", path.display())));
        };
        let name = world.ambient.variable(PROFILE);
        let described = describe(&text.text, name.as_deref(), &path)?;
        profile::ask(described, &text, world, notices).await
    }
}

impl Provide for CliProfile {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world, notices))
    }
}

/// What the named profile, or the current one, describes.
pub(super) fn describe(text: &str, name: Option<&str>, path: &Path) -> Result<Described> {
    let file = format!("'{}'", path.display());
    let config = answer::object(&file, text.as_bytes())?;
    let Some(name) = name.map(str::to_owned).or_else(|| json::text(&config, "current")).filter(|name| !name.is_empty())
    else {
        return Ok(Err(format!("{file} names no current profile")));
    };
    provider(&config, &name, &file, 0)
}

fn provider(config: &Value, name: &str, file: &str, depth: usize) -> Result<Described> {
    let profiles = config.get("profiles").and_then(Value::as_array);
    let is_it = |profile: &&Value| profile.get("name").and_then(Value::as_str) == Some(name);
    let Some(profile) = profiles.and_then(|profiles| profiles.iter().find(is_it)) else {
        return Ok(Err(format!("{file} has no profile '{name}'")));
    };
    let who = format!("profile '{name}' of {file}");
    let text = |field: &str| json::text(profile, field).filter(|text| !text.is_empty());
    let need = |field: &str| text(field).ok_or_else(|| broken(format!("{who} has no {field}")));
    let pair = |token: Option<String>| -> Result<Credentials> {
        Credentials::new(&need("access_key_id")?, &need("access_key_secret")?, token.as_deref())
            .map_err(|error| answer::said_by(&who, &error))
    };
    let named = |error: Error| answer::said_by(&who, &error);
    let role = |session: &str| -> Result<Role> {
        let vpc = profile.get("enable_vpc").and_then(Value::as_bool);
        Ok(Role {
            arn: text("ram_role_arn"),
            session_name: text(session),
            // The command writes 0 where nobody has said anything.
            duration: profile.get("expired_seconds").and_then(Value::as_u64).filter(|seconds| *seconds > 0),
            policy: text("policy"),
            external_id: text("external_id"),
            sts: Sts::new(text("sts_region"), vpc, None).map_err(named)?,
        })
    };
    Ok(Ok(match text("mode").as_deref() {
        Some("AK") | None if text("access_key_id").is_none() && text("access_key_secret").is_none() => {
            return Ok(Err(format!("{who} is empty")));
        }
        Some("AK") => Box::new(Fixed(pair(None)?)),
        Some("StsToken") => Box::new(Fixed(pair(Some(need("sts_token")?))?)),
        Some("RamRoleArn") => Box::new(RamRole::new(role("ram_session_name")?, Box::new(Fixed(pair(None)?)))),
        Some("EcsRamRole") => Box::new(EcsRole::new(text("ram_role_name"), None)),
        Some("OIDC") => Box::new(Oidc(OidcRole {
            role: Role {
                // Both spellings are in use: the first by the packages, the second by their documentation.
                session_name: text("role_session_name").or_else(|| text("ram_session_name")),
                ..role("role_session_name")?
            },
            provider_arn: text("oidc_provider_arn"),
            token_file: text("oidc_token_file").map(PathBuf::from),
        })),
        Some("ChainableRamRoleArn") if depth < DEEPEST => {
            let source = need("source_profile")?;
            let source = provider(config, &source, file, depth + 1)?
                .map_err(|why| broken(format!("{who} stands on another profile, but {why}")))?;
            Box::new(RamRole::new(role("ram_session_name")?, source))
        }
        Some("ChainableRamRoleArn") => {
            return Err(broken(format!("{who} stands on itself; change its source_profile")));
        }
        Some("External") => Box::new(External::new(need("process_command")?, who)),
        Some(mode @ ("CloudSSO" | "OAuth")) => {
            return Err(broken(format!(
                "{who} logs in through {mode}, which needs a browser; use a profile of another mode, or let the aliyun \
                 command give the credentials: a profile of mode External, or ALIBABA_CLOUD_ACCESS_KEY_ID and its siblings"
            )));
        }
        Some(other) => {
            return Err(broken(format!(
                "{who} has the mode '{other}', which is not known; choose AK, StsToken, \
                 RamRoleArn, EcsRamRole, OIDC, ChainableRamRoleArn or External"
            )));
        }
        None => return Err(broken(format!("{who} has no mode"))),
    }))
}
