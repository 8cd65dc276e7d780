//! The pages, in a browser, from the server program.

mod faults;
mod keyboard;
mod keys;
mod links;
mod looks;
mod officer;
mod parts;
mod relay;
mod served;
mod tab;
mod votes;
mod watch;
mod weight;
