//! What a project needs of the system: C libraries, headers and programs that no wheel brings, and
//! the packages that have them.
//!
//! [`ROWS`] is the table: signs as they really stand in the output of compilers, build tools and
//! programs, and the package on Debian and Ubuntu, Fedora and Homebrew. To add one, provoke the
//! failure, take the line that names what is missing, and put it into the tests below.

/// A thing of the system, the signs of its absence, and who has it.
struct Row {
    signs: &'static [Sign],
    /// As a person calls it: `PostgreSQL's client library`.
    what: &'static str,
    debian: &'static str,
    fedora: &'static str,
    homebrew: &'static str,
}

/// How a missing thing is told.
enum Sign {
    /// A compiler misses a header.
    Header(&'static str),
    /// The dynamic linker misses a library, by the beginning of its file's name.
    Library(&'static str),
    /// Something could not be started.
    Program(&'static str),
    /// pkg-config, Meson or CMake miss a library, by its name there.
    Module(&'static str),
    /// Words of a program's own.
    Words(&'static str),
}

use Sign::{Header, Library, Module, Program, Words};

const fn row(
    what: &'static str,
    debian: &'static str,
    fedora: &'static str,
    homebrew: &'static str,
    signs: &'static [Sign],
) -> Row {
    Row {
        signs,
        what,
        debian,
        fedora,
        homebrew,
    }
}

/// Where several fit, the first counts: what is needed to build anything comes last.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("PostgreSQL's client library", "libpq-dev", "libpq-devel", "libpq", &[Program("pg_config"), Words("pg_config executable not found"), Header("libpq-fe.h"), Library("libpq.so"), Words("no pq wrapper available")]),
    row("MySQL's client library", "default-libmysqlclient-dev pkg-config", "mysql-devel pkgconf", "mysql-client pkgconf", &[Program("mysql_config"), Words("Can not find valid pkg-config name"), Words("mysql_config not found"), Header("mysql.h"), Library("libmysqlclient.so"), Library("libmariadb.so")]),
    row("the client library of SQL Server and Sybase", "freetds-dev", "freetds-devel", "freetds", &[Header("sqlfront.h"), Library("libsybdb.so")]),
    row("unixODBC", "unixodbc-dev", "unixODBC-devel", "unixodbc", &[Header("sql.h"), Library("libodbc.so")]),
    row("the LDAP and SASL libraries", "libldap-dev libsasl2-dev", "openldap-devel cyrus-sasl-devel", "openldap", &[Header("lber.h"), Header("ldap.h"), Header("sasl/sasl.h"), Header("sasl.h"), Library("libldap")]),
    row("Kerberos", "libkrb5-dev", "krb5-devel", "krb5", &[Program("krb5-config"), Header("gssapi/gssapi.h"), Header("gssapi.h"), Header("krb5.h"), Library("libgssapi_krb5.so"), Library("libkrb5.so")]),
    row("Apache's build tools", "apache2-dev", "httpd-devel", "httpd", &[Program("apxs"), Words("The 'apxs' command appears not to be installed")]),
    row("libmemcached", "libmemcached-dev zlib1g-dev", "libmemcached-awesome-devel zlib-devel", "libmemcached", &[Header("libmemcached/memcached.h"), Library("libmemcached.so")]),
    row("GDAL", "libgdal-dev gdal-bin", "gdal-devel gdal", "gdal", &[Program("gdal-config"), Program("gdalinfo"), Words("Could not find the GDAL library"), Words("A GDAL API version must be specified"), Header("gdal.h"), Library("libgdal.so")]),
    row("GEOS", "libgeos-dev", "geos-devel", "geos", &[Program("geos-config"), Words("Could not find the GEOS library"), Header("geos_c.h"), Library("libgeos_c.so"), Library("libgeos.so")]),
    row("PROJ", "libproj-dev proj-bin", "proj-devel proj", "proj", &[Words("proj executable not found"), Header("proj.h"), Module("proj"), Library("libproj.so")]),
    row("cairo", "libcairo2-dev pkg-config", "cairo-devel pkgconf", "cairo pkgconf", &[Module("cairo"), Header("cairo.h"), Library("libcairo.so"), Library("libcairo-2.so")]),
    row("Pango, which lays out text", "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0", "pango", "pango", &[Module("pango"), Library("libpango-1.0"), Library("pango-1.0"), Library("libpangoft2-1.0"), Library("libpangocairo-1.0"), Library("libharfbuzz")]),
    row("GObject introspection", "libgirepository-2.0-dev libgirepository1.0-dev", "gobject-introspection-devel", "gobject-introspection", &[Module("girepository-2.0"), Module("gobject-introspection-1.0"), Library("libgirepository")]),
    row("GLib", "libglib2.0-0", "glib2", "glib", &[Library("libglib-2.0"), Library("libgobject-2.0"), Library("gobject-2.0"), Library("libgthread-2.0")]),
    row("OpenGL, which OpenCV asks for (`opencv-python-headless` does without)", "libgl1", "mesa-libGL", "mesa", &[Library("libGL.so"), Library("libEGL.so")]),
    row("libxml2 and libxslt", "libxml2-dev libxslt1-dev", "libxml2-devel libxslt-devel", "libxml2 libxslt", &[Words("make sure the libxml2 and libxslt development packages are installed"), Header("libxml/xmlversion.h"), Header("libxml/xpath.h"), Header("libxslt/xslt.h"), Program("xml2-config"), Program("xslt-config"), Library("libxml2.so"), Library("libxslt.so")]),
    row("xmlsec", "libxmlsec1-dev pkg-config", "xmlsec1-devel xmlsec1-openssl-devel pkgconf", "libxmlsec1 pkgconf", &[Module("xmlsec1"), Words("Unable to invoke pkg-config xmlsec1"), Header("xmlsec/xmlsec.h"), Library("libxmlsec1")]),
    row("libffi", "libffi-dev", "libffi-devel", "libffi", &[Header("ffi.h"), Library("libffi.so")]),
    row("OpenSSL", "libssl-dev pkg-config", "openssl-devel pkgconf", "openssl@3 pkgconf", &[Header("openssl/ssl.h"), Header("openssl/opensslv.h"), Header("openssl/crypto.h"), Words("Could not find directory of OpenSSL installation"), Library("libssl.so"), Library("libcrypto.so")]),
    row("libcurl", "libcurl4-openssl-dev libssl-dev", "libcurl-devel openssl-devel", "curl", &[Program("curl-config"), Header("curl/curl.h"), Library("libcurl.so")]),
    row("libmagic, which tells kinds of files", "libmagic1", "file-libs", "libmagic", &[Words("failed to find libmagic"), Library("libmagic.so")]),
    row("ImageMagick", "libmagickwand-dev", "ImageMagick-devel", "imagemagick", &[Words("MagickWand shared library not found"), Words("You probably had not installed ImageMagick library"), Header("wand/MagickWand.h"), Library("libMagickWand")]),
    row("libvips", "libvips-dev", "vips-devel", "vips", &[Module("vips"), Library("libvips.so"), Library("libvips-cpp.so")]),
    row("libjpeg", "libjpeg-dev zlib1g-dev", "libjpeg-turbo-devel zlib-devel", "jpeg-turbo", &[Words("The headers or library files could not be found for jpeg"), Header("jpeglib.h"), Library("libjpeg.so")]),
    row("FreeType", "libfreetype-dev", "freetype-devel", "freetype", &[Module("freetype2"), Header("ft2build.h"), Library("libfreetype.so")]),
    row("libtiff", "libtiff-dev", "libtiff-devel", "libtiff", &[Header("tiffio.h"), Library("libtiff.so")]),
    row("zlib", "zlib1g-dev", "zlib-devel", "zlib", &[Words("The headers or library files could not be found for zlib"), Header("zlib.h"), Module("zlib")]),
    row("zbar, which reads bar codes", "libzbar-dev", "zbar-devel", "zbar", &[Words("Unable to find zbar shared library"), Header("zbar.h"), Library("libzbar.so")]),
    row("libdmtx, which reads Data Matrix codes", "libdmtx0b", "libdmtx", "libdmtx", &[Words("Unable to find dmtx shared library"), Library("libdmtx.so")]),
    row("Tesseract", "tesseract-ocr libtesseract-dev libleptonica-dev", "tesseract tesseract-devel leptonica-devel", "tesseract leptonica", &[Words("tesseract is not installed or it's not in your PATH"), Program("tesseract"), Module("tesseract"), Module("lept"), Header("leptonica/allheaders.h"), Header("tesseract/baseapi.h")]),
    row("Poppler, which reads PDF", "poppler-utils", "poppler-utils", "poppler", &[Words("Is poppler installed and in PATH"), Program("pdfinfo"), Program("pdftoppm"), Program("pdftotext")]),
    row("Poppler's C++ library", "libpoppler-cpp-dev", "poppler-cpp-devel", "poppler", &[Header("poppler/cpp/poppler-document.h"), Module("poppler-cpp"), Library("libpoppler-cpp.so")]),
    row("Ghostscript", "ghostscript", "ghostscript", "ghostscript", &[Program("gs"), Words("Ghostscript is not installed"), Library("libgs.so")]),
    row("wkhtmltopdf", "wkhtmltopdf", "wkhtmltopdf", "wkhtmltopdf", &[Words("No wkhtmltopdf executable found"), Program("wkhtmltopdf")]),
    row("LibreOffice", "libreoffice", "libreoffice", "libreoffice", &[Program("soffice"), Program("libreoffice")]),
    row("Pandoc", "pandoc", "pandoc", "pandoc", &[Words("No pandoc was found"), Program("pandoc")]),
    row("Graphviz", "graphviz libgraphviz-dev", "graphviz graphviz-devel", "graphviz", &[Words("Could not find `dot` executable"), Words("make sure the Graphviz executables are on your systems' PATH"), Words("\"dot\" not found in path"), Program("dot"), Header("graphviz/cgraph.h")]),
    row("FFmpeg", "ffmpeg", "ffmpeg-free", "ffmpeg", &[Program("ffmpeg"), Program("ffprobe"), Words("Couldn't find ffmpeg or avconv"), Words("No ffmpeg exe could be found")]),
    row("FFmpeg's libraries", "libavformat-dev libavcodec-dev libavdevice-dev libavfilter-dev libswscale-dev libswresample-dev pkg-config", "ffmpeg-free-devel pkgconf", "ffmpeg pkgconf", &[Module("libavformat"), Module("libavcodec"), Module("libavutil"), Library("libavcodec.so"), Library("libavformat.so")]),
    row("PortAudio", "portaudio19-dev", "portaudio-devel", "portaudio", &[Header("portaudio.h"), Words("PortAudio library not found"), Library("libportaudio.so")]),
    row("libsndfile", "libsndfile1-dev", "libsndfile-devel", "libsndfile", &[Words("libsndfile library was not found"), Words("sndfile library not found"), Header("sndfile.h"), Library("libsndfile.so")]),
    row("ALSA", "libasound2-dev", "alsa-lib-devel", "portaudio", &[Header("alsa/asoundlib.h"), Library("libasound.so")]),
    row("CUPS", "libcups2-dev", "cups-devel", "cups", &[Header("cups/http.h"), Header("cups/cups.h"), Library("libcups.so")]),
    row("D-Bus", "libdbus-1-dev pkg-config", "dbus-devel pkgconf", "dbus pkgconf", &[Module("dbus-1"), Header("dbus/dbus.h"), Library("libdbus-1.so")]),
    row("systemd's library", "libsystemd-dev pkg-config", "systemd-devel pkgconf", "", &[Module("libsystemd"), Header("systemd/sd-daemon.h"), Library("libsystemd.so")]),
    row("Snappy", "libsnappy-dev", "snappy-devel", "snappy", &[Header("snappy-c.h"), Header("snappy.h"), Library("libsnappy.so")]),
    row("RocksDB", "librocksdb-dev", "rocksdb-devel", "rocksdb", &[Header("rocksdb/c.h"), Library("librocksdb.so")]),
    row("LevelDB", "libleveldb-dev", "leveldb-devel", "leveldb", &[Header("leveldb/db.h"), Library("libleveldb.so")]),
    row("Berkeley DB", "libdb-dev", "libdb-devel", "berkeley-db", &[Header("db.h")]),
    row("HDF5", "libhdf5-dev pkg-config", "hdf5-devel pkgconf", "hdf5 pkgconf", &[Words("Unable to load dependency HDF5"), Header("hdf5.h"), Module("hdf5"), Library("libhdf5")]),
    row("ICU", "libicu-dev pkg-config", "libicu-devel pkgconf", "icu4c pkgconf", &[Program("icu-config"), Module("icu-i18n"), Header("unicode/utypes.h"), Library("libicui18n"), Library("libicuuc")]),
    row("Enchant", "libenchant-2-2", "enchant2", "enchant", &[Words("The 'enchant' C library was not found"), Library("libenchant")]),
    row("HTML Tidy", "libtidy5deb1", "libtidy", "tidy-html5", &[Words("Could not load libtidy")]),
    row("ZeroMQ", "libzmq3-dev", "zeromq-devel", "zeromq", &[Header("zmq.h"), Module("libzmq"), Library("libzmq.so")]),
    row("libsodium", "libsodium-dev", "libsodium-devel", "libsodium", &[Header("sodium.h"), Module("libsodium"), Library("libsodium.so")]),
    row("GMP, MPFR and MPC", "libgmp-dev libmpfr-dev libmpc-dev", "gmp-devel mpfr-devel libmpc-devel", "gmp mpfr libmpc", &[Header("gmp.h"), Header("mpfr.h"), Header("mpc.h")]),
    row("libusb", "libusb-1.0-0-dev", "libusb1-devel", "libusb", &[Header("libusb.h"), Module("libusb-1.0"), Library("libusb-1.0"), Words("No backend available")]),
    row("libyaml", "libyaml-dev", "libyaml-devel", "libyaml", &[Header("yaml.h"), Library("libyaml")]),
    row("PCRE", "libpcre3-dev", "pcre-devel", "pcre", &[Header("pcre.h"), Program("pcre-config")]),
    row("libseccomp", "libseccomp-dev", "libseccomp-devel", "", &[Header("seccomp.h")]),
    row("libev", "libev-dev", "libev-devel", "libev", &[Header("ev.h"), Library("libev.so")]),
    row("SQLite's headers", "libsqlite3-dev", "sqlite-devel", "sqlite", &[Header("sqlite3.h"), Module("sqlite3")]),
    row("Tk, which needs a screen that a server has not", "python3-tk", "python3-tkinter", "python-tk", &[Library("libtk8"), Words("No module named '_tkinter'")]),
    row("SWIG", "swig", "swig", "swig", &[Program("swig")]),
    row("OpenMP", "libgomp1", "libgomp", "libomp", &[Library("libgomp.so"), Library("libomp")]),
    row("BLAS and LAPACK", "libopenblas-dev gfortran pkg-config", "openblas-devel gcc-gfortran pkgconf", "openblas gcc pkgconf", &[Module("OpenBLAS"), Module("openblas"), Module("blas"), Words("No BLAS/LAPACK libraries found"), Library("libopenblas"), Library("libblas.so"), Library("liblapack.so")]),
    row("a Fortran compiler", "gfortran", "gcc-gfortran", "gcc", &[Words("Unknown compiler(s): [['gfortran']"), Words("Unknown compiler(s): [['gfortran'"), Words("No Fortran compiler found"), Program("gfortran"), Library("libgfortran")]),
    row("Java", "default-jre-headless", "java-latest-openjdk-headless", "openjdk", &[Program("java"), Words("No JVM shared library file"), Words("JAVA_HOME is not set")]),
    row("Node.js", "nodejs npm", "nodejs npm", "node", &[Program("node"), Program("npm")]),
    row("git", "git", "git", "git", &[Program("git"), Words("Git executable not found"), Words("Git operation failed: Git not found")]),
    row("Rust (or a Python for which the package has a wheel)", "rustc cargo", "rust cargo", "rust", &[Words("can't find Rust compiler"), Words("Cargo, the Rust package manager, is not installed"), Program("cargo"), Program("rustc")]),
    row("CMake", "cmake", "cmake", "cmake", &[Words("CMake must be installed"), Words("Unable to find CMake"), Program("cmake")]),
    row("Ninja", "ninja-build", "ninja-build", "ninja", &[Words("Could not detect Ninja"), Program("ninja")]),
    row("the headers of Python", "python3-dev", "python3-devel", "python", &[Header("Python.h")]),
    row("pkg-config", "pkg-config", "pkgconf", "pkgconf", &[Program("pkg-config"), Words("Did not find pkg-config")]),
    row("a C++ compiler", "build-essential", "gcc-c++", "gcc", &[Program("g++"), Program("c++"), Program("x86_64-linux-gnu-g++")]),
    row("a C compiler", "build-essential", "gcc make", "gcc", &[Program("gcc"), Program("cc"), Program("clang"), Program("x86_64-linux-gnu-gcc"), Program("make"), Words("Unknown compiler(s): [['cc']"), Words("error: C compiler cannot create executables"), Words("no acceptable C compiler found in $PATH"), Header("stdio.h"), Header("limits.h")]),
];

impl Sign {
    fn is_in(&self, line: &str) -> bool {
        let has = |before: &str, name: &str, after: &str| holds(line, before, name, after);
        match self {
            Header(name) => {
                has("fatal error: ", name, ": No such file")
                    || has("fatal error: '", name, "' file not found")
                    || has("fatal error: ", name, ": No such")
            }
            Library(name) => {
                let says = [
                    "cannot open shared object file",
                    "cannot load library",
                    "Library not loaded",
                    "image not found",
                ];
                begins_word(line, name) && says.iter().any(|words| line.contains(words))
            }
            Program(name) => PROGRAM
                .iter()
                .any(|(before, after)| has(before, name, after)),
            Module(name) => MODULE
                .iter()
                .any(|(before, after)| has(before, name, after)),
            Words(words) => line.contains(words),
        }
    }
}

/// How shells, Python, setuptools, Meson and CMake say that a program is not there.
const PROGRAM: &[(&str, &str)] = &[
    ("No such file or directory: '", "'"),
    ("No such file or directory: PosixPath('", "')"),
    ("command '", "' failed: No such file"),
    ("error: command '", "' failed: No such file"),
    ("unable to execute '", "': No such file"),
    ("Program '", "' not found"),
    ("Program ", " found: NO"),
    ("Could not run ", ": [Errno 2]"),
    ("failed to execute ['", "'"),
    ("", ": not found"),
    ("", ": command not found"),
];

/// How pkg-config, Meson and CMake say that a library is not there.
const MODULE: &[(&str, &str)] = &[
    ("Dependency \"", "\" not found"),
    ("Dependency '", "' is required but not found"),
    ("Package '", "', required by"),
    ("No package '", "' found"),
    ("Package ", " was not found in the pkg-config search path"),
    ("Run-time dependency ", " found: NO"),
    ("Could NOT find ", " "),
];

/// Whether `before`, `name` and `after` follow each other, with no further letter at the name.
fn holds(line: &str, before: &str, name: &str, after: &str) -> bool {
    let whole = format!("{before}{name}{after}");
    line.match_indices(&whole).any(|(at, _)| {
        let left = line[..at + before.len()].chars().next_back();
        !before.is_empty() || left.is_none_or(|c| !is_of_name(c))
    })
}

/// Whether a word of `line` begins with `name`: `libodbc.so` for `libodbc.so.2`.
fn begins_word(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !is_of_name(c))
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_+.".contains(c)
}

/// What a program's output says the system lacks, and how to get it.
pub(crate) fn hint<'a>(output: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let lines: Vec<&str> = output.into_iter().collect();
    if lines
        .iter()
        .any(|line| line.contains("BrowserType.launch: Executable doesn't exist"))
    {
        return Some("Playwright's browser is missing: `ship run -- playwright install chromium`, and once on the machine `sudo playwright install-deps chromium`".to_owned());
    }
    let no_bun = [
        "Failed to download bun install script",
        "Reflex requires node version",
    ];
    if lines
        .iter()
        .any(|line| no_bun.iter().any(|words| line.contains(words)))
    {
        return Some("Reflex builds its front end with Bun or a new Node: `sudo npm install --global bun` brings Bun, and `ship env set REFLEX_USE_SYSTEM_BUN=true` has it taken".to_owned());
    }
    let row = ROWS.iter().find(|row| {
        row.signs
            .iter()
            .any(|sign| lines.iter().any(|line| sign.is_in(line)))
    })?;
    Some(row.told())
}

/// The file's name of a shared library that is missing and that no row knows.
pub(crate) fn unknown_library(line: &str) -> Option<&str> {
    let (before, _) = line.split_once(": cannot open shared object file")?;
    before
        .rsplit([' ', '\''])
        .next()
        .filter(|name| name.contains(".so"))
}

impl Row {
    fn told(&self) -> String {
        let Self {
            what,
            debian,
            fedora,
            homebrew,
            ..
        } = self;
        let mac = if homebrew.is_empty() {
            String::new()
        } else {
            format!(", `brew install {homebrew}` on macOS")
        };
        format!(
            "the system lacks {what}: `sudo apt install {debian}` on Debian and Ubuntu, `sudo dnf install {fedora}` on Fedora{mac}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as they came out of real failures, shortened to what matters, and what is to be named.
    const SEEN: &[(&str, &str)] = &[
        // psycopg2, from source
        ("Error: pg_config executable not found.", "libpq-dev"),
        // mysqlclient 2.1
        (
            "OSError: mysql_config not found",
            "default-libmysqlclient-dev",
        ),
        // mod_wsgi
        (
            "RuntimeError: The 'apxs' command appears not to be installed or is not executable.",
            "apache2-dev",
        ),
        // psycopg, at import
        ("ImportError: no pq wrapper available.", "libpq-dev"),
        (
            "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
            "libpq-dev",
        ),
        // mysqlclient
        (
            "Exception: Can not find valid pkg-config name.",
            "default-libmysqlclient-dev",
        ),
        (
            "/bin/sh: 1: mysql_config: not found",
            "default-libmysqlclient-dev",
        ),
        (
            "ImportError: libmariadb.so.3: cannot open shared object file: No such file or directory",
            "default-libmysqlclient-dev",
        ),
        // pymssql, pyodbc
        (
            "src/pymssql/_mssql.c:1410:10: fatal error: sqlfront.h: No such file or directory",
            "freetds-dev",
        ),
        (
            "src/pyodbc.h:52:10: fatal error: sql.h: No such file or directory",
            "unixodbc-dev",
        ),
        (
            "ImportError: libodbc.so.2: cannot open shared object file: No such file or directory",
            "unixodbc-dev",
        ),
        // python-ldap, gssapi, pylibmc
        (
            "Modules/common.h:15:10: fatal error: lber.h: No such file or directory",
            "libldap-dev",
        ),
        ("/bin/sh: 1: krb5-config: not found", "libkrb5-dev"),
        (
            "src/_pylibmcmodule.h:42:10: fatal error: libmemcached/memcached.h: No such file or directory",
            "libmemcached-dev",
        ),
        // GDAL, fiona, rasterio, GeoDjango, pyproj
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'gdal-config'",
            "libgdal-dev",
        ),
        (
            "ERROR: A GDAL API version must be specified. Provide a path to gdal-config using a GDAL_CONFIG environment variable",
            "libgdal-dev",
        ),
        (
            "django.core.exceptions.ImproperlyConfigured: Could not find the GDAL library (tried \"gdal\", \"GDAL\", \"gdal3.13.0\").",
            "libgdal-dev",
        ),
        (
            "proj executable not found. Please set the PROJ_DIR variable.",
            "libproj-dev",
        ),
        // pycairo, PyGObject, dbus-python
        (
            "../cairo/meson.build:31:12: ERROR: Dependency \"cairo\" not found (tried pkg-config)",
            "libcairo2-dev",
        ),
        (
            "../subprojects/dbus-gmain/meson.build:107:11: ERROR: Dependency \"dbus-1\" not found (tried pkg-config)",
            "libdbus-1-dev",
        ),
        // cairosvg and WeasyPrint, at import
        (
            "OSError: no library called \"cairo-2\" was found; cannot load library 'libcairo.so.2': libcairo.so.2: cannot open shared object file: No such file or directory",
            "libcairo2-dev",
        ),
        (
            "OSError: cannot load library 'libgobject-2.0-0': libgobject-2.0-0: cannot open shared object file: No such file or directory",
            "libglib2.0-0",
        ),
        (
            "OSError: cannot load library 'libpango-1.0-0': libpango-1.0-0: cannot open shared object file: No such file or directory",
            "libpango-1.0-0",
        ),
        // opencv-python
        (
            "ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
            "libgl1",
        ),
        (
            "ImportError: libgthread-2.0.so.0: cannot open shared object file: No such file or directory",
            "libglib2.0-0",
        ),
        // lxml
        (
            "Error: Please make sure the libxml2 and libxslt development packages are installed.",
            "libxml2-dev",
        ),
        (
            "src/lxml/etree.c:101:10: fatal error: libxml/xmlversion.h: No such file or directory",
            "libxml2-dev",
        ),
        // cffi, cryptography, pycurl
        (
            "src/c/_cffi_backend.c:15:10: fatal error: ffi.h: No such file or directory",
            "libffi-dev",
        ),
        ("error: can't find Rust compiler", "cargo"),
        (
            "ConfigurationError: Could not run curl-config: [Errno 2] No such file or directory: 'curl-config'",
            "libcurl4-openssl-dev",
        ),
        // python-magic, Wand, pyvips, pyzbar
        (
            "ImportError: failed to find libmagic.  Check your installation",
            "libmagic1",
        ),
        (
            "You probably had not installed ImageMagick library.",
            "libmagickwand-dev",
        ),
        (
            "OSError: cannot load library 'libvips.so.42': libvips.so.42: cannot open shared object file: No such file or directory.",
            "libvips-dev",
        ),
        (
            "ImportError: Unable to find zbar shared library",
            "libzbar-dev",
        ),
        // pytesseract, pdf2image, pdfkit, graphviz, pygraphviz
        (
            "pytesseract.pytesseract.TesseractNotFoundError: tesseract is not installed or it's not in your PATH. See README file for more information.",
            "tesseract-ocr",
        ),
        (
            "pdf2image.exceptions.PDFInfoNotInstalledError: Unable to get page count. Is poppler installed and in PATH?",
            "poppler-utils",
        ),
        (
            "OSError: No wkhtmltopdf executable found: \"b''\"",
            "wkhtmltopdf",
        ),
        (
            "graphviz.backend.execute.ExecutableNotFound: failed to execute PosixPath('dot'), make sure the Graphviz executables are on your systems' PATH",
            "graphviz",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'dot'",
            "graphviz",
        ),
        // pydub, ffmpeg-python, PyAV
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'ffprobe'",
            "ffmpeg",
        ),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'",
            "ffmpeg",
        ),
        (
            "Package 'libavformat', required by 'virtual:world', not found",
            "libavformat-dev",
        ),
        // PyAudio, sounddevice, pysndfile, rtmidi
        (
            "src/pyaudio/device_api.c:9:10: fatal error: portaudio.h: No such file or directory",
            "portaudio19-dev",
        ),
        ("OSError: PortAudio library not found", "portaudio19-dev"),
        (
            "libsndfile library was not found in standard locations: ['/usr/local', '/usr'].",
            "libsndfile1-dev",
        ),
        (
            "src/RtMidi.cpp:1106:10: fatal error: alsa/asoundlib.h: No such file or directory",
            "libasound2-dev",
        ),
        // pycups, h5py, M2Crypto
        (
            "cupsconnection.h:26:10: fatal error: cups/http.h: No such file or directory",
            "libcups2-dev",
        ),
        (
            "error: Unable to load dependency HDF5, make sure HDF5 is installed properly",
            "libhdf5-dev",
        ),
        (
            "error: command 'swig' failed: No such file or directory",
            "swig",
        ),
        // SciPy, from source
        (
            "../scipy/meson.build:88:0: ERROR: Unknown compiler(s): [['gfortran'], ['flang-new'], ['flang']]",
            "gfortran",
        ),
        (
            "../scipy/meson.build:216:9: ERROR: Dependency \"OpenBLAS\" not found, tried pkgconfig and cmake",
            "libopenblas-dev",
        ),
        // anything that is compiled
        (
            "psutil/_psutil_common.c:9:10: fatal error: Python.h: No such file or directory",
            "python3-dev",
        ),
        (
            "error: command 'gcc' failed: No such file or directory",
            "build-essential",
        ),
        (
            "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
            "build-essential",
        ),
        ("/bin/sh: 1: git: not found", "git"),
        (
            "Failed to download bun install script. You can install or update bun manually ",
            "npm install --global bun",
        ),
        (
            "playwright._impl._errors.Error: BrowserType.launch: Executable doesn't exist at /home/ana/.cache/ms-playwright/chromium-1/chrome",
            "playwright install chromium",
        ),
    ];

    #[test]
    fn what_really_came_out_of_failures_is_understood() {
        for (line, named) in SEEN {
            let hint = hint([*line]).unwrap_or_else(|| panic!("nothing for: {line}"));
            assert!(hint.contains(named), "{line}\n{hint}");
        }
    }

    #[test]
    fn other_words_are_no_sign() {
        for line in [
            "ModuleNotFoundError: No module named 'cairo'",
            "found cairo 1.16",
            "KeyError: 'dot'",
            "FileNotFoundError: [Errno 2] No such file or directory: 'dot.txt'",
            "page not found: not found",
            "Compiler for C supports arguments -Wmissing-prototypes: YES",
            "OSError: libgobbledygook.so: cannot open shared object file",
            "mydot: not found",
        ] {
            assert_eq!(hint([line]), None, "{line}");
        }
    }

    #[test]
    fn every_row_names_its_packages_once() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(
                !row.debian.is_empty() && !row.fedora.is_empty() && !row.signs.is_empty(),
                "{}",
                row.what
            );
            assert!(
                ROWS[at + 1..].iter().all(|other| other.what != row.what),
                "{}",
                row.what
            );
        }
    }
}
