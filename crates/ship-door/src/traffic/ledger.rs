//! The book of traffic on disk: `traffic.json` in the door's folder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file;
use ship_base::hint;
use ship_base::lock::Lock;
use ship_base::name::AppName;
use tracing::error;

use crate::error::{BookError, Error};
use crate::table::{Budget, Level};
use crate::traffic::Counts;

/// The version of the book's JSON.
pub const VERSION: u32 = 1;

/// Months that are kept: this one, and a year.
const MONTHS: usize = 13;

/// What was counted, by app and month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// [`VERSION`].
    pub version: u32,
    /// By app; months as `2026-11`, in UTC.
    pub apps: BTreeMap<AppName, BTreeMap<String, Month>>,
}

/// The traffic of one app in one month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Month {
    /// Bytes that went out to visitors.
    pub sent: u64,
    /// Bytes that came from visitors.
    pub received: u64,
    /// What was said about it last; `None` while there was nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What was said about a month's traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Of this budget, in bytes.
    pub budget: u64,
    /// How much of it was used.
    pub level: Level,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            version: VERSION,
            apps: BTreeMap::new(),
        }
    }
}

impl Book {
    /// What was counted for an app in a month (`2026-11`).
    pub fn month(&self, app: &AppName, month: &str) -> Option<&Month> {
        self.apps.get(app)?.get(month)
    }

    pub(super) fn add(&mut self, app: &AppName, month: &str, news: Counts) {
        let months = self.apps.entry(app.clone()).or_default();
        let month = months.entry(month.to_owned()).or_default();
        month.sent = month.sent.saturating_add(news.sent);
        month.received = month.received.saturating_add(news.received);
    }

    /// What has to be said of an app now: once for each budget and level.
    pub(super) fn tell(&mut self, app: &AppName, month: &str, budget: &Budget) -> Option<Level> {
        let month = self.apps.get_mut(app)?.get_mut(month)?;
        let level = budget.level(month.sent);
        (level > said(month, budget)).then(|| {
            let told = Told {
                budget: budget.bytes,
                level,
            };
            month.told = Some(told);
            level
        })
    }

    /// Whether nothing has to be said of an app now.
    pub(super) fn is_told(&self, app: &AppName, month: &str, budget: &Budget) -> bool {
        let month = self.month(app, month);
        month.is_none_or(|month| budget.level(month.sent) <= said(month, budget))
    }

    /// Forgets the oldest months of all, and apps of which nothing is left.
    fn forget_old(&mut self) {
        let all: BTreeSet<&String> = self.apps.values().flat_map(BTreeMap::keys).collect();
        let Some(oldest) = all.into_iter().rev().nth(MONTHS - 1).cloned() else {
            return;
        };
        self.apps.retain(|_, months| {
            months.retain(|month, _| *month >= oldest);
            !months.is_empty()
        });
    }
}

fn said(month: &Month, budget: &Budget) -> Level {
    let of_this = month.told.filter(|told| told.budget == budget.bytes);
    of_this.map_or(Level::Within, |told| told.level)
}

/// The book in a door's folder; an empty one where there is none.
///
/// # Errors
///
/// Where it cannot be read, is no book, or has a version that is not known.
pub fn read(folder: &Path) -> Result<Book, Error> {
    let Some(text) = file::read_text_if_there(&path_of(folder))? else {
        return Ok(Book::default());
    };
    let book: Book = serde_json::from_str(&text).map_err(|error| BookError::Unreadable {
        reason: error.to_string(),
    })?;
    if book.version != VERSION {
        let found = book.version;
        return Err(BookError::Version { found }.into());
    }
    Ok(book)
}

fn path_of(folder: &Path) -> PathBuf {
    folder.join("traffic.json")
}

/// Who keeps the book. There may be two for a while: each adds what it has counted under a lock.
#[derive(Debug)]
pub(super) struct Ledger {
    folder: PathBuf,
}

impl Ledger {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The book to begin with. One that is no book is put aside, so that counting can go on.
    pub(super) fn begin(&self) -> Book {
        let error = match read(&self.folder) {
            Ok(book) => return book,
            Err(error) => error,
        };
        let path = path_of(&self.folder);
        let aside = self.folder.join("traffic.unreadable.json");
        error!(
            error = %hint::chain(&error),
            "the traffic of this month is not known any more; what there was lies in `{}`",
            aside.display()
        );
        let is_no_book = matches!(error, Error::Book(_));
        if is_no_book && let Err(error) = file::rename_synced(&path, &aside) {
            error!(error = %hint::chain(&error), "it could not be put aside");
        }
        Book::default()
    }

    /// Changes the book as it is now, and gives it as it is then.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Book) -> T,
    ) -> Result<(Book, T), Error> {
        // Held for the time of one write.
        let _one = Lock::wait(&self.folder.join("traffic.lock"))?;
        let mut book = read(&self.folder)?;
        let outcome = change(&mut book);
        book.forget_old();
        let text = serde_json::to_vec(&book).map_err(|error| BookError::Unreadable {
            reason: error.to_string(),
        })?;
        file::write_whole(&path_of(&self.folder), &text)?;
        Ok((book, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A book as version 1 wrote it: a door of today goes on with it.
    const VERSION_1: &str = include_str!("../../tests/traffic/v1.json");

    fn put(folder: &Path, text: &str) {
        file::write_whole(&path_of(folder), text.as_bytes()).unwrap();
    }

    #[test]
    fn a_book_of_version_1_can_still_be_read() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), VERSION_1);
        let book = read(folder.path()).unwrap();
        let month = book.month(&"blog".parse().unwrap(), "2026-11").unwrap();
        assert_eq!(
            (month.sent, month.received),
            (1_700_000_000_000, 52_000_000)
        );
        let told = month.told.unwrap();
        assert_eq!((told.budget, told.level), (2_000_000_000_000, Level::Near));
    }

    #[test]
    fn what_is_no_book_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{", "{\"version\": 99, \"apps\": {}}"] {
            put(folder.path(), text);
            let ledger = Ledger::new(folder.path());
            assert_eq!(ledger.begin(), Book::default());
            let aside = folder.path().join("traffic.unreadable.json");
            assert_eq!(file::read_text(&aside).unwrap(), text);
            ledger.change(|_| ()).unwrap();
        }
    }

    #[test]
    fn a_year_is_kept_and_apps_that_are_long_gone_are_not() {
        let mut book = Book::default();
        let news = Counts {
            sent: 1,
            received: 1,
        };
        let (old, new) = ("old".parse().unwrap(), "new".parse().unwrap());
        book.add(&old, "2025-09", news);
        for number in 10..=12 {
            book.add(&new, &format!("2025-{number}"), news);
        }
        for number in 1..=10 {
            book.add(&new, &format!("2026-{number:02}"), news);
        }
        book.forget_old();
        assert_eq!(book.apps.keys().collect::<Vec<_>>(), [&new]);
        assert_eq!(book.apps[&new].len(), MONTHS);
        assert!(book.month(&new, "2025-10").is_some());
    }
}
