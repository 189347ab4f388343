//! Static files compressed once, at the build, in each of the ways that browsers know: the front
//! door sends what lies ready, at no cost and smaller than it could be made on the way.
//!
//! They lie in a tree of their own beside the files, so that no visitor and no app sees a file that
//! the author did not make: `assets/packed/static/css/site.css.br` goes with
//! `assets/static/css/site.css`. What is not worth it has none.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ship_base::count;
use ship_base::file::{self, FileError, WithPath as _};
use ship_project::plan::{Plan, RouteTarget};

use crate::assets::STATIC;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Phase;
use crate::shop::Shop;
use crate::site::SITE;

const PACKED: &str = "assets/packed";

/// Endings of files that become smaller. Source maps are not among them: they are large, and hardly
/// anybody asks for one.
const ENDINGS: &[&str] = &[
    "atom",
    "bmp",
    "css",
    "csv",
    "geojson",
    "htm",
    "html",
    "ico",
    "ics",
    "js",
    "json",
    "jsonld",
    "md",
    "mjs",
    "otf",
    "rss",
    "svg",
    "ttf",
    "txt",
    "vtt",
    "wasm",
    "webmanifest",
    "xml",
];

/// Smaller files fit into one packet either way.
const LEAST: u64 = 1024;

/// Larger ones are nothing that a page waits for.
const MOST: u64 = 32 << 20;

/// The time in which files are made as small as can be; after it, a little less so.
const BEST: Duration = Duration::from_secs(2);

/// The time after which the rest is left to the front door.
const ENOUGH: Duration = Duration::from_secs(6);

/// Beyond this size the smallest brotli takes seconds for a percent.
const SMALL: usize = 128 << 10;

/// The folder with the compressed files of a route, whether it is there or not; `None` for what is
/// no file of a release.
pub fn folder(release: &Path, to: &RouteTarget) -> Option<PathBuf> {
    let packed = release.join(PACKED);
    match to {
        RouteTarget::Static { folder } | RouteTarget::SinglePage { folder, .. } => {
            Some(packed.join("source").join(folder))
        }
        RouteTarget::Assets => Some(packed.join("static")),
        RouteTarget::Site => Some(packed.join("site")),
        RouteTarget::Data { .. } | RouteTarget::Process { .. } | RouteTarget::Redirect { .. } => {
            None
        }
    }
}

/// The files themselves.
fn originals(release: &Path, to: &RouteTarget) -> Option<PathBuf> {
    match to {
        RouteTarget::Static { folder } | RouteTarget::SinglePage { folder, .. } => {
            Some(release.join("source").join(folder))
        }
        RouteTarget::Assets => Some(release.join(STATIC)),
        RouteTarget::Site => Some(release.join(SITE)),
        _ => None,
    }
}

/// Compresses the files of a plan's routes, or takes the previous release's over.
pub(crate) fn pack(shop: &mut Shop<'_>, plan: &Plan) -> Result<(), Error> {
    let mut work = Vec::new();
    for route in &plan.routes {
        let of = |release: &Path| {
            let to = &route.value.to;
            Some((originals(release, to)?, folder(release, to)?))
        };
        if let Some((from, to)) = of(shop.request().into) {
            let before = shop.request().previous.and_then(of);
            find(&from, &to, before.as_ref(), &mut work)?;
        }
    }
    work.sort_by_key(|job: &Job| job.length);
    work.dedup_by(|one, other| one.to == other.to);
    let fresh = take_over(work)?;
    if fresh.is_empty() {
        return Ok(());
    }
    let cancel = shop.cancel();
    shop.phase(Phase::Assets, |_| {
        let packed = compress_all(&fresh, cancel)?;
        Ok(((), format!("{} compressed", count::plural(packed, "file"))))
    })
}

/// One file.
#[derive(Debug)]
struct Job {
    from: PathBuf,
    /// Without the ending of a coding.
    to: PathBuf,
    length: u64,
    /// The same two in the previous release.
    before: Option<(PathBuf, PathBuf)>,
}

