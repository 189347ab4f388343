//! Compresses a stream piece by piece, so that what went in can be had out at any moment.

use std::fmt;
use std::io::{self, Write as _};

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder as ZstdEncoder;
use zstd::zstd_safe::CParameter;

use crate::accept_encoding::Coding;

/// How far back a repetition is looked for, as a power of two: pages repeat themselves at close
/// quarters, and memory for this is held as long as a visitor reads.
const WINDOW: u32 = 17;

/// Of the tables in which repetitions are looked for.
const TABLE: u32 = 15;

/// Where the next percent costs more time than sending it.
const ZSTD_LEVEL: i32 = 3;
const BROTLI_QUALITY: i32 = 4;
const GZIP_LEVEL: u32 = 5;

/// One stream on its way.
pub(crate) enum Encoder {
    Zstd(ZstdEncoder<'static, Vec<u8>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(GzEncoder<Vec<u8>>),
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoder")
    }
}

impl Encoder {
    /// `length`: of the whole, where it is known. It keeps the tables of small answers small.
    pub(crate) fn new(coding: Coding, length: Option<u64>) -> io::Result<Self> {
        Ok(match coding {
            Coding::Zstd => Self::Zstd(zstd(length)?),
            Coding::Brotli => Self::Brotli(Box::new(brotli(length))),
            Coding::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))),
        })
    }

    /// Takes a piece in; what comes out of it may have to wait for more.
    pub(crate) fn push(&mut self, piece: &[u8]) -> io::Result<()> {
        match self {
            Self::Zstd(encoder) => encoder.write_all(piece),
            Self::Brotli(encoder) => encoder.write_all(piece),
            Self::Gzip(encoder) => encoder.write_all(piece),
        }
    }

    /// Brings everything out that went in.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(encoder) => encoder.flush(),
            Self::Brotli(encoder) => encoder.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }

    /// What has come out so far.
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Zstd(encoder) => encoder.get_mut(),
            Self::Brotli(encoder) => encoder.get_mut(),
            Self::Gzip(encoder) => encoder.get_mut(),
        }
    }

    /// The rest, with the end of the stream.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Brotli(encoder) => Ok(encoder.into_inner()),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

fn zstd(length: Option<u64>) -> io::Result<ZstdEncoder<'static, Vec<u8>>> {
    let mut encoder = ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?;
    encoder.set_parameter(CParameter::WindowLog(WINDOW))?;
    encoder.set_parameter(CParameter::HashLog(TABLE))?;
    encoder.set_parameter(CParameter::ChainLog(TABLE))?;
    encoder.set_pledged_src_size(length)?;
    Ok(encoder)
}

fn brotli(length: Option<u64>) -> CompressorWriter<Vec<u8>> {
    let length = length.and_then(|length| usize::try_from(length).ok());
    // 10 is the least that the format has.
    let needed = length.map_or(WINDOW, |length| {
        (length + 16).next_power_of_two().ilog2().max(10)
    });
    let params = BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: needed.min(WINDOW).cast_signed(),
        size_hint: length.unwrap_or(0),
        ..BrotliEncoderParams::default()
    };
    CompressorWriter::with_params(Vec::new(), 4096, &params)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Read as _;

    use proptest::prelude::*;

    /// What a visitor makes of it; an error where it is cut off.
    pub(crate) fn decoded(coding: Coding, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        match coding {
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes)?.read_to_end(&mut out),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out),
        }?;
        Ok(out)
    }

    /// What can be read of a stream that has not ended.
    fn seen(coding: Coding, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let _ = match coding {
            Coding::Zstd => zstd::stream::read::Decoder::new(bytes)
                .unwrap()
                .read_to_end(&mut out),
            Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out),
            Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_end(&mut out),
        };
        out
    }

    fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = prop::collection::vec(prop::sample::select(b"abc <>\n".to_vec()), 0..3000);
        let noise = prop::collection::vec(any::<u8>(), 0..3000);
        prop::collection::vec(prop_oneof![text, noise], 0..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_compressed_is_read_as_it_was(pieces in pieces(), known: bool) {
            let whole = pieces.concat();
            let length = known.then_some(whole.len() as u64);
            for coding in Coding::QUICKEST {
                let mut encoder = Encoder::new(coding, length).unwrap();
                for piece in &pieces {
                    encoder.push(piece).unwrap();
                }
                let bytes = encoder.finish().unwrap();
                prop_assert_eq!(decoded(coding, &bytes).unwrap(), whole.clone());
            }
        }

        #[test]
        fn after_a_flush_everything_so_far_can_be_read(pieces in pieces()) {
            for coding in Coding::QUICKEST {
                let mut encoder = Encoder::new(coding, None).unwrap();
                let (mut sent, mut so_far) = (Vec::new(), Vec::new());
                for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                    encoder.push(piece).unwrap();
                    encoder.flush().unwrap();
                    sent.append(encoder.out());
                    so_far.extend_from_slice(piece);
                    prop_assert_eq!(seen(coding, &sent), so_far.clone());
                }
                sent.extend(encoder.finish().unwrap());
                prop_assert_eq!(decoded(coding, &sent).unwrap(), so_far);
            }
        }
    }
}
