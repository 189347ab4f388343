//! One Python file as it was read: its text, its words, and, once somebody asks, its parsed form.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::num::NonZero;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::ScopedJoinHandle;

use crate::error::Result;
use crate::python::index::{Index, is_beside};
use crate::python::module::{Import, Module};
use crate::python::nesting;
use crate::python::words::{Filters, Vocabulary, Word, Words};
use crate::tree::Tree;

/// Larger files are data, not code: they are taken for empty.
const LARGEST: usize = 1 << 20;
/// So many files are read, or parsed, by one thread at least.
const FEW: usize = 100;

/// Names of other packages to look for, such as `flask.Flask`.
#[derive(Debug)]
pub(crate) struct Sought(Vec<(Word, Word)>);

impl Sought {
    /// Those of `names` that the project may have.
    pub(crate) fn new(names: &[&str], index: &Index) -> Self {
        let ends = |name: &&str| {
            let first = name.split('.').next().unwrap_or_default();
            let last = name.rsplit('.').next().unwrap_or_default();
            index.word(last).map(|last| (Word::new(first), last))
        };
        Self(names.iter().filter_map(ends).collect())
    }

    /// Whether the file may take one of them from its package: by name, or with all others (`*`).
    /// `false` is certain, but for what it takes from another file of the project.
    pub(crate) fn may_be_in(&self, source: &Source) -> bool {
        let said = self.0.iter().filter(|(_, last)| source.says(&[*last]));
        let mut said = said.peekable();
        let all = said.peek().is_some() && source.holds("import *");
        all || said.any(|(first, _)| source.says(&[*first]))
    }
}

/// A file. Most files of a large project are never parsed: their words tell that they have nothing
/// of what is looked for.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the project.
    pub(crate) file: PathBuf,
    /// A test, an example or documentation: it stands beside the program.
    pub(crate) is_beside: bool,
    stem: Box<str>,
    shelf: Arc<Shelf>,
    text: Range<usize>,
    words: Words,
    /// In a place of its own: there are many files, and most are never parsed.
    module: OnceLock<Option<Box<Module>>>,
}

/// Texts that were read one after the other, and their words: thousands of small pieces would cost
/// more time than what is in them.
#[derive(Debug, Default)]
struct Shelf {
    texts: String,
    words: Filters,
}

/// A `tasks.py` for the developers of the project, with Invoke: <https://www.pyinvoke.org>. Any other
/// is a part of the program, such as the tasks of Celery.
fn is_of_invoke(file: &Path, text: &str) -> bool {
    file.file_name() == Some(OsStr::new("tasks.py"))
        && text.lines().any(|line| {
            let mut words = line.split([' ', '.', ',']);
            let begins = words
                .next()
                .is_some_and(|word| word == "import" || word == "from");
            begins && words.next() == Some("invoke")
        })
}

/// Reads those of `files` that are still there, in their order, and the words of all.
pub(super) fn read(tree: &Tree, files: &[&Path]) -> Result<(Vec<Source>, Vocabulary)> {
    let (mut shelf, mut vocabulary) = (Shelf::default(), Vocabulary::default());
    let mut read = Vec::with_capacity(files.len());
    for file in files {
        let start = shelf.texts.len();
        if tree.append_text(file, LARGEST, &mut shelf.texts)? {
            let words = shelf.words.add(&shelf.texts[start..], &mut vocabulary);
            read.push((*file, start..shelf.texts.len(), words));
        }
    }
    let shelf = Arc::new(shelf);
    let source = |(file, text, words)| Source::new(file, &shelf, text, words);
    Ok((read.into_iter().map(source).collect(), vocabulary))
}

impl Source {
    fn new(file: &Path, shelf: &Arc<Shelf>, text: Range<usize>, words: Words) -> Self {
        Self {
            file: file.to_owned(),
            is_beside: is_beside(file) || is_of_invoke(file, &shelf.texts[text.clone()]),
            stem: file
                .file_stem()
                .and_then(OsStr::to_str)
                .unwrap_or_default()
                .into(),
            shelf: Arc::clone(shelf),
            text,
            words,
            module: OnceLock::new(),
        }
    }

