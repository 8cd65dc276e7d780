//! The receipt of a recorded vote.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32;
use sha2::{Digest, Sha256};

use super::typed::{is_separator, plain_character, unquoted};
use super::{Ballot, Definition, ElectionId, Nonce};

/// A commitment to a recorded vote: a hash over election, ballot and nonce, by which a voter finds
/// the ballot on the tally sheet.
///
/// It reveals nothing without the nonce. Shown as eight groups of four base32 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt([u8; Receipt::BYTES]);

/// A receipt as it is shown: eight groups of four base32 characters, with a `-` between two.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptText([u8; Receipt::CHARACTERS]);

impl ReceiptText {
    /// The text.
    pub fn as_str(&self) -> &str {
        // It is ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Why a text is not a receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a receipt is 32 characters, which are the letters A to Z and the digits 2 to 7")]
pub struct InvalidReceipt;

/// Domain separation from other hashes, of a ballot that is one name or blank, and of one with
/// marks.
const ONE_NAME: &[u8] = b"capvote receipt 1\0";
const MARKS: &[u8] = b"capvote receipt 2\0";

impl Receipt {
    /// The length of a receipt, in bytes: 160 bits make 32 characters of base32 without padding.
    pub const BYTES: usize = 20;

    /// The length of a receipt when shown.
    const CHARACTERS: usize = 39;

    /// The receipt as bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The receipt as it is shown.
    pub fn text(&self) -> ReceiptText {
        let mut text = [b'-'; Self::CHARACTERS];
        let mut encoded = [0; Self::BYTES * 8 / 5];
        BASE32.encode_mut(&self.0, &mut encoded);
        for (place, group) in text.chunks_mut(5).zip(encoded.chunks(4)) {
            place.iter_mut().zip(group).for_each(|(place, character)| *place = *character);
        }
        ReceiptText(text)
    }

    /// The receipt for a vote for `candidate` in `election`, made with `nonce`.
    pub fn new(election: &ElectionId, candidate: &str, nonce: &Nonce) -> Self {
        let mut hash = Sha256::new_with_prefix(ONE_NAME);
        for part in [election.as_str().as_bytes(), candidate.as_bytes(), nonce.as_bytes()] {
            behind_length(&mut hash, part);
        }
        Self::finish(hash)
    }

    /// The receipt for a vote with these marked names, in the order of the slate, in an election
    /// whose ballots may have several marks.
    pub fn of_marks<'a>(
        election: &ElectionId,
        marks: impl IntoIterator<Item = (&'a str, u16)>,
        nonce: &Nonce,
    ) -> Self {
        let mut hash = Sha256::new_with_prefix(MARKS);
        behind_length(&mut hash, election.as_str().as_bytes());
        for (name, mark) in marks {
            hash.update(mark.to_le_bytes());
            behind_length(&mut hash, name.as_bytes());
        }
        hash.update(nonce.as_bytes());
        Self::finish(hash)
    }

    /// The receipt for a vote with this ballot, which [fits](Ballot::fits) the election.
    pub fn of(definition: &Definition, ballot: &Ballot, nonce: &Nonce) -> Self {
        let Definition { id, slate, .. } = definition;
        match ballot.choice() {
            Some(choice) => Self::new(id, slate.name(choice).unwrap_or_default(), nonce),
            None => {
                let names = ballot.marks(slate);
                let names = names.filter_map(|(name, mark)| Some((slate.name(name)?, mark)));
                Self::of_marks(id, names, nonce)
            }
        }
    }

    fn finish(hash: Sha256) -> Self {
        let hash: [u8; 32] = hash.finalize().into();
        let mut bytes = [0; Self::BYTES];
        bytes.iter_mut().zip(hash).for_each(|(byte, hashed)| *byte = hashed);
        Self(bytes)
    }
}

impl From<[u8; Receipt::BYTES]> for Receipt {
    fn from(bytes: [u8; Receipt::BYTES]) -> Self {
        Self(bytes)
    }
}

/// With each part's length before it, different parts are different inputs.
fn behind_length(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u32).to_le_bytes());
    hash.update(part);
}

