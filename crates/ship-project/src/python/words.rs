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

/// A word to look for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word(u64);

/// So many bits at least, and at most: the set of a large file is full at some time, and the file
/// is then parsed whatever is looked for.
const FEWEST_BITS: usize = 1 << 10;
const MOST_BITS: usize = 1 << 17;

/// Bits of a word. With a bit for each byte of the text there are some sixteen for each word that it
/// has: four marks mistake one word in four hundred.
const MARKS: usize = 4;

impl Word {
    /// The word `text`, which has none but letters, digits and underscores.
    pub(crate) fn new(text: &str) -> Self {
        let letters = text.trim_start_matches('_').bytes();
        Self(finish(letters.fold(START, step)))
    }
}

impl Words {
    /// The words of `text`.
    pub(crate) fn of(text: &str) -> Self {
        let bits = text.len().next_power_of_two();
        let bits = bits.clamp(FEWEST_BITS, MOST_BITS);
        let mut words = Self {
            bits: vec![0; bits / 64].into(),
        };
        let mut hash = None;
        for &byte in text.as_bytes() {
            if IN_WORDS[byte as usize] {
                hash = match hash {
                    None if byte == b'_' => None,
                    hash => Some(step(hash.unwrap_or(START), byte)),
                };
            } else if let Some(hash) = hash.take() {
                words.insert(finish(hash));
            }
        }
        if let Some(hash) = hash {
            words.insert(finish(hash));
        }
        words
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

/// FNV-1a (<http://www.isthe.com/chongo/tech/comp/fnv/>), one byte after the other.
const START: u64 = 0xcbf2_9ce4_8422_2325;

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

/// Spreads the last bytes over all bits.
fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

/// Bytes of identifiers; what is not ASCII counts, as most of it does in Python.
const IN_WORDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_alphanumeric() || letter == b'_' || !letter.is_ascii();
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_words_are_found_wherever_they_stand() {
        let words = Words::of("from a.b import _Flask\nurl = 'sqlite:///x' # größe");
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
        let words = Words::of(&lines.concat());
        let wrong = (0..10_000).filter(|n| words.may_have(Word::new(&format!("other_{n}"))));
        assert!(wrong.count() < 300);
    }

    proptest! {
        #[test]
        fn a_word_that_is_there_is_never_missed(
            before in "[ -~\n]{0,200}", word in "_{0,2}[a-zA-Z][a-z0-9_]{0,9}", after in "[ -~\n]{0,200}"
        ) {
            let text = format!("{before} {word}.{after}");
            prop_assert!(Words::of(&text).may_have(Word::new(&word)));
        }
    }
}
