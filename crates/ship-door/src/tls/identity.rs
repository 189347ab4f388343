//! By what an authority knows a certificate that it signed.

use super::der::{self, OBJECT, OCTETS, SEQUENCE, one};

/// The two parts of a certificate's identifier (RFC 9773, 4.1), as they stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Of the key that signed it.
    pub(crate) authority_key: Vec<u8>,
    pub(crate) serial: Vec<u8>,
}

/// Extensions of a certificate.
const EXTENSIONS: u8 = 0xA3;

/// `id-ce-authorityKeyIdentifier` (RFC 5280, 4.2.1.1).
const AUTHORITY_KEY: [u8; 3] = [0x55, 0x1D, 0x23];

/// `keyIdentifier` in it.
const KEY_IDENTIFIER: u8 = 0x80;

impl Identity {
    /// Reads it; `None` where the certificate names no authority's key.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (serial, _) = der::serial(certificate)?;
        let (_, mut rest) = der::validity(certificate)?;
        // Subject, key, and what hardly anybody has, stand before the extensions.
        let extensions = loop {
            let (tag, content, next) = der::value(rest)?;
            if tag == EXTENSIONS {
                break one(content, SEQUENCE)?.0;
            }
            rest = next;
        };
        Some(Self {
            authority_key: authority_key(extensions)?.to_vec(),
            serial: serial.to_vec(),
        })
    }
}

fn authority_key(mut extensions: &[u8]) -> Option<&[u8]> {
    loop {
        let (extension, next) = one(extensions, SEQUENCE)?;
        let (kind, mut value) = one(extension, OBJECT)?;
        if kind == AUTHORITY_KEY {
            // Whether it is critical may stand between.
            let (tag, content, after) = der::value(value)?;
            value = if tag == OCTETS {
                content
            } else {
                one(after, OCTETS)?.0
            };
            let (fields, _) = one(value, SEQUENCE)?;
            return Some(one(fields, KEY_IDENTIFIER)?.0);
        }
        extensions = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, Issuer, KeyPair, SerialNumber};

    /// Signed by a CA whose key has this identifier.
    fn made(key: &[u8], serial: &[u8]) -> Vec<u8> {
        let mut above = CertificateParams::new(Vec::new()).unwrap();
        above.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(key.to_vec());
        above.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = Issuer::new(above, KeyPair::generate().unwrap());
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        params.use_authority_key_identifier_extension = true;
        let own = KeyPair::generate().unwrap();
        params.signed_by(&own, &issuer).unwrap().der().to_vec()
    }

    #[test]
    fn key_and_serial_number_are_read_as_they_are_encoded() {
        let identity = Identity::of(&made(&[7; 20], &[0x87, 0x65, 0x43, 0x21])).unwrap();
        assert_eq!(identity.authority_key, [7; 20]);
        // A positive number whose first bit is set has a zero before it.
        assert_eq!(identity.serial, [0, 0x87, 0x65, 0x43, 0x21]);
    }

    #[test]
    fn a_certificate_that_nobody_else_signed_has_none() {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        assert_eq!(Identity::of(made.cert.der()), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_not(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut certificate = made(&[7; 20], &[1, 2, 3]);
            let place = place.index(certificate.len());
            certificate[place] = byte;
            let _ = Identity::of(&certificate);
        }
    }
}
