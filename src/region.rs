//! Where the service is: the table of regions, and endpoints of one's own.
//!
//! The table is that of the service's pages of 2025-11-24 and 2026-01-23. The official SDK's own rule gives a wrong host
//! for four of the five international regions, so that a table is needed.
use crate::ambient::Ambient;
use crate::error::{Error, Kind, Result};
use std::net::IpAddr;
use url::{Host, Url};

/// Overrides the endpoint of every client that names none in code. Alibaba Cloud hosts and loopback only.
pub const ENDPOINT_VARIABLE: &str = "AIGCLENS_ENDPOINT";
/// Singapore: the region that every page of the service names first.
pub const DEFAULT_REGION: &str = "ap-southeast-1";
/// Region ids where `aigcDetector_global` or its siblings are served, and whether they have a VPC endpoint.
const REGIONS: [(&str, bool); 10] = [
    ("ap-southeast-1", true),
    ("us-east-1", true),
    ("us-west-1", false),
    ("eu-west-1", false),
    ("eu-central-1", true),
    ("cn-shanghai", true),
    ("cn-hangzhou", true),
    ("cn-beijing", true),
    ("cn-shenzhen", true),
    ("cn-chengdu", false),
];
const CLOUD_DOMAIN: &str = "aliyuncs.com";

/// A host that answers for the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `https`, or `http` on loopback.
    pub scheme: &'static str,
    /// Lower-case host, with the port where it is not the scheme's own: what `Host` says and the signature covers.
    pub authority: String,
    /// The region this endpoint stands for, where known.
    pub region: Option<String>,
    pub is_loopback: bool,
}

impl Endpoint {
    /// Chooses the endpoint: the one given in code, else the one of the environment, else the region's own.
    pub fn resolve(region: Option<&str>, vpc: bool, endpoint: Option<&str>, ambient: &Ambient) -> Result<Self> {
        if let Some(region) = region {
            check_region_id(region)?;
        }
        let mut chosen = match (endpoint, ambient.variable(ENDPOINT_VARIABLE)) {
            (Some(text), _) => Self::parse(text)?,
            (None, Some(text)) => Self::parse_trusted(&text)?,
            (None, None) => return Self::of_region(region.unwrap_or(DEFAULT_REGION), vpc),
        };
        if let Some(region) = region {
            chosen.region = Some(region.to_owned());
        }
        Ok(chosen)
    }

    /// The region's own endpoint (J17, M07).
    pub fn of_region(region: &str, vpc: bool) -> Result<Self> {
        let Some((id, has_vpc)) = REGIONS.iter().find(|(id, _)| *id == region) else {
            let known: Vec<_> = REGIONS.iter().map(|(id, _)| *id).collect();
            return Err(config(format!(
                "unknown region '{region}'; known are {}; for another pass endpoint=",
                known.join(", ")
            )));
        };
        if vpc && !has_vpc {
            return Err(config(format!("region {id} has no VPC endpoint; leave vpc=False or choose another region")));
        }
        let product = if vpc { "green-cip-vpc" } else { "green-cip" };
        Ok(Self {
            scheme: "https",
            authority: format!("{product}.{id}.{CLOUD_DOMAIN}"),
            region: Some((*id).to_owned()),
            is_loopback: false,
        })
    }

    /// An endpoint given in code, with or without scheme: any https host; http on loopback alone (G06).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let bare = !text.contains("://");
        let url = Url::parse(&if bare { format!("https://{text}") } else { text.to_owned() }).map_err(|problem| {
            config(format!(
                "the endpoint is not a host or URL ({problem}); give for example 'green-cip.us-east-1.aliyuncs.com'"
            ))
        })?;
        let is_loopback = url.host().is_some_and(|host| is_loopback(&host));
        let scheme = match url.scheme() {
            "https" if bare && is_loopback => "http",
            "https" => "https",
            "http" if is_loopback => "http",
            "http" => {
                return Err(config("plain http is for loopback only; use https for the endpoint".to_owned()));
            }
            other => return Err(config(format!("the endpoint's scheme '{other}' is not http or https"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(config("the endpoint must not hold a user name or password".to_owned()));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(config("the endpoint is a host only; take its path, query or fragment away".to_owned()));
        }
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        if host.is_empty() || url.port() == Some(0) {
            return Err(config("the endpoint has no host, or port 0".to_owned()));
        }
        // The port is read from a URL of the scheme in force, so that a default port is left out, as on the wire.
        let port = match (url.port(), scheme) {
            (None, "http") if bare => None,
            (Some(80), "http") => None,
            (port, _) => port,
        };
        let authority = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self { scheme, region: region_of(host), authority, is_loopback })
    }

    /// An endpoint from the environment: Alibaba Cloud or loopback, so that a variable cannot send the key elsewhere.
    fn parse_trusted(text: &str) -> Result<Self> {
        let endpoint = Self::parse(text)?;
        if endpoint.is_loopback || is_cloud_host(endpoint.host()) {
            return Ok(endpoint);
        }
        Err(config(format!(
            "{ENDPOINT_VARIABLE} names '{}', which is neither an Alibaba Cloud host nor loopback; pass endpoint= in code for another host",
            endpoint.host()
        )))
    }

    /// A region to fail over to: its id, or a host or URL.
    pub fn elsewhere(text: &str, vpc: bool) -> Result<Self> {
        if text.contains(['.', ':']) { Self::parse(text) } else { Self::of_region(text, vpc) }
    }

    /// What people call it: its region, else its host.
    pub fn name(&self) -> &str {
        self.region.as_deref().unwrap_or(&self.authority)
    }

    /// The host without its port.
    pub fn host(&self) -> &str {
        let end = self.authority.rfind(':').filter(|at| !self.authority.get(*at..).unwrap_or_default().contains(']'));
        self.authority.get(..end.unwrap_or(self.authority.len())).unwrap_or_default()
    }

    /// `scheme://authority`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

fn config(message: String) -> Error {
    Error::new(Kind::Config, message)
}

fn check_region_id(region: &str) -> Result<()> {
    let fine = !region.is_empty() && region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fine {
        Ok(())
    } else {
        Err(config("a region id is lower-case letters, digits and hyphens, for example 'us-east-1'".into()))
    }
}

/// Whether the host is Alibaba Cloud's.
pub fn is_cloud_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host.strip_suffix(CLOUD_DOMAIN).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether the host can only be this machine: a loopback address, or a name that is loopback by definition.
pub fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback()),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
    }
}

