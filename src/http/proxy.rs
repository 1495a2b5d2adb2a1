//! Which proxy a request goes through: the one given in code, else the environment's, never one for loopback.
use crate::ambient::Ambient;
use crate::config::Network;
use crate::error::{Error, Kind, Result};
use crate::redact::{self, Secret};
use ::http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

/// A proxy and the hosts that are reached without it.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// May hold a password.
    url: Secret,
    /// A comma-separated list as `NO_PROXY` has it; empty for a proxy given in code.
    except: String,
}

impl Choice {
    /// The way to a URL: through the proxy, or `None` for one that is reached without it.
    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        Matcher::builder().all(self.url.expose()).no(self.except.as_str()).build().intercept(uri)
    }
}

/// Reads the settings and, where they allow it, the environment. All of our remote hosts speak https.
pub(super) fn choose(network: &Network, ambient: &Ambient) -> Result<Option<Choice>> {
    if let Some(proxy) = &network.proxy {
        return Ok(Some(Choice { url: check("proxy=", proxy.expose())?, except: String::new() }));
    }
    if !network.trust_env {
        return Ok(None);
    }
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, ambient.variable(name)?)));
    let Some((name, value)) = first(["HTTPS_PROXY", "https_proxy"]).or_else(|| first(["ALL_PROXY", "all_proxy"]))
    else {
        return Ok(None);
    };
    let except = first(["NO_PROXY", "no_proxy"]).map(|(_, list)| plain_list(&list)).unwrap_or_default();
    Ok(Some(Choice { url: check(name, &value)?, except }))
}

/// `*.example.com` means the same as `.example.com`; the pool's own reader knows only the latter (G12).
fn plain_list(list: &str) -> String {
    let entry = |entry: &str| match entry.trim() {
        "*" => "*".to_owned(),
        entry => entry.strip_prefix('*').unwrap_or(entry).to_owned(),
    };
    list.split(',').map(entry).filter(|entry| !entry.is_empty()).collect::<Vec<_>>().join(",")
}

/// G11: a malformed proxy is an error of the settings, and its password is never shown.
fn check(name: &str, value: &str) -> Result<Secret> {
    let text = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let shown = redact::url(&text);
    let refuse = |problem: &str| Error::new(Kind::Config, format!("{name} '{shown}' {problem}"));
    let url = Url::parse(&text)
        .map_err(|problem| Error::new(Kind::Config, format!("{name} is not a proxy URL ({problem})")))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(Secret::new(text)),
        "http" | "https" => Err(refuse("has no host")),
        scheme if scheme.starts_with("socks") => {
            Err(refuse("is a SOCKS proxy, which is not supported; give an http:// one"))
        }
        _ => Err(refuse("is neither http nor https")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(proxy: Option<&str>, trust_env: bool) -> Network {
        Network { proxy: proxy.map(Secret::new), trust_env, ca_file: None, user_agent: String::new() }
    }

    #[test]
    fn the_code_wins_over_the_environment_which_can_be_switched_off() {
        let env = Ambient::fixed(0, &[("https_proxy", "http://env:1"), ("NO_PROXY", "*.a.com, 10.0.0.0/8,,*")]);
        let chosen = |proxy, trust| choose(&network(proxy, trust), &env).unwrap();
        let shown = |choice: Choice| (choice.url.expose().to_owned(), choice.except);
        assert_eq!(chosen(Some("code:2"), true).map(shown).unwrap(), ("http://code:2".into(), String::new()));
        assert_eq!(chosen(None, true).map(shown).unwrap(), ("http://env:1".into(), ".a.com,10.0.0.0/8,*".into()));
        assert!(chosen(None, false).is_none());
    }

    /// G12.
    #[test]
    fn no_proxy_knows_names_wildcards_and_networks() {
        let env = Ambient::fixed(0, &[("https_proxy", "http://u:p@env:1"), ("NO_PROXY", "*.a.com,10.0.0.0/8,b.com")]);
        let choice = choose(&network(None, true), &env).unwrap().unwrap();
        let through = |url: &str| choice.intercept(&url.parse().unwrap());
        for direct in ["https://x.a.com/", "https://10.1.2.3/", "https://b.com/", "https://c.b.com/"] {
            assert!(through(direct).is_none(), "{direct}");
        }
        let way = through("https://green-cip.us-east-1.aliyuncs.com/").unwrap();
        assert_eq!((way.uri().host(), way.uri().port_u16()), (Some("env"), Some(1)));
        assert_eq!(way.basic_auth().unwrap(), "Basic dTpw");
    }

    /// G11.
    #[test]
    fn a_malformed_proxy_is_refused_without_showing_its_password() {
        for bad in ["socks5://u:hunter2@h:1", "ftp://u:hunter2@h", "http://u:hunter2@", "http://u:hunter2@h:99999"] {
            let error = choose(&network(Some(bad), true), &Ambient::fixed(0, &[])).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }
}
