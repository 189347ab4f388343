//! Parsers under changed input, on every run of the tests: the targets that `cargo xtask fuzz` gives
//! to libFuzzer, for as long as a test may take.
//!
//! A crate has a table of [`Target`]s in its `fuzz.rs`. What a target starts from lies in
//! `fuzz/seeds/<name>/` of the repository, a file each; what once failed is kept there as well. There
//! is no luck: the same seeds are changed in the same ways each time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A name, and a function that panics where what a parser promises does not hold for these bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Changed inputs per target: some thousand are about a second.
const ROUNDS: u32 = 2000;

/// The longest input.
const LONGEST: usize = 4096;

/// What is often at a border, whatever is parsed.
const WORDS: &[&[u8]] = &[
    b"",
    b"\0",
    b"\r\n",
    b"\n",
    b" ",
    b"\t",
    b"\"",
    b"'",
    b"\\",
    b"%",
    b"%2e",
    b"..",
    b"/",
    b",",
    b";",
    b"=",
    b":",
    b"-",
    b"*",
    b"#",
    b"$",
    b"[",
    b"]",
    b"{",
    b"}",
    b"0",
    b"-1",
    b"+1",
    b"65536",
    b"4294967296",
    b"18446744073709551615",
    b"99999999999999999999",
    b"\xFF",
    b"\xC3\xA9",
    b"\xE2\x80\xA8",
    b"\xEF\xBB\xBF",
];

/// Gives every target its seeds as they are, and then changed ones.
///
/// # Panics
///
/// Where a target did; for each that did, the first such input is told, as a string literal of bytes.
pub fn hold(targets: &[Target]) {
    let broken = targets.iter().filter_map(|(name, target)| {
        let input = first_failure(name, *target)?;
        Some(format!("`{name}`: b\"{}\"", input.escape_ascii()))
    });
    let broken: Vec<String> = broken.collect();
    assert!(
        broken.is_empty(),
        "promises broken by\n{}",
        broken.join("\n")
    );
}

fn first_failure(name: &str, target: fn(&[u8])) -> Option<Vec<u8>> {
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "`fuzz/seeds/{name}` has no seed");
    let mut chance = Chance::new(name);
    let changes = (0..ROUNDS).map(|_| changed(&seeds, &mut chance));
    let fails = |input: &Vec<u8>| catch_unwind(AssertUnwindSafe(|| target(input))).is_err();
    seeds.clone().into_iter().chain(changes).find(fails)
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds")
}

/// In the order of their names, so that each run is the same.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = folder().join(name);
    let Ok(files) = std::fs::read_dir(&folder) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = files
        .map(|file| file.expect("a seed can be read").path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("a seed can be read");
    paths.iter().map(read).collect()
}

/// One of the seeds after some changes, each of a kind that libFuzzer makes.
fn changed(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut input = chance.one_of(seeds).clone();
    for _ in 0..=chance.below(5) {
        let at = chance.below(input.len() + 1);
        let end = (at + 1 + chance.below(8)).min(input.len());
        match chance.below(8) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = chance.below(256) as u8,
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].to_vec();
                let times = 1 + chance.below(4);
                insert(&mut input, at, &again.repeat(times));
            }
            4 => input.truncate(at),
            5 => {
                // The beginning of one, the end of another.
                let other = chance.one_of(seeds);
                let from = chance.below(other.len() + 1);
                input.truncate(at);
                input.extend(&other[from..]);
            }
            6 => {
                let other = chance.one_of(seeds);
                let word = a_word(other, chance).to_vec();
                insert(&mut input, at, &word);
            }
            _ => {
                let word = *chance.one_of(WORDS);
                insert(&mut input, at, word);
            }
        }
    }
    input.truncate(LONGEST);
    input
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

/// Letters and digits that stand together somewhere.
fn a_word<'s>(seed: &'s [u8], chance: &mut Chance) -> &'s [u8] {
    let words: Vec<&[u8]> = seed
        .split(|byte| !byte.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        seed
    } else {
        words[chance.below(words.len())]
    }
}

/// Numbers that look like chance and are the same each time (xorshift64*).
struct Chance(u64);

impl Chance {
    fn new(name: &str) -> Self {
        let mix = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        Self(name.bytes().fold(0xCBF2_9CE4_8422_2325, mix) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap_or(usize::MAX) % end.max(1)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len());
        &all[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_the_same_each_time_and_of_many_kinds() {
        let seeds = [b"GET /a HTTP/1.1\r\n".to_vec(), b"POST".to_vec()];
        let all = |name| {
            let mut chance = Chance::new(name);
            let inputs = (0..200).map(|_| changed(&seeds, &mut chance));
            inputs.collect::<Vec<_>>()
        };
        assert_eq!(all("a"), all("a"));
        assert_ne!(all("a"), all("b"));
        let mut kinds = all("a");
        kinds.sort();
        kinds.dedup();
        assert!(kinds.len() > 150, "{}", kinds.len());
    }
}
