//! Lists at the root of a message: of every kind of element, and of elements that another version
//! of a schema has in their place.

use capnp::dynamic_value;
use capnp::message::{Builder, HeapAllocator};
use capnp::traits::FromPointerBuilder;
use capnp::{data_list, enum_list, list_list, primitive_list, serialize, struct_list, text_list};
use capvote::schema::election_capnp::{Method, candidate_votes, share};
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::{Value, json};

use crate::random::{Random, fill_list, shown};

/// A message of one segment, in three: behind a pointer to a pointer. No encoder here makes such.
pub(crate) fn doubly_far(message: &[u8]) -> Vec<u8> {
    const WORD: usize = 8;
    let (root, words) = message[WORD..].split_at(WORD);
    let far = |is_double: bool, word: u32, segment: u32| {
        let low = (word << 3) | (u32::from(is_double) << 2) | 2;
        [low.to_le_bytes(), segment.to_le_bytes()].concat()
    };
    let low = i32::from_le_bytes(root[..4].try_into().unwrap());
    let tag = [&(low & 3).to_le_bytes()[..], &root[4..]].concat();
    let lengths = [2, 1, 2, (words.len() / WORD) as u32];
    let table = lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
    let start = (low >> 2) as u32;
    [table, far(true, 0, 1), far(false, start, 2), tag, words.to_vec()].concat()
}

/// The name of a list's type in the tables, a message, and what it says.
pub(crate) type List = (&'static str, Vec<u8>, Value);

const ELEMENTS: u32 = 21;

/// A random list.
fn list<T>(name: &'static str) -> List
where
    for<'a> T: ListOf<'a>,
{
    let mut random = Random(TestRng::from_seed(RngAlgorithm::ChaCha, &[4; 32]));
    let mut message = Builder::new(HeapAllocator::new());
    let root = T::init(&mut message);
    fill_list(root.downcast(), &mut random, 4);
    let bytes = serialize::write_message_to_words(&message);
    (name, bytes, shown(T::init_again(&mut message).into_reader()))
}

/// A type of list.
trait ListOf<'a> {
    type Builder: FromPointerBuilder<'a> + Into<dynamic_value::Builder<'a>>;

    fn init(message: &'a mut Builder<HeapAllocator>) -> dynamic_value::Builder<'a> {
        message.initn_root::<Self::Builder>(ELEMENTS).into()
    }

    fn init_again(message: &'a mut Builder<HeapAllocator>) -> dynamic_value::Builder<'a> {
        message.get_root::<Self::Builder>().unwrap().into()
    }
}

macro_rules! lists {
    ($($name:literal $marker:ident $builder:ty,)*) => {
        $(
            struct $marker;
            impl<'a> ListOf<'a> for $marker {
                type Builder = $builder;
            }
        )*
        /// A list of each kind.
        pub(crate) fn lists() -> Vec<List> {
            vec![$(list::<$marker>($name)),*]
        }
    };
}

lists! {
    "[void]" Voids primitive_list::Builder<'a, ()>,
    "[bool]" Bools primitive_list::Builder<'a, bool>,
    "[i8]" I8s primitive_list::Builder<'a, i8>,
    "[u8]" U8s primitive_list::Builder<'a, u8>,
    "[i16]" I16s primitive_list::Builder<'a, i16>,
    "[u16]" U16s primitive_list::Builder<'a, u16>,
    "[i32]" I32s primitive_list::Builder<'a, i32>,
    "[u32]" U32s primitive_list::Builder<'a, u32>,
    "[i64]" I64s primitive_list::Builder<'a, i64>,
    "[u64]" U64s primitive_list::Builder<'a, u64>,
    "[f32]" F32s primitive_list::Builder<'a, f32>,
    "[f64]" F64s primitive_list::Builder<'a, f64>,
    "[Method]" Methods enum_list::Builder<'a, Method>,
    "[text]" Texts text_list::Builder<'a>,
    "[data]" Datas data_list::Builder<'a>,
    "[Share]" Shares struct_list::Builder<'a, share::Owned>,
    "[[u16]]" Lists list_list::Builder<'a, primitive_list::Owned<u16>>,
}

/// Lists that are read as a type that differs from what they were written as.
pub(crate) fn upgrades() -> Vec<List> {
    let mut message = Builder::new(HeapAllocator::new());
    let mut votes = message.initn_root::<struct_list::Builder<candidate_votes::Owned>>(2);
    for (index, (name, count)) in [("Ada", 258), ("Grace", u64::MAX)].into_iter().enumerate() {
        let mut votes = votes.reborrow().get(index as u32);
        votes.set_candidate(name);
        votes.set_votes(count);
    }
    let structs = serialize::write_message_to_words(&message);

    let numbers = |values: &[u64]| {
        let mut message = Builder::new(HeapAllocator::new());
        let mut list = message.initn_root::<primitive_list::Builder<u64>>(values.len() as u32);
        for (index, value) in values.iter().enumerate() {
            list.set(index as u32, *value);
        }
        serialize::write_message_to_words(&message)
    };

    let mut message = Builder::new(HeapAllocator::new());
    let mut texts = message.initn_root::<text_list::Builder>(2);
    texts.set(0, "Ada");
    texts.set(1, "Grace");
    let texts = serialize::write_message_to_words(&message);

    let mut message = Builder::new(HeapAllocator::new());
    message.initn_root::<primitive_list::Builder<u8>>(2).set(1, 7);
    let bytes = serialize::write_message_to_words(&message);

    let votes = |candidate: &str, votes: &str| json!({ "candidate": candidate, "votes": votes });
    let nobody = json!({ "ballots": "0n", "voters": "0n" });
    vec![
        ("[u64]", structs.clone(), json!(["258n", format!("{}n", u64::MAX)])),
        ("[u8]", structs.clone(), json!([2, 255])),
        ("[text]", structs.clone(), json!(["Ada", "Grace"])),
        ("[void]", structs, json!([null, null])),
        ("[CandidateVotes]", numbers(&[3, 4]), json!([votes("", "3n"), votes("", "4n")])),
        ("[CandidateVotes]", texts, json!([votes("Ada", "0n"), votes("Grace", "0n")])),
        // A number of eight bits is no field of 64.
        ("[Turnout]", bytes, json!([nobody, nobody])),
    ]
}
