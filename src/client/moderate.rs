//! The paid question: asked in a region that is well, about an image that the service can reach.
use super::prepare::Ready;
use super::route::{self, Site};
use super::{Client, Parameters};
use crate::attempt::Operation;
use crate::error::{Error, Kind, Result};
use crate::health::Way;
use crate::image::{DataId, InfoType, Referer};
use crate::service::{Success, Terms, Trail, with_trail};
use crate::upload::{self, Shelf};
use crate::wire::moderation::{self, Reference};

/// A checked question.
pub(super) struct Asked {
    pub(super) ready: Ready,
    pub(super) parameters: Parameters,
    pub(super) terms: Terms,
}

impl Client {
    /// Asks a region that is well, and another one where that turns out not to be.
    pub(super) async fn moderate_somewhere<'a>(
        &'a self,
        asked: &Asked,
        trail: &mut Trail,
        warnings: &mut Vec<&'static str>,
    ) -> Result<(Success, &'a Site)> {
        let mut tried = Vec::new();
        let mut failed: Option<Error> = None;
        while let Some((index, site, way)) = route::next(&self.sites, &tried) {
            if let Some(error) = failed.take() {
                trail.warn(format!(
                    "going on in {} after {}",
                    site.service.settings.endpoint.name(),
                    error.kind().name()
                ));
            }
            let terms = if matches!(way, Way::Probe(_)) { asked.terms.giving_way() } else { asked.terms };
            let error = match site.moderate(asked, terms, trail, warnings).await {
                Ok(success) => return Ok((success, site)),
                Err(error) => error,
            };
            drop(way);
            if !route::may_move(site, &error) || asked.terms.left().is_err() {
                return Err(error);
            }
            tried.push(index);
            failed = Some(error);
        }
        Err(failed.unwrap_or_else(|| Error::new(Kind::Internal, "a client without a region; please report it")))
    }
}

impl Site {
    async fn moderate(
        &self,
        asked: &Asked,
        terms: Terms,
        trail: &mut Trail,
        warnings: &mut Vec<&'static str>,
    ) -> Result<Success> {
        let Asked { ready, parameters, .. } = asked;
        let mut retries = self.service.retries(Operation::ImageModeration, terms);
        let mut is_second_upload = false;
        loop {
            let uploaded;
            let mut shelf = None;
            let image = match ready {
                Ready::Url(url) => Reference::Url(url.as_str()),
                Ready::Oss(object) => {
                    Reference::Oss { bucket: &object.bucket, key: &object.key, region: object.region.as_deref() }
                }
                Ready::Local(image) => {
                    let upload = Box::pin(upload::upload(&self.tokens, &self.service, image, terms, trail)).await;
                    uploaded = upload.map_err(|error| with_trail(error, trail))?;
                    shelf = Some(Shelf::new(&self.service.ambient));
                    if !uploaded.is_verified && !warnings.contains(&"upload_not_verified") {
                        warnings.push("upload_not_verified");
                    }
                    Reference::Oss { bucket: &uploaded.bucket, key: &uploaded.key, region: None }
                }
            };
            let request = moderation::Request {
                service: parameters.service.as_str(),
                image,
                data_id: parameters.data_id.as_ref().map(DataId::as_str),
                referer: parameters.referer.as_ref().map(Referer::as_str),
                info_type: parameters.info_type.as_ref().map(InfoType::as_str),
            };
            let service_parameters = request.service_parameters();
            let fields = [("Service", request.service), ("ServiceParameters", service_parameters.as_str())];
            let is_fresh = || shelf.as_ref().is_none_or(Shelf::is_fresh);
            let operation = Operation::ImageModeration;
            let outcome = self.service.persist(&mut retries, operation, &fields, terms, &is_fresh, trail).await;
            match outcome {
                // It took so long that the storage may have let go of the image: uploaded again (K07).
                Ok(None) => {}
                Ok(Some(success)) => return Ok(success),
                // The storage lost what was uploaded: once more from the start (D06).
                Err(error) if is_lost(&error, ready) && !is_second_upload && retries.at_once() => {
                    is_second_upload = true;
                }
                Err(error) => return Err(with_trail(error, trail)),
            }
        }
    }
}

/// Whether the service did not find what we have uploaded ourselves.
fn is_lost(error: &Error, ready: &Ready) -> bool {
    error.kind() == Kind::ImageDownload && matches!(ready, Ready::Local(_))
}
