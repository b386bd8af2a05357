//! TLS towards a target: rustls with ring, the certificates of the system, and those that the user names beside them. Nothing
//! of it is made before the first `https://` or `grpcs://` address is dialled.

/// Whose certificates are trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Certificates in PEM that are trusted beside those of the system.
    pub certificates: Option<Vec<u8>>,
}

#[cfg(feature = "tls")]
pub(super) use with::{Tls, config, without_trust};
#[cfg(not(feature = "tls"))]
pub(super) use without::Tls;

/// Why nothing was agreed on, and what to do.
type Failed = (String, Option<String>);

#[cfg(feature = "tls")]
mod with {
    use super::super::likely;
    use super::{Failed, Trust};
    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use rustls_platform_verifier::Verifier;
    use std::cell::OnceCell;
    use std::sync::Arc;
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    pub(in super::super) struct Tls {
        trust: Trust,
        grpc: bool,
        connector: OnceCell<TlsConnector>,
    }

    impl Tls {
        pub(in super::super) fn new(trust: Trust, grpc: bool) -> Tls {
            Tls { trust, grpc, connector: OnceCell::new() }
        }

        fn connector(&self) -> Result<TlsConnector, String> {
            if let Some(connector) = self.connector.get() {
                return Ok(connector.clone());
            }
            let connector = TlsConnector::from(Arc::new(config(&self.trust, self.grpc)?));
            Ok(self.connector.get_or_init(|| connector).clone())
        }

        /// The stream under TLS, and what was agreed on.
        pub(in super::super) async fn agree(
            &self,
            host: &str,
            stream: TcpStream,
        ) -> Result<(TlsStream<TcpStream>, String), Failed> {
            let connector = self.connector().map_err(|cause| (cause, None))?;
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| (format!("{host} is no name that a certificate could have"), None))?;
            let stream = connector.connect(name, stream).await.map_err(|error| {
                let help = likely::of_tls(&error, host);
                (error.to_string(), help)
            })?;
            let (_, session) = stream.get_ref();
            let version = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
            let detail = version.replace('_', ".").replace("TLSv", "TLS ");
            Ok((stream, detail))
        }
    }

    /// How TLS is spoken: to HTTP/2 for gRPC, else to HTTP/1.1.
    pub(in super::super) fn config(trust: &Trust, grpc: bool) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let pem = trust.certificates.as_deref().unwrap_or_default();
        let named: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let named = named.map_err(|error| format!("the trusted certificates cannot be read: {error}"))?;
        let verifier = Verifier::new_with_extra_roots(named, provider.clone());
        let verifier = verifier.map_err(|error| format!("no certificates to trust: {error}"))?;
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config = versions
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![if grpc { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Ok(config)
    }

    /// TLS towards nobody: what a client of plain HTTP needs to have. No certificates of the system are read for it.
    pub(in super::super) fn without_trust() -> Result<ClientConfig, String> {
        let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let versions = versions.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        Ok(versions.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::{Failed, Trust};
    use tokio::net::TcpStream;

    pub(in super::super) struct Tls;

    impl Tls {
        pub(in super::super) fn new(_: Trust, _: bool) -> Tls {
            Tls
        }

        pub(in super::super) async fn agree(&self, _: &str, _: TcpStream) -> Result<(TcpStream, String), Failed> {
            Err(("this build of spanglass has no TLS (feature tls)".to_owned(), None))
        }
    }
}
