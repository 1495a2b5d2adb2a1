//! `~/.alibabacloud/credentials.ini`, or the file that `ALIBABA_CLOUD_CREDENTIALS_FILE` names: a section for each profile.
//!
//! *Absent* without a file, or without a section that nobody named. *Error* when a variable names what is not there, when
//! the file cannot be read, or when its section does not work.
use super::ecs_role::EcsRole;
use super::notices::Notices;
use super::oidc_role::Oidc;
use super::profile::{self, Described, PROFILE};
use super::ram_role::RamRole;
use super::{Fixed, Found, Provide, Providing, World, answer, broken, file};
use crate::ambient::Ambient;
use crate::credential::{Credentials, OidcRole, Role};
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
const DEFAULT: &str = "default";

pub(super) fn path(home: &Path, ambient: &Ambient) -> PathBuf {
    let usual = || home.join(".alibabacloud").join("credentials.ini");
    ambient.variable(FILE).map_or_else(usual, PathBuf::from)
}

/// The link of the chain.
#[derive(Debug)]
pub(super) struct IniProfile;

impl IniProfile {
    async fn look(&self, world: World<'_>, notices: &Notices) -> Result<Found> {
        let ambient = world.ambient;
        let (named_file, named_profile) = (ambient.variable(FILE), ambient.variable(PROFILE));
        let path = match (&named_file, profile::home(ambient)) {
            (None, None) => return Ok(Found::Absent("HOME is not set".to_owned())),
            (_, home) => path(&home.unwrap_or_default(), ambient),
        };
        let Some(text) = file::read(&path).await? else {
            let why = format!("there is no '{}'", path.display());
            return match named_file {
                Some(_) => Err(broken(format!("{FILE} names a file, but {why}; correct or unset it"))),
                None => named_profile.map_or_else(|| Ok(Found::Absent(why.clone())), |name| Err(nowhere(&name, &why))),
            };
        };
        let described = describe(&text.text, named_profile.as_deref(), &path)?;
        match (profile::ask(described, &text, world, notices).await?, named_profile) {
            (Found::Absent(why), Some(name)) => Err(nowhere(&name, &why)),
            (found, _) => Ok(found),
        }
    }
}

/// The profile was not in the aliyun command's file either, which came before.
fn nowhere(name: &str, why: &str) -> Error {
    broken(format!(
        "{PROFILE} names '{name}', which is no profile of the aliyun command, and {why}; correct or unset it"
    ))
}

impl Provide for IniProfile {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world, notices))
    }
}

/// What the named section, or `default`, describes.
pub(super) fn describe(text: &str, name: Option<&str>, path: &Path) -> Result<Described> {
    let file = format!("'{}'", path.display());
    let name = name.unwrap_or(DEFAULT);
    let Some(section) = sections(text).map_err(|line| unreadable(&file, line))?.remove(name) else {
        return Ok(Err(format!("{file} has no section [{name}]")));
    };
    let who = format!("section [{name}] of {file}");
    let text = |key: &str| section.get(key).filter(|value| !value.is_empty()).cloned();
    let need = |key: &str| text(key).ok_or_else(|| broken(format!("{who} has no {key}")));
    let pair = || -> Result<Credentials> {
        Credentials::new(&need("access_key_id")?, &need("access_key_secret")?, None)
            .map_err(|error| answer::said_by(&who, &error))
    };
    let role = || Role {
        arn: text("role_arn"),
        session_name: text("role_session_name"),
        policy: text("policy"),
        ..Role::default()
    };
    Ok(Ok(match text("type").as_deref() {
        Some("access_key") => Box::new(Fixed(pair()?)),
        Some("ram_role_arn") => Box::new(RamRole::new(role(), Box::new(Fixed(pair()?)))),
        Some("oidc_role_arn") => Box::new(Oidc(OidcRole {
            role: role(),
            provider_arn: text("oidc_provider_arn"),
            token_file: text("oidc_token_file_path").map(PathBuf::from),
        })),
        Some("ecs_ram_role") => Box::new(EcsRole::new(text("role_name"), None)),
        Some("rsa_key_pair") => {
            return Err(broken(format!(
                "{who} has the type rsa_key_pair, which only the site in Japan had; use access_key or ram_role_arn"
            )));
        }
        Some(other) => {
            return Err(broken(format!(
                "{who} has the type '{other}', which is not known; choose access_key, ram_role_arn, oidc_role_arn or \
                 ecs_ram_role"
            )));
        }
        None => return Err(broken(format!("{who} has no type, for example 'type = access_key'"))),
    }))
}

fn unreadable(file: &str, line: usize) -> Error {
    broken(format!("{file} cannot be read: line {line} is neither a [section] nor 'key = value', or stands twice"))
}

type Section = HashMap<String, String>;

/// Reads the file as Python's `configparser` does, which Alibaba Cloud's packages use: keys in any case, `=` or `:`, lines
/// that begin with `#` or `;` are comments, indented lines go on with the value above, `[DEFAULT]` holds for all sections.
/// Then a value ends at its first `#`, as it does there. The error is a line's number.
fn sections(text: &str) -> std::result::Result<HashMap<String, Section>, usize> {
    let mut found: HashMap<String, Section> = HashMap::new();
    let mut current: Option<String> = None;
    let mut last: Option<String> = None;
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let section = current.as_ref().and_then(|name| found.get_mut(name));
        if line.starts_with([' ', '\t'])
            && let (Some(section), Some(key)) = (section, &last)
        {
            if let Some(value) = section.get_mut(key) {
                value.push('\n');
                value.push_str(trimmed);
            }
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            if found.insert(name.to_owned(), Section::new()).is_some() {
                return Err(number);
            }
            (current, last) = (Some(name.to_owned()), None);
            continue;
        }
        let section = current.as_ref().and_then(|name| found.get_mut(name)).ok_or(number)?;
        let (key, value) = trimmed.split_once(['=', ':']).ok_or(number)?;
        let key = key.trim().to_ascii_lowercase();
        if section.insert(key.clone(), value.trim().to_owned()).is_some() {
            return Err(number);
        }
        last = Some(key);
    }
    for value in found.values_mut().flat_map(HashMap::values_mut) {
        if let Some(at) = value.find('#') {
            value.truncate(value.get(..at).unwrap_or_default().trim_end().len());
        }
    }
    let shared = found.remove("DEFAULT").unwrap_or_default();
    for section in found.values_mut() {
        for (key, value) in &shared {
            section.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M09: CR LF, `=` in a secret, comments, any case of the keys.
    #[test]
    fn the_file_is_read_as_other_packages_read_it() {
        let text = "; x\r\n[DEFAULT]\r\nType = access_key\r\n\r\n[default]\r\naccess_key_id: LTAI # mine\r\n\
                    Access_Key_Secret = a=b==\r\n[other]\r\npolicy = {\r\n  \"a\": 1}\r\ntype=x#y\r\n";
        let found = sections(text).unwrap();
        assert_eq!(found["default"]["access_key_secret"], "a=b==");
        assert_eq!(
            (found["default"]["access_key_id"].as_str(), found["default"]["type"].as_str()),
            ("LTAI", "access_key")
        );
        assert_eq!((found["other"]["policy"].as_str(), found["other"]["type"].as_str()), ("{\n\"a\": 1}", "x"));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, line) in [("a=1", 1), ("[a]\nx", 2), ("[a]\n[a]", 2), ("[a]\nk=1\nK=2", 3)] {
            assert_eq!(sections(text).unwrap_err(), line, "{text}");
        }
    }
}
