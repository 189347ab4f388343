//! The route table in the form in which requests ask it: one look-up for the host, a second where that
//! stands nowhere itself, one per path segment of the deepest prefix. The cost does not depend on how many hosts and routes there are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderValue;
use ship_base::name::{AppName, ReleaseId};

use crate::access_log::Access;
use crate::allow::Allow;
use crate::cache::{Cache, Caches, Told};
use crate::error::TableError;
use crate::host;
use crate::instance::{Instance, Instances};
use crate::own_pages::OwnPages;
use crate::path;
use crate::rules::{LastRules, Rules};
use crate::static_files::Folder;
use crate::table::{self, Https, SiteRules, Table, Target};
use crate::traffic::{Meter, Meters};

/// A checked and compiled [`Table`].
#[derive(Debug, Default)]
pub(crate) struct Routes {
    hosts: HashMap<Box<str>, Arc<Site>, OfTable>,
    /// Sites of all names that are one label longer.
    wildcards: HashMap<Box<str>, Arc<Site>, OfTable>,
    /// The site of all other names.
    rest: Option<Arc<Site>>,
    sites: Vec<Arc<Site>>,
    /// All instances; [`To::Instances`] holds places in this list, and so does each core's list of
    /// connection pools.
    pub(crate) instances: Vec<Arc<Instance>>,
    /// Where in that list an instance stands, by its id.
    places: HashMap<u64, usize>,
}

/// One app.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) app: AppName,
    pub(crate) release: Option<ReleaseId>,
    /// The first host name: the one to show.
    pub(crate) host: Option<String>,
    pub(crate) body_limit: u64,
    pub(crate) https: Https,
    pub(crate) cache: Arc<Cache>,
    /// What counts its traffic.
    pub(crate) meter: Arc<Meter>,
    /// Where its requests are written.
    pub(crate) access: Option<Access>,
    pub(crate) rules: SiteRules,
    /// Who sees it while it is in maintenance; nobody where that is `None`.
    pub(crate) insiders: Option<Allow>,
    pub(crate) pages: OwnPages,
    /// By prefix without slashes at its ends: `` for `/`, `static/css`.
    routes: HashMap<Box<str>, Way, OfTable>,
    /// The most segments of any prefix.
    deepest: usize,
}

/// Who answers, and what is asked of visitors before.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) to: To,
    /// None where nothing is asked.
    pub(crate) rules: Option<Arc<Rules>>,
}

/// Who answers.
#[derive(Debug)]
pub(crate) enum To {
    /// An app.
    Instances {
        /// Places in [`Routes::instances`].
        places: Arc<[usize]>,
        /// What its author says about keeping answers.
        told: Option<Told>,
        /// They are asked without the prefix, and told it by this field.
        strips: Option<HeaderValue>,
    },
    /// Files.
    Files {
        folder: Folder,
        fall_through: bool,
        fallback: Option<PathBuf>,
    },
    /// A redirect.
    Redirect { to: String, status: StatusCode },
}

/// A route that fits, and what is left of the path after its prefix (no slash in front).
#[derive(Debug)]
pub(crate) struct Found<'s, 'p> {
    pub(crate) way: &'s Way,
    pub(crate) rest: Cow<'p, str>,
}

/// The value of `X-Forwarded-Prefix` for a route of this prefix: canonical, and no slash at its end.
/// The root has none.
fn prefix_field(prefix: &str) -> Option<HeaderValue> {
    let canonical = path::canonical(prefix).ok()?;
    let canonical = without_empty_segments(&canonical);
    let prefix = canonical.trim_end_matches('/');
    HeaderValue::from_str(prefix)
        .ok()
        .filter(|_| !prefix.is_empty())
}

impl Routes {
    /// Checks and compiles a table; instances that stay are the ones of before.
    pub(crate) fn compile(
        table: &Table,
        instances: &mut Instances,
        caches: &Caches,
        meters: &Meters,
        last: &LastRules,
    ) -> Result<Self, TableError> {
        if table.version != table::VERSION {
            return Err(TableError::Version {
                found: table.version,
            });
        }
        let mut routes = Self::default();
        for site in &table.sites {
            routes.add(site, instances, caches, meters, last)?;
        }
        Ok(routes)
    }