fn find(
    from: &Path,
    to: &Path,
    before: Option<&(PathBuf, PathBuf)>,
    work: &mut Vec<Job>,
) -> Result<(), Error> {
    for entry in file::entries_if_there(from)? {
        let (path, name) = (entry.path(), entry.file_name());
        // The front door shows nothing hidden.
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type().with_path("look at", &path)?;
        let before = before.map(|(from, to)| (from.join(&name), to.join(&name)));
        if kind.is_dir() {
            find(&path, &to.join(&name), before.as_ref(), work)?;
        } else if kind.is_file() && may_shrink(&path) {
            let length = entry.metadata().with_path("look at", &path)?.len();
            if (LEAST..=MOST).contains(&length) {
                work.push(Job {
                    from: path,
                    to: to.join(&name),
                    length,
                    before,
                });
            }
        }
    }
    Ok(())
}

fn may_shrink(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    ENDINGS
        .binary_search(&&*ending.to_ascii_lowercase())
        .is_ok()
}

/// Links what the previous release has for the same content; gives the rest.
fn take_over(work: Vec<Job>) -> Result<Vec<Job>, Error> {
    let mut fresh = Vec::new();
    for job in work {
        if !job.is_as_before()? || !job.link_before()? {
            fresh.push(job);
        }
    }
    Ok(fresh)
}

impl Job {
    fn is_as_before(&self) -> Result<bool, FileError> {
        let Some((before, _)) = &self.before else {
            return Ok(false);
        };
        let length = before.metadata().map(|metadata| metadata.len());
        Ok(length.is_ok_and(|length| length == self.length)
            && file::read(before)? == file::read(&self.from)?)
    }

    /// Whether there was anything.
    fn link_before(&self) -> Result<bool, FileError> {
        let mut any = false;
        for coding in Coding::ALL {
            if let Some((_, before)) = &self.before
                && coding.named(before).is_file()
            {
                let to = coding.named(&self.to);
                file::create_folder(to.parent().unwrap_or(&to))?;
                if std::fs::hard_link(coding.named(before), &to).is_err() {
                    file::copy(&coding.named(before), &to)?;
                }
                any = true;
            }
        }
        Ok(any)
    }

    /// Whether any coding made it smaller.
    fn compress(&self, effort: Effort) -> Result<bool, FileError> {
        let content = file::read(&self.from)?;
        let mut any = false;
        for coding in Coding::ALL {
            let packed = coding
                .compress(&content, effort)
                .with_path("compress", &self.from)?;
            // What saves a visitor less than a tenth is not worth the disk.
            if packed.len() < content.len() - content.len() / 10 {
                let to = coding.named(&self.to);
                file::create_folder(to.parent().unwrap_or(&to))?;
                let mut file = file::create_new(&to, 0o644)?;
                file.write_all(&packed).with_path("write", &to)?;
                any = true;
            }
        }
        Ok(any)
    }
}

/// Compresses on every processor until the time is over; gives how many files it made smaller.
fn compress_all(work: &[Job], cancel: &Cancel) -> Result<usize, Error> {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let worker = || -> Result<usize, Error> {
        let mut packed = 0;
        while let Some(job) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            cancel.check()?;
            let Some(effort) = Effort::after(begun.elapsed()) else {
                break;
            };
            packed += usize::from(job.compress(effort)?);
        }
        Ok(packed)
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.min(work.len()))
            .map(|_| scope.spawn(worker))
            .collect();
        let each = workers.into_iter().map(|one| {
            one.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        each.sum()
    })
}

/// How hard it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effort {
    Best,
    Quick,
}

impl Effort {
    /// `None` once the time is over.
    fn after(elapsed: Duration) -> Option<Self> {
        match elapsed {
            elapsed if elapsed < BEST => Some(Self::Best),
            elapsed if elapsed < ENOUGH => Some(Self::Quick),
            _ => None,
        }
    }
}

/// A way to compress; the endings are what the front door looks for.
#[derive(Debug, Clone, Copy)]
enum Coding {
    Zstd,
    Brotli,
    Gzip,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    fn named(self, path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(match self {
            Self::Zstd => ".zst",
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        });
        name.into()
    }