/// In capitals or not, and with or without separators, as programs and people may change them.
impl FromStr for Receipt {
    type Err = InvalidReceipt;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = unquoted(text).trim_end_matches(['.', ',', ';', ':', '!']);
        let plain = text.chars().filter(|&it| !is_separator(it)).map(plain_character);
        // One more than a receipt has is enough to tell that this is none.
        let plain: String = plain.take(Self::CHARACTERS).collect();
        let bytes = BASE32.decode(plain.to_ascii_uppercase().as_bytes()).ok();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(InvalidReceipt)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(election: &str, candidate: &str, nonce: u8) -> String {
        Receipt::new(&election.parse().unwrap(), candidate, &Nonce::from([nonce; 16])).to_string()
    }

    #[test]
    fn every_part_counts_and_the_text_is_stable() {
        // Computed with:
        // printf 'capvote receipt 1\0\5\0\0\0board\3\0\0\0Ada\20\0\0\0' > m
        // head -c16 /dev/zero >> m
        // sha256sum m | xxd -r -p | head -c20 | base32   # and a "-" after every fourth character
        let base = receipt("board", "Ada", 0);
        assert_eq!(base, EXPECTED);
        assert_ne!(base, receipt("board2", "Ada", 0));
        assert_ne!(base, receipt("board", "Adb", 0));
        assert_ne!(base, receipt("board", "Ada", 1));
        assert_ne!(receipt("boardA", "da", 0), base);
    }

    #[test]
    fn a_receipt_is_read_as_programs_and_people_change_it() {
        let receipt = Receipt::new(&"board".parse().unwrap(), "Ada", &Nonce::from([0; 16]));
        let written = |separator: &str| EXPECTED.replace('-', separator);
        let wide = |it: char| match it {
            '!'..='~' => char::from_u32(u32::from(it) + 0xFEE0).unwrap(),
            other => other,
        };
        for text in [
            EXPECTED.to_string(),
            EXPECTED.to_lowercase(),
            written(""),
            written(" "),
            written("\u{2011}"),
            written("\u{2013}"),
            written("\u{A0}"),
            written("\u{200B}"),
            written("-\u{AD}\n"),
            EXPECTED.chars().map(wide).collect(),
            format!("\u{FEFF}“{EXPECTED}”\r\n"),
            format!("({EXPECTED})."),
            format!("{EXPECTED};"),
        ] {
            assert_eq!(text.parse(), Ok(receipt), "{text:?}");
        }
        let long = format!("{EXPECTED}-AAAA");
        for text in [
            "",
            "AAAA",
            "SCL2-PAQJ-SY77-PWPK-INXW-TM32-HSZR-GJK",
            &long,
            &EXPECTED.replace('S', "1"),
        ] {
            assert_eq!(text.parse::<Receipt>(), Err(InvalidReceipt), "{text:?}");
        }
    }

    #[test]
    fn the_receipt_of_marks_has_each_marked_name_with_its_mark() {
        // Computed with Python's hashlib, from the layout in docs/clients.md.
        let receipt = |marks: &[(&'static str, u16)], nonce| {
            let nonce = Nonce::from([nonce; 16]);
            Receipt::of_marks(&"board".parse().unwrap(), marks.iter().copied(), &nonce).to_string()
        };
        let base = receipt(&[("Ada", 2), ("Grace", 1)], 0);
        assert_eq!(base, "K6QT-3PUY-5KBA-UPDI-P7YS-46XI-Q3DX-MNTF");
        for other in [
            receipt(&[("Ada", 1), ("Grace", 2)], 0),
            receipt(&[("Grace", 1), ("Ada", 2)], 0),
            receipt(&[("Ada", 2)], 0),
            receipt(&[], 0),
            receipt(&[("Ada", 2), ("Grace", 1)], 1),
        ] {
            assert_ne!(other, base);
        }
    }

    const EXPECTED: &str = "SCL2-PAQJ-SY77-PWPK-INXW-TM32-HSZR-GJKF";
}
