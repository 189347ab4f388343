//! Which words a text has, in little room: enough to know which files need not be parsed.

/// The words of some texts, as a Bloom filter for each (<https://doi.org/10.1145/362686.362692>), one
/// behind the other: a word that is there is always found, of those that are not there one in some
/// hundreds is found as well.
///
/// A word is what an identifier is in Python, wherever it stands: in code, in texts, in comments.
/// Underscores before it do not count: `_app` is `app`.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    bits: Vec<u64>,
}

/// Which of [`Filters`] is that of one text.
#[derive(Debug)]
pub(crate) struct Words {
    first: usize,
    count: usize,
}

/// The words of many texts together: what none of them has is asked of none.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    bits: Box<[u64]>,
    /// Words that were added, each at a place that its hash names: most come again soon.
    recent: Box<[Recent]>,
    /// How many texts were begun.
    texts: usize,
}

/// A word, and the number of the text in which it was last.
#[derive(Debug, Clone, Default)]
struct Recent {
    hash: u64,
    text: usize,
}

/// A word to look for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word(u64);

/// So many bits at least, and at most: the set of a large file is full at some time, and the file
/// is then parsed whatever is looked for.
const FEWEST_BITS: usize = 1 << 10;
const MOST_BITS: usize = 1 << 17;

/// A quarter of a megabyte: of a hundred thousand words, more than large projects have, one in a
/// thousand that are not there is found as well.
const BITS_OF_MANY: usize = 1 << 21;
const RECENT: usize = 1 << 10;

/// Bits of a word. With a bit for each byte of the text there are some sixteen for each word that it
/// has: four marks mistake one word in four hundred.
const MARKS: usize = 4;

/// So many bytes of a text are looked at together.
const BLOCK: usize = 64;

impl Word {
    /// The word `text`, which has none but letters, digits and underscores.
    pub(crate) fn new(text: &str) -> Self {
        let letters = text.trim_start_matches('_').as_bytes();
        Self(hash(letters, 0, letters.len()))
    }
}

impl Vocabulary {
    /// Whether any of the texts may have `word`; `false` is certain.
    pub(crate) fn may_have(&self, word: Word) -> bool {
        has(&self.bits, word.0)
    }

    /// Adds the words of `other`.
    pub(crate) fn join(&mut self, other: &Self) {
        for (own, other) in self.bits.iter_mut().zip(&other.bits) {
            *own |= other;
        }
    }

    /// Adds a word of the text at hand; `false` where it is known to have come in that text before.
    fn add(&mut self, hash: u64) -> bool {
        let recent = &mut self.recent[hash as usize % RECENT];
        if recent.hash == hash {
            return std::mem::replace(&mut recent.text, self.texts) != self.texts;
        }
        let text = self.texts;
        *recent = Recent { hash, text };
        insert(&mut self.bits, hash);
        true
    }
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            bits: vec![0; BITS_OF_MANY / 64].into(),
            recent: vec![Recent::default(); RECENT].into(),
            texts: 0,
        }
    }
}

impl Filters {
    /// Adds the filter of `text`; its words are added to `all`.
    pub(crate) fn add(&mut self, text: &str, all: &mut Vocabulary) -> Words {
        let bits = text.len().next_power_of_two();
        let count = bits.clamp(FEWEST_BITS, MOST_BITS) / 64;
        let first = self.bits.len();
        self.bits.resize(first + count, 0);
        let own = &mut self.bits[first..];
        all.texts += 1;
        let text = text.as_bytes();
        each_word(text, |start, end| {
            let hash = hash(text, start, end);
            if all.add(hash) {
                insert(own, hash);
            }
        });
        Words { first, count }
    }

    /// Whether the text of `words` may have `word`; `false` is certain.
    pub(crate) fn may_have(&self, words: &Words, word: Word) -> bool {
        has(&self.bits[words.first..][..words.count], word.0)
    }
}

fn has(bits: &[u64], hash: u64) -> bool {
    places(bits.len(), hash)
        .iter()
        .all(|&(at, bit)| bits[at] & bit != 0)
}

fn insert(bits: &mut [u64], hash: u64) {
    for (at, bit) in places(bits.len(), hash) {
        bits[at] |= bit;
    }
}

/// Where a word leaves its marks in a filter of this length, by double hashing
/// (<https://doi.org/10.1002/rsa.20208>).
fn places(length: usize, hash: u64) -> [(usize, u64); MARKS] {
    let last = length * 64 - 1;
    let (first, step) = (hash as usize, (hash >> 32) as usize | 1);
    std::array::from_fn(|mark| {
        let bit = first.wrapping_add(step.wrapping_mul(mark)) & last;
        (bit / 64, 1 << (bit % 64))
    })
}

/// Tells where each word of `text` begins and ends, the underscores before it left out.
fn each_word(text: &[u8], mut tell: impl FnMut(usize, usize)) {
    let mut begun = None;
    let mut finish = |start: usize, end: usize| {
        let before = text[start..end].iter().take_while(|byte| **byte == b'_');
        let start = start + before.count();
        if start < end {
            tell(start, end);
        }
    };
    // A word ends, or begins, where a byte is of another kind than the one before it. No byte is
    // looked at alone: of sixty-four it is told at once.
    let mut last = 0;
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    let mut ended = [0; BLOCK];
    ended[..rest.len()].copy_from_slice(rest);
    for (number, block) in blocks.iter().chain([&ended]).enumerate() {
        let kinds = of_words(block);
        let mut changes = kinds ^ (kinds << 1 | last);
        last = kinds >> (BLOCK - 1);
        while changes != 0 {
            let at = number * BLOCK + changes.trailing_zeros() as usize;
            changes &= changes - 1;
            match begun.take() {
                Some(start) => finish(start, at),
                None => begun = Some(at),
            }
        }
    }
}

