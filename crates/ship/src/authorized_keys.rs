//! sshd's `authorized_keys`: a line for each deploy key that lets it speak to the API and do nothing
//! else (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
//!
//! The file is other people's as well: it is written whole or not at all, with its mode and owner,
//! and every line that is not ours stays as it is.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ship_base::hash::sha256;
use ship_base::name::KeyName;
use ship_base::{base64, file};

use crate::error::{CommandError, Result};

/// Kinds of keys that OpenSSH takes; DSA is none of them any more.
const KINDS: [&str; 7] = [
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "ssh-ed25519",
    "ssh-rsa",
];

/// A public key as it stands in a `.pub` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    kind: &'static str,
    /// Base64, as it is written.
    text: String,
    /// What its owner calls it.
    pub(crate) comment: String,
    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub(crate) fingerprint: String,
}

impl PublicKey {
    /// Reads one line with one key, and without options: those are ours to write.
    pub(crate) fn read(text: &str) -> Result<Self> {
        if text.contains("PRIVATE KEY") {
            return Err(CommandError::user("this is a private key")
                .hint("it stays where it is: give the `.pub` file beside it"));
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines.next().unwrap_or_default();
        let mut words = line.splitn(3, ' ');
        let (kind, body) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let known = KINDS.into_iter().find(|known| *known == kind);
        let blob = base64::decode(body);
        let (Some(kind), Some(blob), None) = (known, blob, lines.next()) else {
            return Err(no_key());
        };
        // The blob says its kind again, after its length (RFC 4253, 6.6).
        let length = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
        let rest = blob.strip_prefix(&length[..]);
        if !rest.is_some_and(|rest| rest.starts_with(kind.as_bytes())) {
            return Err(no_key());
        }
        let fingerprint = base64::encode(&sha256(&blob));
        Ok(Self {
            kind,
            text: body.to_owned(),
            comment: words.next().unwrap_or_default().trim().to_owned(),
            fingerprint: format!("SHA256:{}", fingerprint.trim_end_matches('=')),
        })
    }

    /// As a `.pub` file has it.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.kind, self.text)
    }
}

fn no_key() -> CommandError {
    CommandError::user("standard input holds no public key of ssh")
        .hint("give it one: `ship key add --app blog --may deploy < ci.pub`")
        .hint("`ssh-keygen -t ed25519 -N '' -f ci` makes a pair; `ci.pub` is for here, `ci` for the machine that deploys")
}

/// The file, and the program that its lines start.
pub(crate) struct AuthorizedKeys {
    path: PathBuf,
    program: PathBuf,
}

impl AuthorizedKeys {
    /// `path` may be a link to where the file is kept.
    pub(crate) fn new(path: &Path, program: PathBuf) -> Self {
        Self {
            path: path.canonicalize().unwrap_or_else(|_| path.to_owned()),
            program,
        }
    }

    /// Adds a line for a key. Refused where the same key opens more by another line: sshd takes the
    /// first that fits.
    pub(crate) fn add(&self, name: &KeyName, key: &PublicKey) -> Result<()> {
        let text = file::read_text_if_there(&self.path)?.unwrap_or_default();
        let same = |line: &&str| line.split_whitespace().any(|word| word == key.text);
        if let Some(number) = text.lines().position(|line| same(&line)) {
            let place = format!("{}:{}", self.path.display(), number + 1);
            return Err(CommandError::user(format!("this key is there already: {place}"))
                .hint("remove that line, or make a key of its own: `ssh-keygen -t ed25519 -N '' -f ci`"));
        }
        let mut text = text;
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&self.line(name, key)?);
        self.write(&text)
    }

    /// Removes the lines of a key; whether there was one.
    pub(crate) fn remove(&self, name: &KeyName) -> Result<bool> {
        let text = file::read_text_if_there(&self.path)?.unwrap_or_default();
        let kept: String = text
            .split_inclusive('\n')
            .filter(|line| !is_of(line, name))
            .collect();
        if kept == text {
            return Ok(false);
        }
        self.write(&kept).map(|()| true)
    }

    fn line(&self, name: &KeyName, key: &PublicKey) -> Result<String> {
        let program = self.program.display().to_string();
        // sshd gives the command to a shell, and has its own idea of quotes before that.
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
        if !program.chars().all(plain) {
            return Err(CommandError::user(format!(
                "a forced command cannot name `{program}`: its path has characters that a shell reads"
            ))
            .hint("put the program somewhere like /usr/local/bin/ship"));
        }
        let key = key.line();
        Ok(format!(
            "restrict,command=\"{program} dial --key {name}\" {key} ship-{name}\n"
        ))
    }

    fn write(&self, text: &str) -> Result<()> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            file::create_private_folder(folder)?;
        }
        let before = self.path.metadata().ok();
        let mode = before
            .as_ref()
            .map_or(0o600, |facts| facts.permissions().mode() & 0o777);
        // Before the file has its name: sshd reads it as its owner, who would be locked out by one
        // that a crash left to root.
        let owner = before.filter(|_| rustix::process::getuid().is_root());
        let owner = owner.map(|facts| (facts.uid(), facts.gid()));
        Ok(file::write_whole_for(
            &self.path,
            text.as_bytes(),
            mode,
            owner,
        )?)
    }
}