    fn add(
        &mut self,
        site: &table::Site,
        instances: &mut Instances,
        caches: &Caches,
        meters: &Meters,
        last: &LastRules,
    ) -> Result<(), TableError> {
        let mut compiled = Site {
            app: site.app.clone(),
            release: site.release,
            host: site.hosts.first().cloned(),
            body_limit: site.body_limit,
            https: site.https.clone(),
            cache: caches.get(&site.app, site.release),
            meter: meters.get(&site.app),
            access: site.access_log.clone().map(Access::new),
            rules: site.rules.clone(),
            insiders: insiders(site)?,
            pages: OwnPages::read(&site.rules.pages),
            routes: HashMap::default(),
            deepest: 0,
        };
        for route in &site.routes {
            let key = compiled.key(&route.prefix)?;
            let rules = Rules::compile(&route.rules, last.of(&site.app, &key));
            let way = Way {
                to: self.target(site, route, instances)?,
                rules: rules.map_err(|rule| TableError::Rule {
                    app: site.app.to_string(),
                    prefix: route.prefix.clone(),
                    rule,
                })?,
            };
            compiled.add(&route.prefix, key, way)?;
        }
        let compiled = Arc::new(compiled);
        for name in &site.hosts {
            self.claim(name, &compiled)?;
        }
        self.sites.push(compiled);
        Ok(())
    }

