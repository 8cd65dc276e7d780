//! Values of the simulated database, and how a client and a server exchange them.

/// A value of a column or a parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Ints(Vec<i64>),
    Blobs(Vec<Vec<u8>>),
}

/// The type of a column or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int2,
    Int4,
    Int8,
    Text,
    Bytes,
    Int4s,
    Int8s,
    Blobs,
    /// Seconds, which are milliseconds here.
    Float8,
}

pub(super) type Row = Vec<Value>;

impl Type {
    /// Its number in PostgreSQL's catalogue.
    pub(super) fn oid(self) -> u32 {
        match self {
            Self::Bool => 16,
            Self::Bytes => 17,
            Self::Int8 => 20,
            Self::Int2 => 21,
            Self::Int4 => 23,
            Self::Text => 25,
            Self::Float8 => 701,
            Self::Blobs => 1001,
            Self::Int4s => 1007,
            Self::Int8s => 1016,
        }
    }

    /// Reads a value in binary form.
    pub(super) fn read(self, bytes: &[u8]) -> Value {
        match self {
            Self::Bool => Value::Bool(bytes == [1]),
            Self::Int2 | Self::Int4 | Self::Int8 => Value::Int(int(bytes)),
            Self::Text => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            Self::Bytes => Value::Bytes(bytes.to_vec()),
            Self::Float8 => {
                let seconds = f64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                Value::Int((seconds * 1_000.0) as i64)
            }
            Self::Int4s | Self::Int8s => {
                Value::Ints(elements(bytes).into_iter().map(int).collect())
            }
            Self::Blobs => Value::Blobs(elements(bytes).into_iter().map(<[u8]>::to_vec).collect()),
        }
    }

    /// A value in binary form; `None` for null.
    pub(super) fn write(self, value: &Value) -> Option<Vec<u8>> {
        Some(match (self, value) {
            (_, Value::Null) => return None,
            (Self::Bool, Value::Bool(value)) => vec![u8::from(*value)],
            (Self::Int2, Value::Int(value)) => (*value as i16).to_be_bytes().to_vec(),
            (Self::Int4, Value::Int(value)) => (*value as i32).to_be_bytes().to_vec(),
            (Self::Int8, Value::Int(value)) => value.to_be_bytes().to_vec(),
            (Self::Text, Value::Text(value)) => value.as_bytes().to_vec(),
            (Self::Bytes, Value::Bytes(value)) => value.clone(),
            (kind, value) => panic!("a column of type {kind:?} has {value:?}"),
        })
    }
}

/// A whole number of any width, in the order of the network.
fn int(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|first| *first >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |all, byte| all << 8 | i64::from(*byte))
}

/// The elements of an array of one dimension.
fn elements(bytes: &[u8]) -> Vec<&[u8]> {
    let dimensions = int(&bytes[..4]);
    let mut rest = if dimensions == 0 { &bytes[..0] } else { &bytes[20..] };
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let length = int(&rest[..4]) as usize;
        elements.push(&rest[4..4 + length]);
        rest = &rest[4 + length..];
    }
    elements
}

impl Value {
    pub(super) fn int(&self) -> i64 {
        match self {
            Self::Int(value) => *value,
            other => panic!("{other:?} is no number"),
        }
    }

    pub(super) fn ints(&self) -> &[i64] {
        match self {
            Self::Ints(values) => values,
            other => panic!("{other:?} are no numbers"),
        }
    }

    pub(super) fn blobs(&self) -> &[Vec<u8>] {
        match self {
            Self::Blobs(values) => values,
            other => panic!("{other:?} are not bytes"),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}
