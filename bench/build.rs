//! Compiles the tonic peer's schema, with protox instead of protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=src/peers/rpc/booth.proto");
    let schema = protox::compile(["booth.proto"], ["src/peers/rpc"])?;
    tonic_prost_build::configure().compile_fds(schema)?;
    Ok(())
}
