//! Version ranges as Poetry writes them, said in the words of PEP 440.
//!
//! Rules: <https://python-poetry.org/docs/dependency-specification/>.

/// The PEP 440 specifier of one alternative; empty where every version will do, `None` where it is
/// none of the forms that we know.
///
/// ```text
/// ^1.2.3 -> >=1.2.3,<2      ^0.2.3 -> >=0.2.3,<0.3     ^0.0.3 -> >=0.0.3,<0.0.4
/// ~1.2.3 -> >=1.2.3,<1.3    ~1 -> >=1,<2               ~=1.4 -> ~=1.4
/// 1.2.*  -> ==1.2.*         1.2 -> ==1.2               >=1, <2 -> >=1,<2
/// ```
pub(crate) fn specifier(text: &str) -> Option<String> {
    let parts: Option<Vec<String>> = words(text).iter().map(|part| one(part)).collect();
    let mut parts = parts?;
    parts.retain(|part| !part.is_empty());
    Some(parts.join(","))
}

/// The alternatives of `^1.0 || ^2.0`, in order; PEP 440 has no word for "or".
pub(crate) fn alternatives(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split('|')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// The specifier of a range that may have alternatives: what lies between them is taken in, since
/// it only has to hold for a choice that is made elsewhere. `None` where it is not understood.
pub(crate) fn hull(text: &str) -> Option<String> {
    let all: Option<Vec<String>> = alternatives(text).map(specifier).collect();
    let all = all?;
    let [first, .., last] = all.as_slice() else {
        return Some(all.into_iter().next().unwrap_or_default());
    };
    let bounds = |text: &str, signs: &[&str]| -> Vec<String> {
        let fits = |part: &&str| signs.iter().any(|sign| part.starts_with(sign));
        text.split(',').filter(fits).map(str::to_owned).collect()
    };
    let mut low = bounds(first, &[">"]);
    low.extend(bounds(last, &["<"]));
    Some(low.join(","))
}

/// Whether a range allows this Python; what is not understood allows any.
pub(crate) fn allows(text: &str, python: [u32; 3]) -> bool {
    let alternative = |text| {
        let read = specifier(text).unwrap_or_default();
        read.split(',').all(|part| holds(part, python))
    };
    let mut any = alternatives(text).peekable();
    any.peek().is_none() || any.any(alternative)
}

/// `>=3.8`, `!=3.9.*`: one comparison with the three numbers of a Python.
fn holds(part: &str, python: [u32; 3]) -> bool {
    let at = part.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let (sign, version) = part.split_at(at);
    let Some(wanted) = numbers(version.trim_end_matches(".*")) else {
        return true;
    };
    let python = python.map(u64::from);
    let mut whole = [0; 3];
    for (to, from) in whole.iter_mut().zip(&wanted) {
        *to = *from;
    }
    let alike = if version.ends_with(".*") {
        python.starts_with(&wanted[..wanted.len().min(3)])
    } else {
        python == whole
    };
    match sign {
        ">=" => python >= whole,
        ">" => python > whole,
        "<=" => python <= whole,
        "<" => python < whole,
        "==" | "===" => alike,
        "!=" => !alike,
        "~=" => python >= whole && python.starts_with(&wanted[..(wanted.len() - 1).min(3)]),
        _ => true,
    }
}

/// `>=1.0 <2.0` and `>= 1.0, < 2.0` as their comparisons.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let is_sign = |c: char| "<>=!~^".contains(c);
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match words.last_mut() {
            Some(before) if before.chars().all(is_sign) => before.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

fn one(text: &str) -> Option<String> {
    if text == "*" {
        return Some(String::new());
    }
    if let Some(version) = text.strip_prefix('^') {
        return caret(version);
    }
    if let Some(version) = text.strip_prefix('~').filter(|v| !v.starts_with('=')) {
        return tilde(version);
    }
    let at = text.find(|c: char| !"<>=!~".contains(c))?;
    let (sign, version) = text.split_at(at);
    is_version(version.trim_end_matches(".*")).then_some(())?;
    match sign {
        "" | "=" => Some(format!("=={version}")),
        // `>=3.8.*` is written at times; PEP 440 allows the star for equality only.
        "==" | "!=" | "===" => Some(text.to_owned()),
        "<" | "<=" | ">" | ">=" | "~=" => Some(format!("{sign}{}", version.trim_end_matches(".*"))),
        _ => None,
    }
}

/// Up to the next release that may break: the first number that is not zero counts.
fn caret(version: &str) -> Option<String> {
    let version = version.trim_end_matches(".*");
    let numbers = numbers(version)?;
    let at = numbers
        .iter()
        .position(|&number| number != 0)
        .unwrap_or(numbers.len() - 1);
    Some(format!(">={version},<{}", above(&numbers, at)))
}

/// Up to the next minor release, or the next major one where only that is named.
fn tilde(version: &str) -> Option<String> {
    let version = version.trim_end_matches(".*");
    let numbers = numbers(version)?;
    Some(format!(
        ">={version},<{}",
        above(&numbers, 1.min(numbers.len() - 1))
    ))
}

fn above(numbers: &[u64], at: usize) -> String {
    let mut numbers = numbers[..=at].to_vec();
    numbers[at] = numbers[at].saturating_add(1);
    let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
    words.join(".")
}

/// The numbers a version begins with: `1.2.0b1` is 1, 2, 0.
pub(crate) fn numbers(version: &str) -> Option<Vec<u64>> {
    is_version(version).then_some(())?;
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        if end == 0 {
            break;
        }
        numbers.push(part[..end].parse().ok()?);
        if end < part.len() {
            break;
        }
    }
    (!numbers.is_empty()).then_some(numbers)
}

fn is_version(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".+!-_".contains(c);
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn poetrys_ranges_become_specifiers() {
        for (text, told) in [
            ("*", ""),
            ("^1.2.3", ">=1.2.3,<2"),
            ("^1.2", ">=1.2,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0.0", ">=0.0,<0.1"),
            ("^0", ">=0,<1"),
            ("^2.0b1", ">=2.0b1,<3"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~1.2", ">=1.2,<1.3"),
            ("~1", ">=1,<2"),
            ("~=1.4", "~=1.4"),
            ("1.2.*", "==1.2.*"),
            ("1.2", "==1.2"),
            ("=1.2", "==1.2"),
            ("==1.2", "==1.2"),
            (">= 1.0, < 2.0", ">=1.0,<2.0"),
            (">=1.0 <2.0", ">=1.0,<2.0"),
            (">=3.8.*", ">=3.8"),
            ("!=1.5", "!=1.5"),
            ("^3.9,<3.13", ">=3.9,<4,<3.13"),
        ] {
            assert_eq!(specifier(text).as_deref(), Some(told), "{text}");
        }
        for text in ["latest", "^", "~x", "=>1", "1.2; x"] {
            assert_eq!(specifier(text), None, "{text}");
        }
    }

    #[test]
    fn alternatives_are_taken_with_what_lies_between() {
        assert_eq!(hull("^3.8 || ^3.10").as_deref(), Some(">=3.8,<4"));
        assert_eq!(hull("^2.7 | ^3.6").as_deref(), Some(">=2.7,<4"));
        assert_eq!(hull("^3.11").as_deref(), Some(">=3.11,<4"));
        assert_eq!(hull("*").as_deref(), Some(""));
        assert_eq!(alternatives("^1 || ^2").next_back(), Some("^2"));
    }

    #[test]
    fn pythons_are_compared_with_ranges() {
        for (range, python, fits) in [
            ("^3.10", [3, 12, 1], true),
            ("^3.10", [3, 9, 7], false),
            (">=3.8,<3.13", [3, 13, 0], false),
            ("!=3.9.*,>=3.8", [3, 9, 2], false),
            ("~=3.8", [3, 12, 0], true),
            ("~=3.8.1", [3, 9, 0], false),
            ("==3.12.*", [3, 12, 4], true),
            ("^2.7 || ^3.6", [3, 11, 0], true),
            ("*", [3, 8, 0], true),
            ("", [3, 8, 0], true),
        ] {
            assert_eq!(allows(range, python), fits, "{range} {python:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = (specifier(&text), hull(&text), allows(&text, [3, 12, 0]));
        }

        #[test]
        fn a_caret_allows_its_own_version_and_not_the_next_major(major in 1u32..99, minor in 0u32..99) {
            prop_assert_eq!(
                specifier(&format!("^{major}.{minor}")),
                Some(format!(">={major}.{minor},<{}", major + 1))
            );
        }

        #[test]
        fn what_is_a_specifier_already_stays(major in 0u32..99, minor in 0u32..99) {
            let text = format!(">={major}.{minor},<{}", major + 1);
            prop_assert_eq!(specifier(&text), Some(text));
        }
    }
}
