//! What capvote is put through: crashes, broken disks and hostile clients. The product's tests do a little of each;
//! `cargo run --release -p capvote-soak` goes on for as long as one likes.

pub mod disk;
pub mod histories;
