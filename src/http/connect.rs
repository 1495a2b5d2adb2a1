//! A TCP connection to a name: every address it has gets its chance, the next one without waiting for a dead one.
use super::Failure;
use super::progress::Metered;
use crate::error::Kind;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The head start of an address over the next one (RFC 8305 names 250 ms): a dead address costs this much, and no more.
const HEAD_START: Duration = Duration::from_millis(250);
/// Silence after which the system asks whether the peer is still there, and how often it asks (F11).
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Sent data that stays unacknowledged this long means that the peer has vanished; longer than any attempt by default.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Connects to a host, whose time is limited by the caller.
pub(super) async fn tcp(host: &str, port: u16) -> Result<Metered<TcpStream>, Failure> {
    let addresses = resolve(host, port).await?;
    let stream = race(addresses).await.map_err(|error| unconnected(&error))?;
    tune(&stream).map_err(|error| unconnected(&error))?;
    Ok(Metered::new(stream))
}

async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let unresolved =
        |text: &str| Failure::new(Kind::Dns, false, format!("the host name {host} could not be resolved: {text}"));
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| unresolved(&error.to_string()))?;
    let addresses = interleaved(found.collect());
    if addresses.is_empty() { Err(unresolved("it has no address")) } else { Ok(addresses) }
}

/// The two families by turns, beginning with the one that the resolver prefers: a broken family costs one head start (F24).
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let prefers_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|address| address.is_ipv6() == prefers_v6);
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return ordered,
            (one, other) => ordered.extend(one.into_iter().chain(other)),
        }
    }
}

/// The first address that accepts. A refusal starts the next one at once; silence starts it after a head start.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "there is no address to connect to");
    if waiting.len() == 1 {
        return match waiting.next() {
            Some(only) => TcpStream::connect(only).await,
            None => Err(last),
        };
    }
    // Dropping the set, when one has won or the caller gives up, ends the others.
    let mut running = JoinSet::new();
    loop {
        if let Some(address) = waiting.next() {
            running.spawn(TcpStream::connect(address));
        }
        let finished = if waiting.len() == 0 {
            running.join_next().await
        } else {
            match tokio::time::timeout(HEAD_START, running.join_next()).await {
                Ok(finished) => finished,
                Err(_) => continue,
            }
        };
        match finished {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => last = error,
            Some(Err(_)) => last = io::Error::other("connecting failed inside the client"),
            None if waiting.len() == 0 => return Err(last),
            None => {}
        }
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Not every system has each of these, and none is worth failing for.
    #[cfg(target_os = "linux")]
    {
        use rustix::net::sockopt;
        let _ = sockopt::set_socket_keepalive(stream, true);
        let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
        let _ = sockopt::set_tcp_keepintvl(stream, KEEPALIVE);
        let _ = sockopt::set_tcp_user_timeout(stream, u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX));
    }
    Ok(())
}

/// No connection. A machine that has run out of something says so, since another attempt at once would not help (F19).
fn unconnected(error: &io::Error) -> Failure {
    #[cfg(unix)]
    if let Some(code) = error.raw_os_error() {
        use rustix::io::Errno;
        let spent = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL];
        if spent.iter().any(|errno| errno.raw_os_error() == code) {
            let message = format!(
                "this machine has no file descriptor, port or memory left for a connection ({error}); \
                 lower the number of calls under way, or raise the limit (ulimit -n)"
            );
            return Failure::new(Kind::ResourceExhausted, false, message);
        }
    }
    if error.kind() == io::ErrorKind::TimedOut {
        return Failure::new(Kind::ConnectTimeout, false, "no connection: the address does not answer");
    }
    Failure::new(Kind::Connect, false, format!("no connection: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn refusing() -> SocketAddr {
        listener().await.1
    }

    /// F02: a first address that refuses.
    #[tokio::test]
    async fn a_refusing_address_gives_way_to_the_next() {
        let (_listener, alive) = listener().await;
        let stream = race(vec![refusing().await, refusing().await, alive]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
    }

    /// F02, F24: a first address that is silent. 192.0.2.1 is set apart for documentation and never answers; where the
    /// machine refuses it at once instead, the test shows the same.
    #[tokio::test]
    async fn a_silent_address_costs_a_head_start_and_not_the_connect_time_out() {
        let (_listener, alive) = listener().await;
        let race = race(vec!["192.0.2.1:9".parse().unwrap(), alive]);
        let stream = tokio::time::timeout(Duration::from_secs(3), race).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
    }

    /// F03.
    #[tokio::test]
    async fn addresses_that_all_refuse_end_in_the_last_refusal() {
        for count in [1, 3] {
            let mut addresses = Vec::new();
            for _ in 0..count {
                addresses.push(refusing().await);
            }
            let failure = unconnected(&race(addresses).await.unwrap_err());
            assert_eq!((failure.kind, failure.sent), (Kind::Connect, false));
        }
    }

    /// F24.
    #[test]
    fn the_families_take_turns_and_the_preferred_one_goes_first() {
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
        assert_eq!(
            interleaved(list(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"])),
            list(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"])
        );
        assert_eq!(interleaved(list(&["1.1.1.1:1", "[::1]:1"])), list(&["1.1.1.1:1", "[::1]:1"]));
    }

    /// F01: `.invalid` is a name that by definition does not exist.
    #[tokio::test]
    async fn a_name_without_an_address_is_a_dns_failure_and_nothing_was_sent() {
        let failure = tcp("no-such-host.invalid", 80).await.unwrap_err();
        assert_eq!((failure.kind, failure.sent), (Kind::Dns, false));
    }

    /// F11: the system asks whether a silent peer is still there, and gives up on what stays unacknowledged.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_system_watches_over_a_connection() {
        use rustix::net::sockopt;
        let (_listener, address) = listener().await;
        let stream = race(vec![address]).await.unwrap();
        tune(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(sockopt::socket_keepalive(&stream).unwrap());
        assert_eq!(sockopt::tcp_keepidle(&stream).unwrap(), KEEPALIVE);
        assert_eq!(sockopt::tcp_keepintvl(&stream).unwrap(), KEEPALIVE);
        assert_eq!(u128::from(sockopt::tcp_user_timeout(&stream).unwrap()), UNACKNOWLEDGED.as_millis());
    }

    /// F19.
    #[test]
    fn a_machine_without_descriptors_or_ports_says_so() {
        for code in [libc_code(rustix::io::Errno::MFILE), libc_code(rustix::io::Errno::ADDRNOTAVAIL)] {
            let failure = unconnected(&io::Error::from_raw_os_error(code));
            assert_eq!((failure.kind, failure.sent), (Kind::ResourceExhausted, false));
        }
    }

    fn libc_code(errno: rustix::io::Errno) -> i32 {
        errno.raw_os_error()
    }
}
