//! A profile by its name, of either kind of file; and what both kinds have in common.
//!
//! *Absent* when there is no such file or profile. *Error* when it is there and does not work.
use super::file::{self, Text};
use super::notices::Notices;
use super::{Found, Issued, Keep, Provide, Providing, World, cli_profile, ini_profile};
use crate::ambient::Ambient;
use crate::error::Result;
use std::path::{Path, PathBuf};

/// Names the profile of both kinds of file.
pub(super) const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";

/// The user's home, as Alibaba Cloud's own packages look for it.
pub(super) fn home(ambient: &Ambient) -> Option<PathBuf> {
    ambient.variable("HOME").or_else(|| ambient.variable("HOMEPATH")).map(PathBuf::from)
}

/// Whether a variable says `true`.
pub(super) fn is_true(ambient: &Ambient, name: &str) -> bool {
    ambient.variable(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// A provider that a profile describes, or why the profile describes none.
pub(super) type Described = std::result::Result<Box<dyn Provide>, String>;

/// Asks what a profile describes. A key pair of the file itself is kept while the file stays as it is.
pub(super) async fn ask(described: Described, text: &Text, world: World<'_>, notices: &Notices) -> Result<Found> {
    let provider = match described {
        Ok(provider) => provider,
        Err(why) => return Ok(Found::Absent(why)),
    };
    if text.is_exposed {
        notices.exposed();
    }
    Ok(match provider.provide(world, notices).await? {
        Found::Here(Issued { credentials, keep: Keep::Never }) => {
            Found::Here(Issued { credentials, keep: Keep::File(text.stamp.clone()) })
        }
        other => other,
    })
}

#[derive(Debug)]
pub(super) struct Profile {
    name: Option<String>,
    path: Option<PathBuf>,
}

impl Profile {
    pub(super) fn new(name: Option<String>, path: Option<PathBuf>) -> Self {
        Self { name, path }
    }

    async fn look(&self, world: World<'_>, notices: &Notices) -> Result<Found> {
        let name = self.name.clone().or_else(|| world.ambient.variable(PROFILE));
        if let Some(path) = &self.path {
            return at(path, name.as_deref(), world, notices).await;
        }
        let Some(home) = home(world.ambient) else {
            return Ok(Found::Absent("HOME is not set".to_owned()));
        };
        let mut tried = Vec::new();
        for path in [cli_profile::path(&home), ini_profile::path(&home, world.ambient)] {
            match at(&path, name.as_deref(), world, notices).await? {
                Found::Absent(why) => tried.push(why),
                here @ Found::Here(_) => return Ok(here),
            }
        }
        Ok(Found::Absent(tried.join("; ")))
    }
}

/// A file says by its first character which kind it is.
async fn at(path: &Path, name: Option<&str>, world: World<'_>, notices: &Notices) -> Result<Found> {
    let Some(text) = file::read(path).await? else {
        return Ok(Found::Absent(format!("there is no file '{}'", path.display())));
    };
    let described = if text.text.trim_start().starts_with('{') {
        cli_profile::describe(&text.text, name, path)?
    } else {
        ini_profile::describe(&text.text, name, path)?
    };
    ask(described, &text, world, notices).await
}

impl Provide for Profile {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world, notices))
    }
}
