//! Writes the tables of web/capnp; or, given a compiled request, its module to standard output.

use std::fs;
use std::io::Write;
use std::path::Path;

fn main() -> capnp::Result<()> {
    if let Some(request) = std::env::args_os().nth(1) {
        let request = Path::new(&request);
        let source = request.file_name().unwrap_or_default().display().to_string();
        let module = capvote_tables::module_of_request(request, &source)?;
        return Ok(std::io::stdout().write_all(module.as_bytes())?);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for table in capvote_tables::tables(&project)? {
        fs::write(table.path, table.text)?;
    }
    Ok(())
}
