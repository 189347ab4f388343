//! Files of a folder: nothing outside it, nothing hidden in it, nothing that is not a plain file.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::accept_encoding::{Accepts, Coding};
use crate::body::{Body, Inbound};
use crate::compress;
use crate::conditional::{Validators, Verdict};
use crate::file_body::{FileBody, Part};
use crate::hashed_name::is_hashed;
use crate::media_type;
use crate::path;
use crate::range::{self, Wanted};
use crate::small_files::SmallFiles;
use crate::stack::Failure;

/// The file that answers for a folder.
const INDEX: &str = "index.html";

/// Browsers keep such a file for a year and never ask again: its name changes with its content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Browsers keep the file and ask each time whether it is still the one.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// Nobody keeps what is not the file, but stands at its address.
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// A folder whose files are served.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Opened with the first request: it may be made after the table.
    opened: OnceLock<OwnedFd>,
    /// The same files, compressed: `site.css.br` for `site.css`.
    packed: Option<Box<Folder>>,
    small: SmallFiles,
}

/// A file that answers, and how it is to be read.
struct Chosen {
    file: Arc<OwnedFd>,
    length: u64,
    validators: Validators,
    coding: Option<Coding>,
    /// It is sent in a coding to whoever wants one.
    varies: bool,
    /// Every visitor gets the same bytes, whatever codings it reads.
    alone: bool,
}

/// What a folder has to say to a request.
#[derive(Debug)]
pub(crate) enum Served {
    /// An answer.
    Answer(Response<Body>),
    /// There is no such file.
    NotThere,
}

/// Answers from a folder. `rest` is the target's path without the route's prefix.
pub(crate) fn serve(
    folder: &Folder,
    target: &PathAndQuery,
    rest: &str,
    request: &Request<Inbound>,
) -> Result<Served, Failure> {
    let Some(name) = relative(rest) else {
        return Ok(Served::NotThere);
    };
    let ends_with_slash = target.path().ends_with('/');
    if let Some(response) = folder.small(&name, ends_with_slash, request) {
        return Ok(Served::Answer(response));
    }
    let Some((file, stat)) = folder.open(&name)? else {
        return Ok(Served::NotThere);
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if !ends_with_slash => answer(folder, file, &stat, &name, request),
        FileType::Directory => {
            let index = name.join(INDEX);
            match folder.open(&index)? {
                Some((file, stat)) if is_plain(&stat) && ends_with_slash => {
                    answer(folder, file, &stat, &index, request)
                }
                Some((_, stat)) if is_plain(&stat) => Ok(Served::Answer(with_slash(target))),
                _ => Ok(Served::NotThere),
            }
        }
        // A plain file is not a folder; and pipes, sockets and devices are nobody's business.
        _ => Ok(Served::NotThere),
    }
}

/// The page of a site for what is not there.
const MISSING: &str = "404.html";

/// Answers where there is no file: the single page of an app that reads the path itself, else the
/// site's own page, else ours. `rest` is the target's path without the route's prefix.
pub(crate) fn not_there(
    folder: &Folder,
    fallback: Option<&Path>,
    rest: &str,
    request: &Request<Inbound>,
) -> Result<Response<Body>, Failure> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Failure::NoFile);
    }
    if let Some(page) = fallback.filter(|_| !ends_like_a_file(rest))
        && let Some((file, stat)) = folder.open(page)?
        && is_plain(&stat)
        && let Served::Answer(response) = answer(folder, file, &stat, page, request)?
    {
        return Ok(response);
    }
    match folder.open(Path::new(MISSING))? {
        Some((file, stat)) if is_plain(&stat) => Ok(missing_page(file, &stat, request)),
        _ => Err(Failure::NoFile),
    }
}

/// `/app.js`, but not `/users/jane` nor `/v1.2/`.
fn ends_like_a_file(rest: &str) -> bool {
    let last = rest.rsplit('/').next().unwrap_or(rest);
    last.rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && !ending.is_empty())
}

