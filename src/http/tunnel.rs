//! A way through a proxy: CONNECT, and the refusals that a proxy has for it.
use super::stream::Stream;
use super::{Failure, HeaderText, head};
use crate::error::Kind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Asks the proxy at the other end of a stream for a tunnel to `host:port`, which the stream is then.
pub(super) async fn open<S: Stream>(
    mut stream: S,
    target: &str,
    authorization: Option<&HeaderText>,
) -> Result<S, Failure> {
    let refused = |hint: &str| Failure::new(Kind::Proxy, false, format!("the proxy could not be used: {hint}"));
    let broken = |problem: &str| refused(&format!("it did not answer properly ({problem})"));
    let asking =
        head::connect(target, authorization).map_err(|_| refused("the endpoint's name cannot be asked for"))?;
    stream.write_all(&asking).await.map_err(|error| broken(&error.to_string()))?;
    stream.flush().await.map_err(|error| broken(&error.to_string()))?;
    let mut bytes = Vec::new();
    let status = loop {
        // Byte by byte: what follows the head is not the proxy's any more.
        let byte = stream.read_u8().await.map_err(|error| broken(&error.to_string()))?;
        bytes.push(byte);
        if byte != b'\n' && bytes.len() < head::HEAD_CAP {
            continue;
        }
        match head::parse(&bytes).map_err(|problem| broken(&problem))? {
            Some(head) if head.is_interim() => bytes.clear(),
            Some(head) => break head.status,
            None => {}
        }
    };
    match status {
        200..=299 => Ok(stream),
        407 => Err(Failure::new(
            Kind::ProxyAuthentication,
            false,
            "the proxy wants a user name and password, which go into its URL (http://user:password@host:port)",
        )),
        status => Err(refused(&format!("it refused the connection with HTTP {status}"))),
    }
}
