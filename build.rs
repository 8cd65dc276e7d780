//! Generates the Rust types of the schema from the compiled request that is checked in beside it,
//! so that a build needs no Cap'n Proto compiler.

use std::fs::File;
use std::path::PathBuf;

fn main() {
    const REQUEST: &str = "schema/capvote.cgr";
    println!("cargo::rerun-if-changed={REQUEST}");
    println!("cargo::rerun-if-changed=build.rs");

    let request =
        File::open(REQUEST).unwrap_or_else(|error| panic!("cannot open {REQUEST}: {error}"));
    let target = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for every build script");
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(PathBuf::from(target))
        .default_parent_module(vec!["schema".to_string()])
        .run(request)
        .unwrap_or_else(|error| panic!("{REQUEST} does not generate code: {error}"));
}