/// Whole and without validators: a page that says "not found" has no version and no ranges.
fn missing_page(file: OwnedFd, stat: &Stat, request: &Request<Inbound>) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NOT_FOUND;
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, ASK_AGAIN);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let kind = media_type::of(MISSING);
    fill(&mut response, Arc::new(file), length, kind, Wanted::Whole);
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::Empty;
    }
    response
}

fn is_plain(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// The name of a file within its folder; `None` where it could name something hidden: `.git` and
/// `.env` lie in many folders that were only meant to be a web site. `.well-known` is meant for
/// visitors (RFC 8615).
fn relative(rest: &str) -> Option<PathBuf> {
    let decoded = path::decode(rest);
    let mut name = PathBuf::new();
    for segment in decoded
        .split(|byte| *byte == b'/')
        .filter(|segment| !segment.is_empty())
    {
        if segment.starts_with(b".") && segment != b".well-known" {
            return None;
        }
        name.push(OsStr::from_bytes(segment));
    }
    Some(name)
}

/// Links in a page count from its folder only if the address ends with a slash. The slashes in
/// front are folded: `//name/` would be the address of another host.
fn with_slash(target: &PathAndQuery) -> Response<Body> {
    let path = target.path().trim_start_matches('/');
    let location = match target.query() {
        Some(query) => format!("/{path}/?{query}"),
        None => format!("/{path}/"),
    };
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    let location = HeaderValue::from_str(&location).ok();
    response
        .headers_mut()
        .extend(location.map(|location| (header::LOCATION, location)));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    response
}

fn answer(
    folder: &Folder,
    file: OwnedFd,
    stat: &Stat,
    name: &Path,
    request: &Request<Inbound>,
) -> Result<Served, Failure> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Failure::ReadOnly);
    }
    let kind = media_type::of(&name.to_string_lossy());
    let Chosen {
        file,
        length,
        validators,
        coding,
        varies,
        alone,
    } = folder.choose(file, stat, name, kind, request.headers())?;
    let mut response = Response::new(Body::Empty);
    let headers = response.headers_mut();
    validators.write(headers);
    if varies {
        compress::vary(headers);
    }
    let kept = if is_hashed(name) { FOR_EVER } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, kept);
    match validators.judge(request.headers()) {
        Verdict::Send => {}
        Verdict::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(Served::Answer(response));
        }
        Verdict::Failed => {
            headers.insert(header::CACHE_CONTROL, NEVER);
            *response.status_mut() = StatusCode::PRECONDITION_FAILED;
            return Ok(Served::Answer(response));
        }
    }
    headers.extend(coding.map(|coding| (header::CONTENT_ENCODING, coding.value())));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let wanted = wanted(request, &validators, length);
    let whole = (alone && matches!(wanted, Wanted::Whole)).then(|| file.clone());
    fill(&mut response, file, length, kind, wanted);
    if request.method() == Method::HEAD {
        *response.body_mut() = Body::Empty;
    } else if let Some(file) = whole
        && let Some(content) = folder
            .small
            .keep(name, &file, stat, request, response.headers())
    {
        *response.body_mut() = Body::Whole(content);
    }
    Ok(Served::Answer(response))
}

fn validators(stat: &Stat, length: u64) -> Validators {
    let moment = |seconds: i128, nanoseconds: i128| seconds * 1_000_000_000 + nanoseconds;
    let modified = moment(stat.st_mtime.into(), stat.st_mtime_nsec.into());
    let changed = moment(stat.st_ctime.into(), stat.st_ctime_nsec.into());
    Validators::new(length, modified, changed, stat.st_ino)
}

/// Ranges are defined for GET alone (RFC 9110, 14.2).
fn wanted(request: &Request<Inbound>, validators: &Validators, length: u64) -> Wanted {
    if request.method() != Method::GET || !validators.range_counts(request.headers()) {
        return Wanted::Whole;
    }
    let mut fields = request.headers().get_all(header::RANGE).into_iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => range::wanted(field.to_str().ok(), length),
        _ => Wanted::Whole,
    }
}