/// Whether the text is an IP address, with or without brackets: such hosts take the bucket in the path.
pub fn is_ip_address(host: &str) -> bool {
    host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn region_of(host: &str) -> Option<String> {
    let labels: Vec<&str> = host.split('.').collect();
    match labels.as_slice() {
        [product, region, "aliyuncs", "com"] if product.starts_with("green-cip") => Some((*region).to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Ambient {
        Ambient::fixed(0, &[])
    }

    #[test]
    fn every_region_of_the_table_has_its_hosts() {
        let public = |id| Endpoint::of_region(id, false).unwrap().url();
        assert_eq!(public("us-east-1"), "https://green-cip.us-east-1.aliyuncs.com");
        assert_eq!(public("eu-west-1"), "https://green-cip.eu-west-1.aliyuncs.com");
        for (id, has_vpc) in REGIONS {
            assert_eq!(Endpoint::of_region(id, true).is_ok(), has_vpc, "{id}");
        }
        assert_eq!(
            Endpoint::of_region("ap-southeast-1", true).unwrap().authority,
            "green-cip-vpc.ap-southeast-1.aliyuncs.com"
        );
        let default = Endpoint::resolve(None, false, None, &nothing()).unwrap();
        assert_eq!(default.region.as_deref(), Some(DEFAULT_REGION));
    }

    /// J17, M07.
    #[test]
    fn a_wrong_region_or_endpoint_is_refused_with_advice() {
        assert!(Endpoint::of_region("us-east-9", false).unwrap_err().message().contains("us-east-1"));
        assert!(Endpoint::of_region("us-west-1", true).unwrap_err().message().contains("no VPC endpoint"));
        for bad in [
            "http://example.com",
            "ftp://h",
            "https://u:p@h",
            "https://h/path",
            "h?x=1",
            "h#f",
            "",
            "https://h:0",
            "https://h:70000",
            "a b",
        ] {
            let error = Endpoint::parse(bad).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{bad}");
            assert!(!error.message().contains("u:p"));
        }
        assert_eq!(
            Endpoint::resolve(Some("US EAST"), false, Some("https://h"), &nothing()).unwrap_err().kind(),
            Kind::Config
        );
    }

    /// G13 and the seed's table, which prints one endpoint with its scheme and the others without.
    #[test]
    fn endpoints_are_normalised_so_that_the_signed_host_is_the_one_on_the_wire() {
        for (text, url) in [
            ("https://Green-CIP.us-east-1.aliyuncs.com/", "https://green-cip.us-east-1.aliyuncs.com"),
            ("green-cip.us-east-1.aliyuncs.com.", "https://green-cip.us-east-1.aliyuncs.com"),
            ("https://h.example:443", "https://h.example"),
            ("h.example:8443", "https://h.example:8443"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:9", "http://[::1]:9"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().url(), url, "{text}");
        }
        assert_eq!(Endpoint::parse("http://[::1]:9").unwrap().host(), "[::1]");
        assert_eq!(
            Endpoint::parse("https://green-cip.us-west-1.aliyuncs.com").unwrap().region.as_deref(),
            Some("us-west-1")
        );
    }

    #[test]
    fn the_environment_may_name_the_cloud_or_loopback_only_and_code_wins() {
        let env = |value| Ambient::fixed(0, &[(ENDPOINT_VARIABLE, value)]);
        assert_eq!(Endpoint::resolve(None, false, None, &env("evil.example")).unwrap_err().kind(), Kind::Config);
        assert_eq!(Endpoint::resolve(None, false, None, &env("evilaliyuncs.com")).unwrap_err().kind(), Kind::Config);
        let local = Endpoint::resolve(Some("us-east-1"), false, None, &env("127.0.0.1:9")).unwrap();
        assert_eq!((local.url().as_str(), local.region.as_deref()), ("http://127.0.0.1:9", Some("us-east-1")));
        let code = Endpoint::resolve(None, false, Some("https://gateway.example"), &env("127.0.0.1:9")).unwrap();
        assert_eq!(code.url(), "https://gateway.example");
    }
}
