use ship_test::Project;

use crate::home;

#[test]
fn a_check_reads_and_starts_nothing_and_its_code_says_whether_there_are_errors() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    let output = home
        .ship_in(project.folder(), &["check", "--json"])
        .success();
    let findings = &output.json()["findings"];
    assert!(
        findings.as_array().is_some_and(|all| !all.is_empty()),
        "{findings}"
    );
    assert!(home.processes().is_empty());
    let empty = Project::fixture("no-python");
    let output = home.ship_in(empty.folder(), &["check"]).fails_with(1);
    assert!(output.stdout.contains("[no-plan]"), "{}", output.stdout);
    let told = home
        .ship_in(empty.folder(), &["check", "--explain", "debug"])
        .success();
    assert!(told.stdout.contains("debug mode is off"), "{}", told.stdout);
    home.ship_in(empty.folder(), &["check", "--explain", "nothing"])
        .fails_with(1);
}

#[test]
fn a_fix_is_shown_and_written() {
    let (home, project) = (home(), Project::fixture("procfile-worker"));
    project.write(".env", "A=1\n");
    let output = home.ship_in(project.folder(), &["check", "--fix"]);
    assert!(output.stderr.contains("+.env"), "{}", output.stderr);
    let ignored = ship_base::file::read_text(&project.folder().join(".gitignore")).unwrap();
    assert!(ignored.lines().any(|line| line == ".env"), "{ignored}");
}

#[test]
fn django_is_asked_in_the_live_release_where_there_is_one() {
    let settings = "SECRET_KEY = 'not-a-secret'\nDEBUG = False\nALLOWED_HOSTS = ['*']\nROOT_URLCONF = 'site1.urls'\n\
                    MIDDLEWARE = ['django.middleware.security.SecurityMiddleware']\n\
                    WSGI_APPLICATION = 'site1.wsgi.application'\n";
    let (home, project) = (home(), Project::named("shop"));
    for (file, text) in [
        ("requirements.txt", "django==5.2.8\n"),
        (
            "manage.py",
            "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n\
             from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n",
        ),
        ("site1/__init__.py", ""),
        ("site1/settings.py", settings),
        (
            "site1/urls.py",
            "from django.http import HttpResponse\nfrom django.urls import path\n\
             urlpatterns = [path('', lambda request: HttpResponse('hello'))]\n",
        ),
        (
            "site1/wsgi.py",
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n\
             from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        ),
    ] {
        project.write(file, text);
    }
    let built = ["check", "--built", "--json"];
    let nothing = home.ship_in(project.folder(), &built).fails_with(1);
    assert!(
        nothing.stderr.contains("`ship up` builds it"),
        "{}",
        nothing.stderr
    );

    home.ship_in(project.folder(), &["up", "--detach"])
        .success();
    let output = home.ship_in(project.folder(), &built).fails_with(1);
    let report = output.json();
    let found = report["findings"].as_array().into_iter().flatten();
    let of_django: Vec<_> = found
        .filter(|finding| finding["id"] == "django-deploy")
        .filter_map(|finding| finding["what"].as_str())
        .collect();
    let says = |id: &str| of_django.iter().any(|what| what.starts_with(id));
    assert!(
        says("security.W004") && says("security.W009"),
        "{of_django:?}"
    );
    assert!(!says("security.W008"), "{of_django:?}");
}
