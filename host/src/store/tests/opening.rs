use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::error_code::ErrorCode;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_data_folder_has_one_owner() {
    let folder = folder();
    let store = open(&folder);
    let error = refusal(folder.path());
    assert_eq!(error.code(), ErrorCode::DataFolderInUse);
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    // The owner is not disturbed, and whoever comes after it finds the folder free at once.
    accepted(&store, message("1")).await;
    drop(store);
    assert_eq!(open(&folder).due(at(0), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_nobody_else_may_read_is_made_so() {
    let outer = folder();
    let inner = outer.path().join("a/b");
    let store = Store::open(&inner, Durability::Full).unwrap();
    accepted(&store, message("1")).await;
    assert_eq!(mode(&inner), 0o700);
    for name in ["lock", FILE, "byway.sqlite3-wal", "byway.sqlite3-shm"] {
        assert_eq!(mode(&inner.join(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn durability_is_what_the_database_is_set_to() {
    for (durability, expected) in [(Durability::Full, 2), (Durability::Process, 1)] {
        let folder = folder();
        let store = Store::open(folder.path(), durability).unwrap();
        let pragma = |name: &'static str| {
            store
                .inner
                .writer
                .write(move |tx| tx.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)))
        };
        assert_eq!(pragma("synchronous").await.unwrap(), expected);
        assert_eq!(pragma("foreign_keys").await.unwrap(), 1);
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let outer = folder();
    let file = outer.path().join("file");
    std::fs::write(&file, "x").unwrap();
    // A file in its place; beneath a file; and where even root makes no folder.
    for path in [file.clone(), file.join("beneath"), "/proc/byway".into()] {
        let error = refusal(&path);
        assert_eq!(error.code(), ErrorCode::DataFolder, "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"x");
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = folder();
    // A folder in the place of each file: nobody can open that for writing, root neither.
    for name in ["lock", FILE] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        let error = refusal(folder.path());
        assert_eq!(error.code(), ErrorCode::DataFolder, "{error}");
        std::fs::remove_dir(folder.path().join(name)).unwrap();
    }
}

#[test]
fn a_newer_store_is_left_alone() {
    let folder = folder();
    drop(open(&folder));
    shell(&folder).pragma_update(None, "user_version", 9_999).unwrap();
    let before = std::fs::read(folder.path().join(FILE)).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Newer { found: 9_999, .. }), "{error}");
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = folder();
    shell(&folder).execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(folder.path().join(FILE)).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let folder = folder();
    let garbage = vec![b'x'; 8_192];
    std::fs::write(folder.path().join(FILE), &garbage).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert!(
        error.to_string().contains(FILE) && error.to_string().contains("backup"),
        "{error}"
    );
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), garbage);
}

#[tokio::test]
async fn a_truncated_store_is_refused() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..50 {
        accepted(&store, message(&number.to_string())).await;
    }
    drop(store);
    let file = folder.path().join(FILE);
    let whole = std::fs::read(&file).unwrap();
    for length in [1, 99, 4_096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let error = refusal(folder.path());
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "{length} bytes: {error}"
        );
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(open(&folder).due(at(0), 100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn a_store_whose_pages_were_overwritten_is_refused() {
    let folder = folder();
    let store = open(&folder);
    for number in 0..50 {
        accepted(&store, message(&number.to_string())).await;
    }
    drop(store);
    let file = folder.path().join(FILE);
    let whole = std::fs::read(&file).unwrap();
    for page in 1..whole.len() / 4_096 {
        let mut damaged = whole.clone();
        damaged[page * 4_096..][..64].fill(0xa5);
        std::fs::write(&file, &damaged).unwrap();
        let error = refusal(folder.path());
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "page {page}: {error}"
        );
    }
}

#[tokio::test]
async fn a_log_whose_database_is_gone_is_not_thrown_away() {
    let origin = folder();
    let store = open(&origin);
    accepted(&store, message("1")).await;
    let log = "byway.sqlite3-wal";
    let left = folder();
    std::fs::copy(origin.path().join(log), left.path().join(log)).unwrap();
    let before = std::fs::read(left.path().join(log)).unwrap();
    let error = refusal(left.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(left.path().join(log)).unwrap(), before);
}

#[tokio::test]
async fn a_row_that_byway_cannot_have_written_is_damage() {
    for change in [
        "status = 'perhaps'",
        "recipient = 'nobody'",
        "source = CAST(x'ff' AS TEXT)",
        "deadline = 9223372036854775807",
    ] {
        let folder = folder();
        let store = open(&folder);
        let key = accepted(&store, message("1")).await;
        accepted(&store, message("2")).await;
        // Without sums, as rows are that a person's shell changed: what is in them is looked at all the same.
        shell(&folder)
            .execute_batch(&format!(
                "UPDATE outgoing SET {change}, head_sum = {0}, state_sum = {0} WHERE id = '1'",
                sum::BY_HAND
            ))
            .unwrap();
        let error = store.due(at(0), 10).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RowDamaged, "{change}: {error}");
        assert_eq!(ids(&store.due(at(0), 10).await.unwrap()), ["2"], "{change}");
        assert!(store.outgoing(key).await.unwrap().is_none(), "{change}");
        let error = store.find_outgoing(None, "1").await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RowDamaged, "{change}: {error}");
    }
}

#[tokio::test]
async fn a_check_writes_and_reads() {
    let folder = folder();
    let store = open(&folder);
    store.check().await.unwrap();
    assert_eq!(store.commits(), 1);
    shell(&folder).execute_batch("DROP TABLE probe").unwrap();
    assert_eq!(store.check().await.unwrap_err().code(), ErrorCode::StoreFailed);
}
