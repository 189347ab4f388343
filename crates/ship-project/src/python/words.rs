//! Which words a text has, in little room: enough to know which files need not be parsed.

/// A set of the words of one text, as a Bloom filter (<https://doi.org/10.1145/362686.362692>): a
/// word that is there is always found, of those that are not there one in some hundreds is found as well.
///
/// A word is what an identifier is in Python, wherever it stands: in code, in texts, in comments.
/// Underscores before it do not count: `_app` is `app`.
#[derive(Debug)]
pub(crate) struct Words {
    bits: Box<[u64]>,
}

/// The words of many texts together: what none of them has is asked of none.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    words: Words,
    /// Words that were added, each at a place that its hash names: most come again soon.
    recent: Box<[u64]>,
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
const RECENT: usize = 1 << 12;

/// Bits of a word. With a bit for each byte of the text there are some sixteen for each word that it
/// has: four marks mistake one word in four hundred.
const MARKS: usize = 4;

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
        self.words.may_have(word)
    }

    /// Adds the words of `other`.
    pub(crate) fn join(&mut self, other: &Self) {
        for (own, other) in self.words.bits.iter_mut().zip(&other.words.bits) {
            *own |= other;
        }
    }

    fn add(&mut self, hash: u64) {
        let recent = &mut self.recent[hash as usize % RECENT];
        if *recent != hash {
            *recent = hash;
            self.words.insert(hash);
        }
    }
}

impl Default for Vocabulary {
    fn default() -> Self {
        Self {
            words: Words::with_bits(BITS_OF_MANY),
            recent: vec![0; RECENT].into(),
        }
    }
}

impl Words {
    /// The words of `text`, which are added to `all`.
    pub(crate) fn of(text: &str, all: &mut Vocabulary) -> Self {
        let bits = text.len().next_power_of_two();
        let mut words = Self::with_bits(bits.clamp(FEWEST_BITS, MOST_BITS));
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() {
            if IN_WORDS[text[at] as usize] != Letter::Inner {
                at += 1;
                continue;
            }
            let start = at;
            while at < text.len() && IN_WORDS[text[at] as usize] != Letter::None {
                at += 1;
            }
            let hash = hash(text, start, at);
            words.insert(hash);
            all.add(hash);
        }
        words
    }

    fn with_bits(bits: usize) -> Self {
        Self {
            bits: vec![0; bits / 64].into(),
        }
    }

    /// Whether the text may have `word`; `false` is certain.
    pub(crate) fn may_have(&self, word: Word) -> bool {
        self.places(word.0)
            .iter()
            .all(|&(at, bit)| self.bits[at] & bit != 0)
    }

    fn insert(&mut self, hash: u64) {
        for (at, bit) in self.places(hash) {
            self.bits[at] |= bit;
        }
    }

    /// Where a word leaves its marks, by double hashing
    /// (<https://doi.org/10.1002/rsa.20208>).
    fn places(&self, hash: u64) -> [(usize, u64); MARKS] {
        let last = self.bits.len() * 64 - 1;
        let (first, step) = (hash as usize, (hash >> 32) as usize | 1);
        std::array::from_fn(|mark| {
            let bit = first.wrapping_add(step.wrapping_mul(mark)) & last;
            (bit / 64, 1 << (bit % 64))
        })
    }
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

/// What a byte is in an identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letter {
    None,
    /// It does not count at the beginning.
    Underscore,
    Inner,
}

/// Bytes of identifiers; what is not ASCII counts, as most of it does in Python.
const IN_WORDS: [Letter; 256] = {
    let mut table = [Letter::None; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        if letter == b'_' {
            table[byte] = Letter::Underscore;
        } else if letter.is_ascii_alphanumeric() || !letter.is_ascii() {
            table[byte] = Letter::Inner;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words_of(text: &str) -> Words {
        Words::of(text, &mut Vocabulary::default())
    }

    #[test]
    fn whole_words_are_found_wherever_they_stand() {
        let words = words_of("from a.b import _Flask\nurl = 'sqlite:///x' # größe");
        for there in ["from", "a", "Flask", "_Flask", "sqlite", "x", "größe"] {
            assert!(words.may_have(Word::new(there)), "{there}");
        }
        for missing in ["flask", "Flas", "sqlite3", "app"] {
            assert!(!words.may_have(Word::new(missing)), "{missing}");
        }
    }

    #[test]
    fn few_words_are_found_that_are_not_there() {
        let lines: Vec<String> = (0..400).map(|n| format!("name_{n} = {n}\n")).collect();
        let words = words_of(&lines.concat());
        let wrong = (0..10_000).filter(|n| words.may_have(Word::new(&format!("other_{n}"))));
        assert!(wrong.count() < 300);
    }

    #[test]
    fn words_of_many_texts_are_those_of_each() {
        let (mut all, mut others) = (Vocabulary::default(), Vocabulary::default());
        Words::of("import os", &mut all);
        Words::of("app = x\napp = y", &mut others);
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

    proptest! {
        #[test]
        fn a_word_that_is_there_is_never_missed(
            before in "[ -~\n]{0,200}", word in "_{0,2}[a-zA-Z][a-z0-9_]{0,9}", after in "[ -~\n]{0,200}"
        ) {
            let text = format!("{before} {word}.{after}");
            let mut all = Vocabulary::default();
            prop_assert!(Words::of(&text, &mut all).may_have(Word::new(&word)));
            prop_assert!(all.may_have(Word::new(&word)));
        }
    }
}