    /// A file that is in no project.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn alone(file: &Path, text: &str) -> Self {
        let mut shelf = Shelf::default();
        shelf.texts.push_str(text);
        let words = shelf.words.add(text, &mut Vocabulary::default());
        Self::new(file, &Arc::new(shelf), 0..text.len(), words)
    }

    /// Whether one of the words may stand in it, in code, a text or a comment; `false` is certain.
    pub(crate) fn says(&self, words: &[Word]) -> bool {
        let filters = &self.shelf.words;
        let mut words = words.iter();
        words.any(|word| filters.may_have(&self.words, *word))
    }

    /// Whether `text` stands in it, as part of a word as well.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    fn text(&self) -> &str {
        &self.shelf.texts[self.text.clone()]
    }

    /// The parsed file; `None` where it nests without end.
    pub(crate) fn module(&self) -> Option<&Module> {
        let module = self.module.get_or_init(|| {
            let thread = std::thread::Builder::new().stack_size(nesting::STACK);
            std::thread::scope(|scope| match thread.spawn_scoped(scope, || self.parsed()) {
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                Err(_) => self.parsed(),
            })
        });
        module.as_deref()
    }

    /// Parses the file, where the caller has [`nesting::STACK`].
    fn parse_here(&self) {
        self.module.get_or_init(|| self.parsed());
    }

    fn is_parsed(&self) -> bool {
        self.module.get().is_some()
    }

    fn parsed(&self) -> Option<Box<Module>> {
        let text = self.text();
        (!nesting::is_deep(text)).then(|| Box::new(Module::read(&self.file, text)))
    }

    /// The file's name without `.py`.
    pub(crate) fn stem(&self) -> &str {
        &self.stem
    }
}

/// The modules of `sources`, in their order; those that nobody has asked for yet are parsed side by
/// side.
pub(crate) fn parsed(sources: Vec<&Source>) -> impl Iterator<Item = &Module> {
    let mut left = sources.clone();
    left.retain(|source| !source.is_parsed());
    side_by_side(&left, |sources| {
        for source in sources {
            source.parse_here();
        }
    });
    sources.into_iter().filter_map(Source::module)
}

/// Those of `sources` in which one of `texts` stands, as part of a word as well; whole texts are
/// looked through, side by side.
pub(crate) fn holding<'a>(sources: &[&'a Source], texts: &[&str]) -> Vec<&'a Source> {
    let holds = |source: &&&Source| texts.iter().any(|text| source.holds(text));
    side_by_side(sources, |part| -> Vec<&Source> {
        part.iter().filter(holds).copied().collect()
    })
    .concat()
}

/// Those of `sources` that `seed` tells to have what is looked for, and those that may have it
/// from others: `gives` tells the names at the top of a module that stand for it, and who takes
/// it says one of them.
pub(crate) fn reached<'a>(
    mut sources: Vec<&'a Source>,
    seed: impl Fn(&Source) -> bool,
    gives: impl Fn(&'a Module) -> Vec<&'a str>,
) -> Vec<&'a Module> {
    let mut reached: BTreeMap<&Path, &Module> = BTreeMap::new();
    let mut next: Vec<&Source> = sources.extract_if(.., |source| seed(source)).collect();
    let mut names: HashSet<&str> = HashSet::new();
    while !next.is_empty() {
        let mut new: Vec<&str> = Vec::new();
        for module in parsed(next) {
            reached.insert(&module.file, module);
            new.extend(gives(module));
            // `from shop import make as build`: who takes it from here says `build`.
            let renamed = |import: &&Import| {
                import
                    .name
                    .as_ref()
                    .is_some_and(|name| *name != import.local)
            };
            let imports = module.top.imports.iter().filter(renamed);
            new.extend(imports.map(|import| import.local.as_str()));
        }
        new.retain(|name| names.insert(name));
        let words: Vec<Word> = new.into_iter().map(Word::new).collect();
        next = sources
            .extract_if(.., |source| source.says(&words))
            .collect();
    }
    reached.into_values().collect()
}

/// Does the work on all items, in as many parts as there are cores, where the parser has room; in
/// place when the system gives no further thread. The results are in the order of the parts.
pub(super) fn side_by_side<P: Sync, T: Send>(
    items: &[P],
    work: impl Fn(&[P]) -> T + Sync,
) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // A thread for a few files takes longer than it saves.
    let parts = items.chunks(items.len().div_ceil(cores).max(FEW));
    let work = &work;
    std::thread::scope(|scope| {
        let start = |part| {
            let thread = std::thread::Builder::new().stack_size(nesting::STACK);
            (part, thread.spawn_scoped(scope, move || work(part)))
        };
        let started: Vec<_> = parts.map(start).collect();
        let finish = |(part, thread): (&[P], std::io::Result<ScopedJoinHandle<'_, T>>)| match thread
        {
            Ok(thread) => thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(_) => work(part),
        };
        started.into_iter().map(finish).collect()
    })
}
