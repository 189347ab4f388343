use crate::home;

#[test]
fn the_ca_can_be_printed_and_is_always_the_same() {
    let home = home();
    let printed = home.ship(&["trust", "--print"]).success().stdout;
    assert!(printed.starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(!printed.contains("PRIVATE"));
    assert_eq!(home.ship(&["trust", "--print"]).success().stdout, printed);
}
