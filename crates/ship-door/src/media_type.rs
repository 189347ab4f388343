//! The media type of a file, by its name's ending.

/// Sorted by ending; [`of`] searches it by halves. Types as the IANA registry has them; text is
/// UTF-8, because everything else is not worth guessing for.
const TYPES: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"),
    ("aac", "audio/aac"),
    ("apng", "image/apng"),
    ("atom", "application/atom+xml"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("epub", "application/epub+zip"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("ics", "text/calendar; charset=utf-8"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("jsonld", "application/ld+json"),
    ("jxl", "image/jxl"),
    ("m4a", "audio/mp4"),
    ("m4v", "video/mp4"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mkv", "video/matroska"),
    ("mov", "video/quicktime"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("ogv", "video/ogg"),
    ("opus", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("rss", "application/rss+xml"),
    ("rtf", "application/rtf"),
    ("srt", "application/x-subrip"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("vtt", "text/vtt; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

/// The type of a file with this name; bytes where the ending is unknown, which browsers offer to
/// save rather than guess at.
pub(crate) fn of(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let ending = ending.to_ascii_lowercase();
    match TYPES.binary_search_by_key(&ending.as_str(), |(ending, _)| ending) {
        Ok(at) => TYPES[at].1,
        Err(_) => "application/octet-stream",
    }
}

/// Types that are neither `text/…` nor named `…+json` or `…+xml`, and still are text, or as good as:
/// `wasm` and fonts that are not packed themselves. Sorted.
const LIKE_TEXT: &[&str] = &[
    "application/ecmascript",
    "application/javascript",
    "application/json",
    "application/rtf",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/x-ndjson",
    "application/xml",
    "application/yaml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

/// Whether compressing makes this type smaller, given without parameters.
pub(crate) fn is_compressible(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || LIKE_TEXT.binary_search(&kind.as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(TYPES.is_sorted_by(|one, next| one.0 < next.0));
        assert!(LIKE_TEXT.is_sorted());
    }

    #[test]
    fn the_last_ending_counts_in_any_case() {
        assert_eq!(of("site.min.JS"), "text/javascript; charset=utf-8");
        assert_eq!(of("LICENSE"), "application/octet-stream");
        assert_eq!(of("a.tar.gz"), "application/gzip");
    }

    #[test]
    fn what_is_packed_already_is_not_compressed() {
        for kind in [
            "text/HTML",
            "application/ld+json",
            "image/svg+xml",
            "application/wasm",
        ] {
            assert!(is_compressible(kind), "{kind}");
        }
        for kind in [
            "image/png",
            "font/woff2",
            "application/zip",
            "application/octet-stream",
        ] {
            assert!(!is_compressible(kind), "{kind}");
        }
    }
}