fn fill(
    response: &mut Response<Body>,
    file: Arc<OwnedFd>,
    length: u64,
    kind: &'static str,
    wanted: Wanted,
) {
    let kind_value = HeaderValue::from_static(kind);
    let parts = match wanted {
        Wanted::Whole => {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, kind_value);
            vec![Part::Span(0..length)]
        }
        Wanted::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, NEVER);
            headers.remove(header::CONTENT_ENCODING);
            insert_text(
                response,
                header::CONTENT_RANGE,
                &format!("bytes */{length}"),
            );
            Vec::new()
        }
        Wanted::Parts(ranges) if ranges.len() == 1 => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, kind_value);
            let range = ranges[0].clone();
            let content = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            insert_text(response, header::CONTENT_RANGE, &content);
            vec![Part::Span(range)]
        }
        Wanted::Parts(ranges) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            multipart(response, &ranges, length, kind)
        }
    };
    let parts: Vec<Part> = parts.into_iter().filter(|part| !is_empty(part)).collect();
    let body = FileBody::new(file, parts);
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, body.left().into());
    *response.body_mut() = if body.left() == 0 {
        Body::Empty
    } else {
        Body::File(Box::new(body))
    };
}

fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Span(span) if span.is_empty())
}

/// RFC 9110, 14.6.
fn multipart(
    response: &mut Response<Body>,
    ranges: &[std::ops::Range<u64>],
    length: u64,
    kind: &str,
) -> Vec<Part> {
    // Long enough that no file has it by chance, and a file that has it on purpose fools only those
    // who read parts without minding their lengths.
    let boundary = format!(
        "ship-{length:016x}-{:016x}",
        ranges[0].start ^ 0x9e37_79b9_7f4a_7c15
    );
    let mut parts = Vec::with_capacity(ranges.len() * 2 + 1);
    for range in ranges {
        let last = range.end - 1;
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: {kind}\r\n\
             Content-Range: bytes {}-{last}/{length}\r\n\r\n",
            range.start
        );
        parts.push(Part::Text(Bytes::from(head)));
        parts.push(Part::Span(range.clone()));
    }
    parts.push(Part::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let kind = format!("multipart/byteranges; boundary={boundary}");
    insert_text(response, header::CONTENT_TYPE, &kind);
    parts
}

fn insert_text(response: &mut Response<Body>, name: header::HeaderName, text: &str) {
    let value = HeaderValue::from_str(text).expect("digits and names of ours");
    response.headers_mut().insert(name, value);
}

impl Folder {
    pub(crate) fn new(path: PathBuf, packed: Option<PathBuf>) -> Self {
        Self {
            path,
            opened: OnceLock::new(),
            packed: packed.map(|path| Box::new(Self::new(path, None))),
            small: SmallFiles::default(),
        }
    }

    /// The answer with a small file that is kept; of a folder, with its index.
    fn small(
        &self,
        name: &Path,
        ends_with_slash: bool,
        request: &Request<Inbound>,
    ) -> Option<Response<Body>> {
        let folder = self.opened.get()?;
        if ends_with_slash {
            return self.small.find(folder, &name.join(INDEX), request);
        }
        self.small.find(folder, name, request)
    }

    /// The file as it is, or as it lies ready in the coding that the visitor likes best.
    fn choose(
        &self,
        file: OwnedFd,
        stat: &Stat,
        name: &Path,
        kind: &str,
        headers: &HeaderMap,
    ) -> Result<Chosen, Failure> {
        let length = u64::try_from(stat.st_size).unwrap_or(0);
        let validators = validators(stat, length);
        let kind = kind.split(';').next().unwrap_or(kind);
        let may = length >= compress::LEAST && media_type::is_compressible(kind);
        if let Some(packed) = self.packed.as_ref().filter(|_| may)
            && let Some((coding, file, stat)) = packed.in_a_coding(name, headers)?
        {
            return Ok(Chosen {
                file: Arc::new(file),
                length: u64::try_from(stat.st_size).unwrap_or(0),
                validators: validators.coded(coding),
                coding: Some(coding),
                varies: may,
                alone: false,
            });
        }
        Ok(Chosen {
            file: Arc::new(file),
            length,
            validators,
            coding: None,
            varies: may,
            alone: !may || self.packed.is_none(),
        })
    }

