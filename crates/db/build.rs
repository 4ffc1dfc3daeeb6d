//! A migration that is added must be built in anew; the files themselves are watched by the compiler.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations");
}
