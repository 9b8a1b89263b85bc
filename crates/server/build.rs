//! Makes sure that the folder of the built web app exists, so that the server
//! also compiles before the web app was built.

use std::{env, fs, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    fs::create_dir_all(&dist)?;
    // Cargo looks at the times of all files below, so a new build of the web
    // app is embedded without further ado.
    println!("cargo::rerun-if-changed={}", dist.display());
    println!("cargo::rerun-if-changed=migrations");
    Ok(())
}