    /// The best that there is of what the visitor takes.
    fn in_a_coding(
        &self,
        name: &Path,
        headers: &HeaderMap,
    ) -> Result<Option<(Coding, OwnedFd, Stat)>, Failure> {
        let accepts = Accepts::of(headers);
        let mut left = Coding::SMALLEST.to_vec();
        while let Some(coding) = accepts.best(&left) {
            let mut packed = name.as_os_str().to_owned();
            packed.push(coding.ending());
            if let Some((file, stat)) = self.open(Path::new(&packed))?
                && is_plain(&stat)
            {
                return Ok(Some((coding, file, stat)));
            }
            left.retain(|other| *other != coding);
        }
        Ok(None)
    }

    /// Opens a name within the folder; `None` where it is not there, or leads outside.
    fn open(&self, name: &Path) -> Result<Option<(OwnedFd, Stat)>, Failure> {
        let opened = self.opened().and_then(|folder| {
            let name = if name.as_os_str().is_empty() {
                Path::new(".")
            } else {
                name
            };
            let file = open_beneath(folder, name)?;
            let stat = rustix::fs::fstat(&file)?;
            Ok((file, stat))
        });
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::XDEV
                | Errno::LOOP
                | Errno::NAMETOOLONG
                | Errno::NXIO,
            ) => Ok(None),
            Err(error) => Err(Failure::Unreadable(error.into())),
        }
    }

    fn opened(&self) -> Result<&OwnedFd, Errno> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty())?;
        Ok(self.opened.get_or_init(|| opened))
    }
}

/// A pipe must not make us wait for its writer.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// openat2(2): the kernel itself refuses whatever leads out of the folder, links included, with no
/// moment between the check and the use.
fn open_beneath(folder: &OwnedFd, name: &Path) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..8 {
        match rustix::fs::openat2(folder, name, READ, Mode::empty(), resolve) {
            // A rename somewhere on the way, while `..` of a link was followed: try again.
            Err(Errno::AGAIN) => {}
            // Linux before 5.6, or a container whose filter does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => return open_without_links(folder, name),
            opened => return opened,
        }
    }
    Err(Errno::NOENT)
}

/// One segment at a time, following no link at all.
fn open_without_links(folder: &OwnedFd, name: &Path) -> Result<OwnedFd, Errno> {
    let mut at = folder.try_clone().map_err(|_| Errno::MFILE)?;
    for segment in name {
        at = rustix::fs::openat(&at, segment, READ | OFlags::NOFOLLOW, Mode::empty())?;
    }
    if name == Path::new(".") {
        at = rustix::fs::openat(&at, ".", READ, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::disallowed_methods,
        reason = "files to be served are made the short way"
    )]

    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// What both ways of opening make of a folder with traps.
    #[test]
    fn nothing_outside_the_folder_is_opened() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("site");
        fs::create_dir_all(site.join("sub")).unwrap();
        fs::write(root.path().join("secret"), "s").unwrap();
        fs::write(site.join("sub/page"), "p").unwrap();
        symlink("../secret", site.join("out")).unwrap();
        symlink("/etc/passwd", site.join("absolute")).unwrap();
        symlink("/", site.join("root")).unwrap();
        symlink("sub/page", site.join("within")).unwrap();
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let folder = rustix::fs::open(&site, flags, Mode::empty()).unwrap();
        for open in [open_beneath, open_without_links] {
            assert!(open(&folder, Path::new("sub/page")).is_ok());
            for trap in [
                "out",
                "absolute",
                "root/etc/passwd",
                "root",
                "missing",
                "sub/page/x",
            ] {
                assert!(open(&folder, Path::new(trap)).is_err(), "{trap}");
            }
        }
        assert!(open_beneath(&folder, Path::new("within")).is_ok());
        assert!(open_beneath(&folder, Path::new("../secret")).is_err());
    }

    #[test]
    fn hidden_names_are_not_there() {
        for hidden in [".env", "a/.git/config", ".", "a/..", "%2eenv"] {
            assert_eq!(relative(hidden), None, "{hidden}");
        }
        assert_eq!(relative("a//b%20c"), Some(PathBuf::from("a/b c")));
        assert!(relative(".well-known/security.txt").is_some());
    }
}
