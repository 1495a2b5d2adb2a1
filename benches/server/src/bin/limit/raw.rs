//! Connections of hyper alone, each of which makes one call after the other.
use crate::call::{BODY, SERVICE, check, headers};
use crate::{Outcome, Place};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) struct Line {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Line {
    pub(crate) async fn open(place: &Place, config: Arc<rustls::ClientConfig>) -> Outcome<Self> {
        let stream = TcpStream::connect(&place.host).await?;
        stream.set_nodelay(true)?;
        let sender = if place.is_secure {
            let name = ServerName::try_from(place.name.clone())?;
            let stream = TlsConnector::from(config).connect(name, stream).await?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender
        };
        Ok(Self { sender, host: place.host.clone() })
    }

    pub(crate) async fn call(&mut self) -> Outcome<()> {
        let mut request = hyper::Request::post(format!("/?Service={SERVICE}"));
        for (name, value) in headers(&self.host) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from_static(BODY.as_bytes())))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        check(&answer.into_body().collect().await?.to_bytes())
    }
}
