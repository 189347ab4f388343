//! Names as they stand in messages (RFC 1035, 3.1): here lower case, without the final dot.

/// Appends a name; `None` where it is none.
pub(super) fn write(message: &mut Vec<u8>, name: &str) -> Option<()> {
    let begin = message.len();
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let length = u8::try_from(label.len()).ok()?;
        if !(1..=63).contains(&length) {
            return None;
        }
        message.push(length);
        message.extend(label.to_ascii_lowercase().bytes());
    }
    message.push(0);
    (message.len() - begin <= 255).then_some(())
}

/// Reads a name that begins `at`, and moves on behind it. Parts of it may stand earlier in the
/// message (RFC 1035, 4.1.4). `None` where it is none, or holds what no name of ours does.
pub(super) fn read(message: &[u8], at: &mut usize) -> Option<String> {
    let mut name = String::new();
    let mut place = *at;
    let mut behind = None;
    loop {
        let length = *message.get(place)?;
        match length >> 6 {
            0 => {
                let label = message.get(place + 1..place + 1 + usize::from(length))?;
                place += 1 + label.len();
                if label.is_empty() {
                    *at = behind.unwrap_or(place);
                    return (name.len() < 255).then_some(name);
                }
                if !label
                    .iter()
                    .all(|byte| byte.is_ascii_graphic() && *byte != b'.')
                {
                    return None;
                }
                if !name.is_empty() {
                    name.push('.');
                }
                name.extend(
                    label
                        .iter()
                        .map(|byte| char::from(byte.to_ascii_lowercase())),
                );
            }
            3 => {
                let low = *message.get(place + 1)?;
                let target = usize::from(length & 0x3F) << 8 | usize::from(low);
                behind.get_or_insert(place + 2);
                // Backwards only: so there is an end.
                if target >= place {
                    return None;
                }
                place = target;
            }
            _ => return None,
        }
        if name.len() > 255 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_part_that_stands_earlier_is_found() {
        let mut message = Vec::new();
        write(&mut message, "blog.example").unwrap();
        let begin = message.len();
        message.extend(b"\x03WWW\xC0\x05!");
        let mut at = begin;
        assert_eq!(read(&message, &mut at).as_deref(), Some("www.example"));
        assert_eq!(message[at], b'!');
    }

    #[test]
    fn what_leads_nowhere_is_no_name() {
        for message in [
            &b"\xC0\x00"[..],
            b"\x01a\xC0\x02",
            b"\x05a",
            b"\x40a\0",
            b"\x01a",
        ] {
            let last = message.len().saturating_sub(2);
            for at in [0, last] {
                assert_eq!(read(message, &mut at.clone()), None, "{message:?}");
            }
        }
        let long = "a".repeat(64);
        for name in ["a..b", ".a", long.as_str(), &"a.".repeat(128)] {
            assert_eq!(write(&mut Vec::new(), name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_read_back_what_they_write(name in "([a-z0-9_-]{1,63}\\.){0,3}[a-z0-9_*-]{1,50}") {
            let mut message = Vec::new();
            write(&mut message, &name).unwrap();
            let mut at = 0;
            prop_assert_eq!(read(&message, &mut at), Some(name));
            prop_assert_eq!(at, message.len());
        }

        #[test]
        fn any_bytes_are_read_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..300) {
            let _ = read(&bytes, &mut at.clone());
        }
    }
}