/// Which bytes may be of an identifier, a bit for each, the first one the lowest. What is not ASCII
/// may be, as most of it is in Python.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a branch for each byte is what this does without"
)]
fn of_words(block: &[u8; BLOCK]) -> u64 {
    let mut kinds = [0; BLOCK];
    for (kind, byte) in kinds.iter_mut().zip(block) {
        // Without branches, so that many are told by one instruction.
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        *kind = u8::from(letter | digit | (*byte == b'_') | (*byte >= 0x80));
    }
    // The product of eight bytes, each 0 or 1, has them as bits in its highest byte.
    let eights = kinds.as_chunks::<8>().0.iter().rev();
    eights.fold(0, |bits, eight| {
        let high = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080);
        bits << 8 | high >> 56
    })
}

/// The hash of the word from `start` to `end`, eight bytes at a time: each is mixed in by a
/// multiplication with an odd number, whose high bits come down before the next one.
fn hash(text: &[u8], start: usize, end: usize) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, bytes: u64| {
        let mixed = (hash ^ bytes).wrapping_mul(ODD);
        mixed ^ (mixed >> 32)
    };
    let mut hash = ODD;
    let mut at = start;
    while at < end {
        // No word has a NUL: what is missing at its end is told from what is there.
        let bytes = if let Some(bytes) = text[at..].first_chunk() {
            u64::from_le_bytes(*bytes)
        } else {
            let last = text[at..].iter().rev();
            last.fold(0, |bytes, &byte| bytes << 8 | u64::from(byte))
        };
        let left = end - at;
        let kept = if left < 8 {
            (1 << (left * 8)) - 1
        } else {
            u64::MAX
        };
        hash = mix(hash, bytes & kept);
        at += 8;
    }
    // Zero is no word: see `Vocabulary::recent`.
    (hash ^ (hash >> 29)) | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The words of one text.
    struct Of {
        filters: Filters,
        words: Words,
    }

    impl Of {
        fn new(text: &str, all: &mut Vocabulary) -> Self {
            let mut filters = Filters::default();
            filters.add("before", all);
            let words = filters.add(text, all);
            filters.add("behind", all);
            Self { filters, words }
        }

        fn may_have(&self, word: &str) -> bool {
            self.filters.may_have(&self.words, Word::new(word))
        }
    }

    #[test]
    fn whole_words_are_found_wherever_they_stand() {
        let text = "from a.b import _Flask\nurl = 'sqlite:///x' # größe";
        let words = Of::new(text, &mut Vocabulary::default());
        for there in ["from", "a", "Flask", "_Flask", "sqlite", "x", "größe"] {
            assert!(words.may_have(there), "{there}");
        }
        for missing in ["flask", "Flas", "sqlite3", "app", "before", "behind"] {
            assert!(!words.may_have(missing), "{missing}");
        }
    }

    #[test]
    fn a_word_of_an_earlier_text_is_one_of_a_later_text_too() {
        let mut all = Vocabulary::default();
        for _ in 0..3 {
            assert!(Of::new("import os, os", &mut all).may_have("os"));
        }
    }

    #[test]
    fn few_words_are_found_that_are_not_there() {
        let lines: Vec<String> = (0..400).map(|n| format!("name_{n} = {n}\n")).collect();
        let words = Of::new(&lines.concat(), &mut Vocabulary::default());
        let wrong = (0..10_000).filter(|n| words.may_have(&format!("other_{n}")));
        assert!(wrong.count() < 300);
    }

    #[test]
    fn words_of_many_texts_are_those_of_each() {
        let (mut all, mut others) = (Vocabulary::default(), Vocabulary::default());
        Of::new("import os", &mut all);
        Of::new("app = x\napp = y", &mut others);
        all.join(&others);
        for there in ["import", "os", "app", "x", "y"] {
            assert!(all.may_have(Word::new(there)), "{there}");
        }
        assert!(!all.may_have(Word::new("flask")));
    }

    #[test]
    fn words_differ_by_each_of_their_letters() {
        let long = "abcdefghijklmnopqrst";
        let mut hashes: Vec<u64> = (1..=long.len())
            .map(|end| Word::new(&long[..end]).0)
            .collect();
        hashes.extend((0..long.len()).map(|at| {
            let mut other = long.to_owned();
            other.replace_range(at..=at, "0");
            Word::new(&other).0
        }));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 2 * long.len());
    }

    /// The words of a text, byte by byte.
    fn slowly(text: &str) -> Vec<&str> {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii();
        let runs = text.split(|c| !is_of_word(c));
        let words = runs.map(|run| run.trim_start_matches('_'));
        words.filter(|word| !word.is_empty()).collect()
    }

    proptest! {
        #[test]
        fn a_word_that_is_there_is_never_missed(
            before in "[ -~\n]{0,200}", word in "_{0,2}[a-zA-Z][a-z0-9_]{0,9}", after in "[ -~\n]{0,200}"
        ) {
            let text = format!("{before} {word}.{after}");
            let mut all = Vocabulary::default();
            prop_assert!(Of::new(&text, &mut all).may_have(&word));
            prop_assert!(all.may_have(Word::new(&word)));
        }

        #[test]
        fn words_are_told_as_one_by_one(text in "([_a-zé0-9Z@`{/:]{0,70}[ -~ß\n\u{0}]{0,9}){0,4}") {
            let mut told = Vec::new();
            each_word(text.as_bytes(), |start, end| told.push(&text[start..end]));
            prop_assert_eq!(told, slowly(&text));
        }
    }
}
