//! A public URL of an image, as the service's page allows it, checked before it leaves this machine.
use crate::error::{Error, Kind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// The longest URL that the service takes, in characters.
const LONGEST: usize = 2_048;

/// Which URLs are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlPolicy {
    /// Also hosts that the service cannot reach. On for the emulator, which fetches from this machine.
    pub allow_private: bool,
    /// Percent-encode what is not ASCII instead of refusing it.
    pub encode: bool,
}

/// A URL that the service can be asked about.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageUrl(String);

impl std::fmt::Debug for ImageUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A presigned URL is a password (J07): the query is left out.
        formatter.write_str(self.0.split('?').next().unwrap_or_default())
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::InvalidUrl, message)
}

impl ImageUrl {
    /// Checks a URL (J01 to J10). What is sent is what was given: the service fetches it byte for byte, and a presigned
    /// URL must not be rewritten. Only a fragment is taken off, with the warning `fragment_stripped`, and under
    /// `encode` what is not ASCII is encoded.
    pub fn parse(text: &str, policy: UrlPolicy) -> Result<(Self, Vec<&'static str>)> {
        let scheme = text.get(..8).filter(|start| start.eq_ignore_ascii_case("https://"));
        let scheme = scheme.or_else(|| text.get(..7).filter(|start| start.eq_ignore_ascii_case("http://")));
        let Some(scheme) = scheme else {
            return Err(invalid("an image URL begins with http:// or https://"));
        };
        if is_broken(text) {
            return Err(invalid(
                "the URL holds a space, a control character or a backslash; percent-encode it (a space is %20)",
            ));
        }
        let rest = text.get(scheme.len()..).unwrap_or_default();
        if is_several(rest) {
            return Err(invalid("these are several URLs; the service takes one image per call"));
        }
        let mut warnings = Vec::new();
        let bare = text.split_once('#').map_or(text, |(bare, _)| {
            warnings.push("fragment_stripped");
            bare
        });
        let url = Url::parse(bare).map_err(|problem| invalid(format!("this is not a URL ({problem})")))?;
        if !url.username().is_empty() || url.password().is_some() || authority(bare, scheme).contains('@') {
            return Err(invalid(
                "the URL holds a user name or password, which would be sent to the service; take it out",
            ));
        }
        if url.port() == Some(0) {
            return Err(invalid("port 0 is no port"));
        }
        check_host(&url, policy)?;
        let sent = if bare.is_ascii() {
            bare.to_owned()
        } else if policy.encode {
            url.as_str().to_owned()
        } else {
            return Err(not_ascii(&url));
        };
        if sent.len() > LONGEST {
            return Err(invalid(format!("the URL has {} characters; the service takes {LONGEST} at most", sent.len())));
        }
        Ok((Self(sent), warnings))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether it holds a control character, a space or a backslash.
fn is_broken(text: &str) -> bool {
    let breaks = |byte: u8| byte.is_ascii_control() || matches!(byte, b' ' | b'\\');
    text.bytes().any(breaks) || (!text.is_ascii() && text.chars().any(char::is_control))
}

fn authority<'a>(text: &'a str, scheme: &str) -> &'a str {
    let rest = text.get(scheme.len()..).unwrap_or_default();
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// A second URL behind a comma, a semicolon or a bar. One inside of a path or query is common and fine.
fn is_several(rest: &str) -> bool {
    // Hardly any has a second one at all.
    rest.contains("://")
        && [",http://", ",https://", ";http://", ";https://", "|http://", "|https://"]
            .iter()
            .any(|mark| rest.contains(mark))
}

/// Refuses with the encoded form as a suggestion (J03, J04). The query, which may be a secret, is left out of it.
fn not_ascii(url: &Url) -> Error {
    let mut shown = url.clone();
    shown.set_query(None);
    let query = if url.query().is_some() { "?..." } else { "" };
    invalid(format!(
        "the URL holds characters that are not ASCII, which the service refuses; use '{shown}{query}' or encode_url=True"
    ))
}

/// J06, J09.
fn check_host(url: &Url, policy: UrlPolicy) -> Result<()> {
    let is_public = match url.host() {
        None => return Err(invalid("the URL has no host")),
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            if name.is_empty() || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
                return Err(invalid("the URL's host name is not one"));
            }
            is_public_name(name)
        }
    };
    if is_public || policy.allow_private {
        return Ok(());
    }
    Err(invalid(
        "the URL's host is private to this machine or network: the service could not reach it, and would learn its address; \
         pass the file or its bytes instead (allow_private_urls=True sends the URL all the same)",
    ))
}

fn is_public_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let private =
        [".local", ".localhost", ".internal", ".lan", ".home.arpa", ".intranet", ".corp", ".home", ".localdomain"];
    name.contains('.') && !private.iter().any(|suffix| name.ends_with(suffix))
}

