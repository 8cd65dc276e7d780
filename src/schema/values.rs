//! Values that several structs have: enums, texts, lists of names, times.

use capnp::{Error, NotInSchema, primitive_list, text, text_list};

use crate::election::{self, Timestamp};
use crate::schema::election_capnp as wire;

/// The longest padding: what a text is padded to is at most the longest message for a voter.
const PADDING_BYTES: usize = 4_096;

/// Converts between a schema enum and the election's enum with the same values. `unspecified` is
/// what reading value 0 gives.
macro_rules! convert_enum {
    ($name:ident { $($value:ident),+ }, unspecified: $unspecified:expr) => {
        impl From<election::$name> for wire::$name {
            fn from(value: election::$name) -> Self {
                match value {
                    $(election::$name::$value => Self::$value),+
                }
            }
        }

        impl TryFrom<wire::$name> for election::$name {
            type Error = Error;

            fn try_from(value: wire::$name) -> Result<Self, Error> {
                match value {
                    $(wire::$name::$value => Ok(Self::$value),)+
                    wire::$name::Unspecified => $unspecified,
                }
            }
        }
    };
}

convert_enum!(
    ElectionState { Draft, Open, Closed },
    unspecified: Err(Error::failed("an election has no state".into()))
);
convert_enum!(
    ResultStatus { Provisional, Sealed, Final, UnknownCandidate },
    unspecified: Err(Error::failed("a result has no status".into()))
);
// A peer whose schema has no sealed counts sends no publication.
convert_enum!(Publication { Live, Sealed }, unspecified: Ok(election::Publication::Live));
// In a definition, this is the method of a client that does not say.
convert_enum!(
    Method { Plurality, Transferable, Schulze },
    unspecified: Ok(election::Method::Plurality)
);
convert_enum!(
    Whole { Marked, Ballots, Roll, One },
    unspecified: Err(Error::failed("a share is a share of something".into()))
);

convert_enum!(
    Verdict { Decided, NoQuorum, NoMajority, Vacant },
    unspecified: Err(Error::failed("a count has no verdict".into()))
);
convert_enum!(
    Status { Continuing, Elected, Excluded, Defeated },
    unspecified: Err(Error::failed("a name has no status in a round".into()))
);

/// The value of an enum, or `None` for a value that only a newer schema has.
pub(crate) fn known<W, V>(value: Result<W, NotInSchema>) -> Result<Option<V>, Error>
where
    V: TryFrom<W, Error = Error>,
{
    value.ok().map(V::try_from).transpose()
}

/// Reads a text. A peer may send bytes that are not UTF-8.
pub(crate) fn read_text(text: text::Reader<'_>) -> Result<String, Error> {
    text.to_string().map_err(|error| Error::failed(format!("a text is not UTF-8: {error}")))
}

pub(crate) fn read_names(names: text_list::Reader<'_>) -> Result<Vec<String>, Error> {
    names.iter().map(|name| read_text(name?)).collect()
}

pub(crate) fn write_names(names: &[String], mut list: text_list::Builder<'_>) {
    for (index, name) in names.iter().enumerate() {
        list.set(length(index), name.as_str());
    }
}

static ZEROS: [u8; PADDING_BYTES] = [0; PADDING_BYTES];

/// Zero bytes that, after a text of `length` bytes, take as many words as are left of those of a
/// text of `longest` bytes. A text has a terminating zero, and fills whole words.
pub(crate) fn padding(length: usize, longest: usize) -> &'static [u8] {
    let bytes = (longest / 8).saturating_sub(length / 8) * 8;
    ZEROS.get(..bytes).unwrap_or(&ZEROS)
}

/// Marks in a message.
pub(crate) fn write_marks(marks: &[u16], mut list: primitive_list::Builder<'_, u16>) {
    for (index, &mark) in marks.iter().enumerate() {
        list.set(length(index), mark);
    }
}

/// Zero bytes that, beside a list of this many marks, take as many words as are left of those of a
/// list of `names` marks.
pub(crate) fn marks_padding(marks: usize, names: usize) -> &'static [u8] {
    let words = |marks: usize| marks.div_ceil(4);
    let bytes = words(names).saturating_sub(words(marks)) * 8;
    ZEROS.get(..bytes).unwrap_or(&ZEROS)
}

/// A scheduled time: 0 seconds stands for none.
pub(crate) fn read_time(seconds: u64) -> Option<Timestamp> {
    (seconds > 0).then_some(Timestamp(seconds))
}

pub(crate) fn write_time(time: Option<Timestamp>) -> u64 {
    time.map_or(0, |time| time.0)
}

/// A length or an index in Cap'n Proto's type. Lists written here have at most
/// [`CANDIDATES_MAX`](crate::election::CANDIDATES_MAX) items.
pub(crate) fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
