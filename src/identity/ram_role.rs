//! A role that is assumed with other credentials (`AssumeRole`).
//!
//! *Absent* where the other credentials are. Everything else is an *error*.
use super::notices::Notices;
use super::{Found, Provide, Providing, World, alive, sts};
use crate::credential::Role;
use crate::error::Result;

#[derive(Debug)]
pub(super) struct RamRole {
    role: Role,
    source: Box<dyn Provide>,
}

impl RamRole {
    pub(super) fn new(role: Role, source: Box<dyn Provide>) -> Self {
        Self { role, source }
    }

    async fn look(&self, world: World<'_>, notices: &Notices) -> Result<Found> {
        match self.source.provide(world, notices).await? {
            Found::Here(source) => {
                alive(&source.credentials, world.now())?;
                sts::assume(world, &self.role, &source.credentials).await.map(Found::Here)
            }
            absent @ Found::Absent(_) => Ok(absent),
        }
    }
}

impl Provide for RamRole {
    fn provide<'a>(&'a self, world: World<'a>, notices: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world, notices))
    }
}
