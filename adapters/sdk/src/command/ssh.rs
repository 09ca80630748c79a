//! What `ssh` says when nothing was run on the far side.
//!
//! `ssh` exits 255 for every fault of its own, before the remote command started and after it was cut
//! off alike. Its words tell the two apart: these are said before a command can have started.

use crate::{Failure, FailureKind};

/// The kind, and a text that stands in a line that OpenSSH's client prints before anything is run.
const BEFORE_START: [(FailureKind, &str, &str); 7] = [
    (
        FailureKind::Retryable,
        "ssh: connect to host ",
        "Look whether the machine is up and its ssh port reachable.",
    ),
    (
        FailureKind::Retryable,
        "ssh: Could not resolve hostname ",
        "Look whether the name is right and can be resolved.",
    ),
    (
        FailureKind::Retryable,
        "kex_exchange_identification: ",
        "Look whether sshd over there accepts connections now.",
    ),
    (
        FailureKind::Unavailable,
        "Permission denied (",
        "Give this user's key access over there, and use BatchMode.",
    ),
    (
        FailureKind::Unavailable,
        "Host key verification failed.",
        "Put the machine's host key into known_hosts.",
    ),
    (
        FailureKind::Unavailable,
        "Too many authentication failures",
        "Name one key with IdentityFile and IdentitiesOnly.",
    ),
    (
        FailureKind::Unavailable,
        "Bad configuration option",
        "Correct ssh's configuration.",
    ),
];

/// The failure, where an exit with status 255 was ssh's and came before the remote command started.
/// `None` where that cannot be told: then the outcome is unknown.
///
/// Whatever was printed to standard output came from a command that did start, so there must be none.
#[must_use]
pub fn before_start(status: i32, stdout: &[u8], stderr: &[u8]) -> Option<Failure> {
    if status != 255 || !stdout.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(stderr);
    let (kind, line, fix) = BEFORE_START.iter().find_map(|(kind, words, fix)| {
        text.lines()
            .find(|line| line.contains(words))
            .map(|line| (kind, line, fix))
    })?;
    let line = super::last_words(line.as_bytes()).unwrap_or_default();
    Some(
        Failure::new(
            kind.clone(),
            "ssh-255",
            format!("ssh ran nothing over there: {line}"),
        )
        .with_fix(*fix),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_ran_nothing() {
        let said = b"ssh: connect to host pi port 22: Connection refused\r\n";
        assert_eq!(before_start(255, b"", said).unwrap().kind, FailureKind::Retryable);
    }

    #[test]
    fn a_rejected_key_stops_the_transport() {
        let said = b"Warning: added 'pi'\nme@pi: Permission denied (publickey).\n";
        assert_eq!(
            before_start(255, b"", said).unwrap().kind,
            FailureKind::Unavailable
        );
    }

    #[test]
    fn a_connection_lost_on_the_way_stays_unknown() {
        assert_eq!(
            before_start(255, b"", b"client_loop: send disconnect: Broken pipe\n"),
            None
        );
        assert_eq!(
            before_start(255, b"", b"Connection to pi closed by remote host.\n"),
            None
        );
    }

    #[test]
    fn words_of_a_command_that_ran_are_not_taken_for_sshs() {
        let said = b"ssh: connect to host db port 22: Connection refused\n";
        assert_eq!(before_start(1, b"", said), None);
        assert_eq!(before_start(255, b"started\n", said), None);
    }
}
