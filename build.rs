//! Generates the Rust types of the schema from the compiled request that is checked in beside it, so that
//! a build needs no Cap'n Proto compiler.

use std::error::Error;
use std::fs::File;

const REQUEST: &str = "schema/capvote.cgr";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={REQUEST}");
    let target = std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR for every build script")?;
    capnpc::codegen::CodeGenerationCommand::new()
        .output_directory(target)
        .default_parent_module(vec!["schema".to_string()])
        .run(File::open(REQUEST)?)?;
    Ok(())
}
