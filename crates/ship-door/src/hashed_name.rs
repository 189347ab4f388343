//! Names that change with the content of their file, as bundlers make them: such a file may be kept for
//! ever (RFC 8246).
//!
//! To keep a file too long is worse than to ask once too often. A hash in hexadecimal digits is sure
//! enough; of eight letters and figures of any kind, only what nobody would write is taken for one.

use std::path::Path;

/// What bundlers give a hash of any letters. Other files are given names by people before all.
const BUNDLED: [&str; 19] = [
    "avif", "css", "gif", "ico", "jpeg", "jpg", "js", "json", "mjs", "mp4", "otf", "png", "svg",
    "ttf", "wasm", "webm", "webp", "woff", "woff2",
];

/// What English words begin with, where it is more than one consonant.
const ONSETS: [&str; 45] = [
    "bl", "br", "ch", "chr", "cl", "cr", "dr", "dw", "fl", "fr", "gh", "gl", "gn", "gr", "kn",
    "ph", "phr", "pl", "pr", "ps", "rh", "sc", "sch", "scr", "sh", "shr", "sk", "sl", "sm", "sn",
    "sp", "sph", "spl", "spr", "sq", "st", "str", "sv", "sw", "th", "thr", "tr", "ts", "tw", "wh",
];

/// Whether the name carries a hash of the content before its ending: `main.8e0d62a3.js`,
/// `index-DiwrgTda.js`, `chunk-6HHOOTI4.js`.
pub(crate) fn is_hashed(name: &Path) -> bool {
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    let hexadecimal = stem.rsplit_once(['.', '-']);
    hexadecimal.is_some_and(|(_, hash)| is_hexadecimal(hash.as_bytes()))
        || (BUNDLED.contains(&ending) && ends_with_hash(stem.as_bytes()))
}

/// Eight or more lower-case hexadecimal digits, letters and figures both (a date such as `20240101` is
/// no hash).
fn is_hexadecimal(hash: &[u8]) -> bool {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    (8..=64).contains(&hash.len())
        && hash.iter().all(is_hex)
        && hash.iter().any(u8::is_ascii_digit)
        && hash.iter().any(u8::is_ascii_alphabetic)
}

/// Eight characters of Vite's and Rollup's (base64url, which may be a hyphen as well) or of esbuild's
/// (base32) after a hyphen or a dot.
fn ends_with_hash(stem: &[u8]) -> bool {
    let Some((before, hash)) = stem.split_last_chunk::<8>() else {
        return false;
    };
    let is_parted = before.ends_with(b".") || (before.len() > 1 && before.ends_with(b"-"));
    let is_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let others = hash.iter().filter(|byte| !byte.is_ascii_alphanumeric());
    let others = others.count();
    if !is_parted || others > 1 || !hash.iter().all(is_alphabet) {
        return false;
    }
    let is_mixed =
        hash.iter().any(u8::is_ascii_uppercase) && hash.iter().any(u8::is_ascii_lowercase);
    let is_base32 = |byte: &u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(byte);
    // `en-US-v2` is no hash; what has a hyphen has to be the stranger for it.
    let parts = parts(hash).count();
    if is_mixed {
        parts >= 5 || (others == 0 && reads_like_nothing(hash, parts))
    } else {
        hash.iter().all(is_base32) && parts >= 3 && (parts >= 5 || all_unspeakable(hash))
    }
}

/// Whether nothing in these letters of both cases is a word. Four parts are more than people write in
/// eight letters without a word; of fewer, such as the two of `DiwrgTda`, all have to be odd.
fn reads_like_nothing(hash: &[u8], parts: usize) -> bool {
    if parts == 4 {
        return !long(hash).any(|part| Sound::of(part) == Sound::Word);
    }
    all_unspeakable(hash)
}

fn all_unspeakable(hash: &[u8]) -> bool {
    long(hash).next().is_some() && long(hash).all(|part| Sound::of(part) == Sound::Unspeakable)
}

/// The parts that are long enough to be a word.
fn long(hash: &[u8]) -> impl Iterator<Item = &[u8]> {
    parts(hash).filter(|part| part.len() >= 3 && part[0].is_ascii_alphabetic())
}

/// A name as people put it together: `iOS17App` is `i`, `OS`, `17` and `App`.
fn parts(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = name;
    let parts = std::iter::from_fn(move || {
        let (part, after) = rest.split_at(first_part(rest)?);
        rest = after;
        Some(part)
    });
    parts.filter(|part| part[0].is_ascii_alphanumeric())
}

fn first_part(name: &[u8]) -> Option<usize> {
    let run =
        |from: usize, is: fn(&u8) -> bool| name[from..].iter().take_while(|it| is(it)).count();
    let first = *name.first()?;
    if first.is_ascii_digit() {
        return Some(run(0, u8::is_ascii_digit));
    }
    let capitals = run(0, u8::is_ascii_uppercase);
    let small = run(capitals, u8::is_ascii_lowercase);
    Some(match (capitals, small) {
        (0, 0) => 1,
        (0 | 1, _) | (_, 0) => capitals + small,
        // The last capital is the next word's.
        _ => capitals - 1,
    })
}

