//! The few things that are read out of a certificate's DER (X.690) by hand.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The version of a certificate, which the first one leaves out.
const VERSION: u8 = 0xA0;

/// The content of one DER value, and what follows it.
pub(super) fn one(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, content, rest) = value(bytes)?;
    (first == tag).then_some((content, rest))
}

/// A value's tag and content, and what follows it.
pub(super) fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ ..0x80 => (short, rest),
        // The low bits say how many bytes the length has.
        long => {
            let (digits, rest) = rest.split_at_checked(long & 0x7F)?;
            let add =
                |sum: usize, digit: &u8| sum.checked_mul(256)?.checked_add(usize::from(*digit));
            (digits.iter().try_fold(0, add)?, rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*first, content, rest))
}

/// The serial number of a certificate, and what follows it in the signed part (RFC 5280, 4.1).
pub(super) fn serial(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (certificate, _) = one(certificate, SEQUENCE)?;
    let (signed, _) = one(certificate, SEQUENCE)?;
    let rest = one(signed, VERSION).map_or(signed, |(_, rest)| rest);
    one(rest, INTEGER)
}

/// The validity's content, and what follows it: behind the serial number, the algorithm and the
/// issuer.
pub(super) fn validity(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = serial(certificate)?;
    let (_, rest) = one(rest, SEQUENCE)?;
    let (_, rest) = one(rest, SEQUENCE)?;
    one(rest, SEQUENCE)
}
