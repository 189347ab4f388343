use proptest::prelude::*;

use super::*;

/// What becomes of bytes: the reason and place of a refusal, or whether they end between requests.
fn verdict(pieces: &[&[u8]]) -> Result<bool, (usize, &'static str)> {
    let mut framing = Framing::new();
    let mut before = 0;
    for piece in pieces {
        let refused = |refusal: Refusal| (before + refusal.at, refusal.why);
        framing.follow(piece).map_err(refused)?;
        before += piece.len();
    }
    Ok(matches!(framing.part, Part::Before))
}

fn why(bytes: &str) -> &'static str {
    match verdict(&[bytes.as_bytes()]) {
        Ok(_) => "accepted",
        Err((_, why)) => why,
    }
}

/// One case a line: the reason of the refusal, or `accepted`, then the request with its control
/// bytes escaped.
const CORPUS: &str = include_str!("corpus.txt");

fn cases() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let lines = CORPUS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (verdict, request) = line.split_once(" <- ").expect("a verdict and a request");
        (verdict, unescape(request))
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next() {
                Some(b'r') => b'\r',
                Some(b'n') => b'\n',
                Some(b't') => b'\t',
                Some(b'0') => 0,
                Some(b'f') => 0xFF,
                other => other.expect("something is escaped"),
            },
            byte => byte,
        });
    }
    bytes
}

#[test]
fn our_corpus_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    for (expected, request) in cases() {
        let is = match verdict(&[&request]) {
            Ok(true) => "accepted",
            Ok(false) => "waits",
            Err((_, why)) => why,
        };
        if is != expected {
            wrong.push(format!(
                "{is:?} and not {expected:?}: {}",
                request.escape_ascii()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn where_bytes_are_split_does_not_matter() {
    for (_, request) in cases() {
        let whole = verdict(&[&request]);
        for at in 0..=request.len() {
            let (first, second) = request.split_at(at);
            assert_eq!(
                verdict(&[first, second]),
                whole,
                "{at} in {}",
                request.escape_ascii()
            );
        }
        let bytes: Vec<&[u8]> = request.chunks(1).collect();
        assert_eq!(verdict(&bytes), whole, "{}", request.escape_ascii());
    }
}

#[test]
fn a_method_is_refused_as_soon_as_it_is_too_long() {
    assert_eq!(why(&"A".repeat(21)), "the method is none");
    assert_eq!(why(&"A".repeat(70_000)), "the method is none");
    assert_eq!(why(&"A".repeat(20)), "accepted");
}

/// A request of the grammar, and how many bytes it has.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::sample::select(vec!["GET /", "POST /a?b", "DELETE http://a/b", "OPTIONS *"]);
    let field = prop::sample::select(vec![
        "X: y",
        "Accept:*/*",
        "Cookie: a=b; c=\u{e9}",
        "Empty:",
    ]);
    let fields = prop::collection::vec(field, 0..4);
    let body = prop_oneof![
        Just(Vec::new()),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(counted),
        prop::collection::vec((prop::collection::vec(any::<u8>(), 1..20), 0..3usize), 0..4)
            .prop_map(|chunks| chunked(&chunks)),
    ];
    (line, fields, body).prop_map(|(line, fields, body)| {
        let mut request = format!("{line} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        for field in fields {
            request.extend(field.as_bytes());
            request.extend(b"\r\n");
        }
        if body.is_empty() {
            request.extend(b"\r\n");
        }
        request.extend(body);
        request
    })
}

fn counted(body: Vec<u8>) -> Vec<u8> {
    let head = format!("Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), &body].concat()
}

fn chunked(chunks: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut all = b"Transfer-Encoding: Chunked\r\n\r\n".to_vec();
    for (data, extension) in chunks {
        let extension = ["", ";a", ";a=b;c=\"d;\\\"\""][*extension];
        all.extend(format!("{:x}{extension}\r\n", data.len()).as_bytes());
        all.extend(data);
        all.extend(b"\r\n");
    }
    all.extend(b"0\r\nX-Sum: 1\r\n\r\n");
    all
}

proptest! {
    #[test]
    fn requests_of_the_grammar_are_accepted_wherever_they_are_split(
        requests in prop::collection::vec(request(), 1..4),
        piece in 1..50usize,
    ) {
        let all = requests.concat();
        let pieces: Vec<&[u8]> = all.chunks(piece).collect();
        prop_assert_eq!(verdict(&pieces), Ok(true));
    }

    #[test]
    fn changed_requests_are_judged_the_same_wherever_they_are_split(
        requests in prop::collection::vec(request(), 1..3),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"\r\n\0 :;,\t".to_vec())],
        removes in any::<bool>(),
        piece in 1..50usize,
    ) {
        let mut all = requests.concat();
        let place = place.index(all.len());
        if removes { all.remove(place); } else { all[place] = byte; }
        let pieces: Vec<&[u8]> = all.chunks(piece).collect();
        prop_assert_eq!(verdict(&pieces), verdict(&[&all]));
    }

    #[test]
    fn any_bytes_have_a_verdict_within_them(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err((at, _)) = verdict(&[&bytes]) {
            prop_assert!(at < bytes.len());
        }
    }
}
