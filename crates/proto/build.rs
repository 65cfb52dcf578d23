//! Compiles the protos with a compiler written in Rust, so that no machine needs `protoc`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use prost::Message;
use tonic_prost_build::FileDescriptorSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(
        files
            .iter()
            .map(|file| file.strip_prefix(&root).unwrap_or(file)),
    )?;
    let set = compiler.file_descriptor_set();

    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    std::fs::write(out.join("tenure.binpb"), set.encode_to_vec())?;
    std::fs::write(out.join("writes.rs"), writes(&set))?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(set)?;
    Ok(())
}

/// Adds every proto file below `folder`.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    Ok(())
}

/// Implements `WriteRequest` for what is asked of every method whose answer can be replayed.
fn writes(set: &FileDescriptorSet) -> String {
    let mut replayable = HashSet::new();
    for file in &set.file {
        for message in &file.message_type {
            if message.field.iter().any(|field| field.name() == "replayed") {
                replayable.insert(format!(".{}.{}", file.package(), message.name()));
            }
        }
    }
    let mut code = String::new();
    for file in &set.file {
        for service in &file.service {
            let methods = service.method.iter();
            for method in methods.filter(|method| replayable.contains(method.output_type())) {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                code += &write_request(&name, method.input_type(), method.output_type());
            }
        }
    }
    code
}

/// Names of messages begin with a point.
fn write_request(method: &str, request: &str, answer: &str) -> String {
    let path = |message: &str| message.replacen(".tenure", "crate", 1).replace('.', "::");
    format!(
        "impl WriteRequest for {} {{
            type Answer = {};
            const METHOD_NAME: &'static str = {method:?};
            const MESSAGE_NAME: &'static str = {:?};
            fn mark_replayed(answer: &mut Self::Answer) {{ answer.replayed = true; }}
        }}\n",
        path(request),
        path(answer),
        &request[1..],
    )
}
