//! The wire, pure: bytes to nouns and back. What a code means is decided in one table, [`codes`].
pub mod codes;
pub mod envelope;
pub mod json;
pub mod moderation;
pub mod oss_error;
pub mod upload_token;

/// The version of the service's interface.
pub const VERSION: &str = "2022-03-02";
/// The content type of a request with a body.
pub const FORM: &str = "application/x-www-form-urlencoded";
