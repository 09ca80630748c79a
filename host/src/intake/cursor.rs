//! Where a receiving transport goes on, kept together with the place that it was said of.
//!
//! A cursor means something to one far side alone. Handed to another one, to which a changed configuration leads, it
//! could skip what nobody has read. So it is kept with where the transport led, and dropped where that is not so any more: the
//! adapter begins anew, and what it brings again is recognised.

/// Tells a cursor with its place from one that was kept before there were places.
const MARK: &[u8; 8] = b"\0byway\0c";

/// What is stored for a cursor of a transport that leads to `place`. No cursor needs no place.
pub(super) fn keep(cursor: Option<Vec<u8>>, place: u64) -> Option<Vec<u8>> {
    cursor.map(|bytes| [MARK.as_slice(), &place.to_be_bytes(), &bytes].concat())
}

/// What was kept, for a transport that leads to a place now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The cursor, or that there is none.
    Here(Option<Vec<u8>>),
    /// It was said of another place.
    Elsewhere,
}

pub(super) fn read(stored: Option<Vec<u8>>, place: u64) -> Kept {
    let Some(bytes) = stored else {
        return Kept::Here(None);
    };
    let Some((said_of, cursor)) = bytes.strip_prefix(MARK).and_then(<[u8]>::split_first_chunk::<8>) else {
        return Kept::Here(Some(bytes));
    };
    if u64::from_be_bytes(*said_of) == place {
        Kept::Here(Some(cursor.to_vec()))
    } else {
        Kept::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_where_it_was_said() {
        for cursor in [None, Some(Vec::new()), Some(b"41".to_vec()), Some(MARK.to_vec())] {
            assert_eq!(read(keep(cursor.clone(), 7), 7), Kept::Here(cursor));
        }
    }

    #[test]
    fn elsewhere_it_does_not() {
        assert_eq!(read(keep(Some(b"41".to_vec()), 7), 8), Kept::Elsewhere);
        assert_eq!(read(keep(None, 7), 8), Kept::Here(None));
    }

    #[test]
    fn one_from_before_there_were_places_counts() {
        for old in [b"41".to_vec(), Vec::new(), MARK.to_vec()] {
            assert_eq!(read(Some(old.clone()), 8), Kept::Here(Some(old)));
        }
    }
}