/// What letters sound like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    /// Like a word, or a name.
    Word,
    /// Like an abbreviation: `Svg`, `Html`.
    Letters,
    /// Like nothing that anybody would write: `Diwrg`, `Tda`.
    Unspeakable,
}

impl Sound {
    fn of(part: &[u8]) -> Self {
        let part = part.to_ascii_lowercase();
        let is_vowel = |byte: &u8| b"aeiouy".contains(byte);
        let Some(first) = part.iter().position(is_vowel) else {
            return Self::Letters;
        };
        let last = part.iter().rposition(is_vowel).unwrap_or(first);
        let onset = &part[..first];
        let begins = onset.len() <= 1 || ONSETS.iter().any(|it| it.as_bytes() == onset);
        // `lights`, `words`, `depth`, `cloths`: three consonants end in few letters.
        let ends = part.len() - last <= 3 || part.ends_with(b"h") || {
            let letter = part[part.len() - 1];
            b"stdk".contains(&letter)
        };
        if begins && ends {
            Self::Word
        } else {
            Self::Unspeakable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bundlers_call_a_file_by_its_content_is_known() {
        for name in [
            // Webpack and Parcel.
            "main.8e0d62a3.js",
            "css/app.5e3b2c1d4f6a.css",
            "x-0123456789abcdef.png",
            // Vite and Rollup.
            "assets/index-DiwrgTda.js",
            "assets/index-BqrfMZg1.css",
            "assets/logo-C3xk9HaB.svg",
            "assets/vendor-Dk4_aZq9.js",
            "assets/vendor-Dk4-aZq9.js",
            "assets/Inter-SemiBold-D4tQz8Lm.woff2",
            "page.B2xR7kQw.mjs",
            // esbuild.
            "chunk-6HHOOTI4.js",
            "main-2Y4KJQ7C.js",
            "styles-5K3XQ6WJ.css",
        ] {
            assert!(is_hashed(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn what_people_call_a_file_is_no_hash() {
        let ending = |name: &str| ["js", "css", "png", "woff2"].map(|it| format!("{name}.{it}"));
        for name in [
            "main",
            "report-20240101",
            "scan.deadbeef",
            "bootstrap-4.5.2.min",
            "jquery-3.7.1.min",
            "jquery-ui-datepicker",
            "vue-composition",
            "photo-IMG12345",
            "photo-IMG23456",
            "photo-IMG_2345",
            "photo-DSC02345",
            "hero-1024x768",
            "hero-1280X720",
            "shot-iPhone15",
            "shot-Galaxy23",
            "wall-Windows7",
            "logo-Version2",
            "logo-logoV2Big",
            "report-Q3REPORT",
            "player-HTML5MP4",
            "convert-JPEG2PNG",
            "convert-XLSX2CSV",
            "old-VERSION2",
            "read-README22",
            "a-PASSWORD",
            "font-OpenSans",
            "font-NotoSans",
            "font-FiraCode",
            "Inter-SemiBold",
            "Inter-Semibold",
            "Roboto-MediumIt",
            "lib-DataGrid",
            "lib-MainMenu",
            "lib-DatePick",
            "lib-MyScript",
            "lib-JsString",
            "lib-TsSchema",
            "lib-ngRouter",
            "lib-jQueryUI",
            "lib-HtmlView",
            "lib-SvgIcons",
            "lib-CssReset",
            "lib-PdfThumb",
            "lib-JsSvgCss",
            "lib-JpegLoad",
            "lib-GpuBench",
            "lib-CpuUsage",
            "lib-RgbaMask",
            "lib-WebGL2Js",
            "lib-Http2Api",
            "lib-Vue3Demo",
            "lib-Base64Js",
            "lib-Es2015Js",
            "lib-Sha256Js",
            "lib-X11Forms",
            "lib-iOS17App",
            "lib-eBook2Go",
            "lib-LaTeXDoc",
            "lib-Mp3Audio",
            "lib-MyApp123",
            "lib-UpToDate",
            "lib-HowToUse",
            "page-en-US-v2",
            "page-en_US_v2",
            "page-zh-CN-v3",
            "icon-Home-Big",
            "icon-Dark_Big",
            "texts-pt-BR.v2",
            "DiwrgTda",
            "-DiwrgTda",
            "indexDiwrgTda",
            "8e0d62a3",
        ] {
            for name in ending(name) {
                assert!(!is_hashed(Path::new(&name)), "{name}");
            }
        }
        for name in ["a.8e0d62a3", "report-DiwrgTda.pdf", "a-DiwrgTda", "é-é.js"] {
            assert!(!is_hashed(Path::new(name)), "{name}");
        }
    }

    /// Names of bundlers without luck: most are known, and none of one case alone but in base32.
    #[test]
    fn most_hashes_are_known() {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = 1_u64;
        let mut letter = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(LETTERS[(state >> 58) as usize])
        };
        let known = (0..1000).filter(|_| {
            let hash: String = std::iter::repeat_with(&mut letter).take(8).collect();
            is_hashed(Path::new(&format!("index-{hash}.js")))
        });
        let known = known.count();
        assert!(known >= 600, "{known} of 1000");
    }
}
