//! Images before they are sent: where they are ([`ImageUrl`], [`OssObject`], [`file`]), what they are ([`Format`]), and
//! whether the service will take them ([`check`]). Headers only: nothing is decoded here.
//!
//! Every rule here saves a call that the service would refuse, and none costs anything. The limits are those of the
//! service's page of 2025-11-24.
mod dimensions;
pub mod file;
mod format;
mod isobmff;
pub mod memory;
mod parameter;
mod probe;
mod reach;
mod url;

pub use format::Format;
pub use parameter::{DataId, InfoType, OssObject, Referer, ServiceName};
pub use probe::{CheckImage, LIMITS_AS_OF, Limits, Probe, check};
pub use reach::{FileReach, Reach, array};
pub use url::{ImageUrl, UrlPolicy};

#[cfg(test)]
mod tests;
