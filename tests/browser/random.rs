//! Random messages of a schema, and what they say.

use capnp::dynamic_value::{self, Reader};
use capnp::introspect::TypeVariant;
use capnp::schema::{EnumSchema, Field};
use capnp::schema_capnp::field;
use capnp::{dynamic_list, dynamic_struct};
use proptest::prelude::Rng;
use proptest::test_runner::TestRng;
use serde_json::{Value, json};

/// How deep structs are nested in each other, if they can be at all.
const DEPTH_MAX: usize = 5;

const TEXTS: [&str; 6] = ["", "Ada Lovelace", "Zoë Ürümqi", "\u{feff}a", "投票\0\n", "🗳️🗳️🗳️🗳️"];

/// Random values, the same for the same seed.
pub(crate) struct Random(pub(crate) TestRng);

impl Random {
    /// A number below this.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// Bits of which often most are zeros or ones.
    fn bits(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::MAX >> self.below(64),
            2 => self.below(200) as u64,
            _ => self.0.next_u64(),
        }
    }

    fn text(&mut self) -> String {
        (0..self.below(3)).map(|_| TEXTS[self.below(TEXTS.len())]).collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; self.below(40)];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// Sets every field of a struct, and of each union one member. Some structs remain null.
pub(crate) fn fill(mut to: dynamic_struct::Builder, random: &mut Random, depth: usize) {
    let schema = to.get_schema();
    let union = schema.get_union_fields().unwrap();
    if !union.is_empty() {
        let member = union.get(random.below(union.len().into()) as u16);
        set(&mut to, member, random, depth);
    }
    for field in schema.get_non_union_fields().unwrap() {
        set(&mut to, field, random, depth);
    }
}

fn set(to: &mut dynamic_struct::Builder, field: Field, random: &mut Random, depth: usize) {
    let is_group = matches!(field.get_proto().which(), Ok(field::Group(_)));
    match field.get_type().which() {
        TypeVariant::Struct(_) if is_group => {
            to.clear(field).unwrap();
            fill(to.reborrow().init(field).unwrap().downcast(), random, depth);
        }
        TypeVariant::Struct(_) if depth < DEPTH_MAX && random.below(5) > 0 => {
            fill(to.reborrow().init(field).unwrap().downcast(), random, depth + 1);
        }
        TypeVariant::List(_) => {
            let length = if depth < DEPTH_MAX { random.below(4) } else { 0 };
            let list = to.reborrow().initn(field, length as u32).unwrap();
            fill_list(list.downcast(), random, depth + 1);
        }
        other => {
            let (text, bytes) = (random.text(), random.bytes());
            match value(other, random, &text, &bytes) {
                Some(value) => to.set(field, value).unwrap(),
                None => to.clear(field).unwrap(),
            }
        }
    }
}

/// Sets every element of a list.
pub(crate) fn fill_list(mut to: dynamic_list::Builder, random: &mut Random, depth: usize) {
    for index in 0..to.len() {
        match to.element_type().which() {
            TypeVariant::Struct(_) => {
                fill(to.reborrow().get(index).unwrap().downcast(), random, depth);
            }
            TypeVariant::List(_) => {
                let list = to.reborrow().init(index, random.below(4) as u32).unwrap();
                fill_list(list.downcast(), random, depth + 1);
            }
            other => {
                let (text, bytes) = (random.text(), random.bytes());
                if let Some(value) = value(other, random, &text, &bytes) {
                    to.set(index, value).unwrap();
                }
            }
        }
    }
}

/// A value; `None` for what is null.
fn value<'a>(
    of: TypeVariant,
    random: &mut Random,
    text: &'a str,
    bytes: &'a [u8],
) -> Option<Reader<'a>> {
    let bits = random.bits();
    Some(match of {
        TypeVariant::Void => Reader::Void,
        TypeVariant::Bool => Reader::Bool(bits & 1 == 1),
        TypeVariant::Int8 => Reader::Int8(bits as i8),
        TypeVariant::Int16 => Reader::Int16(bits as i16),
        TypeVariant::Int32 => Reader::Int32(bits as i32),
        TypeVariant::Int64 => Reader::Int64(bits as i64),
        TypeVariant::UInt8 => Reader::UInt8(bits as u8),
        TypeVariant::UInt16 => Reader::UInt16(bits as u16),
        TypeVariant::UInt32 => Reader::UInt32(bits as u32),
        TypeVariant::UInt64 => Reader::UInt64(bits),
        // Numbers that JSON has.
        TypeVariant::Float32 => Reader::Float32(f32::from(bits as i16) / 8.0),
        TypeVariant::Float64 => Reader::Float64(f64::from(bits as i32) / 8.0),
        TypeVariant::Enum(schema) => {
            let schema = EnumSchema::from(schema);
            let known = usize::from(schema.get_enumerants().unwrap().len());
            // One that this version does not know, at times.
            let value = if random.below(9) == 0 { 60_000 } else { random.below(known) as u16 };
            Reader::Enum(dynamic_value::Enum::new(value, schema))
        }
        TypeVariant::Text => Reader::Text(text.into()),
        TypeVariant::Data => Reader::Data(bytes),
        _ => return None,
    })
}

/// What JavaScript reads: 64-bit integers and bytes as cases.js shows them.
pub(crate) fn shown(value: Reader) -> Value {
    match value {
        Reader::Void | Reader::AnyPointer(_) | Reader::Capability(_) => Value::Null,
        Reader::Bool(it) => json!(it),
        Reader::Int8(it) => json!(it),
        Reader::Int16(it) => json!(it),
        Reader::Int32(it) => json!(it),
        Reader::Int64(it) => json!(format!("{it}n")),
        Reader::UInt8(it) => json!(it),
        Reader::UInt16(it) => json!(it),
        Reader::UInt32(it) => json!(it),
        Reader::UInt64(it) => json!(format!("{it}n")),
        Reader::Float32(it) => number(it.into()),
        Reader::Float64(it) => number(it),
        Reader::Enum(it) => match it.get_enumerant().unwrap() {
            Some(known) => json!(known.get_proto().get_name().unwrap().to_str().unwrap()),
            None => json!(it.get_value()),
        },
        Reader::Text(it) => json!(it.to_str().unwrap()),
        Reader::Data(it) => json!(format!("#{}", data_encoding::HEXLOWER.encode(it))),
        Reader::List(it) => it.iter().map(|element| shown(element.unwrap())).collect(),
        Reader::Struct(it) => shown_struct(it),
    }
}

/// JSON in JavaScript has no floating point in whole numbers.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

fn shown_struct(from: dynamic_struct::Reader) -> Value {
    let schema = from.get_schema();
    let mut fields: Vec<Field> = schema.get_non_union_fields().unwrap().iter().collect();
    let member = from.which().unwrap();
    fields.extend(member);
    let name = |field: Field| field.get_proto().get_name().unwrap().to_str().unwrap();
    let is_null = |field: Field| {
        matches!(field.get_type().which(), TypeVariant::Struct(_)) && !from.has(field).unwrap()
    };
    let mut object: serde_json::Map<String, Value> = fields
        .into_iter()
        .map(|field| {
            let value = match is_null(field) {
                true => Value::Null,
                false => shown(from.get(field).unwrap()),
            };
            (name(field).to_string(), value)
        })
        .collect();
    if let Some(member) = member {
        object.insert("which".into(), json!(name(member)));
    }
    object.into()
}