/// Whether a line is the one of this key.
fn is_of(line: &str, name: &KeyName) -> bool {
    line.starts_with("restrict,command=\"") && line.contains(&format!(" dial --key {name}\" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ana@laptop";

    fn file_with(text: &str) -> (tempfile::TempDir, AuthorizedKeys) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".ssh/authorized_keys");
        file::create_private_folder(path.parent().unwrap()).unwrap();
        file::write_whole_with_mode(&path, text.as_bytes(), 0o640).unwrap();
        (
            folder,
            AuthorizedKeys::new(&path, "/usr/local/bin/ship".into()),
        )
    }

    fn name(name: &str) -> KeyName {
        name.parse().unwrap()
    }

    #[test]
    fn a_key_is_known_by_the_fingerprint_that_ssh_shows() {
        let key = PublicKey::read(KEY).unwrap();
        assert_eq!(key.comment, "ana@laptop");
        assert_eq!(
            key.fingerprint,
            "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
        );
    }

    #[test]
    fn what_is_no_single_plain_public_key_is_refused() {
        let two = format!("{KEY}\n{KEY}");
        let with_options = format!("command=\"sh\" {KEY}");
        let other_kind = KEY.replace("ssh-ed25519", "ssh-rsa");
        for text in [
            "",
            "ssh-ed25519",
            "ssh-ed25519 AAAA",
            "ssh-dss AAAAB3NzaC1kc3MAAAA=",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &two,
            &with_options,
            &other_kind,
        ] {
            assert!(PublicKey::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_is_added_and_removed_and_those_of_others_stay() {
        let others = "# mine\nssh-rsa AAAAB3 root@laptop";
        let (_folder, keys) = file_with(others);
        let key = PublicKey::read(KEY).unwrap();
        keys.add(&name("ci"), &key).unwrap();
        let text = file::read_text(&keys.path).unwrap();
        insta::assert_snapshot!(text, @r#"
        # mine
        ssh-rsa AAAAB3 root@laptop
        restrict,command="/usr/local/bin/ship dial --key ci" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ship-ci
        "#);
        assert_eq!(
            keys.path.metadata().unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(!keys.remove(&name("c")).unwrap());
        assert!(keys.remove(&name("ci")).unwrap());
        assert_eq!(file::read_text(&keys.path).unwrap(), format!("{others}\n"));
    }

    #[test]
    fn a_key_that_opens_the_machine_already_is_refused() {
        let (_folder, keys) = file_with(&format!("{KEY}\n"));
        let key = PublicKey::read(KEY).unwrap();
        assert!(keys.add(&name("ci"), &key).is_err());
    }

    #[test]
    fn nothing_that_a_shell_reads_gets_into_the_command() {
        let (_folder, keys) = file_with("");
        let keys = AuthorizedKeys {
            program: "/opt/my ship/$(reboot)".into(),
            ..keys
        };
        let key = PublicKey::read(KEY).unwrap();
        assert!(keys.add(&name("ci"), &key).is_err());
    }
}
