//! DTLS for the clients whose random numbers follow from the run's seed. The
//! arithmetic stays real; what remains of the operating system's randomness
//! (keys, signatures) changes the length of a handshake by a byte or two and
//! nothing else.

use std::{cell::Cell, sync::Arc, time::Instant};

use client::crypto::{
    CryptoError, CryptoProvider,
    dtls::{
        DtlsCert, DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, DtlsVersion,
        ProtocolVersion,
    },
    from_feature_flags,
};

thread_local! {
    /// A run has a thread of its own, so this is the run's.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Everything random in str0m follows from `seed` from now on, in this thread.
pub(crate) fn seed_thread(seed: u64) {
    fastrand::seed(seed);
    NEXT.set(seed);
}

/// The provider to build clients with.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static DTLS: SeededDtls = SeededDtls;
    Arc::new(CryptoProvider {
        dtls_provider: &DTLS,
        ..from_feature_flags()
    })
}

#[derive(Debug)]
struct SeededDtls;

impl DtlsProvider for SeededDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let seed = NEXT.replace(NEXT.get().wrapping_add(1));
        let mut builder = dimpl::Config::builder()
            .use_server_cookie(false)
            .dangerously_set_rng_seed(seed);
        if let Some(mtu) = mtu {
            builder = builder.mtu(mtu);
        }
        let config = builder
            .build()
            .map_err(|error| CryptoError::Other(error.to_string()))?;
        // DTLS 1.2, as str0m itself uses by default.
        let dtls = dimpl::Dtls::new_12(Arc::new(config), cert.clone(), now);
        Ok(Box::new(Instance(dtls)))
    }
}

struct Instance(dimpl::Dtls);

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeededDtls")
    }
}

impl DtlsInstance for Instance {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buf)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
