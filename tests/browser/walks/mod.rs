//! The pages, in a browser, from the server program.

mod between;
mod faults;
mod keyboard;
mod keys;
mod links;
mod looks;
mod officer;
mod papers;
mod parts;
mod relay;
mod rolls;
mod served;
mod tab;
mod votes;
mod watch;
mod weight;
