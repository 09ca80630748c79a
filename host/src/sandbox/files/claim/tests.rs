//! Claims of one byway and of two, alive and dead.

use std::fs;

use super::*;

fn folder_with(names: &[&str]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for name in names {
        fs::write(place.path().join(name), name).unwrap();
    }
    place
}

#[test]
fn lists_what_can_be_claimed_in_order() {
    let place = folder_with(&["b.json", "a.json", "c.txt", ".d.json", ".byway-1.tmp"]);
    fs::create_dir(place.path().join("e.json")).unwrap();
    std::os::unix::fs::symlink("a.json", place.path().join("f.json")).unwrap();
    let claims = Claims::default();
    assert_eq!(
        claims.list(place.path(), ".json", 10, 1).unwrap(),
        ["a.json", "b.json"]
    );
    assert_eq!(claims.list(place.path(), ".json", 1, 1).unwrap(), ["a.json"]);
}

#[test]
fn of_two_byways_one_gets_it() {
    let place = folder_with(&["a.json"]);
    let (ours, theirs) = (Claims::default(), Claims::default());
    assert_eq!(ours.claim(place.path(), "a.json", 100, 1).unwrap(), b"a.json");
    theirs.claim(place.path(), "a.json", 100, 1).unwrap_err();
    assert!(theirs.list(place.path(), "", 10, 1).unwrap().is_empty());
    ours.claim(place.path(), "a.json", 100, 1).unwrap_err();
}

#[test]
fn a_claim_whose_owner_died_is_offered_again() {
    let place = folder_with(&["a.json"]);
    let dead = Claims::default();
    dead.claim(place.path(), "a.json", 100, 1).unwrap();
    drop(dead);
    let ours = Claims::default();
    assert_eq!(ours.list(place.path(), "", 10, 1).unwrap(), ["a.json"]);
    assert_eq!(ours.claim(place.path(), "a.json", 100, 1).unwrap(), b"a.json");
}

#[test]
fn a_claim_of_an_earlier_call_is_offered_again_until_it_is_released() {
    let place = folder_with(&["a.json"]);
    let claims = Claims::default();
    claims.claim(place.path(), "a.json", 100, 1).unwrap();
    assert!(
        claims.list(place.path(), "", 10, 1).unwrap().is_empty(),
        "not twice in one call"
    );
    assert_eq!(claims.list(place.path(), "", 10, 2).unwrap(), ["a.json"]);
    assert_eq!(claims.claim(place.path(), "a.json", 100, 2).unwrap(), b"a.json");
    claims.release(place.path(), "a.json").unwrap();
    claims.release(place.path(), "a.json").unwrap();
    assert!(claims.list(place.path(), "", 10, 3).unwrap().is_empty());
}

#[test]
fn what_another_byway_holds_is_not_released() {
    let place = folder_with(&["a.json"]);
    let there = place.path().join(CLAIMED).join("a.json");
    let (ours, theirs) = (Claims::default(), Claims::default());
    ours.claim(place.path(), "a.json", 100, 1).unwrap();
    theirs.release(place.path(), "a.json").unwrap();
    assert!(there.exists(), "deleted under its holder");
    theirs.claim(place.path(), "a.json", 100, 1).unwrap_err();
    ours.release(place.path(), "a.json").unwrap();
    assert!(!there.exists());
}

#[test]
fn what_was_claimed_before_a_crash_is_released_after_it() {
    let place = folder_with(&["a.json"]);
    let dead = Claims::default();
    dead.claim(place.path(), "a.json", 100, 1).unwrap();
    drop(dead);
    Claims::default().release(place.path(), "a.json").unwrap();
    assert!(!place.path().join(CLAIMED).join("a.json").exists());
    Claims::default().release(place.path(), "a.json").unwrap();
}

#[test]
fn another_file_that_took_the_name_is_not_released() {
    let place = folder_with(&["a.json"]);
    let there = place.path().join(CLAIMED).join("a.json");
    let (ours, theirs) = (Claims::default(), Claims::default());
    ours.claim(place.path(), "a.json", 100, 1).unwrap();
    fs::remove_file(&there).unwrap();
    fs::write(place.path().join("a.json"), "second").unwrap();
    theirs.claim(place.path(), "a.json", 100, 1).unwrap();
    ours.release(place.path(), "a.json").unwrap();
    assert_eq!(fs::read_to_string(there).unwrap(), "second");
}

#[test]
fn what_was_claimed_and_never_released_comes_first() {
    let place = folder_with(&["b.json"]);
    let claims = Claims::default();
    claims.claim(place.path(), "b.json", 100, 1).unwrap();
    fs::write(place.path().join("a.json"), "").unwrap();
    assert_eq!(
        claims.list(place.path(), "", 10, 2).unwrap(),
        ["b.json", "a.json"]
    );
}

#[test]
fn a_second_file_of_the_name_waits_for_the_first() {
    let place = folder_with(&["a.json"]);
    let claims = Claims::default();
    claims.claim(place.path(), "a.json", 100, 1).unwrap();
    fs::write(place.path().join("a.json"), "second").unwrap();
    assert!(claims.list(place.path(), "", 10, 1).unwrap().is_empty());
    claims.release(place.path(), "a.json").unwrap();
    assert_eq!(claims.claim(place.path(), "a.json", 100, 1).unwrap(), b"second");
}

#[test]
fn what_is_rejected_is_kept_for_a_person() {
    let place = folder_with(&["a.json"]);
    let claims = Claims::default();
    for expected in ["a.json", "a.json.1"] {
        fs::write(place.path().join("a.json"), expected).unwrap();
        claims.claim(place.path(), "a.json", 100, 1).unwrap();
        claims.reject(place.path(), "a.json").unwrap();
        assert_eq!(
            fs::read_to_string(place.path().join("rejected").join(expected)).unwrap(),
            expected
        );
    }
    claims.reject(place.path(), "a.json").unwrap_err();
    assert!(claims.list(place.path(), ".json", 10, 2).unwrap().is_empty());
}

#[test]
fn a_file_that_is_too_large_is_not_read_and_can_be_rejected() {
    let place = folder_with(&["a.json"]);
    let claims = Claims::default();
    let trouble = claims.claim(place.path(), "a.json", 3, 1).unwrap_err();
    assert!(matches!(trouble, Trouble::Denied(denial) if denial.code == "too-large"));
    claims.reject(place.path(), "a.json").unwrap();
}

#[test]
fn what_another_byway_holds_is_not_rejected() {
    let place = folder_with(&["a.json"]);
    let there = place.path().join(CLAIMED).join("a.json");
    let (ours, theirs) = (Claims::default(), Claims::default());
    ours.claim(place.path(), "a.json", 100, 1).unwrap();
    theirs.reject(place.path(), "a.json").unwrap_err();
    assert!(there.exists(), "taken away under its holder");
    ours.reject(place.path(), "a.json").unwrap();
    assert!(!there.exists());
}

#[test]
fn another_file_that_took_the_name_is_not_rejected() {
    let place = folder_with(&["a.json"]);
    let there = place.path().join(CLAIMED).join("a.json");
    let ours = Claims::default();
    ours.claim(place.path(), "a.json", 100, 1).unwrap();
    fs::remove_file(&there).unwrap();
    fs::write(&there, "second").unwrap();
    ours.reject(place.path(), "a.json").unwrap_err();
    assert_eq!(fs::read_to_string(there).unwrap(), "second");
}
