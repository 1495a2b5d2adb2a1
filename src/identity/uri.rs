//! An address that answers with credentials: a helper beside a container, mostly.
//!
//! *Absent* when the environment names none. Everything else is an *error*.
use super::answer::{self, SERVER};
use super::notices::Notices;
use super::{Found, LOAD_TIME, Provide, Providing, World, broken};
use crate::error::{Error, Kind, Result};
use crate::http::{HeaderText, Request};
use crate::redact::Secret;
use crate::region;
use crate::wire::json;
use bytes::Bytes;
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

#[derive(Debug)]
pub(super) struct Uri(pub Option<String>);

impl Uri {
    async fn look(&self, world: World<'_>) -> Result<Found> {
        let Some(text) = self.0.clone().or_else(|| world.ambient.variable(VARIABLE)) else {
            return Ok(Found::Absent(format!("{VARIABLE} is not set")));
        };
        let (url, is_private) = check(&text)?;
        let who = format!("the credentials URI at {}", url.host_str().unwrap_or_default());
        let plain = |text: &str| HeaderText::Plain(text.to_owned());
        let request = Request {
            method: "GET",
            url: Secret::new(url.as_str()),
            headers: vec![("accept", plain("application/json")), ("user-agent", plain(world.user_agent))],
            body: Bytes::new(),
            is_loopback: is_private,
            time: LOAD_TIME,
        };
        let sent = world.transport.send(request).await;
        let response = sent.map_err(|failure| broken(format!("{who}: {}", failure.message)))?;
        if response.status != 200 {
            return Err(broken(format!("{who} answered HTTP {}", response.status)));
        }
        let object = answer::object(&who, &response.body)?;
        if json::text(&object, "Code").is_none_or(|code| code != "Success") {
            return Err(broken(format!("{who} did not answer with the code Success")));
        }
        answer::read(&who, &object, SERVER, true).map(Found::Here)
    }
}

/// Any host over https. Over plain http only what cannot be the internet: an address of this machine, of its link, or of a
/// private network; a name could be anybody's. Says whether it is one of these, which no proxy reaches.
fn check(text: &str) -> Result<(Url, bool)> {
    let refuse = |why: &str| Error::new(Kind::Config, format!("the credentials URI {why}"));
    let mut url =
        Url::parse(text.trim()).map_err(|_| refuse("is not a URL such as http://127.0.0.1:8080/credentials"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("must not hold a user name or password"));
    }
    url.set_fragment(None);
    let host = url.host().ok_or_else(|| refuse("has no host"))?;
    let is_private = match &host {
        Host::Ipv4(address) => is_private_v4(*address),
        Host::Ipv6(address) => is_private_v6(*address),
        Host::Domain(_) => region::is_loopback(&host),
    };
    match url.scheme() {
        "https" => {
            let is_loopback = region::is_loopback(&host);
            Ok((url, is_loopback))
        }
        "http" if is_private => Ok((url, true)),
        "http" => Err(refuse("must be https, or http to an address of this machine or of a private network")),
        _ => Err(refuse("must be http or https")),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10 is where Alibaba Cloud keeps the services of an instance.
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || first == 100 && (64..128).contains(&second)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || address.to_ipv4_mapped().is_some_and(is_private_v4)
}

impl Provide for Uri {
    fn provide<'a>(&'a self, world: World<'a>, _: &'a Notices) -> Providing<'a> {
        Box::pin(self.look(world))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_within_the_machine_and_its_private_networks() {
        for (fine, is_private) in [
            ("https://vault.example/x?y=1", false),
            ("https://localhost:1/x", true),
            ("http://127.0.0.1:1/x", true),
            ("http://[::1]:1/x", true),
            ("http://localhost/x", true),
            ("http://169.254.170.2/x", true),
            ("http://172.17.0.1/x", true),
            ("http://100.100.100.200/x", true),
            ("http://[fd00::1]/", true),
        ] {
            assert_eq!(check(fine).unwrap().1, is_private, "{fine}");
        }
        for bad in [
            "http://example.com/x",
            "http://8.8.8.8/",
            "http://[2001:db8::1]/",
            "ftp://127.0.0.1/",
            "x",
            "http://100.63.0.1/",
            "https://u:hunter2@h/",
        ] {
            let error = check(bad).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{bad}");
            assert!(!error.message().contains("hunter2"));
        }
    }
}