/// Whether an address can be reached from outside.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || first == 0
        || first >= 240
        // Shared address space (carrier-grade NAT), which holds Alibaba's metadata service too; benchmarking; IETF.
        || (first == 100 && (64..128).contains(&second))
        || (first == 198 && (18..20).contains(&second))
        || (first == 192 && second == 0 && third == 0))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4-mapped and -compatible, NAT64, 6to4: as public as the address inside.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // Documentation; protocols of the IETF, among them Teredo, which carries addresses from behind a NAT.
        [0x2001, 0x0db8 | 0..0x200, ..] | [0x3fff, 0..0x1000, ..] => false,
        // Global unicast is 2000::/3; everything else is local, unique local, multicast or reserved.
        [first, ..] => (first & 0xe000) == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: UrlPolicy = UrlPolicy { allow_private: false, encode: false };

    fn refused(text: &str) -> String {
        let error = ImageUrl::parse(text, STRICT).map(|_| ()).expect_err(text);
        assert_eq!(error.kind(), Kind::InvalidUrl);
        error.message().to_owned()
    }

    /// J02, J07.
    #[test]
    fn a_public_url_goes_out_as_it_was_given() {
        for text in [
            "https://img.example/cat.png",
            "HTTP://IMG.example:8080/a%20b+c*~%7E?x=1&Signature=a%2Bb%3D",
            "https://1.1.1.1/a",
            "https://[2606:4700::1111]/a",
            "https://web.archive.org/web/2020/https://img.example/cat.png",
            "https://xn--fiq228c.example/",
            &format!("https://img.example/{}", "a".repeat(2_028)),
        ] {
            let (url, warnings) = ImageUrl::parse(text, STRICT).unwrap();
            assert_eq!((url.as_str(), warnings.len()), (text, 0));
        }
        let (url, warnings) = ImageUrl::parse("https://img.example/a?token=hunter2#part", STRICT).unwrap();
        assert_eq!((url.as_str(), warnings), ("https://img.example/a?token=hunter2", vec!["fragment_stripped"]));
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    /// J01, J02, J05, J08, J09, J10.
    #[test]
    fn what_is_no_single_plain_url_is_refused() {
        for text in [
            "ftp://img.example/a",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "javascript:alert(1)",
            "//img.example/a",
            "img.example/a",
            "https://",
            "https:///a",
            "https://img.example/a b",
            "https://img.example/a\tb",
            "https://img.example/a\r\nx: y",
            "https://img.example/a\0",
            "https://img.example\\a",
            "https://img.example:0/",
            "https://img.example:70000/",
            "https://img..example/",
            "https://img.example/a,https://img.example/b",
            &format!("https://img.example/{}", "a".repeat(2_029)),
        ] {
            refused(text);
        }
        for text in
            ["https://user:hunter2@img.example/", "https://hunter2@img.example/a", "https://@img.example/hunter2"]
        {
            assert!(!refused(text).contains("hunter2"));
        }
        assert!(refused("https://img.example/a https://img.example/b").contains("space"));
    }

    /// J03, J04.
    #[test]
    fn what_is_not_ascii_is_refused_with_a_suggestion_or_encoded() {
        let message = refused("https://img.example/图.png?Signature=hunter2");
        assert!(message.contains("https://img.example/%E5%9B%BE.png?...") && !message.contains("hunter2"), "{message}");
        refused("https://图.example/a.png");
        let lenient = UrlPolicy { encode: true, ..STRICT };
        let (url, _) = ImageUrl::parse("https://图.example/图.png?q=é", lenient).unwrap();
        assert_eq!(url.as_str(), "https://xn--wcs.example/%E5%9B%BE.png?q=%C3%A9");
        let long = format!("https://img.example/{}", "图".repeat(300));
        assert!(ImageUrl::parse(&long, lenient).is_err(), "the length counts after encoding (J02)");
    }

    /// J06.
    #[test]
    fn private_hosts_are_refused_in_every_spelling_unless_allowed() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[ff02::1]",
            "localhost",
            "LOCALHOST.",
            "printer.local",
            "a.localhost",
            "metadata.google.internal",
            "intranet",
            "127.0.0.1.",
            "0177.0.0.1",
            "0X7F000001",
            "0xa9fea9fe",
            "0",
            "10.1",
            "%31%32%37.0.0.1",
            "%6c%6f%63alhost",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:7f00:1]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b:1::a00:1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[fec0::1]",
            "[fd00:ec2::254]",
            "[100::1]",
            "240.0.0.1",
            "192.0.2.1",
            "host.docker.internal",
            "kubernetes.default.svc.cluster.local",
            "nas.home.arpa",
            "localhost.localdomain",
        ] {
            let text = format!("http://{host}/a.png");
            assert!(refused(&text).contains("private"), "{host}");
            assert!(ImageUrl::parse(&text, UrlPolicy { allow_private: true, ..STRICT }).is_ok(), "{host}");
        }
        // Letters and full stops of other scripts that are read as those of an address.
        for host in ["１２７.０.０.１", "127。0。0。1", "⑩.1.1.1", "ⓛocalhost"] {
            let text = format!("http://{host}/a.png");
            refused(&text);
            let error = ImageUrl::parse(&text, UrlPolicy { encode: true, ..STRICT }).map(|_| ()).expect_err(host);
            assert!(error.message().contains("private"), "{host}");
        }
        for host in
            ["8.8.8.8", "[2606:4700::1111]", "[2001:200::1]", "[64:ff9b::808:808]", "img.example", "local.example"]
        {
            assert!(ImageUrl::parse(&format!("http://{host}/a.png"), STRICT).is_ok(), "{host}");
        }
    }
}