    fn compress(self, content: &[u8], effort: Effort) -> std::io::Result<Vec<u8>> {
        let best = effort == Effort::Best;
        let mut out = Vec::new();
        match self {
            Self::Zstd => return zstd::bulk::compress(content, if best { 19 } else { 9 }),
            Self::Brotli => {
                let quality = match best {
                    true if content.len() <= SMALL => 11,
                    true => 9,
                    false => 5,
                };
                let window = 22;
                brotli::CompressorReader::new(content, 1 << 16, quality, window)
                    .read_to_end(&mut out)?;
            }
            Self::Gzip => {
                let level = flate2::Compression::new(if best { 9 } else { 6 });
                flate2::read::GzEncoder::new(content, level).read_to_end(&mut out)?;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endings_are_sorted() {
        assert!(ENDINGS.is_sorted());
    }

    #[test]
    fn the_time_is_bounded() {
        assert_eq!(Effort::after(Duration::ZERO), Some(Effort::Best));
        assert_eq!(Effort::after(BEST), Some(Effort::Quick));
        assert_eq!(Effort::after(ENOUGH), None);
    }

    /// A release with these files below its static folder.
    fn release(root: &Path, files: &[(&str, &[u8])]) -> Vec<Job> {
        let (from, to) = (root.join(STATIC), root.join(PACKED).join("static"));
        for (name, content) in files {
            let path = from.join(name);
            file::create_folder(path.parent().unwrap()).unwrap();
            file::write_whole(&path, content).unwrap();
        }
        let mut work = Vec::new();
        find(&from, &to, None, &mut work).unwrap();
        work
    }

    fn made(root: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let mut folders = vec![root.join(PACKED)];
        while let Some(folder) = folders.pop() {
            for entry in file::entries_if_there(&folder).unwrap() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else {
                    names.push(entry.file_name().to_str().unwrap().to_owned());
                }
            }
        }
        names.sort();
        names
    }

    #[test]
    fn what_becomes_smaller_lies_ready_in_each_coding() {
        let root = tempfile::tempdir().unwrap();
        let text = b"body { color: black }\n".repeat(100);
        let work = release(
            root.path(),
            &[
                ("css/site.css", &text),
                ("small.css", b"body {}"),
                ("photo.jpg", &text),
                (".hidden/site.css", &text),
            ],
        );
        assert_eq!(compress_all(&work, &Cancel::new()).unwrap(), 1);
        let names = ["site.css.br", "site.css.gz", "site.css.zst"];
        assert_eq!(made(root.path()), names);
        let packed = file::read(&root.path().join("assets/packed/static/css/site.css.zst"));
        let back = zstd::stream::decode_all(&packed.unwrap()[..]).unwrap();
        assert_eq!(back, text);
    }

    #[test]
    fn noise_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        });
        let noise: Vec<u8> = noise.take(5000).collect();
        let work = release(root.path(), &[("noise.txt", &noise)]);
        assert_eq!(compress_all(&work, &Cancel::new()).unwrap(), 0);
        assert!(made(root.path()).is_empty());
    }

    #[test]
    fn a_file_as_before_is_not_compressed_again() {
        let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (same, other) = (b"a { b: c }\n".repeat(200), b"a { b: d }\n".repeat(200));
        let before = release(old.path(), &[("same.css", &same), ("changed.css", &same)]);
        compress_all(&before, &Cancel::new()).unwrap();
        let mut work = release(new.path(), &[("same.css", &same), ("changed.css", &other)]);
        for job in &mut work {
            let old = |path: &Path| old.path().join(path.strip_prefix(new.path()).unwrap());
            job.before = Some((old(&job.from), old(&job.to)));
        }
        let fresh = take_over(work).unwrap();
        let names: Vec<_> = fresh.iter().map(|job| job.from.file_name()).collect();
        assert_eq!(names, [Some("changed.css".as_ref())]);
        let names = ["same.css.br", "same.css.gz", "same.css.zst"];
        assert_eq!(made(new.path()), names);
    }

    #[test]
    fn a_cancelled_build_stops_between_two_files() {
        let root = tempfile::tempdir().unwrap();
        let work = release(root.path(), &[("a.css", &b"a { b: c }\n".repeat(200))]);
        let cancel = Cancel::new();
        cancel.cancel();
        assert!(matches!(
            compress_all(&work, &cancel),
            Err(Error::Cancelled)
        ));
    }
}