    fn claim(&mut self, name: &str, site: &Arc<Site>) -> Result<(), TableError> {
        let before = match name {
            "*" => self.rest.replace(site.clone()),
            _ => self.claim_host(name, site)?,
        };
        match before {
            Some(other) if other.app != site.app => Err(TableError::HostTwice {
                host: name.to_owned(),
                first: other.app.to_string(),
                second: site.app.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// Gives a name to a site, and returns the one that had it.
    fn claim_host(
        &mut self,
        name: &str,
        site: &Arc<Site>,
    ) -> Result<Option<Arc<Site>>, TableError> {
        let (names, bare) = match name.strip_prefix("*.") {
            Some(above) => (&mut self.wildcards, above),
            None => (&mut self.hosts, name),
        };
        let host = host::parse(bare).filter(|host| host.port.is_none());
        let host = host.ok_or_else(|| TableError::Host {
            app: site.app.to_string(),
            host: name.to_owned(),
        })?;
        Ok(names.insert(host.name.into(), site.clone()))
    }

    fn target(
        &mut self,
        site: &table::Site,
        route: &table::Route,
        instances: &mut Instances,
    ) -> Result<To, TableError> {
        Ok(match &route.to {
            Target::Instances { upstreams, strip } => {
                let named = upstreams.iter().map(|upstream| instances.get(upstream));
                To::Instances {
                    strips: strip.then(|| prefix_field(&route.prefix)).flatten(),
                    places: named.map(|instance| self.place(instance)).collect(),
                    told: route.cache.as_ref().map(|cache| Told {
                        fresh: Duration::from_secs(cache.fresh),
                        share: cache.share,
                        stale: Duration::from_secs(cache.stale),
                    }),
                }
            }
            Target::Files {
                folder,
                fall_through,
                fallback,
                packed,
            } => To::Files {
                folder: Folder::new(folder.clone(), packed.clone()),
                fall_through: *fall_through,
                fallback: fallback.clone(),
            },
            Target::Redirect { to, status } => redirect(site, to, *status)?,
        })
    }

    fn place(&mut self, instance: Arc<Instance>) -> usize {
        *self.places.entry(instance.id).or_insert_with(|| {
            self.instances.push(instance);
            self.instances.len() - 1
        })
    }

    /// The site that answers for a canonical host name.
    pub(crate) fn site(&self, host: &str) -> Option<&Arc<Site>> {
        let wildcard = || self.wildcards.get(host.split_once('.')?.1);
        let named = self.hosts.get(host).or_else(wildcard);
        named.or(self.rest.as_ref())
    }

    /// Every site, for the page that lists them.
    pub(crate) fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }
}

fn insiders(site: &table::Site) -> Result<Option<Allow>, TableError> {
    let Some(maintenance) = &site.rules.maintenance else {
        return Ok(None);
    };
    Allow::new(&maintenance.allow).map_err(|rule| TableError::Rule {
        app: site.app.to_string(),
        prefix: "/".to_owned(),
        rule,
    })
}

fn redirect(site: &table::Site, to: &str, status: u16) -> Result<To, TableError> {
    let known = StatusCode::from_u16(status).ok();
    let known = known.filter(|_| matches!(status, 301 | 302 | 307 | 308));
    let is_target = to.starts_with('/')
        || to
            .parse::<hyper::Uri>()
            .is_ok_and(|uri| uri.scheme().is_some());
    let printable = to.bytes().all(|byte| byte.is_ascii_graphic());
    match known {
        Some(status) if is_target && printable => Ok(To::Redirect {
            to: to.to_owned(),
            status,
        }),
        _ => Err(TableError::Redirect {
            app: site.app.to_string(),
            to: to.to_owned(),
            status,
        }),
    }
}

impl Site {
    /// Whether a path is answered while the site is paused: who looks after it, and authorities of
    /// certificates, must find it.
    pub(crate) fn is_open_at(&self, path: &str) -> bool {
        let budget = self.rules.budget.as_ref();
        path.starts_with("/.well-known/acme-challenge/")
            || budget.is_some_and(|budget| budget.open.iter().any(|open| open == path))
    }

    /// Whether this visitor sees a page in its place.
    pub(crate) fn is_closed_to(&self, from: IpAddr) -> bool {
        let sees = |insiders: &Allow| insiders.has(from);
        self.rules.maintenance.is_some() && !self.insiders.as_ref().is_some_and(sees)
    }

    /// The rules of its routes that have any.
    pub(crate) fn rules_by_prefix(&self) -> impl Iterator<Item = (&str, &Arc<Rules>)> {
        let ways = self.routes.iter();
        ways.filter_map(|(prefix, way)| Some((&**prefix, way.rules.as_ref()?)))
    }

    /// A prefix without slashes at its ends.
    fn key(&self, prefix: &str) -> Result<Box<str>, TableError> {
        let canonical = path::canonical(prefix).map_err(|_| TableError::Prefix {
            app: self.app.to_string(),
            prefix: prefix.to_owned(),
        })?;
        let canonical = without_empty_segments(&canonical);
        Ok(canonical.trim_matches('/').into())
    }

    fn add(&mut self, prefix: &str, key: Box<str>, way: Way) -> Result<(), TableError> {
        if !key.is_empty() {
            self.deepest = self.deepest.max(key.split('/').count());
        }
        match self.routes.insert(key, way) {
            None => Ok(()),
            Some(_) => Err(TableError::PrefixTwice {
                app: self.app.to_string(),
                prefix: prefix.to_owned(),
            }),
        }
    }

    /// The route with the longest prefix that fits a canonical path, on whole segments.
    pub(crate) fn find<'s, 'p>(&'s self, path: &'p str) -> Option<Found<'s, 'p>> {
        match without_empty_segments(path) {
            Cow::Borrowed(path) => self.find_collapsed(path),
            Cow::Owned(path) => self.find_collapsed(&path).map(|found| Found {
                way: found.way,
                rest: Cow::Owned(found.rest.into_owned()),
            }),
        }
    }

    fn find_collapsed<'s, 'p>(&'s self, path: &'p str) -> Option<Found<'s, 'p>> {
        let path = &path[1..];
        let mut best = self.routes.get("").map(|way| (way, 0));
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([path.len()]).take(self.deepest) {
            best = self.routes.get(&path[..end]).map(|way| (way, end)).or(best);
        }
        best.map(|(way, end)| Found {
            way,
            rest: Cow::Borrowed(path[end..].trim_start_matches('/')),
        })
    }

    /// What answers at the root: where files that are not there are asked for next.
    pub(crate) fn root(&self) -> Option<&Way> {
        self.routes.get("")
    }
}

/// For keys that come from the table: no visitor can choose them so that they collide, and the
/// standard library's hash, which is made against that, costs several times as much.
type OfTable = BuildHasherDefault<Fnv>;

/// FNV-1a, 64 bits.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// `//a///b/` is routed as `/a/b/`: apps that fold slashes must not see more than we routed.
fn without_empty_segments(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for char in path.chars() {
        if !(char == '/' && out.ends_with('/')) {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Route;
    use proptest::prelude::*;

    fn site(app: &str, hosts: Vec<String>, prefixes: &[String]) -> table::Site {
        let route = |prefix: &String| Route {
            prefix: prefix.clone(),
            to: Target::Redirect {
                to: format!("/to{prefix}"),
                status: 302,
            },
            cache: None,
            rules: table::RouteRules::default(),
        };
        table::Site {
            app: app.parse().unwrap(),
            release: None,
            hosts,
            routes: prefixes.iter().map(route).collect(),
            body_limit: 0,
            https: Https::default(),
            access_log: None,
            rules: SiteRules::default(),
        }
    }

    fn compile(sites: Vec<table::Site>) -> Result<Routes, TableError> {
        let table = Table {
            version: table::VERSION,
            certificates: table::Certificates::default(),
            sites,
        };
        Routes::compile(
            &table,
            &mut Instances::default(),
            &Caches::default(),
            &Meters::default(),
            &LastRules::default(),
        )
    }

    fn answer(routes: &Routes, host: &str, path: &str) -> Option<String> {
        let host = host::parse(host)?;
        let path = path::canonical(path).ok()?.into_owned();
        match &routes.site(&host.name)?.find(&path)?.way.to {
            To::Redirect { to, .. } => Some(to.clone()),
            _ => None,
        }
    }

    #[test]
    fn the_longest_prefix_of_whole_segments_wins() {
        let prefixes = ["/", "/static/", "/static/css", "/a"].map(str::to_owned);
        let routes = compile(vec![site("blog", vec!["b.test".to_owned()], &prefixes)]).unwrap();
        for (path, prefix) in [
            ("/", "/"),
            ("/x", "/"),
            ("/static", "/static/"),
            ("/static/", "/static/"),
            ("/statics", "/"),
            ("/static/css/x", "/static/css"),
            ("/static/cssx", "/static/"),
            ("//static//css/x", "/static/css"),
            ("/x/../a", "/a"),
            ("/%61", "/a"),
            ("/a/b/c/d/e", "/a"),
        ] {
            let to = answer(&routes, "B.test:8000", path);
            assert_eq!(to.as_deref(), Some(&*format!("/to{prefix}")), "{path}");
        }
    }

    #[test]
    fn a_wildcard_has_the_names_one_label_longer_that_stand_nowhere_themselves() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let routes = compile(vec![
            site("shop", names(&["*.b.test"]), &["/".to_owned()]),
            site("blog", names(&["a.b.test"]), &["/".to_owned()]),
        ])
        .unwrap();
        let app = |host: &str| routes.site(host).map(|site| site.app.to_string());
        assert_eq!(app("x.b.test").as_deref(), Some("shop"));
        assert_eq!(app("a.b.test").as_deref(), Some("blog"));
        for host in ["b.test", "x.a.b.test", "xb.test", "*.b.test.x", "test"] {
            assert_eq!(app(host), None, "{host}");
        }
        for wrong in ["*.", "**", "*.*.test", "a.*.test", "*b.test"] {
            assert!(
                compile(vec![site("shop", names(&[wrong]), &[])]).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn one_app_may_have_all_names_that_stand_nowhere() {
        let root = ["/".to_owned()];
        let host = |name: &str| vec![name.to_owned()];
        let routes = compile(vec![
            site("shop", host("*"), &root),
            site("blog", host("*.b.test"), &root),
        ])
        .unwrap();
        let app = |host: &str| routes.site(host).map(|site| site.app.to_string());
        assert_eq!(app("a.b.test").as_deref(), Some("blog"));
        for rest in ["b.test", "192.0.2.7", "[2001:db8::7]", "anything"] {
            assert_eq!(app(rest).as_deref(), Some("shop"), "{rest}");
        }
        let two = [
            site("shop", host("*"), &root),
            site("blog", host("*"), &root),
        ];
        let refused = compile(two.to_vec());
        assert!(matches!(refused, Err(TableError::HostTwice { .. })));
    }

    #[test]
    fn tables_that_contradict_themselves_are_refused() {
        let host = || vec!["b.test".to_owned()];
        let root = ["/".to_owned()];
        let twice = [site("one", host(), &root), site("two", host(), &root)];
        assert!(matches!(
            compile(twice.to_vec()),
            Err(TableError::HostTwice { .. })
        ));
        let same = ["/a".to_owned(), "/a/".to_owned()];
        assert!(matches!(
            compile(vec![site("one", host(), &same)]),
            Err(TableError::PrefixTwice { .. })
        ));
        let mut ruled = site("one", host(), &root);
        ruled.routes[0].rules.allow.push("the office".to_owned());
        assert!(matches!(
            compile(vec![ruled]),
            Err(TableError::Rule { rule, .. }) if rule == "the office"
        ));
        let port = vec!["b.test:80".to_owned()];
        assert!(matches!(
            compile(vec![site("one", port, &root)]),
            Err(TableError::Host { .. })
        ));
        let table = Table {
            version: 2,
            certificates: table::Certificates::default(),
            sites: Vec::new(),
        };
        assert!(matches!(
            Routes::compile(
                &table,
                &mut Instances::default(),
                &Caches::default(),
                &Meters::default(),
                &LastRules::default()
            ),
            Err(TableError::Version { found: 2 })
        ));
    }

    /// The specification, written the slow way.
    fn naive<'a>(sites: &'a [(String, Vec<String>)], host: &str, path: &str) -> Option<&'a str> {
        let (_, prefixes) = sites.iter().find(|(name, _)| name == host)?;
        let segments = |text: &str| -> Vec<String> {
            let parts = text.split('/').filter(|part| !part.is_empty());
            parts.map(str::to_owned).collect()
        };
        let path = segments(path);
        let fits = prefixes
            .iter()
            .filter(|prefix| path.starts_with(&segments(prefix)));
        fits.max_by_key(|prefix| segments(prefix).len())
            .map(String::as_str)
    }

    fn many(count: usize) -> Vec<(String, Vec<String>)> {
        let prefixes = |n: usize| -> Vec<String> {
            let all = ["/", "/a", "/a/b/", "/b", "/b/a/b", "/c/c/c/c"];
            let kept = all.iter().enumerate().filter(|(bit, _)| n >> bit & 1 == 0);
            kept.map(|(_, prefix)| (*prefix).to_owned()).collect()
        };
        (0..count)
            .map(|n| (format!("h{n}.test"), prefixes(n)))
            .collect()
    }

    fn agrees_with_naive(count: usize, cases: u32) {
        let sites = many(count);
        let tables = sites
            .iter()
            .enumerate()
            .map(|(n, (host, prefixes))| site(&format!("app-{n}"), vec![host.clone()], prefixes));
        let routes = compile(tables.collect()).unwrap();
        let strategy = (0..count + 1, "(/[abc]{0,2}){1,6}/?");
        proptest!(ProptestConfig::with_cases(cases), |((n, path) in strategy)| {
            let host = format!("h{n}.test");
            let expected = naive(&sites, &host, &path).map(|prefix| format!("/to{prefix}"));
            prop_assert_eq!(answer(&routes, &host, &path), expected);
        });
    }

    #[test]
    fn matching_agrees_with_a_naive_matcher_at_every_size() {
        for count in [1, 100, 101, 10_000] {
            agrees_with_naive(count, 2_500);
        }
    }

    proptest! {
        #[test]
        fn a_path_and_its_canonical_form_have_one_route(
            path in "/(%2e|%41|[Aab.]|/){0,12}"
        ) {
            let routes = compile(vec![site(
                "blog",
                vec!["b.test".to_owned()],
                &["/", "/A", "/a/b", "/b/A"].map(str::to_owned),
            )]).unwrap();
            if let Ok(canonical) = path::canonical(&path) {
                prop_assert_eq!(
                    answer(&routes, "b.test", &path),
                    answer(&routes, "b.test", &canonical)
                );
            }
        }
    }
}
