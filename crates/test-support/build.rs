//! Names the template database after what it is made of: the migrations and the world seeded into it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io;
use std::path::{Path, PathBuf};

/// Every file below `directory`, in the order of their paths.
fn files_below(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for directory in ["../../migrations", "src/world"] {
        println!("cargo::rerun-if-changed={directory}");
        for file in files_below(Path::new(directory))? {
            hasher.write(file.to_string_lossy().as_bytes());
            hasher.write(&std::fs::read(&file)?);
        }
    }
    println!("cargo::rustc-env=TASKMED_TEMPLATE_FINGERPRINT={:016x}", hasher.finish());
    Ok(())
}
