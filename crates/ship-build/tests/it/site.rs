//! Sites that their generators build.

use std::fs;

use ship_project::plan::{AssetStep, Dependencies, Generator, Site, Sourced};

use crate::bench::Bench;

fn site(generator: Generator, arguments: &[&str]) -> AssetStep {
    AssetStep::Site(Site {
        generator,
        folder: ".".into(),
        add: vec![generator.package().to_owned()],
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        writes_to: None,
    })
}

fn page(bench: &Bench, release: u32, path: &str) -> String {
    fs::read_to_string(bench.release(release).join("assets/site").join(path)).unwrap()
}

#[test]
fn a_site_of_mkdocs_becomes_files_of_the_release_and_nothing_else_of_it() {
    let mut bench = Bench::new(&[
        ("mkdocs.yml", "site_name: Kite\n"),
        ("docs/index.md", "# Up it goes\n"),
    ])
    .with_common_environments();
    bench.plan.dependencies = Some(Sourced::by_default(
        Dependencies::Unnamed {
            add: vec!["mkdocs".to_owned()],
        },
        "",
    ));
    bench.plan.assets = vec![Sourced::by_default(site(Generator::Mkdocs, &["build"]), "")];
    bench.build().unwrap();
    assert!(page(&bench, 1, "index.html").contains("Up it goes"));
    assert!(page(&bench, 1, "404.html").contains("404"));
    let source = bench.release(1).join("source");
    let mut names: Vec<_> = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["docs", "mkdocs.yml"]);
    // A page that changes is a release that differs.
    let first = bench.build().unwrap().content;
    bench.write("docs/index.md", "# Down it comes\n");
    assert_ne!(bench.build().unwrap().content, first);
    assert!(page(&bench, 3, "index.html").contains("Down it comes"));
}

#[test]
fn hugo_comes_from_the_index_where_the_machine_has_none() {
    let mut bench = Bench::new(&[
        (
            "hugo.toml",
            "title = 'Garden'\nbaseURL = 'https://example.org/'\n",
        ),
        ("content/_index.md", "---\ntitle: Frost\n---\n"),
        (
            "layouts/index.html",
            "<h1>{{ .Title }}</h1>{{ \"x.css\" | absURL }}",
        ),
        ("layouts/404.html", "lost"),
    ])
    .with_common_environments();
    bench.plan.python = None;
    bench.plan.dependencies = None;
    bench.plan.assets = vec![Sourced::by_default(
        site(Generator::Hugo, &["--baseURL=/"]),
        "",
    )];
    let built = bench.build().unwrap();
    assert!(page(&bench, 1, "index.html").starts_with("<h1>Frost</h1>/x.css"));
    assert_eq!(page(&bench, 1, "404.html"), "lost");
    if built.environment.is_none() {
        eprintln!("skipped: this machine has a `hugo`, so that none was fetched");
    } else {
        assert!(built.layer.is_some());
    }
}
