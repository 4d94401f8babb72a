//! The way through an HTTP proxy: `CONNECT host:port`, with a login if there is one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use crate::secret::Secret;

use super::dial::DialError;

/// Longest head of a proxy's answer, in bytes.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// An HTTP proxy; its password is never printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Name or address of its host; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// User and password.
    pub login: Option<(String, Secret)>,
}

impl Proxy {
    /// Reads `http://[user:password@]host[:port]`; `None` when there is no host in it. Port 80 if it names none.
    pub fn of(address: &Url) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!address.username().is_empty() || address.password().is_some()).then(|| {
            let password = Secret::new(decoded(address.password().unwrap_or_default()));
            (decoded(address.username()), password)
        });
        Some(Self {
            host: super::dial::host_of(address)?,
            port: address.port_or_known_default().unwrap_or(80),
            login,
        })
    }

    /// Asks the proxy at the other end of `stream` for a tunnel.
    pub(super) async fn tunnel(
        &self,
        stream: &mut TcpStream,
        host: &str,
        port: u16,
    ) -> Result<(), DialError> {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let mut head = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some((user, password)) = &self.login {
            let login = STANDARD.encode(format!("{user}:{}", password.expose()));
            head.push_str("Proxy-Authorization: Basic ");
            head.push_str(&login);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;

        // Byte by byte: what follows the head belongs to the tunnel.
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= HEAD_BYTES_MAX {
                return Err(DialError::Proxy("its answer has no end".to_owned()));
            }
            answer.push(stream.read_u8().await?);
        }
        let status = String::from_utf8_lossy(&answer);
        let status = status.lines().next().unwrap_or_default();
        match status.split(' ').nth(1) {
            Some(code) if code.starts_with('2') && status.starts_with("HTTP/1.") => Ok(()),
            _ => Err(DialError::Proxy(format!("it answered {status:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_from_its_address_and_its_password_is_not_printed() {
        let address = Url::parse("http://me:p%40ss@proxy.example:3128").unwrap();
        let proxy = Proxy::of(&address).unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("proxy.example", 3128));
        let (user, password) = proxy.login.clone().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("me", "p@ss"));
        assert!(!format!("{proxy:?}").contains("p@ss"));
    }

    #[test]
    fn a_proxy_without_port_and_login_is_on_port_80() {
        let proxy = Proxy::of(&Url::parse("http://[::1]").unwrap()).unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 80));
        assert_eq!(proxy.login, None);
    }
}
