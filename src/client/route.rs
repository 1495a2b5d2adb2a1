//! Which region is asked, where a client has several: the first one that is well, in the order given.
use crate::attempt::Billing;
use crate::config::Settings;
use crate::error::Error;
use crate::health::Way;
use crate::service::Service;
use crate::upload::TokenCache;
use std::sync::Arc;

/// One region: what is learned there stays there, and so do tokens and uploads.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) service: Service,
    pub(super) tokens: Arc<TokenCache>,
}

/// The settings of each region, the preferred one first.
pub(super) fn settings(settings: Arc<Settings>) -> Vec<Arc<Settings>> {
    let others = settings.failover.iter().map(|endpoint| {
        Arc::new(Settings { endpoint: endpoint.clone(), failover: Vec::new(), ..Settings::clone(&settings) })
    });
    let others: Vec<_> = others.collect();
    std::iter::once(settings).chain(others).collect()
}

/// The next region to ask, and how; `None` when each has been asked or none is well. A client with one region knows no
/// other way.
pub(super) fn next<'a>(sites: &'a [Site], asked: &[usize]) -> Option<(usize, &'a Site, Way<'a>)> {
    if sites.len() == 1 {
        return sites.first().filter(|_| asked.is_empty()).map(|site| (0, site, Way::Open));
    }
    for (index, site) in sites.iter().enumerate().filter(|(index, _)| !asked.contains(index)) {
        match site.service.experience.health.way() {
            Way::Closed => {}
            way => return Some((index, site, way)),
        }
    }
    // Nobody is well: the preferred region is as good as any.
    sites.first().filter(|_| asked.is_empty()).map(|site| (0, site, Way::Open))
}

/// Whether a call that failed in one region may go on in another: only if it has certainly cost nothing so far, since an
/// attempt whose outcome is not known would be paid for twice (M05), and only out of a region that is not well (M06).
pub(super) fn may_move(site: &Site, error: &Error) -> bool {
    error.billing() == Billing::NotBilled && error.kind().retryable() && site.service.experience.health.is_out()
}

#[cfg(test)]
mod tests;
