//! Work on files with somebody else's rights.

use std::io;
use std::thread;

use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use ship_base::lend::User;

/// Does `work` with the rights that `user` has to files: what root would follow out of a folder of
/// the user's (a link that a program of theirs puts there meanwhile) leads to nothing that the user
/// could not reach.
///
/// It happens on a thread that ends with it. Only its effective user changes: by the real one it
/// stays root's, and the user's programs cannot send it signals (kill(2)).
pub fn acting_as<T: Send>(user: User, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let act = || {
        become_user(user)?;
        Ok(work())
    };
    thread::scope(|scope| match scope.spawn(act).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn become_user(user: User) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_groups(&[])?;
    set_thread_res_gid(Gid::ROOT, gid, Gid::ROOT)?;
    set_thread_res_uid(Uid::ROOT, uid, Uid::ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::file;

    #[test]
    fn rights_are_the_users_for_as_long_as_the_work_takes() {
        if !rustix::process::getuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        file::write_whole(&secret, b"ours").unwrap();
        let user = User {
            uid: 99_990,
            gid: 99_990,
        };
        let read = || file::read(&secret).is_ok();
        assert!(!acting_as(user, read).unwrap());
        assert!(read());
    }
}
