use crate::home;

#[test]
fn every_shell_gets_its_own() {
    let home = home();
    for (shell, part) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef ship"),
        ("fish", "complete -c ship"),
    ] {
        let script = home.ship(&["completions", shell]).success().stdout;
        assert!(script.contains(part), "{shell}");
        assert!(script.contains("rollback"), "{shell}");
    }
    home.ship(&["completions", "csh"]).fails_with(2);
}
