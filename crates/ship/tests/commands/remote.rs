use crate::home;

#[test]
fn a_server_has_a_name_until_it_is_forgotten() {
    let home = home();
    home.ship(&["remote", "add", "prod", "root@203.0.113.7:2222"])
        .success();
    home.ship(&["remote", "default", "prod"]).success();
    let listed = home.ship(&["remote", "list"]).success().stdout;
    assert_eq!(listed, "prod  root@203.0.113.7:2222  default\n");
    home.ship(&["remote", "remove", "prod"]).success();
    assert_eq!(
        home.ship(&["remote", "list", "--json"]).success().stdout,
        "[]\n"
    );
    let output = home.ship(&["remote", "remove", "prod"]).fails_with(1);
    assert!(output.stderr.contains("there is no remote `prod`"));
}

#[test]
fn nothing_that_looks_like_an_option_reaches_ssh() {
    let home = home().with("SHIP_SSH", "/bin/false");
    for arguments in [
        &["remote", "add", "prod", "--", "-oProxyCommand=reboot"][..],
        &["ps", "--remote=-oProxyCommand=reboot"],
    ] {
        let output = home.ship(arguments).fails_with(1);
        assert!(
            output.stderr.contains("is not a destination of ssh"),
            "{}",
            output.stderr
        );
    }
}
