//! Entity tags, and lists of them in the fields of a condition (RFC 9110, 8.8.3).
//!
//! What stands in a tag's quotes is the app's, commas included; a quote cannot stand there, and a
//! backslash means nothing.

use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The tags that a condition lists, as they are written; `*` is given as it is (RFC 9110, 13.1.1 and
/// 13.1.2). What is no tag is given up to its comma, and is the same as no tag that is one.
pub(crate) fn listed<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    let fields = headers.get_all(name).into_iter();
    fields.flat_map(|field| List(field.as_bytes()))
}

/// A tag without its weakness: all that a weak comparison looks at (RFC 9110, 8.8.3.2).
pub(crate) fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// What is left of one field (RFC 9110, 5.6.1: elements may be empty).
struct List<'a>(&'a [u8]);

impl<'a> Iterator for List<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let (element, rest) = self.0.split_at(end(self.0));
            self.0 = rest.get(1..).unwrap_or_default();
            let element = element.trim_ascii();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Where the first element ends: at a comma that is not in quotes.
fn end(list: &[u8]) -> usize {
    let mut quoted = false;
    let ends = |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    list.iter().position(ends).unwrap_or(list.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderValue, IF_NONE_MATCH};
    use proptest::prelude::*;

    fn read(fields: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for field in fields {
            let field = HeaderValue::from_bytes(field).unwrap();
            headers.append(IF_NONE_MATCH, field);
        }
        let tags = listed(&headers, &IF_NONE_MATCH);
        tags.map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn commas_in_quotes_part_nothing() {
        let tags = read(&[b" \"a,b\" ,, W/\"c, d\\\",\"\"", b"*", b"bare, \"open, "]);
        let expected: [&[u8]; 6] = [
            b"\"a,b\"",
            b"W/\"c, d\\\"",
            b"\"\"",
            b"*",
            b"bare",
            b"\"open,",
        ];
        assert_eq!(tags, expected);
    }

    /// Whatever may stand in a tag.
    fn tag() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => prop::sample::select(b", W/*\\".to_vec()),
            2 => 0x23u8..=0x7e,
            1 => 0x80u8..=0xff,
        ];
        (any::<bool>(), prop::collection::vec(byte, 0..8)).prop_map(|(weak, inside)| {
            let beginning: &[u8] = if weak { b"W/\"" } else { b"\"" };
            [beginning, &inside, b"\""].concat()
        })
    }

    proptest! {
        #[test]
        fn a_list_is_the_tags_that_it_was_made_of(
            lists in prop::collection::vec(prop::collection::vec(tag(), 0..4), 0..3),
            comma in prop::sample::select(vec![",", ", ", " ,\t", ",,", " , , "]),
        ) {
            let fields: Vec<Vec<u8>> = lists.iter().map(|tags| tags.join(comma.as_bytes())).collect();
            let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(read(&fields), lists.concat());
        }
    }
}
